"""Helpers of the testing kit's tests."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import anyio
import httpx
from starlette.types import ASGIApp

from posthog_mcp_store.testing import EmbeddedService, InstallationRecord, OAuthProvider, serve_app, tool_server
from posthog_mcp_store.testing._asgi.swappable_app import SwappableApp

from ..support.certificates import NO_CERTIFICATES

Version = Literal["2026-04", "2026-09"]
VERSIONS: list[Version] = ["2026-04", "2026-09"]
SITE = "http://posthog.test"
ROWS = "/api/environments/1/mcp_server_installations"
ROWS_TODAY = "/api/projects/1/mcp_server_installations"

GOOD_INSTALL = {"name": "Orders", "url": "https://mcp.example.com/mcp", "auth_type": "api_key"}
OAUTH_INSTALL = GOOD_INSTALL | {"auth_type": "oauth"}
LIST_TOOLS = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}


def client_of(service: EmbeddedService, token: str | None = None, rows: str = ROWS) -> httpx.AsyncClient:
    """A client in process whose paths start at the installations: "/" is the list."""
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app=service.app),
        base_url=SITE + rows,
        headers={"Authorization": f"Bearer {token or service.api_key}"},
    )


@contextmanager
def served(service: EmbeddedService) -> Iterator[httpx.Client]:
    """Serve it over HTTP, with a client like the one in process."""
    with (
        service.serve() as base_url,
        httpx.Client(
            base_url=base_url + ROWS,
            headers={"Authorization": f"Bearer {service.api_key}"},
            timeout=10,
            trust_env=False,
            verify=NO_CERTIFICATES,
        ) as client,
    ):
        yield client


async def eventually(condition: Callable[[], bool], *, within: float = 10.0) -> None:
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        await anyio.sleep(0.005)


@contextmanager
def in_process(app: ASGIApp) -> Iterator[ASGIApp | str]:
    """As `serve_app`, for an application that the service calls in its own process."""
    yield app


def framework(type_: str, code: str, detail: str, attr: str | None = None) -> dict[str, Any]:
    return {"type": type_, "code": code, "detail": detail, "attr": attr}


def invalid(code: str, detail: str, attr: str | None = None) -> dict[str, Any]:
    return framework("validation_error", code, detail, attr)


def forbidden(detail: str) -> dict[str, Any]:
    return framework("authentication_error", "permission_denied", detail)


NOT_FOUND = framework("invalid_request", "not_found", "Not found.")


def of(service: EmbeddedService, user: str) -> httpx.AsyncClient:
    """A client in process of today's service, with a key of the user."""
    return client_of(service, service.add_key(user=user).token, ROWS_TODAY)


@dataclass(frozen=True)
class SharedServers:
    """Two servers that services and providers use one after the other: stopping one takes a tenth of a second."""

    service: SwappableApp
    service_url: str
    provider: SwappableApp
    issuer: str

    @contextmanager
    def serving(self, service: EmbeddedService, rows: str = ROWS) -> Iterator[httpx.AsyncClient]:
        """Serve it, with a client over HTTP like the one in process."""
        with self.service.using(service.app), service.served_at(self.service_url):
            yield httpx.AsyncClient(
                base_url=self.service_url + rows,
                headers={"Authorization": f"Bearer {service.api_key}"},
                timeout=10,
                trust_env=False,
                verify=NO_CERTIFICATES,
            )

    @contextmanager
    def protected(
        self, service: EmbeddedService, provider: OAuthProvider, rows: str = ROWS
    ) -> Iterator[httpx.AsyncClient]:
        """Everything a flow needs, over HTTP: the provider, a tool server that trusts it alone, and the service."""
        with (
            self.provider.using(provider.app),
            provider.served_at(self.issuer),
            serve_app(tool_server(provider)) as host,
            self.serving(service, rows) as client,
        ):
            service.add_mcp_server(OAUTH_INSTALL["url"], f"{host}/mcp")
            yield client


async def start(client: httpx.AsyncClient, **fields: str) -> str:
    """Start a flow by installing, and return the provider's page."""
    answer = await client.post("/install_custom/", json=OAUTH_INSTALL | fields)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["redirect_url"])


async def call_tools(client: httpx.AsyncClient, row: InstallationRecord) -> tuple[int, Any]:
    """List the tools through the proxy: the status, and the error if there was one."""
    answer = await client.post(f"/{row.id}/proxy/", json=LIST_TOOLS)
    return answer.status_code, answer.json().get("error")
