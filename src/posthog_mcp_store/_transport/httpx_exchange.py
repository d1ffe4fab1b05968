"""Requests, responses and network errors of httpx, translated from and to the SDK's own."""

import ssl
from collections.abc import AsyncIterator
from functools import lru_cache
from typing import cast

import anyio
import httpx

from .._core.errors import APIConnectionError, APITimeoutError, ConfigurationError
from .._core.headers import Headers
from .._core.secret import Secret
from .._core.text import single_line, without_query
from .content_coding import GZIP_MAGIC, UndecodableError, is_known
from .protocol import PreparedRequest, no_response_error
from .route import Route

LOCATION = "posthog_mcp_store.location"
"""The extension that keeps a response's Location header while httpx processes the response."""
NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError, httpx.UnsupportedProtocol)
"""Errors that are raised before the first byte of the request is sent."""

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
"""Errors of sending and reading when the network fails. httpcore 1.0.9 does not translate an `ssl.SSLError` after the
handshake. OSError is too broad: hooks of a user's client may raise it as well."""

ONE_CONNECTION = httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=None)

parsed_url = lru_cache(maxsize=256)(httpx.URL)
"""Parsing a URL takes a twelfth of a call's time, and a program requests the same URLs over and over."""


def bare_request(prepared: PreparedRequest) -> httpx.Request:
    """The request, without any defaults of a client."""
    try:
        url = parsed_url(prepared.url)
        request = httpx.Request(
            prepared.call.method,
            url,
            headers={"connection": "keep-alive", **prepared.headers},
            content=prepared.call.content,
            extensions={"timeout": prepared.limits},
        )
    except (httpx.InvalidURL, UnicodeError) as error:
        raise invalid_url_error(prepared, error) from None
    add_bearer_token(request, prepared.api_key)
    return request


def new_transport(route: Route) -> httpx.AsyncHTTPTransport:
    """A transport with one connection, which is opened when it is first used."""
    proxy = None
    if route.proxy is not None:
        # Without a context, httpcore would create one for each connection to the proxy.
        tls = route.tls if route.proxy.url.startswith("https:") else None
        proxy = httpx.Proxy(route.proxy.url, ssl_context=tls, auth=route.proxy.auth)
    return httpx.AsyncHTTPTransport(verify=route.tls, limits=ONE_CONNECTION, proxy=proxy)


def add_bearer_token(request: httpx.Request, api_key: Secret) -> None:
    """Add the API key, as the last step before sending, so that nothing else holds it in plain text."""
    request.headers["Authorization"] = f"Bearer {api_key.reveal()}"


def invalid_url_error(prepared: PreparedRequest, error: Exception) -> ConfigurationError:
    return ConfigurationError(single_line(f"{without_query(prepared.url)} is not a valid request URL: {error}"))


def response_headers(response: httpx.Response) -> Headers:
    location = response.extensions.get(LOCATION)
    if location is not None:
        return Headers({**response.headers, "location": location})
    return Headers.received(response.headers.raw)


class HttpxResponse:
    """A response over httpx, as a RawResponse."""

    def __init__(self, response: httpx.Response, prepared: PreparedRequest) -> None:
        self._response = response
        self._prepared = prepared
        self.status_code = response.status_code
        self.headers = response_headers(response)

    @property
    def content_encoding(self) -> str:
        encoding = self.headers.get("Content-Encoding", "")
        # A hook of the user's client has then read the body, and httpx has decoded it if it could.
        is_decoded = (
            self._response.is_stream_consumed and is_known(encoding) and not self._content.startswith(GZIP_MAGIC)
        )
        return "" if is_decoded else encoding

    def chunks(self) -> AsyncIterator[bytes]:
        if self._response.is_stream_consumed:
            return _Chunks(_once(self._content), self._prepared)
        # Asynchronous clients and transports have no other streams. httpx's own reading has no limit for the decoded
        # size. It also takes nearly half the time of a small response.
        return _Chunks(aiter(cast(httpx.AsyncByteStream, self._response.stream)), self._prepared)

    async def aclose(self) -> None:
        await self._response.aclose()

    @property
    def _content(self) -> bytes:
        try:
            return self._response.content
        except httpx.ResponseNotRead:
            raise UndecodableError("a hook of the http_client took its body and did not keep it") from None


class _Chunks(AsyncIterator[bytes]):
    """The chunks of a body, with the SDK's errors."""

    def __init__(self, chunks: AsyncIterator[bytes], prepared: PreparedRequest) -> None:
        self._chunks = chunks
        self._prepared = prepared

    async def __anext__(self) -> bytes:
        try:
            return await anext(self._chunks)
        except NETWORK_ERRORS as error:
            raise connection_error(error, self._prepared) from error


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content


def connection_error(failure: Exception, prepared: PreparedRequest) -> APIConnectionError:
    """The error for an attempt that failed with one of the `NETWORK_ERRORS`."""
    error = failure if isinstance(failure, httpx.RequestError) else _read_error(failure)
    call = prepared.call
    # The error keeps its cause, and the cause keeps the request, which must not contain the key.
    error.request = httpx.Request(call.method, call.url)
    kind, place = type(error).__name__, f"{call.method} {without_query(call.url)}"
    is_sent = not isinstance(error, NEVER_SENT)
    text = prepared.api_key.redact(str(error))
    if text != str(error):
        # A parser's error quotes invalid data, which may be an echo of the request; so may its causes and frames.
        for quoting in (error, failure):
            quoting.args = (text,)
            quoting.__cause__ = quoting.__context__ = quoting.__traceback__ = None
            if isinstance(quoting, OSError):
                quoting.strerror = text
    if isinstance(error, httpx.TimeoutException):
        message = f"{place}: no response in time ({kind}, timeout {prepared.timeout:g} s)"
        return APITimeoutError(message, method=call.method, url=call.url, is_sent=is_sent)
    reason = f"{kind}: {text}" if text else kind
    return no_response_error(prepared, reason, is_sent=is_sent)


def _read_error(failure: Exception) -> httpx.ReadError:
    """An error from below httpx in the form that httpx would raise. It does translate connection failures itself."""
    error = httpx.ReadError(str(failure))
    error.__cause__ = failure
    return error
