from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from posthog_mcp_store.testing import EmbeddedService, OAuthProvider, serve_app, tool_server
from posthog_mcp_store.testing._asgi.swappable_app import SwappableApp

from .support import SharedServers, client_of


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


@pytest.fixture
def provider() -> OAuthProvider:
    return OAuthProvider()


@pytest.fixture(scope="session")
def servers() -> Iterator[SharedServers]:
    service, provider = SwappableApp(), SwappableApp()
    with serve_app(service) as service_url, serve_app(provider) as issuer:
        yield SharedServers(service, service_url, provider, issuer)


@pytest.fixture
async def remote(servers: SharedServers, service: EmbeddedService) -> AsyncIterator[httpx.AsyncClient]:
    """A client over HTTP like `client`, which reads complete responses."""
    with servers.serving(service) as remote:
        async with remote:
            yield remote


@pytest.fixture
async def caller(
    servers: SharedServers, service: EmbeddedService, provider: OAuthProvider
) -> AsyncIterator[httpx.AsyncClient]:
    """A client over HTTP like `client`, where `provider` protects the MCP server of OAUTH_INSTALL."""
    with servers.protected(service, provider) as caller:
        async with caller:
            yield caller
