"""`install_custom` of today's service: its fields, its checks in their order, and installing again."""

from typing import Any

import httpx
import pytest
from starlette.responses import JSONResponse, PlainTextResponse, Response

from posthog_mcp_store.testing import EmbeddedService, OAuthProvider, give_consent, serve_app

from .scripted_server import URL, ScriptedServer
from .support import GOOD_INSTALL, OAUTH_INSTALL, call_tools, forbidden, invalid, of

SHARED = forbidden("Only project admins can create shared MCP servers.")
CUSTOM = forbidden("Custom MCP servers are limited to project admins in this project.")
TEAM = forbidden("Only project admins can set team availability.")
AGENTS = forbidden("Only project admins can share servers with agents in this project.")
OFF = forbidden("This server is disabled for your team.")
OWNER = forbidden("Only the credential owner can modify a shared server.")
INSTALLED = {"detail": "This server URL is already installed."}


async def install(api: httpx.AsyncClient, body: Any = GOOD_INSTALL, **fields: Any) -> tuple[int, Any]:
    answer = await api.post("/install_custom/", json=body | fields)
    return answer.status_code, answer.json()


async def test_a_new_installation_is_the_users_own(today: EmbeddedService, api: httpx.AsyncClient) -> None:
    status, body = await install(api, api_key="key", description="Ours")
    assert (status, body["scope"], body["is_owner"], body["description"]) == (201, "personal", True, "Ours")
    [row] = today.installations
    assert (row.user, row.api_key, row.agent_scope) == ("alice", "key", "personal")
    assert row.tools is not None
    assert len(row.tools) == 0
    assert today.project().servers == {URL: True}


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"scope": "team"}, invalid("invalid_choice", '"team" is not a valid choice.', "scope")),
        ({"agent_scope": None}, invalid("null", "This field may not be null.", "agent_scope")),
        ({"agent_scope": "shared"}, invalid("invalid_choice", '"shared" is not a valid choice.', "agent_scope")),
        ({"team_enabled": "maybe"}, invalid("invalid_input", "Must be a valid boolean.", "team_enabled")),
        ({"return_path": []}, invalid("invalid_input", "Not a valid string.", "return_path")),
        ({"client_id": None}, invalid("null", "This field may not be null.", "client_id")),
        (
            {"url": "https://10.0.0.1/"},
            invalid("invalid_input", "URL not allowed: Private IP address not allowed", "url"),
        ),
        # The fields are checked in their order.
        (
            {"posthog_code_callback_url": "https://x.example", "scope": "team"},
            invalid("invalid_input", "Invalid callback URL", "posthog_code_callback_url"),
        ),
    ],
)
async def test_its_fields_are_checked(api: httpx.AsyncClient, fields: dict[str, Any], error: object) -> None:
    assert await install(api, **fields) == (400, error)


async def test_former_fields_are_ignored(today: EmbeddedService, api: httpx.AsyncClient) -> None:
    assert (await install(api, agent_ids=[]))[0] == 201
    assert today.installations[0].agent_scope == "personal"


async def test_only_admins_share(today: EmbeddedService, api: httpx.AsyncClient) -> None:
    assert await install(api, scope="shared") == (403, SHARED)
    today.project().admins.add("alice")
    status, body = await install(api, scope="shared")
    assert (status, body["scope"], body["is_owner"]) == (201, "shared", True)


async def test_a_project_may_reserve_custom_servers_to_admins(today: EmbeddedService, api: httpx.AsyncClient) -> None:
    today.project().members_add_servers = False
    assert await install(api) == (403, CUSTOM)
    today.add_installation(url=URL, user="bob")
    assert (await install(api))[0] == 201
    today.project().admins.add("alice")
    assert (await install(api, url="https://other.example.com/mcp"))[0] == 201


async def test_only_admins_switch_a_server_off(today: EmbeddedService, api: httpx.AsyncClient) -> None:
    assert await install(api, team_enabled=False) == (403, TEAM)
    today.project().admins.add("alice")
    status, body = await install(api, team_enabled=False)
    assert (status, today.project().servers) == (201, {URL: False})
    answer = await api.post(f"/{body['id']}/proxy/", json={"jsonrpc": "2.0", "id": 1, "method": "ping"})
    assert (answer.status_code, answer.json()) == (403, {"error": "Server is disabled for this team"})


async def test_members_manage_agents_unless_the_project_forbids_it(
    today: EmbeddedService, api: httpx.AsyncClient
) -> None:
    assert (await install(api, agent_scope="team"))[0] == 201
    today.project().members_manage_agents = False
    other = {"url": "https://other.example.com/mcp"}
    assert await install(api, **other, agent_scope="personal") == (403, AGENTS)
    assert (await install(api, **other))[0] == 201
    today.project().admins.add("alice")
    assert (await install(api, url="https://third.example.com/mcp"))[0] == 201
    assert [row.agent_scope for row in today.installations] == ["team", None, "personal"]


@pytest.mark.parametrize("body", [GOOD_INSTALL, OAUTH_INSTALL])
async def test_a_server_that_is_off_is_not_installed(
    today: EmbeddedService, api: httpx.AsyncClient, body: dict[str, Any]
) -> None:
    today.project().servers[URL] = False
    assert await install(api, body) == (403, OFF)
    today.project().admins.add("alice")
    assert await install(api, body) == (403, OFF)
    assert today.installations == []


async def test_an_admin_may_install_what_is_off_by_default_only(today: EmbeddedService, api: httpx.AsyncClient) -> None:
    today.project().servers_start_enabled = False
    assert await install(api) == (403, OFF)
    today.project().admins.add("alice")
    assert (await install(api))[0] == 201
    # From then on it is enabled for everybody.
    async with of(today, "bob") as bob:
        assert (await install(bob))[0] == 201


async def test_the_checks_come_in_the_services_order(today: EmbeddedService, api: httpx.AsyncClient) -> None:
    project = today.project()
    project.members_add_servers = project.members_manage_agents = project.servers_start_enabled = False
    today.add_installation(url="https://known.example.com/mcp", user="bob")
    known = {"url": "https://known.example.com/mcp"}
    project.servers[known["url"]] = False
    everything = {"scope": "shared", "team_enabled": False, "agent_scope": "team"}
    assert await install(api, name="", **everything) == (400, invalid("blank", "This field may not be blank.", "name"))
    assert await install(api, **everything) == (403, SHARED)
    assert await install(api, team_enabled=False, agent_scope="team") == (403, CUSTOM)
    assert await install(api, team_enabled=False, agent_scope="team", **known) == (403, TEAM)
    assert await install(api, agent_scope="team", **known) == (403, AGENTS)
    assert await install(api, **known) == (403, OFF)
    today.add_installation(url=known["url"])
    project.servers[known["url"]] = False
    assert await install(api, **known) == (403, OFF)


@pytest.mark.parametrize("fields", [{}, {"auth_type": "oauth"}, {"is_enabled": False}])
async def test_a_key_is_not_installed_twice(
    today: EmbeddedService, api: httpx.AsyncClient, fields: dict[str, Any]
) -> None:
    today.add_installation(url=URL, **fields)
    assert await install(api) == (400, INSTALLED)


async def test_a_personal_and_a_shared_row_may_have_the_same_url(
    today: EmbeddedService, api: httpx.AsyncClient
) -> None:
    today.project().admins.add("alice")
    today.add_installation(url=URL, user="bob", scope="shared")
    assert (await install(api))[0] == 201
    assert await install(api, scope="shared") == (400, INSTALLED)


async def test_a_shared_row_of_somebody_else_is_not_installed_again_with_oauth(
    today: EmbeddedService, api: httpx.AsyncClient
) -> None:
    today.project().admins.add("alice")
    row = today.add_installation(url=URL, user="bob", scope="shared", auth_type="oauth", is_enabled=False)
    assert await install(api, OAUTH_INSTALL, scope="shared") == (403, OWNER)
    assert (row.is_enabled, row.needs_reauth) == (False, False)


async def test_installing_again_enables_a_row_and_drops_its_tokens(
    today: EmbeddedService, api: httpx.AsyncClient
) -> None:
    row = today.add_installation(url=URL, auth_type="oauth", is_enabled=False, display_name="Old")
    first = row.server
    status, body = await install(api, OAUTH_INSTALL, name="Ignored")
    assert (status, list(body)) == (200, ["redirect_url"])
    assert (row.is_enabled, row.needs_reauth, row.pending_oauth, row.name) == (True, True, True, "Old")
    assert row.server is not first


async def test_a_failed_second_installation_leaves_two_changes_behind(
    today: EmbeddedService, api: httpx.AsyncClient
) -> None:
    row = today.add_installation(url=URL, is_enabled=False)
    today.add_mcp_server(URL, ScriptedServer())
    assert await install(api, OAUTH_INSTALL) == (400, {"detail": "OAuth discovery failed."})
    assert (row.auth_type, row.is_enabled, row.pending_oauth, row.needs_reauth) == ("oauth", True, True, False)


async def test_each_installation_registers_its_own_client(
    today: EmbeddedService, api: httpx.AsyncClient, provider: OAuthProvider
) -> None:
    with provider.serve(), serve_app(_naming(provider)) as host:
        today.add_mcp_server(URL, f"{host}/mcp")
        async with of(today, "bob") as bob:
            for client in (api, bob):
                assert (await install(client, OAUTH_INSTALL))[0] == 200
    one, other = today.installations
    assert one.server is not None
    assert other.server is not None
    assert one.server.client_id != other.server.client_id
    assert [client.client_name for client in provider.clients] == ["MCP Store by PostHog"] * 2


@pytest.mark.parametrize(
    ("secret", "methods", "is_fine"),
    [
        ("", None, True),
        ("", ["none"], True),
        ("", ["client_secret_post"], False),
        ("secret", None, True),
        ("secret", ["client_secret_post", "none"], True),
        ("secret", ["none", "private_key_jwt"], False),
    ],
)
async def test_an_own_client_is_used_where_the_provider_supports_it(
    today: EmbeddedService, api: httpx.AsyncClient, secret: str, methods: list[str] | None, is_fine: bool
) -> None:
    with serve_app(_Provider(methods)) as host:
        today.add_mcp_server(URL, f"{host}/mcp")
        status, body = await install(api, OAUTH_INSTALL, client_id=" acme ", client_secret=secret)
    if not is_fine:
        assert (status, body) == (400, {"detail": "OAuth token endpoint auth method is not supported."})
        assert today.installations == []
        return
    assert (status, "client_id=acme&" in body["redirect_url"]) == (200, True)
    [server] = today.oauth_servers
    assert (server.client_id, server.client_secret) == ("acme", secret)


async def test_a_secret_without_a_client_is_dropped(today: EmbeddedService, api: httpx.AsyncClient) -> None:
    assert (await install(api, OAUTH_INSTALL, client_secret="secret"))[0] == 200
    assert today.oauth_servers[0].client_secret == ""


async def test_an_own_client_is_used_without_a_real_provider_too(
    today: EmbeddedService, api: httpx.AsyncClient
) -> None:
    _, body = await install(api, OAUTH_INSTALL, client_id="acme")
    assert body["redirect_url"].startswith("https://mcp.example.com/authorize?client_id=acme&")


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        (PlainTextResponse("For\n bidden", 403), " The server rejected registration (HTTP 403): For bidden"),
        (Response(status_code=500), " The server rejected registration (HTTP 500)"),
        (JSONResponse({}), ""),
    ],
)
async def test_a_refused_registration_is_reported_in_the_providers_words(
    today: EmbeddedService, api: httpx.AsyncClient, refusal: Response, words: str
) -> None:
    with serve_app(_Provider(None, refusal)) as host:
        today.add_mcp_server(URL, f"{host}/mcp")
        assert await install(api, OAUTH_INSTALL) == (400, {"detail": f"OAuth registration failed.{words}"})
    assert today.installations == []


async def test_the_providers_words_are_cut(today: EmbeddedService, api: httpx.AsyncClient) -> None:
    with serve_app(_Provider(None, PlainTextResponse("x" * 1000, 400))) as host:
        today.add_mcp_server(URL, f"{host}/mcp")
        _, body = await install(api, OAUTH_INSTALL)
    assert len(body["detail"]) == len("OAuth registration failed. ") + 300


async def test_what_was_installed_with_oauth_works_after_consent_and_approval(
    today: EmbeddedService, caller_today: httpx.AsyncClient
) -> None:
    _, body = await install(caller_today, OAUTH_INSTALL)
    assert (await give_consent(body["redirect_url"])).endswith("/project/1/settings/mcp-servers?oauth_complete=true")
    [row] = today.installations
    assert await call_tools(caller_today, row) == (200, None)
    assert row.tools is not None
    assert {tool.name: tool.approval_state for tool in row.tools.sorted()} == {
        "add": "needs_approval",
        "greet": "needs_approval",
    }


class _Provider:
    """An OAuth provider's metadata and registration, at the MCP server's own origin."""

    def __init__(self, methods: list[str] | None, registration: Response | None = None) -> None:
        self._methods = {} if methods is None else {"token_endpoint_auth_methods_supported": methods}
        self._registration = registration

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            return
        host = dict(scope["headers"])[b"host"].decode()
        answers: dict[str, Response | None] = {
            "/.well-known/oauth-authorization-server": JSONResponse(
                {
                    "issuer": f"http://{host}",
                    "authorization_endpoint": f"http://{host}/authorize",
                    "token_endpoint": f"http://{host}/token",
                    "registration_endpoint": f"http://{host}/register",
                    **self._methods,
                }
            ),
            "/register": self._registration,
        }
        await (answers.get(scope["path"]) or Response(status_code=404))(scope, receive, send)


def _naming(provider: OAuthProvider) -> Any:
    """An MCP server that names the provider in its metadata."""

    async def server(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await JSONResponse({"authorization_servers": [provider.issuer]})(scope, receive, send)

    return server
