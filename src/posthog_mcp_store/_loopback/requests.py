"""Which of the requests to a loopback address is the end of the OAuth flow. Pure."""

from http import HTTPStatus
from secrets import compare_digest

import h11

from .._core.errors import OAuthError
from .._oauth.callback import OAuthCallback

PURPOSE_HEADERS = {b"sec-purpose", b"purpose", b"x-purpose", b"x-moz"}
"""In which browsers say, or once said, that they fetch a page nobody has asked for yet."""
SPECULATIVE = (b"prefetch", b"prerender", b"preview")


def classify(request: h11.Request, *, authority: str, path: str) -> OAuthCallback | HTTPStatus:
    """The callback that a request brings, else the status to refuse it with.

    `path` is what only those can know who took part in the flow.
    """
    requested, _, query = request.target.partition(b"?")
    # With another host, it comes from a page that had its own name resolved to this machine (DNS rebinding).
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
