"""The service's own requests, to MCP servers and OAuth providers (docs/service.md, section 5)."""

from typing import Any

import anyio
import httpx
from starlette.types import ASGIApp

from .._model.urls import is_local
from .upstream import UnreachableError, transport_to


async def ask(method: str, url: str, *, seconds: float, app: ASGIApp | None = None, **content: Any) -> httpx.Response:
    """Send a request and read its response. Redirects are not followed, because they might leave this machine.

    Raises:
        UnreachableError: There was no response, or none in time.
    """
    transport = transport_to(app or url)
    try:
        with anyio.fail_after(seconds):
            async with httpx.AsyncClient(transport=transport, timeout=seconds, trust_env=False) as client:
                return await client.request(method, url, **content)
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
        raise UnreachableError from error


async def ask_provider(method: str, url: object, *, seconds: float, **content: Any) -> httpx.Response:
    """Send a request to a URL from a provider's metadata, which is refused unless it is on this machine."""
    if not isinstance(url, str) or not is_local(url):
        raise UnreachableError
    return await ask(method, url, seconds=seconds, **content)


def object_in(response: httpx.Response) -> dict[str, Any]:
    """The JSON object in a successful response. Anything else counts as an empty object."""
    try:
        data = response.json() if response.is_success else None
    except ValueError:
        data = None
    return data if isinstance(data, dict) else {}


def error_in(response: httpx.Response) -> object:
    """The OAuth error code in a response of an error status, None if there is none (RFC 6749, section 5.2)."""
    try:
        data = response.json() if response.is_error else None
    except ValueError:
        data = None
    return data.get("error") if isinstance(data, dict) else None
