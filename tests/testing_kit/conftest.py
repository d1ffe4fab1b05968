from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from posthog_mcp_store.testing import EmbeddedService, serve_app, tool_server

from .support import client_of


@pytest.fixture
def service() -> EmbeddedService:
    return EmbeddedService()


@pytest.fixture
async def client(service: EmbeddedService) -> AsyncIterator[httpx.AsyncClient]:
    """A client in process, with the default key, on the default project's installations."""
    async with client_of(service) as client:
        yield client


@pytest.fixture(scope="session")
def tools_url() -> Iterator[str]:
    """The endpoint of a real MCP server over real HTTP."""
    with serve_app(tool_server()) as base_url:
        yield f"{base_url}/mcp"
