"""The rows of today's service, one's own and those that others share."""

import httpx
import pytest

from posthog_mcp_store.testing import EmbeddedService

from .support import NOT_FOUND, ROWS_TODAY, SITE, client_of, forbidden, invalid, of

OWNERS_ONLY = forbidden("Only the credential owner can modify a shared server.")


async def test_a_custom_row_has_twenty_fields(today: EmbeddedService, api: httpx.AsyncClient) -> None:
    row = today.add_installation(url="https://mcp.example.com/mcp", description="Mine")
    body = (await api.get(f"/{row.id}/")).json()
    times = {body.pop("created_at"), body.pop("updated_at")}
    assert all(time.endswith("Z") for time in times)
    assert body == {
        "id": str(row.id),
        "template_id": None,
        "name": "Example server",
        "icon_key": "",
        "icon_domain": "",
        "display_name": "Example server",
        "url": "https://mcp.example.com/mcp",
        "description": "Mine",
        "auth_type": "api_key",
        "is_enabled": True,
        "scope": "personal",
        "is_owner": True,
        "needs_reauth": False,
        "pending_oauth": False,
        "proxy_url": f"{SITE}/api/environments/1/mcp_server_installations/{row.id}/proxy/",
        "tool_count": 0,
        "last_synced_at": None,
        "last_sync_error": "",
    }


async def test_a_row_of_the_catalogue_has_the_templates_icon_name_and_description(
    today: EmbeddedService, api: httpx.AsyncClient
) -> None:
    template = today.add_template(
        name="Linear",
        url="https://mcp.linear.app/mcp",
        description="Issues",
        icon_key="linear",
        icon_domain="linear.app",
    )
    row = today.add_installation(url=template.url, template=template, display_name="Mine", description="My issues")
    body = (await api.get(f"/{row.id}/")).json()
    assert (body["template_id"], body["icon_key"], body["icon_domain"]) == (str(template.id), "linear", "linear.app")
    assert (body["name"], body["description"]) == ("Mine", "My issues")
    cleared = (await api.patch(f"/{row.id}/", json={"display_name": "", "description": ""})).json()
    assert (cleared["name"], cleared["display_name"], cleared["description"]) == ("Linear", "", "Issues")
    assert (row.name, row.description) == ("Linear", "")


async def test_a_custom_row_without_a_name_has_none_even_with_a_provider(
    today: EmbeddedService, api: httpx.AsyncClient
) -> None:
    server = today.add_oauth_server(name="Provider")
    row = today.add_installation(auth_type="oauth", server=server, display_name="")
    assert (await api.get(f"/{row.id}/")).json()["name"] == ""


async def test_removed_tools_do_not_count(today: EmbeddedService, api: httpx.AsyncClient) -> None:
    row = today.add_installation(tools={"add": "approved", "drop": "do_not_use", "gone": "removed"})
    body = (await api.get(f"/{row.id}/")).json()
    assert (body["tool_count"], body["last_synced_at"]) == (2, body["created_at"])


async def test_a_failed_sync_can_be_prepared(today: EmbeddedService, api: httpx.AsyncClient) -> None:
    row = today.add_installation(tools={}, last_sync_error="Upstream MCP server timed out")
    body = (await api.get(f"/{row.id}/")).json()
    assert (body["last_synced_at"], body["last_sync_error"]) == (None, "Upstream MCP server timed out")


async def test_the_list_holds_the_shared_rows_of_others_and_not_their_personal_ones(
    today: EmbeddedService, api: httpx.AsyncClient
) -> None:
    own = today.add_installation()
    shared = today.add_installation(user="bob", scope="shared")
    personal = today.add_installation(user="bob")
    elsewhere = today.add_installation(user="bob", scope="shared", project_id=today.add_project())
    results = (await api.get("/")).json()["results"]
    assert [(row["id"], row["is_owner"], row["scope"]) for row in results] == [
        (str(shared.id), False, "shared"),
        (str(own.id), True, "personal"),
    ]
    assert (await api.get(f"/{shared.id}/")).json() == results[0]
    for hidden in (personal, elsewhere):
        answer = await api.get(f"/{hidden.id}/")
        assert (answer.status_code, answer.json()) == (404, NOT_FOUND)
    async with of(today, "bob") as bob:
        assert (await bob.get(f"/{shared.id}/")).json()["is_owner"] is True


@pytest.mark.parametrize("is_admin", [False, True])
async def test_only_its_owner_may_change_a_shared_row(
    today: EmbeddedService, api: httpx.AsyncClient, is_admin: bool
) -> None:
    row = today.add_installation(user="bob", scope="shared")
    today.project().admins.update({"alice"} if is_admin else ())
    answer = await api.patch(f"/{row.id}/", json={"display_name": "Taken"})
    assert (answer.status_code, answer.json(), row.display_name) == (403, OWNERS_ONLY, "Example server")
    async with of(today, "bob") as bob:
        assert (await bob.patch(f"/{row.id}/", json={"display_name": "Kept"})).json()["name"] == "Kept"


async def test_admins_too_may_delete_a_shared_row(today: EmbeddedService, api: httpx.AsyncClient) -> None:
    row = today.add_installation(user="bob", scope="shared")
    answer = await api.delete(f"/{row.id}/")
    assert (answer.status_code, answer.json()) == (403, OWNERS_ONLY)
    today.project().admins.add("alice")
    assert (await api.delete(f"/{row.id}/")).status_code == 204
    assert today.installations == []


async def test_an_admin_of_another_project_is_none_here(today: EmbeddedService, api: httpx.AsyncClient) -> None:
    row = today.add_installation(user="bob", scope="shared")
    today.project(today.add_project()).admins.add("alice")
    assert (await api.delete(f"/{row.id}/")).status_code == 403


async def test_an_owner_may_delete_a_shared_row(today: EmbeddedService, api: httpx.AsyncClient) -> None:
    row = today.add_installation(scope="shared")
    assert (await api.delete(f"/{row.id}/")).status_code == 204


async def test_put_is_refused_after_its_scope(today: EmbeddedService, api: httpx.AsyncClient) -> None:
    row = today.add_installation()
    answer = await api.put(f"/{row.id}/", json={"display_name": "New"})
    assert (answer.status_code, answer.content, "content-type" in answer.headers) == (405, b"", False)
    assert answer.headers["allow"] == "GET, PUT, PATCH, DELETE, HEAD, OPTIONS"
    async with of(today, "alice") as reader:
        answer = await reader.put(f"/{row.id}/", json={})
        assert answer.json() == forbidden("API key missing required scope 'project:write'")


async def test_a_bad_body_is_reported_before_an_unknown_row(api: httpx.AsyncClient) -> None:
    answer = await api.patch("/unknown/", json={"is_enabled": "maybe"})
    assert (answer.status_code, answer.json()["attr"]) == (400, "is_enabled")


@pytest.mark.parametrize("token", ["phx_unknown", "pha_unknown"])
async def test_a_401_names_the_metadata_of_the_resource(today: EmbeddedService, token: str) -> None:
    async with client_of(today, token, ROWS_TODAY) as client:
        for path in ("/", "/x/proxy/"):
            answer = await client.request("GET", path)
            challenge = f'Bearer resource_metadata="{SITE}/.well-known/oauth-protected-resource"'
            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, challenge)


async def test_where_create_works_it_knows_no_server_id() -> None:
    service = EmbeddedService(create_works=True)
    async with client_of(service, rows=ROWS_TODAY) as client:
        body = {"url": "https://mcp.example.com/mcp", "server_id": "none"}
        created = await client.post("/", json=body)
        assert (created.status_code, created.json()["tool_count"]) == (201, 0)
        again = await client.post("/", json=body)
        assert (again.status_code, again.json()) == (400, {"detail": "This server URL is already installed."})
        answer = await client.post("/", json={})
        assert answer.json() == invalid("required", "This field is required.", "url")


def test_a_row_shows_itself_in_either_version(today: EmbeddedService) -> None:
    row = today.add_installation(auth_type="oauth", server=today.add_oauth_server(name="Provider"), display_name="")
    early = row.to_json(SITE, version="2026-04")
    assert row.server is not None
    assert (early["server_id"], early["name"], "scope" in early) == (str(row.server.id), "Provider", False)
    assert row.to_json(SITE)["is_owner"] is True
    assert row.to_json(SITE, user="bob")["is_owner"] is False
