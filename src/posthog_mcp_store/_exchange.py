"""One exchange in the HTTP library's terms: how its request is built, and what goes wrong."""

import ssl
import sys
from collections.abc import Mapping
from functools import lru_cache
from typing import Protocol

import anyio
import httpx
from attrs import frozen

from ._answer import Answer, Headers
from ._content_coding import ACCEPT_ENCODING
from ._errors import APIConnectionError, APITimeoutError, ConfigurationError
from ._operations import Call
from ._secret import Secret
from ._text import one_line, without_query
from ._version import __version__

CONNECT_TIMEOUT = 10.0
DEFAULT_MAX_RESPONSE_BYTES = 16 * 1024 * 1024
USER_AGENT = f"posthog-mcp-store/{__version__} Python/{sys.version_info.major}.{sys.version_info.minor}"

LOCATION = "posthog_mcp_store.location"
"""Under this name a response's extensions keep its Location while httpx has it in hand."""
NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError, httpx.UnsupportedProtocol)
"""What fails before the first byte of the request is on its way."""

NETWORK_ERRORS = (
    httpx.RequestError,
    ssl.SSLError,
    ConnectionError,
    EOFError,
    anyio.BrokenResourceError,
    anyio.BusyResourceError,
    anyio.ClosedResourceError,
    anyio.EndOfStream,
)
"""What sending and reading raise when the network fails. httpcore 1.0.9 lets an `ssl.SSLError` after the handshake
through as it is. Not every OSError belongs here: hooks of a user's client raise those too."""

parsed_url = lru_cache(maxsize=256)(httpx.URL)
"""Parsing a URL takes a twelfth of a call's time, and a service asks for the same ones again and again."""


@frozen
class Outgoing:
    """A call on its way out: what one attempt sends, and within which bounds."""

    call: Call
    url: str
    headers: Mapping[str, str]
    api_key: Secret
    timeout: float
    """Seconds for each step of the network; connecting takes 10 at most."""
    max_bytes: int
    """The largest body of an answer that is read."""

    @property
    def limits(self) -> dict[str, float | None]:
        """Waiting for a connection has no bound of its own: that is the queue's, and the deadline's."""
        connect = min(self.timeout, CONNECT_TIMEOUT)
        return {"connect": connect, "read": self.timeout, "write": self.timeout, "pool": None}


class Pool(Protocol):
    """Connections to send over, in one event loop."""

    @property
    def leaves_connections(self) -> bool:
        """Whether it uses connections that are not the SDK's to close, and that only this event loop can use."""
        ...

    async def send(self, outgoing: Outgoing) -> Answer:
        """Send one attempt and read its answer, as far as the call asks for; queue until there is room for it.

        Raises:
            APIConnectionError: No answer came.
            ConfigurationError: The pool is closed.
        """
        ...

    async def aclose(self) -> None:
        """Close what is the SDK's own. Calls under way and after it fail."""

    async def abandon(self) -> None:
        """Close what is the SDK's own, when the event loop that it was opened in is closed. Waits for nothing."""


def closed_error() -> ConfigurationError:
    return ConfigurationError("this MCPStore is closed: make a new one, or call before leaving `async with`")


def left_behind_error() -> ConfigurationError:
    return ConfigurationError("this stream was opened in an event loop that is closed: read it in one and the same")


def bare_request(outgoing: Outgoing) -> httpx.Request:
    """The request, with nothing but what the SDK puts into it."""
    try:
        url = parsed_url(outgoing.url)
        request = httpx.Request(
            outgoing.call.method,
            url,
            headers={"accept-encoding": ACCEPT_ENCODING, "connection": "keep-alive", **outgoing.headers},
            content=outgoing.call.content,
            extensions={"timeout": outgoing.limits},
        )
    except (httpx.InvalidURL, UnicodeError) as error:
        raise invalid_url(outgoing, error) from None
    authorize(request, outgoing.api_key)
    return request


def authorize(request: httpx.Request, api_key: Secret) -> None:
    """Put the key on, as the last thing before sending: nothing else ever holds it in plain."""
    request.headers["Authorization"] = f"Bearer {api_key.reveal()}"


def invalid_url(outgoing: Outgoing, error: Exception) -> ConfigurationError:
    return ConfigurationError(one_line(f"{without_query(outgoing.url)} is no URL to send to: {error}"))


def answer_headers(response: httpx.Response) -> Headers:
    location = response.extensions.get(LOCATION)
    return Headers(response.headers if location is None else {**response.headers, "location": location})


def connection_error(failure: Exception, outgoing: Outgoing) -> APIConnectionError:
    """The error for an attempt that failed with one of the `NETWORK_ERRORS`."""
    error = failure if isinstance(failure, httpx.RequestError) else _read_error(failure)
    call = outgoing.call
    # Whoever keeps the error keeps its cause, and the cause keeps the request: not with the key in it.
    error.request = httpx.Request(call.method, call.url)
    kind, place = type(error).__name__, f"{call.method} {without_query(call.url)}"
    is_sent = not isinstance(error, NEVER_SENT)
    said = outgoing.api_key.blot_out(str(error))
    if said != str(error):
        # A parser quotes what it can't read, of a server that echoes requests; so do the errors and frames behind it.
        for quoting in (error, failure):
            quoting.args = (said,)
            quoting.__cause__ = quoting.__context__ = quoting.__traceback__ = None
            if isinstance(quoting, OSError):
                quoting.strerror = said
    if isinstance(error, httpx.TimeoutException):
        message = f"{place}: no answer in time ({kind}, timeout {outgoing.timeout:g} s)"
        return APITimeoutError(message, method=call.method, url=call.url, is_sent=is_sent)
    reason = f"{kind}: {said}" if said else kind
    message = one_line(f"{place}: no answer ({reason})")
    return APIConnectionError(message, method=call.method, url=call.url, is_sent=is_sent)


def _read_error(failure: Exception) -> httpx.ReadError:
    """What came from below httpx, as httpx would have put it. Failures to connect it does translate."""
    error = httpx.ReadError(str(failure))
    error.__cause__ = failure
    return error
