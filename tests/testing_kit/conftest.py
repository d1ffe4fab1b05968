from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from posthog_mcp_store.testing import EmbeddedService, OAuthProvider, serve_app, tool_server
from posthog_mcp_store.testing._asgi.swappable_app import SwappableApp

from .support import ROWS_TODAY, SharedServers, client_of


@pytest.fixture
def service() -> EmbeddedService:
    """An instance of spring 2026 that serves both prefixes. The tests of today's service are in test_now_*.py."""
    service = EmbeddedService(version="2026-04")
    service.serves_projects = True
    return service


@pytest.fixture
async def client(service: EmbeddedService) -> AsyncIterator[httpx.AsyncClient]:
    """A client in process, with the default key, on the default project's installations."""
    async with client_of(service) as client:
        yield client


@pytest.fixture
def today() -> EmbeddedService:
    """Today's service, with the default settings."""
    return EmbeddedService()


@pytest.fixture
async def api(today: EmbeddedService) -> AsyncIterator[httpx.AsyncClient]:
    """A client in process of today's service, with the key of its default user."""
    async with client_of(today, rows=ROWS_TODAY) as api:
        yield api


@pytest.fixture
async def caller_today(
    servers: SharedServers, today: EmbeddedService, provider: OAuthProvider
) -> AsyncIterator[httpx.AsyncClient]:
    """As `caller`, of today's service."""
    with servers.protected(today, provider, ROWS_TODAY) as caller:
        async with caller:
            yield caller


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
