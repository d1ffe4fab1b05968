"""Building httpx requests, and mapping network errors to the SDK's errors."""

import ssl
from functools import lru_cache

import anyio
import httpx

from .._core.errors import APIConnectionError, APITimeoutError, ConfigurationError
from .._core.headers import Headers
from .._core.secret import Secret
from .._core.text import single_line, without_query
from .content_coding import ACCEPT_ENCODING
from .protocol import PreparedRequest

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

parsed_url = lru_cache(maxsize=256)(httpx.URL)
"""Parsing a URL takes a twelfth of a call's time, and a program requests the same URLs over and over."""


def bare_request(prepared: PreparedRequest) -> httpx.Request:
    """The request, without any defaults of a client."""
    try:
        url = parsed_url(prepared.url)
        request = httpx.Request(
            prepared.call.method,
            url,
            headers={"accept-encoding": ACCEPT_ENCODING, "connection": "keep-alive", **prepared.headers},
            content=prepared.call.content,
            extensions={"timeout": prepared.limits},
        )
    except (httpx.InvalidURL, UnicodeError) as error:
        raise invalid_url(prepared, error) from None
    add_bearer_token(request, prepared.api_key)
    return request


def add_bearer_token(request: httpx.Request, api_key: Secret) -> None:
    """Add the API key, as the last step before sending, so that nothing else holds it in plain text."""
    request.headers["Authorization"] = f"Bearer {api_key.reveal()}"


def invalid_url(prepared: PreparedRequest, error: Exception) -> ConfigurationError:
    return ConfigurationError(single_line(f"{without_query(prepared.url)} is not a valid request URL: {error}"))


def response_headers(response: httpx.Response) -> Headers:
    location = response.extensions.get(LOCATION)
    return Headers(response.headers if location is None else {**response.headers, "location": location})


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
    message = single_line(f"{place}: no response ({reason})")
    return APIConnectionError(message, method=call.method, url=call.url, is_sent=is_sent)


def _read_error(failure: Exception) -> httpx.ReadError:
    """An error from below httpx in the form that httpx would raise. It does translate connection failures itself."""
    error = httpx.ReadError(str(failure))
    error.__cause__ = failure
    return error
