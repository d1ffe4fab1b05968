"""From an answer that is no success to the error that is raised: pure, and total over any status and any bytes.

The rules are the service facts, sections 0, 2 and 7. An operation of the service tells its errors in JSON of two
shapes. The proxy passes on the answers of somebody else's server, so there it is asked first whose answer it is.
"""

from datetime import datetime
from enum import Enum

from attrs import frozen

from ._answer import FIRST_BYTES, Answer, parse_json
from ._errors import (
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
from ._operations import CREATE, PROXY, Call
from ._retry_after import parse_retry_after
from ._text import one_line, without_query

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
PROXY_OWN: dict[int, type[APIStatusError]] = {
    **BY_STATUS,
    401: ReauthenticationRequiredError,
    403: InstallationDisabledError,
    502: UpstreamError,
    504: UpstreamError,
}
HINTS: dict[type[APIStatusError], str] = {
    AuthenticationError: "Check the API key, and that the host is the region it was made in.",
    ReauthenticationRequiredError: "The API key is fine: the installation's user has to authorize or reinstall it.",
    InstallationDisabledError: "Enable the installation before calling it.",
    AlreadyInstalledError: "Use the installation with this URL, or delete it first.",
}
GLUED_BODY = b"typecodedetailattr"


class Source(Enum):
    """Who wrote an error body."""

    FRAMEWORK = "framework"
    PROXY = "proxy"
    UPSTREAM = "upstream"


@frozen
class ErrorBody:
    """What an error body says, as far as it can be read."""

    value: object
    type: str | None = None
    code: str | None = None
    detail: str | None = None
    attr: str | None = None
    error: str | None = None
    error_event_id: str | None = None


def status_error(answer: Answer, call: Call, now: datetime) -> APIStatusError:
    """The error for an answer that is not a success."""
    body = read_body(answer.content)
    kind = error_class(answer, call, body)
    return kind(
        message(answer, call, body, kind),
        status_code=answer.status_code,
        headers=answer.headers,
        body=body.value,
        method=call.method,
        url=call.url,
        type=body.type,
        code=body.code,
        detail=body.detail if body.error is None else body.error,
        attr=body.attr,
        request_id=answer.headers.get("X-Request-Id") or body.error_event_id,
        retry_after=parse_retry_after(answer.headers.get("Retry-After"), now),
    )


def decode_error(answer: Answer, call: Call, reason: str) -> ResponseDecodeError:
    """The error for an answer with a good status that can't be read."""
    return ResponseDecodeError(
        one_line(f"can't read the {answer.status_code} answer to {call.method} {call.path}: {reason}"),
        status_code=answer.status_code,
        headers=answer.headers,
        body=answer.content[:FIRST_BYTES],
        method=call.method,
        url=call.url,
    )


def read_body(content: bytes) -> ErrorBody:
    """Read an error body of any shape; fields of another type than text are not read."""
    try:
        value = parse_json(content)
    except ValueError:
        return ErrorBody(content.decode(errors="replace"))
    fields = value if isinstance(value, dict) else {}
    names = ("type", "code", "detail", "attr", "error", "error_event_id")
    return ErrorBody(value, *(fields[name] if isinstance(fields.get(name), str) else None for name in names))


def proxy_source(answer: Answer, body: ErrorBody) -> Source:
    """Whose answer the proxy gave (service facts, section 2.3: telling sources apart)."""
    if answer.content.startswith(GLUED_BODY):
        return Source.FRAMEWORK
    has_form = isinstance(body.value, dict) and body.value.keys() == {"error"} and body.error is not None
    # The proxy's own 429 is the framework's: one in its form is an upstream's, which may have acted.
    if has_form and answer.status_code != 429:
        return Source.PROXY
    # The proxy drops these two of an upstream's headers, so an answer that has one is the service's own.
    if "Retry-After" in answer.headers or "Location" in answer.headers:
        return Source.FRAMEWORK
    return Source.UPSTREAM


def error_class(answer: Answer, call: Call, body: ErrorBody) -> type[APIStatusError]:
    """The class of the error for a status and a body."""
    status = answer.status_code
    source = proxy_source(answer, body) if call.operation_id == PROXY else Source.FRAMEWORK
    if source is Source.UPSTREAM:
        return UpstreamError
    known = PROXY_OWN if source is Source.PROXY else BY_STATUS
    kind = known.get(status, ServerError if status >= 500 else APIStatusError)
    if kind is BadRequestError and source is Source.FRAMEWORK:
        return bad_request_class(body)
    return kind


def bad_request_class(body: ErrorBody) -> type[BadRequestError]:
    if body.type == "validation_error":
        return ValidationError
    if body.detail is not None and "already installed" in body.detail:
        return AlreadyInstalledError
    return BadRequestError


def message(answer: Answer, call: Call, body: ErrorBody, kind: type[APIStatusError]) -> str:
    """One line: what was asked, what came, what to do."""
    words = f"{answer.status_code} from {call.method} {call.path}: {summary(answer, body)}"
    hint = HINTS.get(kind)
    if call.operation_id == CREATE and answer.status_code == 405:
        hint = "This service does not create installations so: use install_custom()."
    # The proxy's own words have no full stop.
    return one_line(words if hint is None else f"{words.rstrip('.')}. {hint}")


def summary(answer: Answer, body: ErrorBody) -> str:
    """The service's own words where it has any, else what can be said of the answer."""
    if location := answer.headers.get("Location"):
        return f"redirected to {without_query(location)}, which is not followed."
    if answer.content.startswith(GLUED_BODY):
        return "no details."
    if words := body.error or body.detail:
        return f"{body.attr}: {words}" if body.attr else words
    return one_line(answer.text, limit=200) if answer.content.strip() else answer.broken or "no details."
