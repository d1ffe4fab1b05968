"""`transport="aiohttp"`: an httpx client that sends over aiohttp (extra `aiohttp`)."""

import httpx

from ._errors import ConfigurationError


def aiohttp_client() -> httpx.AsyncClient:
    """A client over aiohttp's connections. Redirects, cookies and decoding stay ours and httpx's.

    Raises:
        ConfigurationError: The extra is not installed.
    """
    try:
        import aiohttp  # noqa: PLC0415  # here and below: an extra
        from httpx_aiohttp import AiohttpTransport  # noqa: PLC0415
    except ImportError:
        raise ConfigurationError('transport="aiohttp" needs: pip install "posthog-mcp-store[aiohttp]"') from None

    def session() -> aiohttp.ClientSession:
        # How many calls are under way at once is decided before they get here.
        connector = aiohttp.TCPConnector(limit=0, ssl=httpx.create_ssl_context())
        opened = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar(), trust_env=True)
        # It repeats requests on its own, and a DELETE that it repeats is told that there is nothing to delete. There is
        # no public way to switch that off; where this does nothing any more, a test of deletions fails.
        opened._retry_connection = False  # noqa: SLF001
        return opened

    transport = AiohttpTransport(client=session)
    return httpx.AsyncClient(transport=_Transport(transport, (aiohttp.ClientError, UnicodeError)))


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
