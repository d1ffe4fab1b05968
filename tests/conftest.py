"""Fixtures of most tests: the embedded service over real HTTP, and a fake transport where exact bytes matter."""

import gc
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import httpx
import pytest
import trustme

from posthog_mcp_store import MCPStore
from posthog_mcp_store.testing import EmbeddedService, serve_app, tool_server

from .support.factories import open_store
from .support.listener import Listener, listening
from .support.serving import answer, serving
from .support.wire import Wire

pytest_plugins = ["posthog_mcp_store.testing.pytest_plugin"]


def pytest_collection() -> None:
    """Nearly all that is made while tests are collected stays: it is no garbage."""
    gc.disable()


def pytest_collection_finish() -> None:
    """Tests that collect garbage do not go through all modules and tests each time, which takes 0.15 s."""
    gc.freeze()
    gc.enable()


def pytest_sessionfinish() -> None:
    # When Hypothesis is imported, which its plugin may do last, it looks for referrers; none is found among the frozen.
    gc.unfreeze()


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings of the machine do not affect tests."""
    settings = ("POSTHOG_API_KEY", "POSTHOG_PERSONAL_API_KEY", "POSTHOG_PROJECT_ID", "POSTHOG_HOST")
    connections = (
        "ALL_PROXY",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "NO_PROXY",
        "SSL_CERT_DIR",
        "SSL_CERT_FILE",
        "SSLKEYLOGFILE",
    )
    for name in settings + connections:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def service(mcp_store_service: EmbeddedService) -> EmbeddedService:
    """The embedded service, served over HTTP."""
    return mcp_store_service


@pytest.fixture
async def store(service: EmbeddedService) -> AsyncIterator[MCPStore]:
    """A store on the embedded service, with its ready key."""
    async with open_store(service) as store:
        yield store


@pytest.fixture
def old_service() -> Iterator[EmbeddedService]:
    """An instance of spring 2026, served over HTTP."""
    service = EmbeddedService(version="2026-04")
    with service.serve():
        yield service


@pytest.fixture
async def old_store(old_service: EmbeddedService) -> AsyncIterator[MCPStore]:
    """A store on an instance of spring 2026."""
    async with open_store(old_service) as store:
        yield store


@pytest.fixture
def reader(service: EmbeddedService) -> MCPStore:
    """A store whose key has `project:read` only. It sends over a client the test need not close."""
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app=service.app))
    return MCPStore(service.add_key(scopes=["project:read"]).token, host=service.base_url, http_client=client)


@pytest.fixture
def listener() -> Iterator[Listener]:
    """A server of bare sockets."""
    with listening() as listener:
        yield listener


@pytest.fixture
def tls_context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """A TLS context for servers; this process trusts its authority, by the variable that TLS libraries read."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("mcp-store.example.com", "127.0.0.1", "::1").configure_cert(context)
    return context


@pytest.fixture
async def tls_port(tls_context: ssl.SSLContext) -> AsyncIterator[int]:
    """A service over TLS."""
    async with serving(answer, tls_context) as port:
        yield port


@pytest.fixture(scope="session")
def tools_url() -> Iterator[str]:
    """A real MCP server over HTTP: its endpoint."""
    with serve_app(tool_server()) as host:
        yield f"{host}/mcp"


@pytest.fixture
def wire() -> Wire:
    """A fake transport: returns the responses it was given, and keeps the requests."""
    return Wire()


@pytest.fixture
async def faked(wire: Wire) -> AsyncIterator[Callable[..., MCPStore]]:
    """Makes stores that send over the fake transport, without retries by default."""
    async with httpx.AsyncClient(transport=httpx.MockTransport(wire)) as client:

        def make(**options: object) -> MCPStore:
            given = {"api_key": "phx_key", "http_client": client, "max_retries": 0, "api_prefix": "environments"}
            return MCPStore(**{**given, **options})  # type: ignore[arg-type]

        yield make
