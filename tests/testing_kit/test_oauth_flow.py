"""OAuth flows from their start to their end, as a browser brings them there."""

from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import httpx
import pytest

from posthog_mcp_store.testing import EmbeddedService, OAuthProvider, give_consent

from ..support.certificates import NO_CERTIFICATES
from .support import GOOD_INSTALL, OAUTH_INSTALL, SITE, call_tools, client_of, framework, start

END = f"{SITE}/api/mcp_store/oauth_redirect/"
CALLBACK = "posthog-code://oauth/callback"
DESKTOP = {"install_source": "posthog-code", "posthog_code_callback_url": CALLBACK}
EXPIRED = {"detail": "Invalid or expired OAuth state"}


def state_of(url: str) -> str:
    return parse_qs(urlsplit(url).query)["state"][0]


async def end(client: httpx.AsyncClient, state: str, **query: str) -> httpx.Response:
    """The response to a browser that a provider sent back. A bare client: no key is needed."""
    async with httpx.AsyncClient(transport=client._transport) as browser:
        return await browser.get(END, params={"state": state, **query})


def assert_state_is_refused(answer: httpx.Response) -> None:
    assert (answer.status_code, answer.json()) == (400, EXPIRED)


async def test_a_person_who_allows_it_connects_the_server(
    service: EmbeddedService, caller: httpx.AsyncClient, provider: OAuthProvider
) -> None:
    url = await start(caller)
    [row] = service.installations
    installed_at = row.updated_at
    assert await call_tools(caller, row) == (401, "No credentials configured")
    assert await give_consent(url) == f"{service.base_url}/project/1/settings/mcp-servers?oauth_complete=true"
    assert (await caller.get(f"/{row.id}/")).json()["pending_oauth"] is False
    assert await call_tools(caller, row) == (200, None)
    assert provider.is_valid(row.access_token)
    assert row.updated_at is not None
    assert installed_at is not None
    assert row.updated_at > installed_at


async def test_a_person_who_denies_it_leaves_the_row_pending(
    service: EmbeddedService, caller: httpx.AsyncClient
) -> None:
    end = await give_consent(await start(caller), allow=False)
    assert end == f"{service.base_url}/project/1/settings/mcp-servers?oauth_error=true"
    [row] = service.installations
    assert row.pending_oauth


async def test_the_desktop_application_gets_the_success(caller: httpx.AsyncClient) -> None:
    assert await give_consent(await start(caller, **DESKTOP)) == f"{CALLBACK}?status=success"


async def test_the_desktop_application_gets_the_denial(caller: httpx.AsyncClient) -> None:
    url = await start(caller, **DESKTOP)
    assert await give_consent(url, allow=False) == f"{CALLBACK}?status=error&error=cancelled"


async def test_authorize_starts_a_flow_like_an_installation(
    service: EmbeddedService, caller: httpx.AsyncClient
) -> None:
    await start(caller)
    [server], [row] = service.oauth_servers, service.installations
    row.needs_reauth = True
    query = {"server_id": str(server.id), **DESKTOP}
    location = (await caller.get("/authorize/", params=query)).headers["location"]
    assert await give_consent(location) == f"{CALLBACK}?status=success"
    assert (row.needs_reauth, row.pending_oauth) == (False, False)


async def test_authorize_of_a_server_without_an_own_installation_ends_in_a_refused_state(
    service: EmbeddedService, caller: httpx.AsyncClient
) -> None:
    await start(caller)
    headers = {"Authorization": f"Bearer {service.add_key(user='bob').token}"}
    query = {"server_id": str(service.oauth_servers[0].id)}
    location = (await caller.get("/authorize/", params=query, headers=headers)).headers["location"]
    end = await give_consent(location)
    assert urlsplit(end).path == "/api/mcp_store/oauth_redirect/"
    async with httpx.AsyncClient(trust_env=False, verify=NO_CERTIFICATES) as browser:
        assert_state_is_refused(await browser.get(end))


async def test_authorize_takes_the_lowest_of_several_installations(
    service: EmbeddedService, client: httpx.AsyncClient
) -> None:
    server = service.add_oauth_server()
    rows = [service.add_installation(auth_type="oauth", server=server) for _ in range(3)]
    for row, number in zip(rows, (2, 1, 3), strict=True):
        row.id = UUID(int=number)
    service.add_installation(auth_type="oauth").id = UUID(int=0)
    service.installations.remove(rows[1])
    state = state_of((await client.get(f"/authorize/?server_id={server.id}")).headers["location"])
    service.installations.append(rows[1])
    service.installations.remove(rows[0])
    assert_state_is_refused(await end(client, state, code="c"))  # the flow was for the row that is gone

    state = state_of((await client.get(f"/authorize/?server_id={server.id}")).headers["location"])
    service.installations.remove(rows[2])
    assert (await end(client, state, error="x")).status_code == 302


async def test_the_states_of_flows_are_kept_as_hashes(service: EmbeddedService, client: httpx.AsyncClient) -> None:
    state = state_of(await start(client))
    [kept] = service._state.flows._flows
    assert (len(kept), kept == state) == (64, False)


async def test_verifiers_are_not_shown(service: EmbeddedService, client: httpx.AsyncClient) -> None:
    await start(client)
    [flow] = service._state.flows._flows.values()
    assert flow.verifier not in repr(flow)


@pytest.mark.parametrize(
    ("query", "value"),
    [
        ({"error": "access_denied"}, "cancelled"),
        ({"error": "access_denied", "code": "c"}, "cancelled"),
        ({"error": "server_error"}, "server_error"),
        ({"error": "a&b"}, "a%26b"),
        ({}, "Missing+authorization+code"),
        ({"code": ""}, "Missing+authorization+code"),
        ({"code": "wrong"}, "token_exchange_failed"),
    ],
)
async def test_a_failure_has_a_code(
    service: EmbeddedService, client: httpx.AsyncClient, query: dict[str, str], value: str
) -> None:
    answer = await end(client, state_of(await start(client, **DESKTOP)), **query)
    assert (answer.status_code, answer.headers["location"]) == (302, f"{CALLBACK}?status=error&error={value}")
    assert service.installations[0].pending_oauth


async def test_a_code_that_the_provider_refuses_is_a_failure(caller: httpx.AsyncClient) -> None:
    url = await start(caller, **DESKTOP)
    async with httpx.AsyncClient(trust_env=False, verify=NO_CERTIFICATES) as browser:
        query = {"state": state_of(url), "code": "wrong"}
        answer = await browser.get(f"{caller.base_url.copy_with(path='/')}api/mcp_store/oauth_redirect", params=query)
    assert answer.headers["location"] == f"{CALLBACK}?status=error&error=token_exchange_failed"


@pytest.mark.parametrize(
    ("fields", "location"),
    [
        ({}, f"{SITE}/project/1/settings/mcp-servers?oauth_error=true"),
        ({"install_source": "posthog-code"}, f"{SITE}/project/1/settings/mcp-servers?oauth_error=true"),
        ({"posthog_code_callback_url": CALLBACK}, f"{SITE}/project/1/settings/mcp-servers?oauth_error=true"),
        (DESKTOP | {"posthog_code_callback_url": f"{CALLBACK}?a=b"}, f"{CALLBACK}?a=b&status=error&error=x"),
        (DESKTOP | {"posthog_code_callback_url": "array://"}, "array://?status=error&error=x"),
        (DESKTOP | {"posthog_code_callback_url": "array://ö x"}, "array://%C3%B6%20x?status=error&error=x"),
    ],
)
async def test_the_source_of_the_flow_decides_where_the_browser_ends(
    client: httpx.AsyncClient, fields: dict[str, str], location: str
) -> None:
    answer = await end(client, state_of(await start(client, **fields)), error="x")
    assert answer.headers["location"] == location


async def test_the_settings_page_is_the_one_of_the_project(service: EmbeddedService) -> None:
    service.add_project()
    async with client_of(service, rows="/api/projects/2/mcp_server_installations") as client:
        answer = await end(client, state_of(await start(client)), error="x")
    assert answer.headers["location"] == f"{SITE}/project/2/settings/mcp-servers?oauth_error=true"


@pytest.mark.parametrize("query", ["", "?state=", "?code=c"])
async def test_the_state_must_be_there(client: httpx.AsyncClient, query: str) -> None:
    answer = await client.get(END + query)
    assert (answer.status_code, answer.json()) == (400, {"detail": "Missing state parameter"})


@pytest.mark.parametrize("state", ["unknown", "\udcff", "ö"])
async def test_a_state_must_be_known(client: httpx.AsyncClient, state: str) -> None:
    await start(client)
    assert_state_is_refused(await client.get(END + "?state=" + ("%FF" if state == "\udcff" else state)))


@pytest.mark.parametrize("query", [{"error": "access_denied"}, {}, {"code": "wrong"}])
async def test_a_state_can_be_used_once_by_errors_too(client: httpx.AsyncClient, query: dict[str, str]) -> None:
    state = state_of(await start(client))
    assert (await end(client, state, **query)).status_code == 302
    assert_state_is_refused(await end(client, state, **query))


@pytest.mark.parametrize(("seconds", "status"), [(590, 302), (600, 400)])
async def test_a_state_is_good_for_ten_minutes(
    service: EmbeddedService, client: httpx.AsyncClient, seconds: int, status: int
) -> None:
    state = state_of(await start(client))
    service.advance(seconds)
    assert (await end(client, state, error="x")).status_code == status


async def test_a_flow_of_a_row_that_was_deleted_has_no_state(
    service: EmbeddedService, client: httpx.AsyncClient
) -> None:
    state = state_of(await start(client))
    service.installations.clear()
    assert_state_is_refused(await end(client, state, code="c"))


@pytest.mark.parametrize("path", ["/api/mcp_store/oauth_redirect", "/project/1/settings/mcp-servers"])
async def test_browsers_can_only_read(client: httpx.AsyncClient, path: str) -> None:
    for slash in ("", "/"):
        answer = await client.post(f"{SITE}{path}{slash}")
        refused = framework("invalid_request", "method_not_allowed", 'Method "POST" not allowed.')
        assert (answer.status_code, answer.json()) == (405, refused)


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("?oauth_complete=true", "The server is connected."),
        ("?oauth_error=true", "The connection failed."),
        ("", "Nothing happened."),
    ],
)
async def test_the_settings_page_shows_what_happened(service: EmbeddedService, query: str, text: str) -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=service.app)) as browser:
        page = await browser.get(f"{SITE}/project/1/settings/mcp-servers{query}")
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "<title>MCP servers</title>" in page.text
    assert "<h1>MCP servers</h1>" in page.text
    assert f"<p>{text}" in page.text


CALLBACKS: list[tuple[str, bool]] = [
    ("http://localhost", True),
    ("http://localhost:8000/callback?a=b", True),
    ("http://localhost/", True),
    ("http://localhost?a", True),
    ("posthog-code://oauth/callback", True),
    ("https://localhost/", False),
    ("http://127.0.0.1:8000/", False),
    ("http://localhost.example.com/", False),
    ("http://localhost:8000@example.com/", False),
    ("http://me@localhost/", False),
    ("http://example.com/localhost", False),
    ("javascript://localhost", False),
]


@pytest.mark.parametrize(("callback", "is_fine"), CALLBACKS)
async def test_a_development_instance_also_takes_callbacks_on_localhost(callback: str, is_fine: bool) -> None:
    service = EmbeddedService(development=True, version="2026-04")
    server = service.add_oauth_server()
    async with client_of(service) as client:
        query = {"server_id": str(server.id), "posthog_code_callback_url": callback}
        authorized = await client.get("/authorize/", params=query)
        installed = await client.post("/install_custom/", json=GOOD_INSTALL | {"posthog_code_callback_url": callback})
    assert (authorized.status_code, installed.status_code) == ((302, 201) if is_fine else (400, 400))


@pytest.mark.parametrize("callback", [callback for callback, _ in CALLBACKS if callback != CALLBACK])
async def test_any_other_instance_does_not(client: httpx.AsyncClient, callback: str) -> None:
    answer = await client.post("/install_custom/", json=OAUTH_INSTALL | {"posthog_code_callback_url": callback})
    assert (answer.status_code, answer.json()["attr"]) == (400, "posthog_code_callback_url")


async def test_version_2026_04_accepts_any_browser(service: EmbeddedService, caller: httpx.AsyncClient) -> None:
    url = await start(caller)
    async with httpx.AsyncClient(trust_env=False, verify=NO_CERTIFICATES) as browser:
        await browser.get(service.login_url("bob"))
        assert (await give_consent(url, client=browser)).endswith("?oauth_complete=true")


async def test_the_clock_can_be_put_forward(service: EmbeddedService, client: httpx.AsyncClient) -> None:
    before = service.add_installation()
    service.advance(3600)
    service.advance(60)
    body: dict[str, Any] = (await client.patch(f"/{before.id}/", json={})).json()
    after = service.add_installation()
    assert 3660 <= (after.created_at - before.created_at).total_seconds() < 3720
    assert body["updated_at"] > before.created_at.isoformat()
