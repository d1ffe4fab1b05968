"""Reading one HTTP request, and deciding whether it is the end of the OAuth flow."""

import asyncio
from http import HTTPStatus
from secrets import compare_digest

import h11

from .._core.errors import OAuthError
from .._oauth.callback import OAuthCallback

HEAD_BYTES = 16 * 1024
"""The service's query is far shorter; browsers add a few kilobytes of headers."""
PURPOSE_HEADERS = {b"sec-purpose", b"purpose", b"x-purpose", b"x-moz"}
"""Headers in which browsers say, or once said, that they fetch a page before the user asks for it."""
SPECULATIVE = (b"prefetch", b"prerender", b"preview")


async def read_request(stream: asyncio.StreamReader) -> h11.Request | HTTPStatus | None:
    """A request up to its body, or the status to refuse it with; None if the client sent nothing."""
    parser = h11.Connection(h11.SERVER, max_incomplete_event_size=HEAD_BYTES)
    # h11 needs one byte more than the limit to see that the head is too long.
    wanted = HEAD_BYTES + 1
    try:
        while (event := parser.next_event()) is h11.NEED_DATA:
            data = await stream.read(wanted)
            wanted -= len(data)
            parser.receive_data(data)
    except h11.RemoteProtocolError as error:
        return HTTPStatus(error.error_status_hint)
    return event if isinstance(event, h11.Request) else None


def classify(request: h11.Request, *, authority: str, path: str) -> OAuthCallback | HTTPStatus:
    """The callback in a request, or the status to refuse it with. `path` is the secret of the flow."""
    requested, _, query = request.target.partition(b"?")
    # Any other host means a page whose own name was resolved to this machine (DNS rebinding).
    if [value.lower() for name, value in request.headers if name == b"host"] != [authority.encode()]:
        return HTTPStatus.MISDIRECTED_REQUEST
    if not compare_digest(requested, path.encode()):
        return HTTPStatus.NOT_FOUND
    if request.method != b"GET":
        return HTTPStatus.METHOD_NOT_ALLOWED
    if _is_speculative(request):
        return HTTPStatus.SERVICE_UNAVAILABLE
    try:
        return OAuthCallback.parse(f"http://{authority}{path}?{query.decode('ascii')}")
    except OAuthError:
        return HTTPStatus.BAD_REQUEST


def _is_speculative(request: h11.Request) -> bool:
    values = [value.lower() for name, value in request.headers if name in PURPOSE_HEADERS]
    return any(word in value for word in SPECULATIVE for value in values)
