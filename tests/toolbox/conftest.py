"""A project whose installations are fakes, and a store on it."""

from collections.abc import AsyncIterator

import httpx
import pytest

from posthog_mcp_store import MCPStore

from ..support.fake_project import FakeProject


@pytest.fixture
def project(request: pytest.FixtureRequest) -> FakeProject:
    """Of autumn 2026, unless the test asks for another."""
    return FakeProject(is_old=getattr(request, "param", "autumn") == "spring")


@pytest.fixture
async def project_store(project: FakeProject) -> AsyncIterator[MCPStore]:
    async with httpx.AsyncClient(transport=httpx.MockTransport(project)) as client:
        yield MCPStore("phx_the_secret_key", http_client=client, max_retries=0)
