"""`transport="aiohttp"`: an httpx client that sends over aiohttp (extra `aiohttp`)."""

import inspect
from asyncio.trsock import TransportSocket
from base64 import b64encode
from collections.abc import Collection
from typing import Any

import httpx

from ._errors import ConfigurationError
from ._route import Route

MAX_HEAD_BYTES = 100 * 1024
"""The bound that httpx has for the head of an answer as a whole, and aiohttp for each of its lines."""
MAX_HEADERS = 500


class AiohttpClient:
    """An httpx client over aiohttp's connections. Redirects, cookies and decoding stay ours.

    Raises:
        ConfigurationError: The extra is not installed.
    """

    def __init__(self, route: Route) -> None:
        try:
            import aiohttp  # noqa: PLC0415  # here and below: an extra
            from httpx_aiohttp import AiohttpTransport  # noqa: PLC0415
        except ImportError:
            raise ConfigurationError('transport="aiohttp" needs: pip install "posthog-mcp-store[aiohttp]"') from None

        # How many calls are under way at once is decided before they get here.
        self._connector = aiohttp.TCPConnector(limit=0, ssl=route.tls)
        limits = _head_limits(inspect.signature(aiohttp.ClientSession).parameters)
        # It reads nothing of the environment: it would put the password of a ~/.netrc in the place of the key.
        self._session = aiohttp.ClientSession(
            connector=self._connector, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False, **limits
        )
        # It repeats requests on its own, and a DELETE that it repeats is told that there is nothing to delete. There is
        # no public way to switch that off; where this does nothing any more, a test of deletions fails. Before 3.11
        # there is none at all.
        for name in {"_retry_connection"} & aiohttp.ClientSession.ATTRS:
            setattr(self._session, name, False)
        proxy = route.proxy and _with_header(route.proxy)
        transport = AiohttpTransport(verify=route.tls, client=self._session, proxy=proxy)
        wrapped = _Transport(transport, (aiohttp.ClientError, UnicodeError))
        self.client = httpx.AsyncClient(transport=wrapped, trust_env=False)

    def sockets(self) -> list[TransportSocket]:
        """Those of all open connections. aiohttp's own way of closing leaves them open when their loop is closed."""
        connector = self._connector
        idle = [protocol for protocols in connector._conns.values() for protocol, _ in protocols]  # noqa: SLF001
        transports = [getattr(protocol, "transport", None) for protocol in (*idle, *connector._acquired)]  # noqa: SLF001
        return [transport.get_extra_info("socket") for transport in transports if transport is not None]

    def forget(self) -> None:
        """Hold no connections any more, and warn of none."""
        self._connector._conns.clear()  # noqa: SLF001
        self._session.detach()


def _with_header(proxy: httpx.Proxy) -> httpx.Proxy:
    """A proxy whose password is a header: httpx-aiohttp's way of handing it over is deprecated in aiohttp 3.14.

    aiohttp takes it out again, and sends it as Proxy-Authorization, whether by CONNECT or with a plain request.
    """
    if proxy.raw_auth is None:
        return proxy
    token = b64encode(b":".join(proxy.raw_auth)).decode()
    return httpx.Proxy(proxy.url, ssl_context=proxy.ssl_context, headers={"Authorization": f"Basic {token}"})


def _head_limits(parameters: Collection[str]) -> dict[str, Any]:
    """Bounds for the head of an answer. Some versions of aiohttp have more of them than others."""
    limits = {"max_line_size": MAX_HEAD_BYTES, "max_field_size": MAX_HEAD_BYTES, "max_headers": MAX_HEADERS}
    return {name: limit for name, limit in limits.items() if name in parameters}


class _Transport(httpx.AsyncBaseTransport):
    """What sends over aiohttp, with httpx's error for an answer that can't be parsed: httpx-aiohttp knows none."""

    def __init__(self, transport: httpx.AsyncBaseTransport, unparsed: tuple[type[Exception], ...]) -> None:
        self._transport = transport
        self._unparsed = unparsed

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        try:
            return await self._transport.handle_async_request(request)
        except self._unparsed as error:
            raise httpx.RemoteProtocolError(str(error), request=request) from error

    async def aclose(self) -> None:
        await self._transport.aclose()


def is_sent_after_all(cause: BaseException | None) -> bool:
    """Whether aiohttp's reason for a failed connection says that the connection had been made.

    httpx-aiohttp reports every ClientConnectionError as a ConnectTimeout, a server that hung up on a request included.
    """
    names = {base.__name__ for base in type(cause).__mro__}
    return "ClientConnectionError" in names and not names & {"ClientConnectorError", "ConnectionTimeoutError"}
