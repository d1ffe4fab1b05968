"""Every error the SDK raises.

MCPStoreError
├── ConfigurationError              wrong arguments or settings; raised before anything is sent
├── APIConnectionError              no answer came
│   └── APITimeoutError
├── ResponseDecodeError             an answer came that is not what the document promises
├── APIStatusError                  the service answered with an error status
│   ├── BadRequestError             400
│   │   ├── ValidationError         a field was refused, `attr` names it
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
│   ├── ServerError                 5xx, codes unknown to IANA included
│   └── UpstreamError               the MCP server behind the proxy
├── ListUnstableError               the list changed too fast to be read whole
├── OAuthError
│   ├── OAuthDeniedError
│   ├── OAuthTimeoutError
│   └── UnsafeRedirectError
└── ToolCallError                   a JSON-RPC error object; the subclasses are PostHog's own refusals
    ├── ToolApprovalRequiredError   -32001
    ├── ToolDisabledError           -32002
    ├── BatchRejectedError          -32000
    └── ToolNotFoundError           -32601

All of them are plain data: no object of the HTTP library is kept, so none can carry the Authorization header into a
pickle or a report.
"""

import re
from collections.abc import Callable
from typing import Any, TypeVar

from .headers import Headers
from .plain_data import bounded, shallow
from .text import single_line

Error = TypeVar("Error", bound="MCPStoreError")


def _name_by_public_path(kind: type) -> None:
    """Let tracebacks and pickles say `posthog_mcp_store.NotFoundError`, under whatever name a copy is vendored."""
    if kind.__module__ == __name__:
        kind.__module__ = __name__.removesuffix("._core.errors")


def _rebuild(kind: type[Error], args: tuple[object, ...], state: dict[str, Any]) -> Error:
    """Unpickle without `__init__`, whose keyword arguments pickle knows nothing of."""
    error = kind.__new__(kind)
    error.args = args
    error.__dict__.update(state)
    return error


class MCPStoreError(Exception):
    """The root of all errors of the SDK."""

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        _name_by_public_path(cls)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return _rebuild, (type(self), self.args, self.__dict__.copy())


class ConfigurationError(MCPStoreError, ValueError):
    """An argument or a setting is wrong. Nothing was sent."""


class APIConnectionError(MCPStoreError):
    """No answer came: the connection could not be made, or broke."""

    def __init__(self, message: str, *, method: str, url: str, is_sent: bool = True) -> None:
        super().__init__(message)
        self.method = method
        self.url = url
        self.is_sent = is_sent
        """Whether the service may have got the request. Where it is false, any call can safely be repeated."""


class APITimeoutError(APIConnectionError, TimeoutError):
    """No answer came in time. The service may have acted on the request all the same."""


class ResponseDecodeError(MCPStoreError):
    """An answer came that is not what the document promises."""

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
        self.status_code = status_code
        self.headers = headers
        self.body = body
        """The first bytes, 1024 at most."""
        self.method = method
        self.url = url
        self.result: dict[str, Any] | None = None if result is None else shallow(result)
        """The result of a `tools/call` that ran and broke the tool's own output schema: as JSON, without what is nested
        over 100 levels deep. Else None."""


class APIStatusError(MCPStoreError):
    """The service answered with an error status.

    `type`, `code`, `detail` and `attr` are the service's own, where its error body has them; branch on the class or on
    `status_code`, never on `type`: a 403 carries `authentication_error` too (docs/service.md, section 0).
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
        self.status_code = status_code
        self.headers = headers
        self.body: object = bounded(body)
        """The decoded JSON, without what is nested over 100 levels deep or comes after 10,000 other values; else the
        text. Of a body over 64 KiB it is the first 64 KiB, as text."""
        self.method = method
        self.url = url
        self.type = type
        self.code = code
        self.detail = detail
        self.attr = attr
        self.request_id = request_id
        """The `X-Request-Id` header, else the service's `error_event_id`: quote it to support."""
        self.retry_after = retry_after
        """Seconds the service asks to wait."""


class BadRequestError(APIStatusError):
    """400: the request was refused."""


class ValidationError(BadRequestError):
    """400: a field was refused. `attr` names it, or is None where several fields do not go together."""


class AlreadyInstalledError(BadRequestError):
    """400: the user has an installation with exactly this URL in the project."""


class AuthenticationError(APIStatusError):
    """401: the API key is missing, unknown in this region, or expired."""


class ReauthenticationRequiredError(AuthenticationError):
    """401 from the proxy: the installation's own credentials are missing or dead. The API key is fine."""


class PermissionDeniedError(APIStatusError):
    """403: the key or its user may not do this."""

    @property
    def required_scope(self) -> str | None:
        """The scope the key lacks, such as `project:write`, where that is the reason."""
        match = re.search(r"missing required scope '([^']+)'", self.detail or "")
        return match[1] if match else None


class InstallationDisabledError(PermissionDeniedError):
    """403 from the proxy: the installation is switched off, by its user, the team or an admin."""


class NotFoundError(APIStatusError):
    """404: no such project, or no such installation of the key's owner."""


class MethodNotAllowedError(APIStatusError):
    """405: the service does not offer this operation."""


class ConflictError(APIStatusError):
    """409: the row is in a state that does not allow this."""


class PayloadTooLargeError(APIStatusError):
    """413: the message to the proxy holds over 1 MiB in the service's ASCII form."""


class RateLimitError(APIStatusError):
    """429: over one of the service's limits. `retry_after` says for how long, where the service knows."""


class ServerError(APIStatusError):
    """5xx, codes unknown to IANA (520 and others) included: the service, or a gateway before it, failed."""


class UpstreamError(APIStatusError):
    """The MCP server behind the proxy: unreachable, timed out, or its own error status passed through."""


class ListUnstableError(MCPStoreError):
    """The list changed too fast to be read whole."""


class OAuthError(MCPStoreError):
    """The OAuth flow failed."""


class OAuthDeniedError(OAuthError):
    """The user or the provider said no."""


class OAuthTimeoutError(OAuthError, TimeoutError):
    """The OAuth flow was not finished in time."""


class UnsafeRedirectError(OAuthError):
    """The service named a URL that must not be opened, or none."""


class ToolCallError(MCPStoreError):
    """The answer to a JSON-RPC request is an error object.

    The subclasses are PostHog's own refusals of a `tools/call`. Other servers use the same codes for other things, so
    their errors are plain ToolCallErrors, whatever the code.
    """

    def __init__(self, message: str, *, code: int, data: object = None) -> None:
        super().__init__(single_line(message, limit=2000))
        self.message = message
        """The server's text as it came; `str()` gives it in one line."""
        self.code = code
        self.data: object = bounded(data)
        """The error's `data`, without what is nested over 100 levels deep or comes after 10,000 other values."""


class ToolApprovalRequiredError(ToolCallError):
    """-32001 of PostHog's: the user has to approve the tool in PostHog first."""


class ToolDisabledError(ToolCallError):
    """-32002 of PostHog's: the user or the team has disabled the tool."""


class BatchRejectedError(ToolCallError):
    """-32000 of PostHog's: a batch mixes allowed and refused tool calls. Send them one by one."""


class ToolNotFoundError(ToolCallError):
    """-32601 of PostHog's: the server has no such tool any more, or PostHog does not know it yet."""


_name_by_public_path(MCPStoreError)
