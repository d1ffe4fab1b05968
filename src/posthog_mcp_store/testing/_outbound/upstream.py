"""Requests to the MCP servers that tests registered."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress

import httpx

from .._asgi.in_process import InProcessTransport
from .._certificates import trusted_certificates
from .._model.state import UpstreamTarget

_PIECE_BYTES = 4096
_REDIRECTS = (301, 302, 307, 308)


class UnreachableError(Exception):
    """No server accepted the request."""


@asynccontextmanager
async def posted(
    target: UpstreamTarget | None,
    url: str,
    content: bytes,
    headers: dict[str, str],
    *,
    timeout: float,
    follows_a_redirect: bool,
) -> AsyncIterator[httpx.Response]:
    """Send the message, and yield the response with its body unread. The server at `url` is contacted at `target`.

    `timeout` applies to each wait: for the headers of the response, then for each chunk of the body. At most one
    redirect is followed, and only within the origin.

    Raises:
        UnreachableError: There is no target, or it does not accept connections.
        TimeoutError: There were no response headers in time.
        httpx.HTTPError: The connection broke before the response.
    """
    if target is None:
        raise UnreachableError
    async with httpx.AsyncClient(transport=transport_to(target), timeout=timeout, trust_env=False) as client:
        address = target if isinstance(target, str) else url
        response = await begun(client, address, content, headers, follows_a_redirect=follows_a_redirect)
        async with aclosing(response):
            yield response


async def begun(
    client: httpx.AsyncClient,
    url: httpx.URL | str,
    content: bytes,
    headers: dict[str, str],
    *,
    follows_a_redirect: bool,
) -> httpx.Response:
    """Send the message, and return the response with its body unread. The errors are those of `posted`."""
    response = await _begun(client, url, content, headers)
    successor = _redirected_to(response) if follows_a_redirect else None
    if successor is None:
        return response
    await response.aclose()
    return await _begun(client, successor, content, headers)


async def _begun(
    client: httpx.AsyncClient, url: httpx.URL | str, content: bytes, headers: dict[str, str]
) -> httpx.Response:
    try:
        return await client.send(client.build_request("POST", url, content=content, headers=headers), stream=True)
    except httpx.TimeoutException as error:
        raise TimeoutError from error
    except httpx.ConnectError as error:
        raise UnreachableError from error


def _redirected_to(response: httpx.Response) -> httpx.URL | None:
    """The target of a redirect, if it is within the origin."""
    following = response.next_request
    if response.status_code not in _REDIRECTS or following is None or _origin(following.url) != _origin(response.url):
        return None
    return following.url


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


async def pieces(response: httpx.Response) -> AsyncGenerator[bytes]:
    """The body as it arrives. If the connection breaks, or nothing arrives in time, the body just ends."""
    with suppress(httpx.HTTPError):
        async for chunk in response.aiter_bytes():
            for start in range(0, len(chunk), _PIECE_BYTES):
                yield chunk[start : start + _PIECE_BYTES]


def transport_to(target: UpstreamTarget) -> httpx.AsyncBaseTransport:
    if isinstance(target, str):
        return httpx.AsyncHTTPTransport(verify=trusted_certificates())
    return InProcessTransport(target)
