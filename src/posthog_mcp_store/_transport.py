"""One attempt over the network: from a call to an answer. All that is done with httpx is done here."""

import copy
import sys
from collections.abc import Mapping
from http.cookiejar import CookieJar, DefaultCookiePolicy
from time import perf_counter

import httpx

from ._answer import Answer, Headers
from ._errors import APIConnectionError, APITimeoutError, ConfigurationError
from ._operations import Call
from ._secret import Secret
from ._text import one_line, without_query
from ._version import __version__

CONNECT_TIMEOUT = 10.0
USER_AGENT = f"posthog-mcp-store/{__version__} Python/{sys.version_info.major}.{sys.version_info.minor}"

LOCATION = "posthog_mcp_store.location"
"""Under this name a response's extensions keep its Location while httpx has it in hand."""
OWN_HEADERS = {"authorization", "content-length", "content-type", "cookie", "host", "transfer-encoding"}
"""Headers that say where a request goes, who sends it or what it holds: never a client's default."""


class Transport:
    """A connection pool: the SDK's own, made on first use and closed with it, or the user's, which is left alone."""

    def __init__(self, http_client: httpx.AsyncClient | None = None) -> None:
        if http_client is not None and not isinstance(http_client, httpx.AsyncClient):
            kind = f"{type(http_client).__module__}.{type(http_client).__qualname__}"
            raise ConfigurationError(f"http_client must be an httpx.AsyncClient, not {kind}")
        self._pool = http_client
        self._owns_pool = http_client is None
        self._sender: httpx.AsyncClient | None = None
        self._closed = False

    async def send(self, call: Call, *, api_key: Secret, headers: Mapping[str, str], timeout: float) -> Answer:
        """Send one call and read the answer whole, whatever its status.

        `timeout` is in seconds and bounds each step of the network; connecting takes 10 seconds at most.

        Raises:
            APIConnectionError: No answer came.
            ConfigurationError: The pool is closed, or the host is none.
        """
        sender = self._open_sender()
        request = _request(sender, call, headers, timeout)
        request.headers["Authorization"] = f"Bearer {api_key.reveal()}"
        started = perf_counter()
        try:
            response = await sender.send(request, auth=None, follow_redirects=False, stream=True)
            return await _read(response, started)
        except httpx.HTTPStatusError as error:
            # A hook of the user's client called raise_for_status(). It is an answer all the same.
            status, answer_headers = error.response.status_code, _headers(error.response)
            content = error.response.content if error.response.is_stream_consumed else b""
            return Answer(status, answer_headers, content, perf_counter() - started)
        except httpx.RequestError as error:
            # Whoever keeps the error keeps its cause, and the cause keeps the request: not with the key in it.
            error.request = httpx.Request(call.method, call.url)
            raise _connection_error(error, call, timeout) from error

    async def aclose(self) -> None:
        """Close the pool if it is the SDK's own. Calls after that fail."""
        self._closed = True
        pool, self._pool = self._pool, None
        if self._owns_pool and pool is not None:
            await pool.aclose()

    def _open_sender(self) -> httpx.AsyncClient:
        if self._closed:
            raise ConfigurationError("this MCPStore is closed: make a new one, or call before leaving `async with`")
        if self._pool is None:
            self._pool = httpx.AsyncClient()
        elif self._pool.is_closed:
            raise ConfigurationError("the http_client of this MCPStore was closed by whoever made it")
        if self._sender is None:
            self._sender = tamed(self._pool)
        return self._sender


def tamed(client: httpx.AsyncClient) -> httpx.AsyncClient:
    """A client on the same connections that adds nothing to our requests but headers of no consequence.

    A copy, so that the user's own client stays as it is: its query parameters would replace ours, its cookies be sent
    along, and those of the service be kept in it.
    """
    copied = copy.copy(client)
    copied.params = httpx.QueryParams()
    copied.cookies = httpx.Cookies(CookieJar(DefaultCookiePolicy(allowed_domains=[])))
    copied.headers = httpx.Headers({name: value for name, value in client.headers.items() if name not in OWN_HEADERS})
    hooks = client.event_hooks
    copied.event_hooks = {"request": hooks["request"], "response": [*hooks["response"], _hide_location]}
    return copied


async def _hide_location(response: httpx.Response) -> None:
    """Httpx reads a redirect's target also where it does not follow it, and fails on one it can't read."""
    if "Location" in response.headers:
        response.extensions[LOCATION] = response.headers.pop("Location")


def _headers(response: httpx.Response) -> Headers:
    location = response.extensions.get(LOCATION)
    return Headers(response.headers if location is None else {**response.headers, "location": location})


def _request(sender: httpx.AsyncClient, call: Call, headers: Mapping[str, str], timeout: float) -> httpx.Request:
    limits = httpx.Timeout(timeout, connect=min(timeout, CONNECT_TIMEOUT))
    try:
        return sender.build_request(call.method, call.url, headers=headers, content=call.content, timeout=limits)
    except (httpx.InvalidURL, UnicodeError) as error:
        raise ConfigurationError(one_line(f"{without_query(call.url)} is no URL to send to: {error}")) from None


async def _read(response: httpx.Response, started: float) -> Answer:
    content, broken = b"", None
    try:
        content = await response.aread()
    except httpx.DecodingError as error:
        broken = f"its content encoding is broken ({error})"
    finally:
        await response.aclose()
    return Answer(response.status_code, _headers(response), content, perf_counter() - started, broken)


def _connection_error(error: httpx.RequestError, call: Call, timeout: float) -> APIConnectionError:
    kind, place = type(error).__name__, f"{call.method} {without_query(call.url)}"
    if isinstance(error, httpx.TimeoutException):
        message = f"{place}: no answer in time ({kind}, timeout {timeout:g} s)"
        return APITimeoutError(message, method=call.method, url=call.url)
    reason = f"{kind}: {error}" if str(error) else kind
    return APIConnectionError(one_line(f"{place}: no answer ({reason})"), method=call.method, url=call.url)
