"""Requests from the proxy to the MCP servers that tests registered."""

import logging
import ssl
from functools import cache

import anyio
import httpx
from starlette.types import ASGIApp, Receive, Scope, Send

logger = logging.getLogger(__name__)

UpstreamTarget = ASGIApp | str
"""An MCP server the proxy can reach: an application in this process, or the URL of its endpoint."""


class UnreachableError(Exception):
    """No MCP server took the request."""


async def post(
    target: UpstreamTarget | None, url: str, content: bytes, headers: dict[str, str], *, timeout: float
) -> httpx.Response:
    """Send the message and read the whole answer. `target` stands in for the server at `url`.

    Raises:
        UnreachableError: Nothing stands in for the server, or it broke off before answering.
        TimeoutError: The server took longer than `timeout` seconds to begin its answer.
        httpx.HTTPError: The answer began, and broke off.
    """
    if target is None:
        raise UnreachableError
    transport = over_http() if isinstance(target, str) else in_process(target)
    async with httpx.AsyncClient(transport=transport, timeout=timeout, trust_env=False) as client:
        address = target if isinstance(target, str) else url
        request = client.build_request("POST", address, content=content, headers=headers)
        # httpx leaves an application in this process as much time as it likes.
        answer = await _begin(client, request, deadline=None if isinstance(target, str) else timeout)
        await answer.aread()
        return answer


async def _begin(client: httpx.AsyncClient, request: httpx.Request, *, deadline: float | None) -> httpx.Response:
    try:
        with anyio.fail_after(deadline):
            return await client.send(request, stream=True)
    except httpx.TimeoutException as error:
        raise TimeoutError from error
    except httpx.TransportError as error:
        raise UnreachableError from error


def over_http() -> httpx.AsyncHTTPTransport:
    return httpx.AsyncHTTPTransport(verify=_certificates())


@cache
def _certificates() -> ssl.SSLContext:
    """The certificates that are trusted. Loading them takes longer than most requests, so it is done once."""
    return httpx.create_ssl_context()


def in_process(app: ASGIApp) -> httpx.ASGITransport:
    """Reach the application as if it were a server of its own: where it fails, it answers 500."""

    async def logged(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await app(scope, receive, send)
        except Exception:
            logger.exception("The MCP server in this process failed")
            raise

    return httpx.ASGITransport(app=logged, raise_app_exceptions=False)
