"""What the tests of the testing kit share."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import anyio
import httpx

from posthog_mcp_store.testing import EmbeddedService

SITE = "http://posthog.test"
ROWS = "/api/environments/1/mcp_server_installations"

GOOD_INSTALL = {"name": "Orders", "url": "https://mcp.example.com/mcp", "auth_type": "api_key"}


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
        ) as client,
    ):
        yield client


async def eventually(condition: Callable[[], bool], *, within: float = 10.0) -> None:
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        await anyio.sleep(0.005)


def framework(type_: str, code: str, detail: str, attr: str | None = None) -> dict[str, Any]:
    return {"type": type_, "code": code, "detail": detail, "attr": attr}


def invalid(code: str, detail: str, attr: str | None = None) -> dict[str, Any]:
    return framework("validation_error", code, detail, attr)
