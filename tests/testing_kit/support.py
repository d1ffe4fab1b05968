"""What the tests of the testing kit share."""

from typing import Any

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


def framework(type_: str, code: str, detail: str, attr: str | None = None) -> dict[str, Any]:
    return {"type": type_, "code": code, "detail": detail, "attr": attr}


def invalid(code: str, detail: str, attr: str | None = None) -> dict[str, Any]:
    return framework("validation_error", code, detail, attr)
