"""OAuth flows of today's service: who may end them, where they end, and the reading of tools after them."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from starlette.responses import JSONResponse, Response

from posthog_mcp_store.testing import EmbeddedService, InstallationRecord, OAuthProvider, give_consent, serve_app

from ..support.certificates import NO_CERTIFICATES
from .scripted_server import URL, ScriptedServer
from .support import OAUTH_INSTALL, call_tools, client_of, start

INVALID = (400, {"detail": "Invalid or expired OAuth state"})
NEEDS_REAUTH = (401, "Installation needs re-authentication")
FAILED = (401, "Authentication failed")


@pytest.fixture
async def browser() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False, verify=NO_CERTIFICATES) as browser:
        yield browser


@pytest.fixture
async def row(today: EmbeddedService, caller_today: httpx.AsyncClient) -> InstallationRecord:
    """A connected row."""
    today.approve_new_tools = True
    await give_consent(await start(caller_today))
    return today.installations[0]


async def authorize(caller: httpx.AsyncClient, row: InstallationRecord, **query: str) -> str:
    answer = await caller.get("/authorize/", params={"installation_id": str(row.id), **query})
    return str(answer.headers["location"])


async def end_of(browser: httpx.AsyncClient, url: str, **given: Any) -> tuple[int, Any]:
    """Consent, and what the redirect endpoint answers in this browser."""
    end = await give_consent(url, client=browser, **given)
    answer = await browser.get(end)
    return answer.status_code, answer.json() if answer.status_code == 400 else answer.url.path


class TestTheBrowser:
    async def test_needs_no_login_unless_the_service_requires_one(
        self, today: EmbeddedService, caller_today: httpx.AsyncClient
    ) -> None:
        assert today.requires_login is False
        assert (await give_consent(await start(caller_today))).endswith("?oauth_complete=true")

    @pytest.mark.parametrize("requires_login", [False, True])
    async def test_is_refused_if_it_is_logged_in_as_somebody_else(
        self, today: EmbeddedService, caller_today: httpx.AsyncClient, browser: httpx.AsyncClient, requires_login: bool
    ) -> None:
        today.requires_login = requires_login
        await browser.get(today.login_url("bob"))
        assert await end_of(browser, await start(caller_today)) == INVALID
        assert today.installations[0].pending_oauth

    @pytest.mark.parametrize("requires_login", [False, True])
    async def test_may_be_logged_in_as_the_user_who_started_the_flow(
        self, today: EmbeddedService, caller_today: httpx.AsyncClient, browser: httpx.AsyncClient, requires_login: bool
    ) -> None:
        today.requires_login = requires_login
        await browser.get(today.login_url("alice"))
        end = await give_consent(await start(caller_today), client=browser)
        assert end.endswith("/project/1/settings/mcp-servers?oauth_complete=true")

    async def test_must_be_logged_in_where_the_service_requires_it(
        self, today: EmbeddedService, caller_today: httpx.AsyncClient, browser: httpx.AsyncClient
    ) -> None:
        today.requires_login = True
        assert await end_of(browser, await start(caller_today)) == INVALID

    @pytest.mark.parametrize(("source", "is_fine"), [("posthog-code", True), ("posthog", False)])
    async def test_may_be_anyones_for_the_desktop_application_of_a_development_instance(
        self, servers: Any, provider: OAuthProvider, browser: httpx.AsyncClient, source: str, is_fine: bool
    ) -> None:
        service = EmbeddedService(development=True, requires_login=True)
        with servers.protected(service, provider) as caller:
            async with caller:
                status, _ = await end_of(browser, await start(caller, install_source=source))
        assert (status == 200) is is_fine
        assert service.installations[0].pending_oauth is not is_fine


class TestTheEnd:
    @pytest.mark.parametrize("allow", [True, False])
    @pytest.mark.parametrize(
        ("path", "end"),
        [
            ("/project/1/mine", "/project/1/mine?{}"),
            ("/mine?a=1&b=", "/mine?a=1&b=&{}"),
            ("/mine?oauth_error=true&a=1&oauth_complete=false#top", "/mine?a=1&{}#top"),
            ("/mine?next=https://elsewhere.example", "/mine?next=https%3A%2F%2Felsewhere.example&{}"),
            ("", "/project/1/settings/mcp-servers?{}"),
            ("mine", "/project/1/settings/mcp-servers?{}"),
            ("//elsewhere.example/", "/project/1/settings/mcp-servers?{}"),
            ("https://elsewhere.example/", "/project/1/settings/mcp-servers?{}"),
            ("/a:b", "/project/1/settings/mcp-servers?{}"),
        ],
    )
    async def test_is_the_return_path_if_it_is_a_good_one(
        self, today: EmbeddedService, caller_today: httpx.AsyncClient, path: str, end: str, allow: bool
    ) -> None:
        url = await start(caller_today, return_path=path)
        expected = end.format("oauth_complete=true" if allow else "oauth_error=true")
        assert await give_consent(url, allow=allow) == today.base_url + expected

    @pytest.mark.parametrize("operation", ["authorize", "install_template"])
    async def test_is_the_return_path_of_every_operation_that_starts_a_flow(
        self, today: EmbeddedService, caller_today: httpx.AsyncClient, row: InstallationRecord, operation: str
    ) -> None:
        if operation == "authorize":
            url = await authorize(caller_today, row, return_path="/mine")
        else:
            template = today.add_template(name="Orders", url=URL)
            body = {"template_id": str(template.id), "return_path": "/mine"}
            url = (await caller_today.post("/install_template/", json=body)).json()["redirect_url"]
        assert await give_consent(url) == f"{today.base_url}/mine?oauth_complete=true"

    async def test_is_the_callback_of_the_desktop_application_first(self, caller_today: httpx.AsyncClient) -> None:
        callback = {"install_source": "posthog-code", "posthog_code_callback_url": "array://done?a=1"}
        url = await start(caller_today, return_path="/mine", **callback)
        assert await give_consent(url) == "array://done?a=1&status=success"

    @pytest.mark.parametrize("fault", ["denied", "no code", "wrong code"])
    async def test_of_a_failed_flow_uses_up_the_state_and_changes_nothing(
        self,
        today: EmbeddedService,
        caller_today: httpx.AsyncClient,
        browser: httpx.AsyncClient,
        row: InstallationRecord,
        fault: str,
    ) -> None:
        before, token = caller_today.base_url, row.access_token
        shown = row.to_json(str(before))
        state = parse_qs(urlsplit(await authorize(caller_today, row)).query)["state"][0]
        query = {"denied": {"error": "access_denied"}, "no code": {}, "wrong code": {"code": "x"}}[fault]
        redirect = f"{today.base_url}/api/mcp_store/oauth_redirect/"
        answer = await browser.get(redirect, params={"state": state, **query})
        assert answer.headers["location"].endswith("?oauth_error=true")
        assert (row.to_json(str(before)), row.access_token) == (shown, token)
        answer = await browser.get(redirect, params={"state": state})
        assert (answer.status_code, answer.json()) == INVALID

    async def test_of_a_reconnection_is_seen_by_updated_at_alone(
        self, today: EmbeddedService, caller_today: httpx.AsyncClient, row: InstallationRecord
    ) -> None:
        before, token = row.to_json(""), row.access_token
        url = await authorize(caller_today, row)
        assert (row.to_json(""), row.access_token) == (before, token)
        await give_consent(url)
        after = row.to_json("")
        assert {name for name in after if after[name] != before[name]} == {"updated_at", "last_synced_at"}
        assert row.access_token != token

    async def test_of_a_flagged_rows_flow_clears_the_flag(
        self, today: EmbeddedService, caller_today: httpx.AsyncClient, row: InstallationRecord
    ) -> None:
        row.needs_reauth = True
        await give_consent(await authorize(caller_today, row))
        assert (row.needs_reauth, await call_tools(caller_today, row)) == (False, (200, None))


class TestTheTools:
    async def test_are_read_after_the_flow(self, today: EmbeddedService, caller_today: httpx.AsyncClient) -> None:
        url = await start(caller_today)
        [row] = today.installations
        assert (row.to_json("")["tool_count"], row.last_synced_at) == (0, None)
        await give_consent(url)
        body = (await caller_today.get(f"/{row.id}/")).json()
        assert (body["tool_count"], body["last_synced_at"] is None, body["last_sync_error"]) == (2, False, "")
        assert body["updated_at"] < body["last_synced_at"]

    async def test_are_not_read_if_the_test_says_so(
        self, today: EmbeddedService, caller_today: httpx.AsyncClient
    ) -> None:
        assert today.sync_tools_after_install is True
        today.sync_tools_after_install = False
        await give_consent(await start(caller_today))
        [row] = today.installations
        assert (row.to_json("")["tool_count"], row.last_synced_at, row.pending_oauth) == (0, None, False)
        call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "add"}}
        answer = await caller_today.post(f"/{row.id}/proxy/", json=call)
        assert answer.json()["error"]["code"] == -32601
        assert (await caller_today.post(f"/{row.id}/tools/refresh/")).status_code == 200
        answer = await caller_today.post(f"/{row.id}/proxy/", json=call)
        assert answer.json()["error"]["code"] == -32001

    async def test_can_be_approved_in_advance_or_by_one_call(
        self, today: EmbeddedService, caller_today: httpx.AsyncClient
    ) -> None:
        await give_consent(await start(caller_today))
        [row] = today.installations
        other = today.add_installation(tools={"mine": "do_not_use", "gone": "removed"})
        today.add_installation()
        assert row.tools is not None
        assert other.tools is not None
        assert {tool.approval_state for tool in row.tools.sorted()} == {"needs_approval"}
        today.approve_tools(row)
        assert {tool.approval_state for tool in row.tools.sorted()} == {"approved"}
        assert other.tools["mine"].approval_state == "do_not_use"
        today.approve_tools()
        assert other.tools["mine"].choices == {"alice": "approved"}
        assert other.tools["gone"].choices == {}
        row.tools, today.approve_new_tools = {}, True
        assert today.approve_new_tools is True
        [add, _] = (await caller_today.post(f"/{row.id}/tools/refresh/")).json()["results"]
        assert (add["approval_state"], add["decided_by"]) == ("approved", "scope")

    async def test_of_a_key_that_the_server_refuses_leave_an_error(
        self, today: EmbeddedService, caller_today: httpx.AsyncClient
    ) -> None:
        body = OAUTH_INSTALL | {"auth_type": "api_key", "api_key": "wrong"}
        created = (await caller_today.post("/install_custom/", json=body)).json()
        assert (created["last_synced_at"], created["last_sync_error"]) == (None, "")
        retrieved = (await caller_today.get(f"/{created['id']}/")).json()
        assert (retrieved["last_synced_at"], retrieved["last_sync_error"]) == (
            None,
            "Upstream initialize returned status 401",
        )

    async def test_of_an_unreachable_server_leave_an_error_too(
        self, today: EmbeddedService, api: httpx.AsyncClient
    ) -> None:
        created = (await api.post("/install_custom/", json=OAUTH_INSTALL | {"auth_type": "api_key"})).json()
        retrieved = (await api.get(f"/{created['id']}/")).json()
        assert retrieved["last_sync_error"] == "Upstream MCP server unreachable"

    async def test_are_read_with_a_refreshed_token(
        self, today: EmbeddedService, caller_today: httpx.AsyncClient, row: InstallationRecord, provider: OAuthProvider
    ) -> None:
        today.advance(1800)
        assert (await caller_today.post(f"/{row.id}/tools/refresh/")).status_code == 200
        assert provider.token_requests == ["authorization_code", "refresh_token"]

    async def test_are_not_read_if_the_refresh_fails(
        self, today: EmbeddedService, caller_today: httpx.AsyncClient, row: InstallationRecord, provider: OAuthProvider
    ) -> None:
        provider.refuses_refreshes = True
        today.advance(1800)
        answer = await caller_today.post(f"/{row.id}/tools/refresh/")
        reason = "Token refresh failed: Installation needs re-authentication"
        detail = f"Could not refresh tools from the upstream MCP server: {reason}"
        assert (answer.status_code, answer.json(), row.needs_reauth) == (502, {"detail": detail}, True)

    async def test_of_an_old_instance_are_not_read(self) -> None:
        service, server = EmbeddedService(version="2026-04"), ScriptedServer()
        service.add_mcp_server(URL, server)
        async with client_of(service) as client:
            assert (await client.post("/install_custom/", json=OAUTH_INSTALL | {"auth_type": "api_key"})).is_success
        assert (server.requests, service.installations[0].tools) == ([], None)


class TestARefresh:
    @pytest.mark.parametrize(
        ("answer", "is_refused"),
        [
            (JSONResponse({"error": "invalid_grant"}, 400), True),
            (JSONResponse({"error": "invalid_client"}, 401), True),
            (JSONResponse({"error": "invalid_request"}, 400), False),
            (JSONResponse(["invalid_grant"], 400), False),
            (Response("not JSON", 404), False),
            (Response(status_code=500), False),
            (JSONResponse({"error": "invalid_grant"}), False),
        ],
    )
    async def test_is_refused_for_good_by_two_error_codes_only(
        self,
        today: EmbeddedService,
        caller_today: httpx.AsyncClient,
        row: InstallationRecord,
        answer: Response,
        is_refused: bool,
    ) -> None:
        async def provider(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] == "http":
                await answer(scope, receive, send)

        today.advance(1800)
        with serve_app(provider) as host:
            assert row.server is not None
            row.server.token_endpoint = f"{host}/token"
            assert await call_tools(caller_today, row) == (NEEDS_REAUTH if is_refused else FAILED)
        assert row.needs_reauth is is_refused

    async def test_is_due_at_half_the_lifetime_even_without_a_refresh_token(
        self, today: EmbeddedService, caller_today: httpx.AsyncClient, row: InstallationRecord
    ) -> None:
        row.refresh_token = ""
        today.advance(1790)
        assert await call_tools(caller_today, row) == (200, None)
        today.advance(20)
        assert await call_tools(caller_today, row) == NEEDS_REAUTH
        assert row.needs_reauth

    @pytest.mark.parametrize("path", ["/available_tools/", "/{id}/call_tool/", "/{id}/tools/refresh/"])
    async def test_happens_wherever_the_token_is_needed(
        self,
        today: EmbeddedService,
        caller_today: httpx.AsyncClient,
        row: InstallationRecord,
        provider: OAuthProvider,
        path: str,
    ) -> None:
        today.advance(1800)
        method = "GET" if path == "/available_tools/" else "POST"
        body = {"tool_name": "add", "arguments": {"a": 1, "b": 2}}
        assert (await caller_today.request(method, path.format(id=row.id), json=body)).status_code == 200
        assert provider.token_requests[-1] == "refresh_token"

    async def test_that_fails_hides_a_server_and_fails_a_call(
        self, today: EmbeddedService, caller_today: httpx.AsyncClient, row: InstallationRecord, provider: OAuthProvider
    ) -> None:
        provider.refuses_refreshes = True
        today.advance(1800)
        assert (await caller_today.get("/available_tools/")).json() == {"servers": []}
        answer = await caller_today.post(f"/{row.id}/call_tool/", json={"tool_name": "add"})
        body = {"detail": "Installation needs re-authentication", "reason": "disabled"}
        assert (answer.status_code, answer.json()) == (401, body)
