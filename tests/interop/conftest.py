"""A third-party MCP server behind the proxy of the embedded service."""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import mcp
import pytest

from posthog_mcp_store import MCPStore
from posthog_mcp_store.testing import EmbeddedService, InstallationRecord

from .everything import EverythingServer

URL = "https://everything.example.com/mcp"


@pytest.fixture(scope="session")
def program() -> Path:
    path = os.environ.get("SERVER_EVERYTHING")
    assert path, "SERVER_EVERYTHING does not name the server: `nox -s interop` installs it"
    return Path(path)


@pytest.fixture(scope="session")
def _server(program: Path) -> Iterator[EverythingServer]:
    with EverythingServer(program) as server:
        yield server


@pytest.fixture
def everything(_server: EverythingServer) -> EverythingServer:
    """The running server. A test may kill it, which does not affect the next one."""
    if not _server.is_running:
        _server.start()
    return _server


@pytest.fixture
def row(service: EmbeddedService, everything: EverythingServer) -> InstallationRecord:
    service.add_mcp_server(URL, everything.url)
    return service.add_installation(url=URL)


@pytest.fixture
async def client(store: MCPStore, row: InstallationRecord) -> AsyncIterator[mcp.Client]:
    async with store.installations.connect(row.id) as client:
        yield client
