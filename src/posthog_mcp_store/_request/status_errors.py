"""Maps error responses to the errors that are raised. Pure, and defined for any status and any bytes.

The rules are in docs/service.md, sections 0, 2 and 7. The service's own errors are JSON of two shapes. The proxy passes
on the responses of other people's servers, so for its calls the service's own responses have to be recognised first.
"""

import re
from collections.abc import Mapping
from datetime import datetime

from attrs import evolve, frozen

from .._core.call import AUTHORIZE, CALL_TOOL, CREATE, INSTALL_TEMPLATE, PROXY, REFRESH_TOOLS, Call
from .._core.errors import (
    AlreadyInstalledError,
    APIStatusError,
    AuthenticationError,
    BadRequestError,
    ConflictError,
    InstallationDisabledError,
    MethodNotAllowedError,
    NotFoundError,
    PayloadTooLargeError,
    PermissionDeniedError,
    RateLimitError,
    ReauthenticationRequiredError,
    ResponseDecodeError,
    ServerError,
    UpstreamError,
    ValidationError,
)
from .._core.headers import Headers
from .._core.http_dates import parse_retry_after
from .._core.redaction import Redactor
from .._core.response import FIRST_BYTES, Response, parse_json
from .._core.text import single_line, without_query
from .markup import readable

BY_STATUS: dict[int, type[APIStatusError]] = {
    400: BadRequestError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    405: MethodNotAllowedError,
    409: ConflictError,
    413: PayloadTooLargeError,
    429: RateLimitError,
}
PROXY_REFUSALS: dict[int, tuple[type[APIStatusError], str]] = {
    400: (BadRequestError, "Request body must be valid JSON|URL not allowed: .*"),
    401: (
        ReauthenticationRequiredError,
        "Installation needs re-authentication|No credentials configured|Authentication failed",
    ),
    403: (
        InstallationDisabledError,
        "Server is disabled( for this team)?|Your access to this server has been turned off by an admin",
    ),
    413: (PayloadTooLargeError, "Request body too large"),
}
"""The proxy's own refusals, recognised by their wording (docs/service.md, sections 2.3 and 7), since any MCP server may
send `{"error": "text"}`."""
FRAMEWORK_KEYS = {"type", "code", "detail", "attr"}
FRAMEWORK_TYPES = {"authentication_error", "invalid_request", "server_error", "throttled_error", "validation_error"}
CALL_TOOL_REFUSALS: dict[tuple[int, str], type[APIStatusError]] = {
    (401, "disabled"): ReauthenticationRequiredError,
    (502, "upstream_error"): UpstreamError,
}
"""The errors of `call_tool` that need a class of their own, by status and `reason` (docs/service.md, section 10)."""
NO_ENDPOINT = "Endpoint not found."
"""The service's text for a path that no resource has."""
NEEDS_INSTALLATION = "Pass exactly one of template_id or installation_id"
REFRESH_FAILED = "Could not refresh tools from the upstream MCP server"
HINTS: dict[type[APIStatusError], str] = {
    AuthenticationError: "Check the API key, and that the host is the region it was made in.",
    ReauthenticationRequiredError: "The API key is fine: the installation's user has to authorize or reinstall it.",
}
NOT_FOUND = "Not found."
"""The service's text for an installation that the key's owner can't use in the project, or that does not exist."""
NOT_FOUND_HINTS: dict[str | None, str] = {
    NOT_FOUND: "Check the installation's id and the project.",
    "Installation not found": "Check the installation's id and the project.",
    "Project not found.": "Check project_id.",
    "Template not found": "store.templates.list() has the ids of all templates.",
    "Tool not found": "store.installations.refresh_tools() reads the server's tools again.",
}
GLUED_BODY = b"typecodedetailattr"
MAX_BODY_BYTES = 64 * 1024
"""How much of an error body is read and kept. The service's own are a few hundred bytes long."""


@frozen
class ErrorBody:
    """The content of an error body, as far as it can be read."""

    value: object
    type: str | None = None
    code: str | None = None
    detail: str | None = None
    attr: str | None = None
    error: str | None = None
    reason: str | None = None
    error_event_id: str | None = None


def status_error(response: Response, call: Call, now: datetime, redactor: Redactor) -> APIStatusError:
    """The error for an unsuccessful response."""
    # Decode the body before redacting it, since keys can be escaped in JSON.
    body = read_body(response.content, redactor)
    kind = error_class(response, call, body)
    response = redacted(response, redactor, at_most=MAX_BODY_BYTES)
    request_id = response.headers.get("X-Request-Id") or body.error_event_id
    text = message(response, call, body, kind, redactor)
    return kind(
        text if request_id is None else f"{text} (request id {single_line(request_id, limit=100)})",
        status_code=response.status_code,
        headers=response.headers,
        body=body.value,
        method=call.method,
        url=call.url,
        type=body.type,
        code=body.code,
        detail=body.detail if body.error is None else body.error,
        attr=body.attr,
        request_id=request_id,
        retry_after=parse_retry_after(response.headers.get("Retry-After"), now),
    )


def redacted(response: Response, redactor: Redactor, *, at_most: int) -> Response:
    """The response without secrets and with the first bytes of its body, for errors that quote it."""
    headers = Headers({name: redactor.text(value) for name, value in response.headers.items()})
    return evolve(response, headers=headers, content=redactor.content(response.content[:at_most]))


def decode_error(response: Response, call: Call, reason: str) -> ResponseDecodeError:
    """The error for a response with a success status that can't be read."""
    return ResponseDecodeError(
        single_line(f"can't read the {response.status_code} response to {call.method} {call.path}: {reason}"),
        status_code=response.status_code,
        headers=response.headers,
        body=response.content[:FIRST_BYTES],
        method=call.method,
        url=call.url,
    )


def read_body(content: bytes, redactor: Redactor) -> ErrorBody:
    """Read an error body of any shape; fields that are not text are ignored."""
    try:
        # Decoding JSON blocks the event loop, for up to about 0.1 seconds per MiB.
        value = redactor.data(parse_json(content if len(content) <= MAX_BODY_BYTES else b""))
    except ValueError:
        value = redactor.content(content[:MAX_BODY_BYTES]).decode(errors="replace")
    fields = value if isinstance(value, dict) else {}
    names = ("type", "code", "detail", "attr", "error", "reason", "error_event_id")
    return ErrorBody(value, *(fields[name] if isinstance(fields.get(name), str) else None for name in names))


def error_class(response: Response, call: Call, body: ErrorBody) -> type[APIStatusError]:
    """The class of the error for a status and a body."""
    status = response.status_code
    if call.operation_id == PROXY and not is_from_framework(response, body):
        return proxy_refusal(status, body) or UpstreamError
    if kind := own_class(status, call, body):
        return kind
    kind = BY_STATUS.get(status, ServerError if status >= 500 else APIStatusError)
    return bad_request_class(body) if kind is BadRequestError else kind


def own_class(status: int, call: Call, body: ErrorBody) -> type[APIStatusError] | None:
    """The error class for what only one operation reports."""
    if call.operation_id == CALL_TOOL and body.reason is not None:
        if status == 403 and re.fullmatch(PROXY_REFUSALS[403][1], body.detail or ""):
            return InstallationDisabledError
        return CALL_TOOL_REFUSALS.get((status, body.reason))
    if call.operation_id == REFRESH_TOOLS and status == 502 and (body.detail or "").startswith(REFRESH_FAILED):
        return UpstreamError
    return None


def is_from_framework(response: Response, body: ErrorBody) -> bool:
    """True if a response of the proxy endpoint is from the service's framework (docs/service.md, section 2.3)."""
    if response.content.startswith(GLUED_BODY):
        return True
    if isinstance(body.value, dict) and body.value.keys() >= FRAMEWORK_KEYS and body.type in FRAMEWORK_TYPES:
        return True
    # The proxy drops these two headers of an MCP server, so a response with one of them is the service's own.
    return "Retry-After" in response.headers or "Location" in response.headers


def proxy_refusal(status: int, body: ErrorBody) -> type[APIStatusError] | None:
    """The error class for one of the proxy's own refusals; None for a response of the MCP server."""
    kind, words = PROXY_REFUSALS.get(status, (None, ""))
    if not isinstance(body.value, dict) or body.value.keys() != {"error"} or body.error is None:
        return None
    return kind if re.fullmatch(words, body.error) else None


def bad_request_class(body: ErrorBody) -> type[BadRequestError]:
    if body.type == "validation_error":
        return ValidationError
    if body.detail is not None and "already installed" in body.detail:
        return AlreadyInstalledError
    return BadRequestError


def message(response: Response, call: Call, body: ErrorBody, kind: type[APIStatusError], redactor: Redactor) -> str:
    """One line with the request, the response and a hint about what to do."""
    words = f"{response.status_code} from {call.method} {call.path}: {summary(response, body, redactor)}"
    hint = hint_for(response.status_code, call, body, kind)
    # The proxy's own texts have no full stop.
    return single_line(words if hint is None else f"{words.rstrip('.')}. {redactor.text(hint)}")


def hint_for(status: int, call: Call, body: ErrorBody, kind: type[APIStatusError]) -> str | None:
    """What to do about an error."""
    if call.operation_id == CREATE and status == 405:
        return "This service does not support create(); use install_custom()."
    if body.detail == NO_ENDPOINT or (call.operation_id == INSTALL_TEMPLATE and status == 405):
        return "This instance of PostHog is too old for this operation."
    if call.operation_id == AUTHORIZE and body.detail == NEEDS_INSTALLATION:
        return "This instance of PostHog does not use server_id: pass the installation or its id."
    if call.operation_id == AUTHORIZE and body.attr == "server_id":
        return "This instance of PostHog authorizes installations by their server_id, and others do not use OAuth."
    if kind is InstallationDisabledError and "Server is disabled" in {body.error, body.detail}:
        return "Enable the installation before calling it."
    if kind is AlreadyInstalledError:
        return f"Find it by its url{given_url(call)} in store.installations.list(), and use it or delete it first."
    if kind is NotFoundError:
        # The proxy's own 404 has no text.
        return NOT_FOUND_HINTS.get(NOT_FOUND if call.operation_id == PROXY and body.detail is None else body.detail)
    return HINTS.get(kind)


def given_url(call: Call) -> str:
    """The URL of the server that a call was to install, in parentheses; empty if it gave none."""
    try:
        body = parse_json(call.content or b"")
    except ValueError:
        return ""
    url = body.get("url") if isinstance(body, Mapping) else None
    return f" ({single_line(without_query(url), limit=200)})" if isinstance(url, str) else ""


def has_own_text(outcome: object) -> bool:
    """True for an error with a text of the resource itself: its path exists."""
    return isinstance(outcome, APIStatusError) and outcome.detail not in {None, NO_ENDPOINT}


def summary(response: Response, body: ErrorBody, redactor: Redactor) -> str:
    """The service's own text if there is one, or else a description of the response."""
    if location := response.headers.get("Location"):
        return f"redirected to {without_query(location)}, which is not followed."
    if response.content.startswith(GLUED_BODY):
        return "no details."
    if words := body.error or body.detail:
        return f"{body.attr}: {words}" if body.attr else words
    text = readable(response.text, response.headers.get("Content-Type", ""))
    # Redacted again: a page may have escaped a key differently.
    return single_line(redactor.text(text), limit=200) or response.broken or "no details."
