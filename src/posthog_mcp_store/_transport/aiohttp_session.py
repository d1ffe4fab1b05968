"""An aiohttp session without automatic behaviour, and the messages for its errors (extra `aiohttp`)."""

import asyncio
import inspect
import re
import select
from asyncio.trsock import TransportSocket
from base64 import b64encode
from collections.abc import Callable, Collection
from contextvars import ContextVar
from functools import lru_cache
from typing import Any, cast
from urllib.parse import quote
from weakref import WeakSet

import aiohttp
from aiohttp.connector import Connection
from yarl import URL

from .route import Proxy, Route

MAX_HEAD_BYTES = 100 * 1024
"""The limit for response headers: httpx has it for all headers together, aiohttp for each line."""
MAX_HEADERS = 500
URL_CHARACTERS = "%:/?#[]@!$&'()*+,;=~"
"""Those that stay as they are, in addition to letters, digits and `_.-` (RFC 3986, section 2)."""
QUOTED = re.compile(r"[:(]|\s*\bb?['\"]|\n")
"""Where an aiohttp message starts to quote what the server sent."""
TIMEOUTS = {"ConnectionTimeoutError": "ConnectTimeout", "SocketTimeoutError": "ReadTimeout"}
"""Their names in httpx. Our own timeout, for writing a request, has no counterpart in aiohttp."""
PIECE_BYTES = 64 * 1024
QUERY = re.compile(r"(://[^\s?#'\"]*)[?#][^\s'\"]*")
"""The query and fragment of a URL."""

on_connected: ContextVar[Callable[[asyncio.Transport | None], None]] = ContextVar("on_connected")
"""Called with the transport of the connection that a request is about to be written to."""


class Connector(aiohttp.TCPConnector):
    """Keeps connections alive, but does not reuse one on which unexpected data has arrived."""

    def __init__(self, route: Route) -> None:
        # The transport limits the number of simultaneous calls.
        super().__init__(limit=0, ssl=route.tls)
        self._used: WeakSet[object] = WeakSet()

    async def connect(self, *args: Any, **kwargs: Any) -> Connection:
        connection = await super().connect(*args, **kwargs)
        while not await _is_usable(connection):
            is_new = connection.protocol not in self._used
            connection.close()
            if is_new:
                raise aiohttp.ClientConnectionError("the server sent something before it was asked")
            connection = await super().connect(*args, **kwargs)
        self._used.add(connection.protocol)
        on_connected.get()(connection.transport)
        return connection

    def sockets(self) -> list[TransportSocket]:
        """The sockets of all open connections. aiohttp can't close them once their event loop is closed."""
        idle = [protocol for protocols in self._conns.values() for protocol, _ in protocols]
        transports = [protocol.transport for protocol in (*idle, *self._acquired)]
        return [transport.get_extra_info("socket") for transport in transports if transport is not None]

    def forget(self) -> None:
        """Forget all connections, without a warning."""
        self._conns.clear()


async def _is_usable(connection: Connection) -> bool:
    """True if a connection is still open and no unexpected data has arrived on it."""
    if not _is_quiet(connection):
        try:
            # The event loop reads available data in the first iteration, and delivers it before the second one ends.
            for _ in range(2):
                await asyncio.sleep(0)
        except BaseException:
            connection.close()
            raise
    protocol = connection.protocol
    return protocol is not None and protocol.is_connected() and not protocol.should_close


def _is_quiet(connection: Connection) -> bool:
    """True if nothing waits to be read from the socket. False if that is unknown."""
    transport = connection.transport
    sock = None if transport is None else transport.get_extra_info("socket")
    if sock is None or sock.fileno() < 0 or not hasattr(select, "poll"):
        return False
    poll = select.poll()
    poll.register(sock.fileno(), select.POLLIN)
    return not poll.poll(0)


class Content:
    """The content of a request, which is not written any further once the call is cancelled.

    aiohttp writes it in a separate task, which may run once more before the cancelled call can stop it.
    """

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._start = 0
        # The event loop runs all calls in tasks.
        self._task = cast("asyncio.Task[object]", asyncio.current_task())
        self._cancelling = self._task.cancelling()

    def __aiter__(self) -> "Content":
        return self

    async def __anext__(self) -> bytes:
        if self._task.cancelling() > self._cancelling:
            raise asyncio.CancelledError
        if self._start >= len(self._content):
            raise StopAsyncIteration
        start, self._start = self._start, self._start + PIECE_BYTES
        return self._content[start : self._start]


def open_session(connector: Connector) -> aiohttp.ClientSession:
    """A session that does not handle redirects, cookies or decoding itself."""
    # It must not use the environment: a password in ~/.netrc would replace the API key.
    session = aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        read_bufsize=PIECE_BYTES,
        auto_decompress=False,
        **_head_limits(inspect.signature(aiohttp.ClientSession).parameters),
    )
    # aiohttp retries requests on its own, and a DELETE that it retries would fail with a 404.
    # There is no public way to disable this; if this attribute stops working, a test of deletions fails.
    session._retry_connection = False  # noqa: SLF001
    return session


def _head_limits(parameters: Collection[str]) -> dict[str, Any]:
    """Limits for response headers. Not all versions of aiohttp have all of them."""
    limits = {"max_line_size": MAX_HEAD_BYTES, "max_field_size": MAX_HEAD_BYTES, "max_headers": MAX_HEADERS}
    return {name: limit for name, limit in limits.items() if name in parameters}


@lru_cache(maxsize=256)
def parsed_url(url: str) -> URL:
    """The URL, in which aiohttp changes nothing. A program requests the same URLs over and over."""
    return URL(quote(url, URL_CHARACTERS), encoded=True)


def proxy_options(proxy: Proxy | None) -> dict[str, Any]:
    """The arguments of `ClientSession.request` for a proxy.

    aiohttp sends the `Authorization` in `proxy_headers` as Proxy-Authorization, with CONNECT or in a plain request.
    """
    if proxy is None:
        return {}
    options: dict[str, Any] = {"proxy": proxy.url}
    if proxy.auth is not None:
        token = b64encode(":".join(proxy.auth).encode()).decode()
        options["proxy_headers"] = {"Authorization": f"Basic {token}"}
    return options


def timeouts(limits: dict[str, float | None]) -> aiohttp.ClientTimeout:
    """The timeouts in aiohttp's form. It has none for writing."""
    return aiohttp.ClientTimeout(connect=limits["connect"], sock_read=limits["read"])


def kind_of(timeout: TimeoutError) -> str:
    return TIMEOUTS.get(type(timeout).__name__, "WriteTimeout")


def reason(error: Exception) -> str:
    """Why there is no response, without quoting the server, which may echo the request, in full or in part."""
    kind = type(error).__name__
    if isinstance(error, OSError):
        text = QUERY.sub(r"\1", str(error))
        return f"{kind}: {text}"
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return f"{kind}: {error.status}"
    words = getattr(error, "message", error)
    text = QUOTED.split(str(words), maxsplit=1)[0].strip()
    return f"{kind}: {text}" if text else kind
