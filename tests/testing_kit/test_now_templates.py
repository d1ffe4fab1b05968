"""The catalogue of today's service, and installing from it."""

from typing import Any

import httpx
import pytest

from posthog_mcp_store.testing import EmbeddedService, OAuthServerRecord, TemplateRecord, give_consent

from .scripted_server import URL, ScriptedServer
from .support import ROWS, SITE, call_tools, client_of, forbidden, invalid, of

UNKNOWN = "0195f3a0-0000-7000-8000-000000000001"
CATALOGUE = f"{SITE}/api/projects/1/mcp_servers/"


def fixed_client(**fields: Any) -> OAuthServerRecord:
    return OAuthServerRecord(
        **{
            "issuer": "https://auth.example.com",
            "name": "",
            "authorization_endpoint": "https://auth.example.com/authorize",
            "client_id": "posthog",
            **fields,
        }
    )


@pytest.fixture
def with_key(today: EmbeddedService) -> TemplateRecord:
    return today.add_template(name="Keys", url=URL, auth_type="api_key", description="By key")


@pytest.fixture
def with_client(today: EmbeddedService) -> TemplateRecord:
    """A template with PostHog's own client."""
    return today.add_template(name="Linear", url=URL, server=fixed_client())


async def install(api: httpx.AsyncClient, template: TemplateRecord, **fields: Any) -> tuple[int, Any]:
    answer = await api.post("/install_template/", json={"template_id": str(template.id), **fields})
    return answer.status_code, answer.json()


async def test_the_catalogue_is_sorted_by_name_and_not_paged(today: EmbeddedService, api: httpx.AsyncClient) -> None:
    today.add_template(name="Zed", url="https://zed.example.com/mcp")
    linear = today.add_template(
        name="Linear",
        url="https://mcp.linear.app/mcp",
        auth_type="oauth",
        description="Issues",
        docs_url="https://linear.app/docs",
        icon_key="linear",
        icon_domain="linear.app",
        category="productivity",
    )
    answer = await api.get(CATALOGUE, params={"limit": 1, "offset": 1})
    assert (answer.status_code, list(answer.json())) == (200, ["results"])
    assert [each["name"] for each in answer.json()["results"]] == ["Linear", "Zed"]
    assert answer.json()["results"][0] == {
        "id": str(linear.id),
        "name": "Linear",
        "url": "https://mcp.linear.app/mcp",
        "docs_url": "https://linear.app/docs",
        "description": "Issues",
        "auth_type": "oauth",
        "icon_key": "linear",
        "icon_domain": "linear.app",
        "category": "productivity",
    }
    assert today.templates[1] is linear


async def test_the_catalogue_leaves_out_what_can_not_be_installed(
    today: EmbeddedService, api: httpx.AsyncClient, with_key: TemplateRecord
) -> None:
    with_key.projects = (today.add_project(),)
    today.add_template(name="Old", url=URL).is_active = False
    assert (await api.get(CATALOGUE)).json() == {"results": []}
    with_key.projects = ("1",)
    assert len((await api.get(CATALOGUE)).json()["results"]) == 1


async def test_the_catalogue_of_an_old_instance_has_no_ids() -> None:
    service = EmbeddedService(version="2026-04")
    service.add_template(name="Linear", url=URL, description="Issues")
    async with client_of(service) as client:
        answer = await client.get(f"{SITE}{ROWS.replace('mcp_server_installations', 'mcp_servers')}/")
    expected = {"name": "Linear", "url": URL, "description": "Issues", "auth_type": "oauth"}
    assert answer.json() == {"results": [expected]}


def test_a_template_of_a_local_server_is_refused(today: EmbeddedService) -> None:
    with pytest.raises(ValueError, match="the service would refuse to contact http://localhost/: Local/Loopback"):
        today.add_template(name="Mine", url="http://localhost/")


async def test_a_key_installs_a_template_and_its_tools_are_read(
    today: EmbeddedService, api: httpx.AsyncClient, with_key: TemplateRecord
) -> None:
    today.add_mcp_server(URL, ScriptedServer())
    status, body = await install(api, with_key, api_key="key")
    assert (status, body["template_id"], body["auth_type"]) == (201, str(with_key.id), "api_key")
    assert (body["display_name"], body["description"], body["url"]) == ("Keys", "By key", URL)
    assert (body["tool_count"], body["last_synced_at"]) == (0, None)
    [row] = today.installations
    assert (row.api_key, row.to_json(SITE)["tool_count"], row.agent_scope) == ("key", 2, "personal")


@pytest.mark.parametrize("key", [{}, {"api_key": " "}])
async def test_a_key_is_required(
    today: EmbeddedService, api: httpx.AsyncClient, with_key: TemplateRecord, key: dict[str, str]
) -> None:
    assert await install(api, with_key, **key) == (400, {"detail": "api_key is required"})
    assert today.installations == []


async def test_a_missing_key_does_not_remove_an_existing_row(
    today: EmbeddedService, api: httpx.AsyncClient, with_key: TemplateRecord
) -> None:
    row = today.add_installation(url=URL, is_enabled=False)
    assert (await install(api, with_key))[0] == 400
    assert (today.installations, row.is_enabled, row.template) == ([row], True, with_key)


async def test_installing_again_replaces_the_key_and_enables_the_row(
    today: EmbeddedService, api: httpx.AsyncClient, with_key: TemplateRecord
) -> None:
    _, body = await install(api, with_key, api_key="first")
    [row] = today.installations
    row.is_enabled, row.display_name = False, "Mine"
    status, again = await install(api, with_key, api_key="second")
    assert (status, again["id"], again["is_enabled"], again["name"]) == (201, body["id"], True, "Mine")
    assert row.api_key == "second"


@pytest.mark.parametrize(("before", "after"), [("", "Keys"), ("Mine", "Mine")])
async def test_a_custom_row_of_the_same_url_becomes_the_templates(
    today: EmbeddedService, api: httpx.AsyncClient, with_key: TemplateRecord, before: str, after: str
) -> None:
    row = today.add_installation(url=URL, auth_type="oauth", display_name=before)
    assert (await install(api, with_key, api_key="key"))[0] == 201
    assert (row.template, row.auth_type, row.display_name) == (with_key, "api_key", after)


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"template_id": "x"}, invalid("invalid_input", "Must be a valid UUID.", "template_id")),
        ({"scope": "team"}, invalid("invalid_choice", '"team" is not a valid choice.', "scope")),
        (
            {"posthog_code_callback_url": "https://x.example"},
            invalid("invalid_input", "Invalid callback URL", "posthog_code_callback_url"),
        ),
    ],
)
async def test_its_fields_are_checked(
    api: httpx.AsyncClient, with_key: TemplateRecord, fields: dict[str, str], error: object
) -> None:
    assert await install(api, with_key, **fields) == (400, error)
    answer = await api.post("/install_template/", json={})
    assert answer.json() == invalid("required", "This field is required.", "template_id")


async def test_its_checks_come_in_the_services_order(
    today: EmbeddedService, api: httpx.AsyncClient, with_key: TemplateRecord
) -> None:
    project = today.project()
    project.members_manage_agents = project.members_add_servers = False
    project.servers[URL] = with_key.is_active = False
    everything = {"api_key": "k", "scope": "shared", "team_enabled": False, "agent_scope": "team"}
    shared = forbidden("Only project admins can create shared MCP servers.")
    assert await install(api, with_key, **everything) == (403, shared)
    team = forbidden("Only project admins can set team availability.")
    assert await install(api, with_key, **everything | {"scope": "personal"}) == (403, team)
    agents = forbidden("Only project admins can share servers with agents in this project.")
    assert await install(api, with_key, api_key="k", agent_scope="team") == (403, agents)
    assert await install(api, with_key, api_key="k") == (404, {"detail": "Template not found"})
    with_key.is_active = True
    off = forbidden("This server is disabled for your team.")
    assert await install(api, with_key, api_key="k") == (403, off)
    # Not even an admin may, and there is no check of custom servers.
    project.admins.add("alice")
    assert await install(api, with_key, **everything) == (403, off)
    project.admins.clear()
    project.servers[URL] = True
    assert (await install(api, with_key, api_key="k"))[0] == 201


@pytest.mark.parametrize("is_admin", [False, True])
async def test_a_template_that_is_off_by_default_is_installed_by_nobody(
    today: EmbeddedService, api: httpx.AsyncClient, with_key: TemplateRecord, is_admin: bool
) -> None:
    today.project().servers_start_enabled = False
    today.project().admins.update({"alice"} if is_admin else ())
    assert (await install(api, with_key, api_key="k"))[0] == 403


async def test_an_admin_shares_a_template_and_nobody_else_replaces_its_key(
    today: EmbeddedService, api: httpx.AsyncClient, with_key: TemplateRecord
) -> None:
    today.project().admins.update({"alice", "bob"})
    status, body = await install(api, with_key, api_key="key", scope="shared", agent_scope="team")
    assert (status, body["scope"]) == (201, "shared")
    async with of(today, "bob") as bob:
        error = forbidden("Only the credential owner can modify a shared server.")
        assert await install(bob, with_key, api_key="other", scope="shared") == (403, error)
    [row] = today.installations
    assert (row.api_key, row.agent_scope) == ("key", "team")


async def test_oauth_with_posthogs_client_answers_the_providers_url(
    today: EmbeddedService, api: httpx.AsyncClient, with_client: TemplateRecord
) -> None:
    status, body = await install(api, with_client)
    assert (status, list(body)) == (200, ["redirect_url"])
    assert body["redirect_url"].startswith("https://auth.example.com/authorize?client_id=posthog&")
    [row] = today.installations
    assert (row.pending_oauth, row.needs_reauth, row.template) == (True, False, with_client)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"authorization_endpoint": ""}, "Template is missing OAuth metadata"),
        ({"client_id": ""}, "Template OAuth client is not configured"),
        ({"authorization_endpoint": "http://auth.example.com/"}, "Could not build OAuth authorize URL"),
    ],
)
async def test_a_faulty_template_is_not_installed(
    today: EmbeddedService, api: httpx.AsyncClient, with_client: TemplateRecord, fault: dict[str, str], error: str
) -> None:
    with_client.server = fixed_client(**fault)
    assert await install(api, with_client) == (400, {"detail": error})
    assert today.installations == []


async def test_a_template_without_a_client_registers_one(today: EmbeddedService, api: httpx.AsyncClient) -> None:
    template = today.add_template(name="Linear", url=URL)
    assert (await install(api, template))[0] == 200
    [row] = today.installations
    first, row.access_token = row.server, "token"
    assert first is not None
    assert (await install(api, template))[0] == 200
    # The old token stays, but belongs to another client.
    assert (row.access_token, row.needs_reauth, row.server is first) == ("token", False, False)


async def test_a_template_whose_provider_is_not_found_is_not_installed(
    today: EmbeddedService, api: httpx.AsyncClient
) -> None:
    template = today.add_template(name="Linear", url=URL)
    today.add_mcp_server(URL, ScriptedServer())
    assert await install(api, template) == (400, {"detail": "OAuth discovery failed."})
    assert today.installations == []


async def test_a_template_is_installed_through_oauth(today: EmbeddedService, caller_today: httpx.AsyncClient) -> None:
    template = today.add_template(name="Linear", url=URL)
    _, body = await install(caller_today, template)
    await give_consent(body["redirect_url"])
    [row] = today.installations
    assert (row.pending_oauth, row.to_json(SITE)["tool_count"]) == (False, 2)
    assert await call_tools(caller_today, row) == (200, None)


@pytest.mark.parametrize("path", ["/install_template/", CATALOGUE])
async def test_a_key_with_the_read_scope_suffices(today: EmbeddedService, path: str) -> None:
    with_key = today.add_template(name="Keys", url=URL, auth_type="api_key")
    async with of(today, "alice") as reader:
        method = "GET" if path == CATALOGUE else "POST"
        answer = await reader.request(method, path, json={"template_id": str(with_key.id), "api_key": "k"})
        assert answer.is_success


UNKNOWN_TEMPLATE = {"template_id": UNKNOWN}


async def test_an_unknown_template_is_not_found(api: httpx.AsyncClient) -> None:
    answer = await api.post("/install_template/", json=UNKNOWN_TEMPLATE)
    assert (answer.status_code, answer.json()) == (404, {"detail": "Template not found"})
