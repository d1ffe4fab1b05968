"""Every error the SDK raises.

MCPStoreError
├── ConfigurationError              wrong arguments or settings; raised before anything is sent
├── APIConnectionError              no response was received
│   └── APITimeoutError
├── ResponseDecodeError             the response is not what the API specifies
├── APIStatusError                  the service responded with an error status
│   ├── BadRequestError             400
│   │   ├── ValidationError         a field was rejected; `attr` names it
│   │   └── AlreadyInstalledError
│   ├── AuthenticationError         401, the API key
│   │   └── ReauthenticationRequiredError   401, the installation's own credentials
│   ├── PermissionDeniedError       403
│   │   └── InstallationDisabledError
│   ├── NotFoundError               404
│   ├── MethodNotAllowedError       405
│   ├── ConflictError               409
│   ├── PayloadTooLargeError        413
│   ├── RateLimitError              429
│   ├── ServerError                 5xx, including codes that IANA does not list
│   └── UpstreamError               the MCP server behind the proxy
├── ListUnstableError               the list changed too fast to be read completely
├── OAuthError
│   ├── OAuthDeniedError
│   ├── OAuthTimeoutError
│   └── UnsafeRedirectError
└── ToolCallError                   a JSON-RPC error object; the subclasses are PostHog's own refusals
    ├── ToolApprovalRequiredError   -32001
    ├── ToolDisabledError           -32002
    ├── BatchRejectedError          -32000
    └── ToolNotFoundError           -32601

All of them hold plain data only, and no objects of the HTTP library, so the Authorization header can't end up in a
pickle or a crash report.
"""

import re
from collections.abc import Callable
from typing import Any, TypeVar
from uuid import UUID

from .headers import Headers
from .plain_data import limit_depth, limit_size
from .text import single_line

Error = TypeVar("Error", bound="MCPStoreError")


def _name_by_public_path(kind: type) -> None:
    """Name a class as users import it in tracebacks and pickles: `posthog_mcp_store.NotFoundError`.

    In a vendored copy, that is the name of the copy.
    """
    if kind.__module__ == __name__:
        kind.__module__ = __name__.removesuffix("._core.errors")


def _rebuild(kind: type[Error], args: tuple[object, ...], state: dict[str, Any]) -> Error:
    """Unpickle without calling `__init__`, since pickle does not pass its keyword arguments."""
    error = kind.__new__(kind)
    error.args = args
    error.__dict__.update(state)
    return error


class MCPStoreError(Exception):
    """Base class of all errors of the SDK."""

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        _name_by_public_path(cls)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return _rebuild, (type(self), self.args, self.__dict__.copy())


class ConfigurationError(MCPStoreError, ValueError):
    """An argument or setting is wrong. Nothing was sent."""


class APIConnectionError(MCPStoreError):
    """No response was received: the connection could not be made, or it broke.

    Args:
        message: The text of the error.

    Attributes:
        method: The HTTP method of the request.
        url: The URL of the request, including its query.
        is_sent: True if the service may have received the request. If false, any call can safely be repeated.
    """

    def __init__(self, message: str, *, method: str, url: str, is_sent: bool = True) -> None:
        super().__init__(message)
        self.method: str = method
        self.url: str = url
        self.is_sent: bool = is_sent


class APITimeoutError(APIConnectionError, TimeoutError):
    """No response was received in time. The service may still have acted on the request, unless `is_sent` is false."""


class ResponseDecodeError(MCPStoreError):
    """The service reported success, but the response does not match the API's schema. The call may have had its effect.

    Args:
        message: The text of the error.

    Attributes:
        status_code: The HTTP status.
        headers: The headers of the response.
        body: The first bytes of the body, at most 1024.
        method: The HTTP method of the request.
        url: The URL of the request, including its query.
        result: The result of a `tools/call` that ran but does not match the tool's output schema, as JSON of at most
            100 levels; otherwise None.
    """

    def __init__(
        self,
        message: str,
        *,
        status_code: int,
        headers: Headers,
        body: bytes,
        method: str,
        url: str,
        result: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.status_code: int = status_code
        self.headers: Headers = headers
        self.body: bytes = body
        self.method: str = method
        self.url: str = url
        self.result: dict[str, Any] | None = None if result is None else limit_depth(result)


class APIStatusError(MCPStoreError):
    """The service responded with an error status.

    Decide by the class or by `status_code`, never by `type`: a 403 also has the type `authentication_error`
    (docs/service.md, section 0).

    Args:
        message: The text of the error: the request, what the service said, and often what to do.

    Attributes:
        status_code: The HTTP status.
        headers: The headers of the response.
        body: The decoded JSON, cut to 100 levels and 10,000 values; text if the body is not JSON. Of a body over
            64 KiB, only the first 64 KiB are kept, as text.
        method: The HTTP method of the request.
        url: The URL of the request, including its query.
        type: The kind of error according to the body, such as `validation_error`; None if the body has none.
        code: A more specific code, such as `required`; None if the body has none.
        detail: The service's explanation; None if the body has none.
        attr: The field that was rejected; None if the error is not about one field.
        request_id: The `X-Request-Id` header, or else the service's `error_event_id`; None if it sent neither. Include
            it in support requests.
        retry_after: How many seconds the service asks to wait, from `Retry-After` (RFC 9110, section 10.2.3); None if
            it does not say.
    """

    def __init__(
        self,
        message: str,
        *,
        status_code: int,
        headers: Headers,
        body: object,
        method: str,
        url: str,
        type: str | None = None,
        code: str | None = None,
        detail: str | None = None,
        attr: str | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.status_code: int = status_code
        self.headers: Headers = headers
        self.body: object = limit_size(body)
        self.method: str = method
        self.url: str = url
        self.type: str | None = type
        self.code: str | None = code
        self.detail: str | None = detail
        self.attr: str | None = attr
        self.request_id: str | None = request_id
        self.retry_after: float | None = retry_after


class BadRequestError(APIStatusError):
    """400: the request was rejected."""


class ValidationError(BadRequestError):
    """400: a field was rejected. `attr` names it, or is None if the fields do not fit together."""


class AlreadyInstalledError(BadRequestError):
    """400: the project already has an installation with exactly this URL.

    It is the user's own or, with `scope="shared"`, the shared one. The service does not say which: look for its `url`
    and `scope` in `store.installations.list()`.
    """


class AuthenticationError(APIStatusError):
    """401: the API key is missing, expired, or unknown in this region."""


class ReauthenticationRequiredError(AuthenticationError):
    """401 from the proxy: the installation's own credentials are missing or no longer valid. The API key is fine."""


class PermissionDeniedError(APIStatusError):
    """403: the API key or its owner is not allowed to do this."""

    @property
    def required_scope(self) -> str | None:
        """The scope that the key lacks, such as `project:write`, if that is the reason."""
        match = re.search(r"missing required scope '([^']+)'", self.detail or "")
        return match[1] if match else None


class InstallationDisabledError(PermissionDeniedError):
    """403 from the proxy: the installation was disabled by its user, the team or an admin."""


class NotFoundError(APIStatusError):
    """404: the project does not exist, or the key's owner has no such installation in it."""


class MethodNotAllowedError(APIStatusError):
    """405: the service does not offer this operation."""


class ConflictError(APIStatusError):
    """409: the installation is in a state that does not allow this."""


class PayloadTooLargeError(APIStatusError):
    r"""413: the message to the proxy is over 1 MiB, counted with non-ASCII characters as `\uXXXX`."""


class RateLimitError(APIStatusError):
    """429: a rate limit of the service was exceeded. Raised if no retries are left, or the wait would be too long."""


class ServerError(APIStatusError):
    """5xx, including codes that IANA does not list, such as 520: the service or a gateway in front of it failed."""


class UpstreamError(APIStatusError):
    """The MCP server behind the proxy was unreachable, timed out, or responded with an error status."""


class ListUnstableError(MCPStoreError):
    """The list changed too fast to be read completely. Read it again later."""


class OAuthError(MCPStoreError):
    """The OAuth flow failed."""


class OAuthDeniedError(OAuthError):
    """The user or the provider denied the authorization."""


class OAuthTimeoutError(OAuthError, TimeoutError):
    """The OAuth flow was not completed in time."""


class UnsafeRedirectError(OAuthError):
    """The service returned no URL, or one that must not be opened."""


class ToolCallError(MCPStoreError):
    """The response to a JSON-RPC request is an error object.

    The subclasses are PostHog's own refusals of a `tools/call`. MCP servers may use the same codes with other meanings,
    so their errors are always plain ToolCallErrors.

    Attributes:
        message: The server's text, unchanged. `str()` puts it on one line, shortens it to 2,000 characters, and adds
            what to do.
        code: The error code (JSON-RPC 2.0, section 5.1); 0 if the server sent none.
        data: The error's `data`, cut to 100 levels and 10,000 values; None if there is none.
        tool_name: The tool that PostHog refused to call; None in an error of the MCP server.
        installation_id: The installation that PostHog refused to call; None in an error of the MCP server.
    """

    def __init__(
        self,
        message: str,
        *,
        code: int,
        data: object = None,
        tool_name: str | None = None,
        installation_id: UUID | None = None,
    ) -> None:
        self.message: str = message
        self.code: int = code
        self.data: object = limit_size(data)
        self.tool_name: str | None = tool_name
        self.installation_id: UUID | None = installation_id
        text, hint = single_line(message, limit=2000), self._hint()
        super().__init__(f"{text.rstrip('.')}. {hint}" if hint else text)

    def _hint(self) -> str:
        return ""


class ToolApprovalRequiredError(ToolCallError):
    """-32001 from PostHog: the tool has to be approved first, with `update_tool()`."""

    def _hint(self) -> str:
        if self.tool_name is None or self.installation_id is None:
            return ""
        if "/" in self.tool_name or self.tool_name == "refresh":
            return "Only PostHog itself can approve it: the API can't express this name."
        arguments = f"{str(self.installation_id)!r}, {self.tool_name!r}, approval_state='approved'"
        return f"With the user's consent, approve it with store.installations.update_tool({arguments})"


class ToolDisabledError(ToolCallError):
    """-32002 from PostHog: the tool is blocked by its user or by the project.

    For installations of today's service, PostHog's text says "team policy" in both cases.
    """


class BatchRejectedError(ToolCallError):
    """-32000 from PostHog: the batch mixes allowed and refused tool calls. Send them one at a time."""


class ToolNotFoundError(ToolCallError):
    """-32601 from PostHog: the server no longer has this tool, or PostHog does not know it yet."""

    def _hint(self) -> str:
        if self.tool_name is None or self.installation_id is None:
            return ""
        return f"store.installations.refresh_tools({str(self.installation_id)!r}) reads the server's tools again"


_name_by_public_path(MCPStoreError)
