"""Refusals of the proxy itself, before any request to an MCP server."""

import json

import httpx
import pytest

from posthog_mcp_store.testing import EmbeddedService, InstallationRecord

from .support import client_of

CALL = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
GLUED = "typecodedetailattr"


@pytest.fixture
def row(service: EmbeddedService) -> InstallationRecord:
    return service.add_installation()


def assert_glued(answer: httpx.Response, status: int, text: str = GLUED) -> None:
    assert (answer.status_code, answer.text) == (status, text)
    assert answer.headers["content-type"] == "*/*; charset=utf-8"
    assert answer.headers["allow"] == "POST, OPTIONS"


def assert_own(answer: httpx.Response, status: int, error: str) -> None:
    assert (answer.status_code, answer.json()) == (status, {"error": error})
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize(("token", "scopes", "status"), [("phx_unknown", None, 401), (None, ("dashboard:read",), 403)])
async def test_a_bad_key_leads_to_the_glued_body(
    service: EmbeddedService,
    row: InstallationRecord,
    token: str | None,
    scopes: tuple[str, ...] | None,
    status: int,
) -> None:
    token = token or service.add_key(scopes=scopes or ()).token
    async with client_of(service, token) as client:
        assert_glued(await client.post(f"/{row.id}/proxy/", json=CALL), status)


@pytest.mark.parametrize("row_id", ["x", "0195f3a0-0000-7000-8000-000000000001"])
async def test_an_unknown_row_leads_to_the_glued_404(client: httpx.AsyncClient, row_id: str) -> None:
    assert_glued(await client.post(f"/{row_id}/proxy/", json=CALL), 404)


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT", "PATCH", "HEAD"])
async def test_only_post_is_allowed(client: httpx.AsyncClient, row: InstallationRecord, method: str) -> None:
    answer = await client.request(method, f"/{row.id}/proxy/")
    assert_glued(answer, 405, "" if method == "HEAD" else GLUED)


async def test_malformed_json_leads_to_the_glued_400(client: httpx.AsyncClient, row: InstallationRecord) -> None:
    headers = {"Content-Type": "application/json"}
    assert_glued(await client.post(f"/{row.id}/proxy/", content=b"{", headers=headers), 400)


async def test_another_content_type_leads_to_the_glued_415(client: httpx.AsyncClient, row: InstallationRecord) -> None:
    headers = {"Content-Type": "text/plain"}
    assert_glued(await client.post(f"/{row.id}/proxy/", content=b"{}", headers=headers), 415)


async def test_what_the_service_does_not_expect_leads_to_the_longer_glued_500(
    client: httpx.AsyncClient, row: InstallationRecord
) -> None:
    headers = {"Content-Type": "application/json"}
    answer = await client.post(f"/{row.id}/proxy/", content=b"[" * 100_000, headers=headers)
    assert_glued(answer, 500, "typecodedetailattrerror_event_id")


@pytest.mark.parametrize("body", ["", "{}", "[]", "5", '"text"', "null", "true"])
async def test_a_body_without_a_message_leads_to_400(
    client: httpx.AsyncClient, row: InstallationRecord, body: str
) -> None:
    answer = await client.post(f"/{row.id}/proxy/", content=body, headers={"Content-Type": "application/json"})
    assert_own(answer, 400, "Request body must be valid JSON")


async def test_accept_is_not_looked_at(client: httpx.AsyncClient, row: InstallationRecord) -> None:
    answer = await client.post(f"/{row.id}/proxy/", json=CALL, headers={"Accept": "text/html"})
    assert answer.status_code == 502


async def test_a_disabled_installation_leads_to_403(client: httpx.AsyncClient, row: InstallationRecord) -> None:
    row.is_enabled = False
    assert_own(await client.post(f"/{row.id}/proxy/", json=CALL), 403, "Server is disabled")


async def test_an_installation_that_needs_reauthorization_leads_to_401(
    service: EmbeddedService, client: httpx.AsyncClient
) -> None:
    row = service.add_installation(auth_type="oauth", needs_reauth=True)
    answer = await client.post(f"/{row.id}/proxy/", json=CALL)
    assert_own(answer, 401, "Installation needs re-authentication")


@pytest.mark.parametrize("fields", [{"api_key": ""}, {"auth_type": "oauth", "pending_oauth": True}])
async def test_an_installation_without_credentials_leads_to_401(
    service: EmbeddedService, client: httpx.AsyncClient, fields: dict[str, object]
) -> None:
    row = service.add_installation(**fields)  # type: ignore[arg-type]
    assert_own(await client.post(f"/{row.id}/proxy/", json=CALL), 401, "No credentials configured")


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://127.0.0.1:1/mcp", "Local/Loopback host not allowed"),
        ("", "URL must start with http:// or https://"),
        ("https:///mcp", "Missing host"),
        ("https://[", "Invalid URL"),
    ],
)
async def test_an_installation_with_a_refused_url_leads_to_400(
    service: EmbeddedService, client: httpx.AsyncClient, url: str, reason: str
) -> None:
    row = service.add_installation(url=url)
    assert_own(await client.post(f"/{row.id}/proxy/", json=CALL), 400, f"URL not allowed: {reason}")


def message_of(ascii_bytes: int) -> dict[str, str]:
    """A message whose re-serialised form has exactly that many bytes, with text of one byte each."""
    return {"m": "x" * (ascii_bytes - len(json.dumps({"m": ""})))}


@pytest.mark.parametrize("extra", [0, 1])
async def test_the_size_limit_is_one_mebibyte(client: httpx.AsyncClient, row: InstallationRecord, extra: int) -> None:
    answer = await client.post(f"/{row.id}/proxy/", json=message_of(1024 * 1024 + extra))
    assert_own(answer, *((413, "Request body too large") if extra else (502, "Upstream MCP server unreachable")))


async def test_the_size_limit_counts_the_ascii_form(client: httpx.AsyncClient, row: InstallationRecord) -> None:
    message = {"m": "漢" * (1024 * 1024 // 5)}  # 3 bytes each in UTF-8, 6 as an escape
    assert len(json.dumps(message, ensure_ascii=False).encode()) < 1024 * 1024
    assert_own(await client.post(f"/{row.id}/proxy/", json=message), 413, "Request body too large")


async def test_an_unregistered_server_leads_to_502(client: httpx.AsyncClient, row: InstallationRecord) -> None:
    answer = await client.post(f"/{row.id}/proxy/", json=CALL)
    assert_own(answer, 502, "Upstream MCP server unreachable")


async def test_the_checks_come_in_the_services_order(service: EmbeddedService, client: httpx.AsyncClient) -> None:
    row = service.add_installation(
        url="http://127.0.0.1/", auth_type="oauth", is_enabled=False, needs_reauth=True, pending_oauth=True
    )

    async def error(content: bytes = b"[]") -> str:
        headers = {"Content-Type": "application/json"}
        answer = await client.post(f"/{row.id}/proxy/", content=content, headers=headers)
        return str(answer.json()["error"])

    seen = [await error()]
    row.is_enabled = True
    seen.append(await error())
    row.needs_reauth = False
    seen.append(await error())
    row.access_token = "token"
    seen.append(await error())
    row.url = "https://mcp.example.com"
    seen.append(await error())
    seen.append(await error(b'"' + b"x" * 2_000_000 + b'"'))
    seen.append(await error(b'["' + b"x" * 2_000_000 + b'"]'))
    seen.append(await error(b"[1]"))
    assert seen == [
        "Server is disabled",
        "Installation needs re-authentication",
        "No credentials configured",
        "URL not allowed: Local/Loopback host not allowed",
        "Request body must be valid JSON",
        "Request body must be valid JSON",
        "Request body too large",
        "Upstream MCP server unreachable",
    ]
