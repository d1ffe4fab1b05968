"""The path prefix `/api/environments/` after its time, and the fields of version 2026-09."""

from typing import Any, Literal

import httpx
import pytest

from posthog_mcp_store.testing import EmbeddedService

from .support import GOOD_INSTALL, ROWS, SITE, client_of, served

PROJECTS = ROWS.replace("environments", "projects")
DEPRECATION = {"deprecation": "true", "sunset": "Fri, 31 Jul 2026 00:00:00 GMT"}


def announced(answer: httpx.Response) -> dict[str, Any]:
    return {name: answer.headers[name] for name in ("deprecation", "sunset", "link") if name in answer.headers}


async def test_by_default_no_header_mentions_the_prefix(service: EmbeddedService, client: httpx.AsyncClient) -> None:
    answer = await client.get("/")
    assert (service.environments, answer.status_code, announced(answer)) == ("served", 200, {})


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "HEAD"])
@pytest.mark.parametrize("token", [None, "phx_unknown"])
async def test_a_redirect_leads_to_the_same_path_and_query_under_projects(
    service: EmbeddedService, method: str, token: str | None
) -> None:
    service.environments = "redirected"
    async with client_of(service, token) as client:
        answer = await client.request(method, f"{SITE}/api/environments/@current/any%20thing/?a=1&b=%2F")
    path = "/api/projects/@current/any%20thing/?a=1&b=%2F"
    assert (answer.status_code, answer.content, answer.headers["location"]) == (307, b"", SITE + path)
    assert announced(answer) == {**DEPRECATION, "link": f'<{path}>; rel="successor-version"'}


def test_a_redirect_can_be_followed_with_method_body_and_key(service: EmbeddedService) -> None:
    service.environments = "redirected"
    with served(service) as client:
        answer = client.post("/install_custom/", json=GOOD_INSTALL, follow_redirects=True)
    assert (answer.status_code, answer.url.path) == (201, f"{PROJECTS}/install_custom/")
    assert [request.path for request in service.requests] == [f"{ROWS}/install_custom/", f"{PROJECTS}/install_custom/"]


async def test_a_deprecated_prefix_is_served_as_the_one_that_came_for_it(
    service: EmbeddedService, client: httpx.AsyncClient
) -> None:
    for _ in range(2):
        service.add_installation()
    service.environments = "deprecated"
    answer = await client.get("/?limit=1")
    assert announced(answer) == {**DEPRECATION, "link": f'<{PROJECTS}/?limit=1>; rel="successor-version"'}
    assert (answer.status_code, answer.json()["count"]) == (200, 2)
    assert answer.json()["next"] == f"{SITE}{PROJECTS}/?limit=1&offset=1"
    assert service.requests[0].path == f"{ROWS}/"


async def test_refusals_under_a_deprecated_prefix_say_so_too(service: EmbeddedService) -> None:
    service.environments = "deprecated"
    async with client_of(service, "phx_unknown") as client:
        answer = await client.get("/1/")
    assert (answer.status_code, announced(answer)["link"]) == (401, f'<{PROJECTS}/1/>; rel="successor-version"')


@pytest.mark.parametrize("environments", ["redirected", "deprecated"])
async def test_the_new_prefix_is_served_as_ever(
    service: EmbeddedService, environments: Literal["redirected", "deprecated"]
) -> None:
    service.environments = environments
    async with client_of(service, rows=PROJECTS) as client:
        answer = await client.get("/")
    assert (answer.status_code, announced(answer)) == (200, {})


def test_an_unknown_value_is_refused(service: EmbeddedService) -> None:
    with pytest.raises(ValueError, match="'redirect' is not one of 'served', 'redirected', 'deprecated', 'missing'"):
        service.environments = "redirect"  # type: ignore[assignment]
    with pytest.raises(ValueError, match="'2026-4' is not one of '2026-04', '2026-09'"):
        EmbeddedService(version="2026-4")  # type: ignore[arg-type]


class TestVersion202609:
    @pytest.fixture
    def service(self) -> EmbeddedService:
        return EmbeddedService(version="2026-09")

    async def test_has_other_fields_in_place_of_server_id(
        self, service: EmbeddedService, client: httpx.AsyncClient
    ) -> None:
        row = service.add_installation(auth_type="oauth")
        spring = row.to_json(SITE)
        expected = {name: value for name, value in spring.items() if name != "server_id"} | {
            "template_id": None,
            "tool_count": 0,
            "scope": "personal",
            "is_owner": True,
            "icon_domain": "",
            "icon_key": "",
        }
        retrieved = (await client.get(f"/{row.id}/")).json()
        updated = (await client.patch(f"/{row.id}/", json={})).json()
        assert retrieved == expected
        assert (await client.get("/")).json()["results"] == [updated]
        assert updated == expected | {"updated_at": updated["updated_at"]}

    async def test_has_them_in_a_new_installation_too(self, client: httpx.AsyncClient) -> None:
        created = (await client.post("/install_custom/", json=GOOD_INSTALL)).json()
        assert (created["template_id"], "server_id" in created) == (None, False)
