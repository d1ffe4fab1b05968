"""Keys, scopes and projects."""

from typing import Any

import httpx
import pytest

from posthog_mcp_store.testing import EmbeddedService

from .support import GOOD_INSTALL, ROWS, SITE, client_of, framework

NOT_AUTHENTICATED = framework(
    "authentication_error", "not_authenticated", "Authentication credentials were not provided."
)


def denied(detail: str) -> dict[str, Any]:
    return framework("authentication_error", "permission_denied", detail)


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "bearer {key}", "Token {key}", "{key}"])
async def test_a_request_without_a_bearer_token_leads_to_401(service: EmbeddedService, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header.format(key=service.api_key)}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=service.app), base_url=SITE) as client:
        answer = await client.get(f"{ROWS}/", headers=headers)
    assert answer.status_code == 401
    assert answer.json() == NOT_AUTHENTICATED


@pytest.mark.parametrize("header", ["Bearer {key}", "Bearer   {key}", "Bearer\t{key} "])
async def test_any_space_may_be_around_the_token(
    service: EmbeddedService, client: httpx.AsyncClient, header: str
) -> None:
    answer = await client.get("/", headers={"Authorization": header.format(key=service.api_key)})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("token", "detail"),
    [
        ("phx_unknown", "Personal API key found in request Authorization header is invalid."),
        ("phc_project", "Personal API key found in request Authorization header is invalid."),
        ("pha_unknown", "Invalid access token."),
    ],
)
async def test_an_unknown_token_leads_to_401(service: EmbeddedService, token: str, detail: str) -> None:
    async with client_of(service, token) as client:
        answer = await client.get("/")
    assert answer.status_code == 401
    assert answer.json() == framework("authentication_error", "authentication_failed", detail)


OPERATIONS = [
    ("GET", "/", "project:read"),
    ("POST", "/", "project:write"),
    ("GET", "/{id}/", "project:read"),
    ("PATCH", "/{id}/", "project:read"),
    ("DELETE", "/{id}/", "project:read"),
    ("GET", "/authorize/", "project:read"),
    ("POST", "/install_custom/", "project:read"),
    ("POST", "/{id}/proxy/", "project:read"),
]


@pytest.mark.parametrize(("method", "path", "scope"), OPERATIONS)
async def test_each_operation_asks_for_its_scope(service: EmbeddedService, method: str, path: str, scope: str) -> None:
    path = path.format(id=service.add_installation().id)
    other = service.add_key(scopes=("dashboard:write",))
    async with client_of(service, other.token) as client:
        refused = await client.request(method, path, json={})
    async with client_of(service, service.add_key(scopes=(scope,)).token) as client:
        accepted = await client.request(method, path, json={})
    assert refused.status_code == 403
    if not path.endswith("/proxy/"):
        assert refused.json() == denied(f"API key missing required scope '{scope}'")
    assert accepted.status_code not in (401, 403)


@pytest.mark.parametrize(
    ("scopes", "status"),
    [
        (("*",), 200),
        (("project:write",), 200),
        (("project:read",), 200),
        ((), 403),
        (("project:readx",), 403),
    ],
)
async def test_write_covers_read_and_a_star_covers_all(
    service: EmbeddedService, scopes: tuple[str, ...], status: int
) -> None:
    async with client_of(service, service.add_key(scopes=scopes).token) as client:
        assert (await client.get("/")).status_code == status


async def test_reading_does_not_cover_writing(service: EmbeddedService) -> None:
    async with client_of(service, service.add_key(scopes=("project:read",)).token) as client:
        answer = await client.post("/", json=GOOD_INSTALL)
    assert answer.status_code == 403


async def test_the_default_key_reads_and_writes(service: EmbeddedService, client: httpx.AsyncClient) -> None:
    assert service.api_key.startswith("phx_")
    assert (await client.post("/")).status_code == 405


@pytest.mark.parametrize("project", ["999", "-1", "abc", "@other", "1.0", "%20"])
async def test_an_unknown_project_leads_to_404(service: EmbeddedService, project: str) -> None:
    async with client_of(service, rows=f"/api/environments/{project}/mcp_server_installations") as client:
        answer = await client.get("/")
    assert answer.status_code == 404
    assert answer.json() == framework("invalid_request", "not_found", "Project not found.")


async def test_current_is_the_current_project_of_the_user_who_owns_the_key(service: EmbeddedService) -> None:
    bobs = service.add_project(current_for=["bob"])
    row = service.add_installation(user="bob", project_id=bobs)
    key = service.add_key(user="bob")
    async with client_of(service, key.token, "/api/environments/@current/mcp_server_installations") as client:
        listed = (await client.get("/")).json()
    assert [each["id"] for each in listed["results"]] == [str(row.id)]
    assert f"/api/environments/{bobs}/" in listed["results"][0]["proxy_url"]


async def test_a_key_limited_to_other_projects_leads_to_403(service: EmbeddedService) -> None:
    other = service.add_project()
    key = service.add_key(projects=[other])
    async with client_of(service, key.token) as client:
        refused = await client.get("/")
    async with client_of(service, key.token, f"/api/environments/{other}/mcp_server_installations") as client:
        accepted = await client.get("/")
    assert refused.status_code == 403
    assert refused.json() == denied("API key does not have access to the requested project: ID 1.")
    assert accepted.status_code == 200


async def test_a_missing_scope_is_reported_before_an_unknown_project(service: EmbeddedService) -> None:
    rows = "/api/environments/999/mcp_server_installations"
    async with client_of(service, service.add_key(scopes=()).token, rows) as client:
        assert (await client.get("/")).status_code == 403


async def test_rows_belong_to_their_user(service: EmbeddedService, client: httpx.AsyncClient) -> None:
    bobs = service.add_installation(user="bob")
    assert (await client.get("/")).json()["count"] == 0
    for method, path in [("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "proxy/")]:
        answer = await client.request(method, f"/{bobs.id}/{path}", json={})
        assert answer.status_code == 404
    assert service.installations == [bobs]


async def test_rows_belong_to_their_project(service: EmbeddedService, client: httpx.AsyncClient) -> None:
    elsewhere = service.add_installation(project_id=service.add_project())
    assert (await client.get("/")).json()["count"] == 0
    assert (await client.get(f"/{elsewhere.id}/")).status_code == 404
