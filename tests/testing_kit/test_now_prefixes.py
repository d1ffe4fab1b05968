"""The two path prefixes, of today's service and of one of spring 2026."""

import httpx
import pytest

from posthog_mcp_store.testing import EmbeddedService

from .support import ROWS, ROWS_TODAY, SITE, client_of, framework

DEPRECATION = {"deprecation": "true", "sunset": "Fri, 31 Jul 2026 00:00:00 GMT"}
MISSING = framework("invalid_request", "not_found", "Endpoint not found.")


def announced(answer: httpx.Response) -> dict[str, str]:
    return {name: answer.headers[name] for name in ("deprecation", "sunset", "link") if name in answer.headers}


async def test_the_projects_prefix_is_served_without_a_warning(api: httpx.AsyncClient) -> None:
    answer = await api.get("/")
    assert (answer.status_code, announced(answer)) == (200, {})


async def test_the_environments_prefix_is_an_alias_with_a_warning(today: EmbeddedService) -> None:
    for _ in range(3):
        today.add_installation()
    async with client_of(today) as client:
        answer = await client.get("/?limit=1&offset=1")
    body = answer.json()
    link = f'<{ROWS_TODAY}/?limit=1&offset=1>; rel="successor-version"'
    assert (answer.status_code, announced(answer)) == (200, {**DEPRECATION, "link": link})
    assert body["next"] == f"{SITE}{ROWS_TODAY}/?limit=1&offset=2"
    assert body["previous"] == f"{SITE}{ROWS_TODAY}/?limit=1"
    assert body["results"][0]["proxy_url"].startswith(f"{SITE}{ROWS}/")
    assert today.requests[0].path == f"{ROWS}/"


async def test_the_alias_keeps_method_body_and_status(today: EmbeddedService) -> None:
    async with client_of(today) as client:
        body = {"name": "A", "url": "https://mcp.example.com/mcp", "auth_type": "api_key", "api_key": "k"}
        answer = await client.post("/install_custom/", json=body)
        assert (answer.status_code, announced(answer)["deprecation"]) == (201, "true")
        answer = await client.post("/install_custom/", json={})
        assert (answer.status_code, announced(answer)["deprecation"]) == (400, "true")
        answer = await client.get(f"{SITE}/api/environments/1/mcp_servers/")
        assert (answer.status_code, answer.json()) == (200, {"results": []})


async def test_the_alias_can_be_switched_off(today: EmbeddedService, api: httpx.AsyncClient) -> None:
    today.environments = "missing"
    async with client_of(today) as client:
        answer = await client.get("/")
    assert (answer.status_code, answer.json(), announced(answer)) == (404, MISSING, {})
    assert (await api.get("/")).status_code == 200


async def test_an_old_instance_serves_environments_only() -> None:
    service = EmbeddedService(version="2026-04")
    async with client_of(service) as old, client_of(service, rows=ROWS_TODAY) as new:
        assert ((await old.get("/")).status_code, announced(await old.get("/"))) == (200, {})
        answer = await new.get("/")
        assert (answer.status_code, answer.json()) == (404, MISSING)


async def test_some_old_instances_serve_both() -> None:
    service = EmbeddedService(version="2026-04")
    service.serves_projects = True
    assert service.serves_projects
    for rows in (ROWS, ROWS_TODAY):
        async with client_of(service, rows=rows) as client:
            assert (await client.get("/")).status_code == 200


@pytest.mark.parametrize("environments", ["redirected", "deprecated"])
async def test_an_alias_always_has_its_target(environments: str) -> None:
    service = EmbeddedService(version="2026-04")
    service.environments = environments  # type: ignore[assignment]
    async with client_of(service, rows=ROWS_TODAY) as client:
        assert (await client.get("/")).status_code == 200


async def test_other_paths_are_no_business_of_the_alias(today: EmbeddedService) -> None:
    today.environments = "missing"
    async with client_of(today, rows="") as client:
        answer = await client.get("/api/mcp_store/oauth_redirect/")
    assert (answer.status_code, answer.json()) == (400, {"detail": "Missing state parameter"})


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/x/tools/", 404),
        ("GET", "/available_tools/", 404),
        ("POST", "/install_template/", 405),
        ("POST", "/x/call_tool/", 404),
        ("POST", "/x/share/", 404),
    ],
)
async def test_an_old_instance_has_no_tools_templates_or_sharing(method: str, path: str, status: int) -> None:
    service = EmbeddedService(version="2026-04")
    async with client_of(service) as client:
        assert (await client.request(method, path, json={})).status_code == status
