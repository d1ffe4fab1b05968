"""Differences between the OAuth flows of the service's versions."""

from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from posthog_mcp_store.testing import EmbeddedService, InstallationRecord, OAuthProvider, give_consent

from ..support.certificates import NO_CERTIFICATES
from .support import LIST_TOOLS, OAUTH_INSTALL, SITE, call_tools, client_of, invalid, start

UNKNOWN = "0195f3a0-0000-7000-8000-000000000001"
EXACTLY_ONE = invalid("invalid_input", "Pass exactly one of template_id or installation_id")


async def error_of(client: httpx.AsyncClient, row: InstallationRecord) -> object:
    return (await client.post(f"/{row.id}/proxy/", json=LIST_TOOLS)).json()["error"]


def query_of(url: str) -> dict[str, list[str]]:
    return parse_qs(urlsplit(url).query)


class TestAnEarlyServiceThatInstallsAgain:
    async def test_keeps_a_key_row_a_key_row_and_loses_the_key_in_the_end(
        self, service: EmbeddedService, caller: httpx.AsyncClient
    ) -> None:
        row = service.add_installation(url=OAUTH_INSTALL["url"], api_key="the-key")
        before = row.to_json(SITE)
        url = await start(caller, name="Ignored")
        assert (row.to_json(SITE), row.api_key) == (before, "the-key")
        assert (await give_consent(url)).endswith("?oauth_complete=true")
        assert (row.auth_type, row.api_key, row.pending_oauth) == ("api_key", "", False)
        assert await call_tools(caller, row) == (401, "No credentials configured")

    async def test_lets_an_oauth_row_work_until_the_flow_ends(
        self, service: EmbeddedService, caller: httpx.AsyncClient, provider: OAuthProvider
    ) -> None:
        await give_consent(await start(caller))
        [row] = service.installations
        before, token = row.to_json(SITE), row.access_token
        url = await start(caller, name="Ignored")
        assert (row.to_json(SITE), row.access_token) == (before, token)
        assert await call_tools(caller, row) == (200, None)
        assert (await give_consent(url)).endswith("?oauth_complete=true")
        assert (row.access_token != token, provider.is_valid(row.access_token)) == (True, True)
        assert row.to_json(SITE) == before | {"updated_at": row.to_json(SITE)["updated_at"]}
        assert row.to_json(SITE)["updated_at"] > before["updated_at"]

    async def test_keeps_the_old_token_when_the_flow_fails(
        self, service: EmbeddedService, caller: httpx.AsyncClient
    ) -> None:
        await give_consent(await start(caller))
        await give_consent(await start(caller), allow=False)
        assert await call_tools(caller, service.installations[0]) == (200, None)

    async def test_takes_another_provider_with_the_end_of_the_flow(
        self, service: EmbeddedService, caller: httpx.AsyncClient
    ) -> None:
        row = service.add_installation(url=OAUTH_INSTALL["url"], auth_type="oauth")
        old = row.server
        url = await start(caller)
        assert row.server is old
        await give_consent(url)
        assert row.server is service.oauth_servers[-1] is not old

    async def test_does_not_touch_the_row_that_is_authorized(
        self, service: EmbeddedService, client: httpx.AsyncClient
    ) -> None:
        row = service.add_installation(auth_type="oauth")
        before = row.to_json(SITE)
        assert row.server is not None
        url = (await client.get(f"/authorize/?server_id={row.server.id}")).headers["location"]
        assert (row.to_json(SITE), "resource" in query_of(url)) == (before, False)


class TestVersion202609:
    @pytest.fixture
    def service(self) -> EmbeddedService:
        return EmbeddedService(version="2026-09")

    @pytest.mark.parametrize("auth_type", ["api_key", "oauth"])
    async def test_resets_a_row_that_is_installed_again(
        self, service: EmbeddedService, caller: httpx.AsyncClient, auth_type: str
    ) -> None:
        row = service.add_installation(url=OAUTH_INSTALL["url"], auth_type=auth_type, api_key="k", display_name="Old")
        row.refresh_token, row.expires_at, row.token_received_at = "r", row.created_at, row.created_at
        moved_at = row.updated_at
        url = await start(caller, name="Ignored")
        body = (await caller.get(f"/{row.id}/")).json()
        assert (body["auth_type"], body["needs_reauth"], body["pending_oauth"]) == ("oauth", True, True)
        assert (row.api_key, row.access_token, row.refresh_token) == ("", "", "")
        assert {row.expires_at, row.token_received_at} == {None}
        assert (row.display_name, row.updated_at == moved_at) == ("Old", False)
        assert await error_of(caller, row) == "Installation needs re-authentication"
        async with httpx.AsyncClient(trust_env=False, verify=NO_CERTIFICATES) as browser:
            await browser.get(service.login_url())
            assert (await give_consent(url, client=browser)).endswith("?oauth_complete=true")
        assert (row.needs_reauth, row.pending_oauth) == (False, False)
        assert await call_tools(caller, row) == (200, None)

    async def test_leaves_a_row_alone_when_the_flow_can_not_be_started(
        self, service: EmbeddedService, client: httpx.AsyncClient
    ) -> None:
        row = service.add_installation(url=OAUTH_INSTALL["url"], auth_type="oauth")
        service.add_mcp_server(row.url, "http://127.0.0.1:1/mcp")
        before = row.to_json(SITE)
        assert (await client.post("/install_custom/", json=OAUTH_INSTALL)).status_code == 400
        assert (row.to_json(SITE), bool(row.access_token)) == (before, True)

    async def test_does_not_ask_for_reauthorization_of_a_new_row(
        self, service: EmbeddedService, client: httpx.AsyncClient
    ) -> None:
        await start(client)
        [row] = service.installations
        assert (row.needs_reauth, row.pending_oauth) == (False, True)

    async def test_names_the_server_to_the_provider(self, client: httpx.AsyncClient) -> None:
        assert query_of(await start(client))["resource"] == [OAUTH_INSTALL["url"]]

    @pytest.mark.parametrize("source", ["", "&install_source=", "&install_source=posthog"])
    async def test_authorizes_an_installation_by_302(
        self, service: EmbeddedService, client: httpx.AsyncClient, source: str
    ) -> None:
        row = service.add_installation(auth_type="oauth")
        before = row.to_json(SITE)
        answer = await client.get(f"/authorize/?installation_id={row.id}&template_id={source}")
        assert (answer.status_code, answer.content) == (302, b"")
        assert answer.headers["location"].startswith("https://auth.example.com/authorize?client_id=")
        assert row.to_json(SITE) == before

    async def test_gives_the_desktop_application_json(
        self, service: EmbeddedService, client: httpx.AsyncClient
    ) -> None:
        row = service.add_installation(auth_type="oauth")
        answer = await client.get(f"/authorize/?installation_id={row.id}&install_source=posthog-code")
        assert (answer.status_code, list(answer.json())) == (200, ["redirect_url"])
        assert query_of(answer.json()["redirect_url"])["resource"] == [row.url]

    @pytest.mark.parametrize(
        ("query", "status", "error"),
        [
            ("", 400, EXACTLY_ONE),
            ("?server_id={id}", 400, EXACTLY_ONE),
            ("?template_id=&installation_id=", 400, EXACTLY_ONE),
            ("?template_id={id}&installation_id={id}", 400, EXACTLY_ONE),
            ("?installation_id=x", 400, invalid("invalid_input", "Must be a valid UUID.", "installation_id")),
            ("?template_id=x", 400, invalid("invalid_input", "Must be a valid UUID.", "template_id")),
            ("?installation_id={id}&posthog_code_callback_url=x", 400, {"detail": "Invalid callback URL"}),
            (f"?template_id={UNKNOWN}", 404, {"detail": "Template not found"}),
            (f"?installation_id={UNKNOWN}", 404, {"detail": "Installation not found"}),
            ("?installation_id={bobs}", 404, {"detail": "Installation not found"}),
            (
                "?installation_id={key}",
                400,
                {"detail": "Installation is missing OAuth state — reinstall the server"},
            ),
        ],
    )
    async def test_checks_what_it_is_asked_to_authorize(
        self, service: EmbeddedService, client: httpx.AsyncClient, query: str, status: int, error: object
    ) -> None:
        ids = {
            "id": service.add_installation(auth_type="oauth").id,
            "bobs": service.add_installation(auth_type="oauth", user="bob").id,
            "key": service.add_installation().id,
        }
        answer = await client.get(f"/authorize/{query.format(**ids)}")
        assert (answer.status_code, answer.json()) == (status, error)

    async def test_takes_callbacks_on_localhost_in_development_only(self) -> None:
        service = EmbeddedService(version="2026-09", development=True)
        row = service.add_installation(auth_type="oauth")
        query = {"installation_id": str(row.id), "posthog_code_callback_url": "http://localhost:8000/"}
        async with client_of(service) as client:
            assert (await client.get("/authorize/", params=query)).status_code == 302

    @pytest.mark.parametrize("user", [None, "bob"])
    async def test_ends_a_flow_only_in_a_browser_of_its_user(
        self, service: EmbeddedService, caller: httpx.AsyncClient, user: str | None
    ) -> None:
        service.requires_login = True
        url = await start(caller)
        async with httpx.AsyncClient(trust_env=False, verify=NO_CERTIFICATES) as browser:
            if user is not None:
                await browser.get(service.login_url(user))
            end = await give_consent(url, client=browser)
            answer = await browser.get(end)
            assert (answer.status_code, answer.json()) == (400, {"detail": "Invalid or expired OAuth state"})
            assert service.installations[0].pending_oauth
            # The state is still there for whom it is meant for.
            await browser.get(service.login_url("alice"))
            assert (await browser.get(end)).headers["location"].endswith("?oauth_complete=true")

    async def test_logs_a_browser_in(self, service: EmbeddedService) -> None:
        with service.serve():
            async with httpx.AsyncClient(trust_env=False, verify=NO_CERTIFICATES) as browser:
                page = await browser.get(service.login_url("<bob>"))
                unknown = await browser.get(f"{service.base_url}/login/unknown")
        assert page.status_code == 200
        assert "logged in as &lt;bob&gt;." in page.text
        assert "HttpOnly" in page.headers["set-cookie"]
        assert (unknown.status_code, unknown.json()["code"]) == (404, "not_found")

    async def test_is_logged_in_to_where_it_is_served(self, service: EmbeddedService) -> None:
        with pytest.raises(RuntimeError, match="not served"):
            service.login_url()
