"""One attempt over the network. The only facade module that knows the HTTP library."""

import sys
from collections.abc import Mapping
from time import perf_counter

import httpx

from ._answer import Answer, Headers
from ._answer_errors import decode_error
from ._errors import APIConnectionError, APITimeoutError, ConfigurationError
from ._operations import Call
from ._secret import Secret
from ._text import one_line, without_query
from ._version import __version__

CONNECT_TIMEOUT = 10.0
USER_AGENT = f"posthog-mcp-store/{__version__} Python/{sys.version_info.major}.{sys.version_info.minor}"


class Transport:
    """A connection pool: the SDK's own, made on first use and closed with it, or the user's, which is left alone."""

    def __init__(self, http_client: httpx.AsyncClient | None = None) -> None:
        if http_client is not None and not isinstance(http_client, httpx.AsyncClient):
            kind = f"{type(http_client).__module__}.{type(http_client).__qualname__}"
            raise ConfigurationError(f"http_client must be an httpx.AsyncClient, not {kind}")
        self._client = http_client
        self._owns_client = http_client is None
        self._closed = False

    async def send(self, call: Call, *, api_key: Secret, headers: Mapping[str, str], timeout: float) -> Answer:
        """Send one call and read the answer whole, whatever its status.

        `timeout` is in seconds and bounds each step of the network; connecting takes 10 seconds at most.

        Raises:
            APIConnectionError: No answer came.
            ConfigurationError: The pool is closed.
            ResponseDecodeError: The answer's content encoding is broken.
        """
        client = self._open_client()
        limits = httpx.Timeout(timeout, connect=min(timeout, CONNECT_TIMEOUT))
        request = client.build_request(call.method, call.url, headers=headers, content=call.content, timeout=limits)
        request.headers["Authorization"] = f"Bearer {api_key.reveal()}"
        try:
            return await _exchange(client, request, call, api_key)
        except httpx.RequestError as error:
            # Whoever keeps the error keeps its cause, and the cause keeps the request: not with the key in it.
            error.request = httpx.Request(call.method, call.url)
            raise _connection_error(error, call, timeout) from error

    async def aclose(self) -> None:
        """Close the pool if it is the SDK's own. Calls after that fail."""
        self._closed = True
        client, self._client = self._client, None
        if self._owns_client and client is not None:
            await client.aclose()

    def _open_client(self) -> httpx.AsyncClient:
        if self._closed:
            raise ConfigurationError("this MCPStore is closed: make a new one, or call before leaving `async with`")
        if self._client is None:
            self._client = httpx.AsyncClient()
        elif self._client.is_closed:
            raise ConfigurationError("the http_client of this MCPStore was closed by whoever made it")
        return self._client


async def _exchange(client: httpx.AsyncClient, request: httpx.Request, call: Call, api_key: Secret) -> Answer:
    started = perf_counter()
    # Neither the client's own auth nor redirects, whatever it is set to: the key goes to the host and nowhere else.
    response = await client.send(request, auth=None, follow_redirects=False, stream=True)
    try:
        content = await response.aread()
    except httpx.DecodingError as error:
        unread = Answer(response.status_code, Headers(response.headers), b"", perf_counter() - started)
        raise decode_error(unread.without(api_key), call, f"its content encoding is broken ({error})") from None
    finally:
        await response.aclose()
    return Answer(response.status_code, Headers(response.headers), content, perf_counter() - started)


def _connection_error(error: httpx.RequestError, call: Call, timeout: float) -> APIConnectionError:
    kind, place = type(error).__name__, f"{call.method} {without_query(call.url)}"
    if isinstance(error, httpx.TimeoutException):
        message = f"{place}: no answer in time ({kind}, timeout {timeout:g} s)"
        return APITimeoutError(message, method=call.method, url=call.url)
    reason = f"{kind}: {error}" if str(error) else kind
    return APIConnectionError(one_line(f"{place}: no answer ({reason})"), method=call.method, url=call.url)
