"""Discovery of an MCP server's provider, with providers of all kinds."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import anyio
import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from posthog_mcp_store.testing import EmbeddedService, OAuthProvider, give_consent, serve_app, tool_server

from .support import OAUTH_INSTALL, SITE, client_of

URL = OAUTH_INSTALL["url"]
RESOURCE = "/.well-known/oauth-protected-resource"
SERVER = "/.well-known/oauth-authorization-server"
DISCOVERY = "OAuth discovery failed."
REGISTRATION = "OAuth registration failed."


class Fake:
    """An MCP server and provider in one, whose responses a test sets by path; `{here}` is its own URL."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {
            f"{RESOURCE}/mcp": {"authorization_servers": ["{here}"]},
            SERVER: {
                "issuer": "{here}",
                "authorization_endpoint": "{here}/authorize",
                "token_endpoint": "{here}/token",
                "registration_endpoint": "{here}/register",
            },
            "/register": {"client_id": "the-client"},
            "/token": {"access_token": "the-token"},
        }
        self.statuses: dict[str, int] = {}
        self.requests: list[tuple[str, str]] = []

    @property
    def paths(self) -> list[str]:
        return [path for path, _ in self.requests]

    def changed(self, path: str, **fields: Any) -> None:
        changed = {**self.answers[path], **fields}
        self.answers[path] = {name: value for name, value in changed.items() if value is not None}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        request = Request(scope, receive)
        path = request.url.path
        self.requests.append((path, (await request.body()).decode()))
        text = json.dumps(self.answers.get(path)).replace("{here}", f"http://{request.url.netloc}")
        await Response(text, self.statuses.get(path, 200 if path in self.answers else 404))(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        for word in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{word}.complete"})


@pytest.fixture
def fake() -> Fake:
    return Fake()


@pytest.fixture
def host(service: EmbeddedService, fake: Fake) -> Iterator[str]:
    with serve_app(fake) as host:
        service.add_mcp_server(URL, f"{host}/mcp")
        yield host


async def install(client: httpx.AsyncClient, **fields: str) -> httpx.Response:
    return await client.post("/install_custom/", json=OAUTH_INSTALL | fields)


async def assert_refused(service: EmbeddedService, client: httpx.AsyncClient, detail: str) -> None:
    """Refused, and the row of the call is gone, while one that was there before is not."""
    answer = await install(client)
    assert (answer.status_code, answer.json(), service.installations) == (400, {"detail": detail}, [])
    row = service.add_installation(url=URL)
    answer = await install(client)
    assert (answer.status_code, answer.json(), service.installations) == (400, {"detail": detail}, [row])


async def test_a_registered_server_is_asked_for_its_provider(
    service: EmbeddedService, client: httpx.AsyncClient, fake: Fake, host: str
) -> None:
    answer = await install(client)
    assert fake.paths == [f"{RESOURCE}/mcp", SERVER, "/register"]
    assert json.loads(fake.requests[-1][1]) == {
        "client_name": "PostHog",
        "redirect_uris": [f"{SITE}/api/mcp_store/oauth_redirect/"],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "none",
    }
    [server], [row] = service.oauth_servers, service.installations
    assert (server.issuer, server.name, server.client_id) == (host, "Orders", "the-client")
    assert (server.token_endpoint, server.client_secret, row.server) == (f"{host}/token", "", server)
    url = answer.json()["redirect_url"]
    query = parse_qs(urlsplit(url).query)
    assert url.startswith(f"{host}/authorize?")
    assert (query["client_id"], "scope" in query) == (["the-client"], False)


async def test_the_row_is_there_while_the_provider_is_asked(
    service: EmbeddedService, client: httpx.AsyncClient, fake: Fake
) -> None:
    seen: list[bool] = []

    async def target(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append([(row.url, row.pending_oauth) for row in service.installations] == [(URL, True)])
        await Response(status_code=500)(scope, receive, send)

    service.add_mcp_server(URL, target)
    await assert_refused(service, client, DISCOVERY)
    assert seen[0]


async def test_metadata_without_the_path_counts_too(client: httpx.AsyncClient, fake: Fake, host: str) -> None:
    fake.answers[RESOURCE] = fake.answers.pop(f"{RESOURCE}/mcp")
    assert (await install(client)).status_code == 200
    assert fake.paths[:3] == [f"{RESOURCE}/mcp", RESOURCE, SERVER]


async def test_a_server_at_the_root_is_asked_once(
    service: EmbeddedService, client: httpx.AsyncClient, fake: Fake, host: str
) -> None:
    service.add_mcp_server("https://root.example.com/", host)
    fake.answers[RESOURCE] = fake.answers[f"{RESOURCE}/mcp"]
    assert (await install(client, url="https://root.example.com/")).status_code == 200
    assert fake.paths[:2] == [RESOURCE, SERVER]


@pytest.mark.parametrize("names", [None, {}, {"authorization_servers": []}, {"authorization_servers": "x"}, []])
async def test_a_server_that_names_nobody_is_its_own_provider(
    service: EmbeddedService, client: httpx.AsyncClient, fake: Fake, host: str, names: object
) -> None:
    fake.answers[f"{RESOURCE}/mcp"] = names
    fake.changed(SERVER, issuer=None)
    assert (await install(client)).status_code == 200
    assert service.oauth_servers[0].issuer == host


async def test_an_issuer_may_have_a_path(
    service: EmbeddedService, client: httpx.AsyncClient, fake: Fake, host: str
) -> None:
    fake.answers[f"{RESOURCE}/mcp"] = {"authorization_servers": ["{here}/tenant/"]}
    fake.answers[f"{SERVER}/tenant"] = fake.answers.pop(SERVER) | {"issuer": "{here}/tenant/"}
    assert (await install(client)).status_code == 200
    assert service.oauth_servers[0].issuer == f"{host}/tenant/"


async def test_an_application_in_this_process_can_be_asked_too(
    service: EmbeddedService, client: httpx.AsyncClient, fake: Fake, host: str
) -> None:
    inside = Fake()
    inside.answers[f"{RESOURCE}/mcp"] = {"authorization_servers": [host]}
    service.add_mcp_server(URL, inside)
    assert (await install(client)).status_code == 200
    assert (inside.paths, fake.paths) == ([f"{RESOURCE}/mcp"], [SERVER, "/register"])


async def test_installations_of_one_issuer_share_one_registration(
    service: EmbeddedService, client: httpx.AsyncClient, fake: Fake, host: str
) -> None:
    service.add_mcp_server("https://mcp.example.com/b", f"{host}/b")
    fake.answers[f"{RESOURCE}/b"] = fake.answers[f"{RESOURCE}/mcp"]
    await install(client)
    async with client_of(service, service.add_key(user="bob").token) as bob:
        await install(bob, url="https://mcp.example.com/b", name="Mine")
    [server] = service.oauth_servers
    assert [row.server for row in service.installations] == [server, server]
    assert (server.name, fake.paths.count("/register")) == ("Orders", 1)


async def test_browsers_come_back_to_the_address_that_was_registered(
    service: EmbeddedService, client: httpx.AsyncClient, host: str
) -> None:
    await install(client)
    transport = httpx.ASGITransport(app=service.app)
    async with httpx.AsyncClient(transport=transport, headers=client.headers) as elsewhere:
        rows = "http://elsewhere.test/api/projects/1/mcp_server_installations"
        answer = await elsewhere.post(f"{rows}/install_custom/", json=OAUTH_INSTALL)
    query = parse_qs(urlsplit(answer.json()["redirect_url"]).query)
    assert query["redirect_uri"] == [f"{SITE}/api/mcp_store/oauth_redirect/"]


async def test_scopes_that_are_known_are_asked_for(
    service: EmbeddedService, client: httpx.AsyncClient, fake: Fake, host: str
) -> None:
    fake.changed(SERVER, scopes_supported=["read", "write"])
    url = (await install(client)).json()["redirect_url"]
    assert parse_qs(urlsplit(url).query)["scope"] == ["read write"]
    assert json.loads(fake.requests[-1][1])["scope"] == "read write"


@pytest.mark.parametrize("secret", ["", "the-secret"])
async def test_a_secret_that_was_given_goes_with_every_request_for_tokens(
    service: EmbeddedService, client: httpx.AsyncClient, fake: Fake, host: str, secret: str
) -> None:
    fake.changed("/register", client_secret=secret)
    state = parse_qs(urlsplit((await install(client)).json()["redirect_url"]).query)["state"][0]
    await client.get(f"{SITE}/api/mcp_store/oauth_redirect/?state={state}&code=c")
    form = parse_qs(fake.requests[-1][1])
    assert (form["client_id"], form.get("client_secret")) == (["the-client"], [secret] if secret else None)
    assert "the-secret" not in repr(service.oauth_servers)
    assert service.installations[0].access_token == "the-token"


@pytest.mark.parametrize(
    "case",
    [
        (SERVER, {"authorization_endpoint": None}, DISCOVERY),
        (SERVER, {"token_endpoint": None}, DISCOVERY),
        (SERVER, {"token_endpoint": 7}, DISCOVERY),
        (SERVER, {"issuer": ""}, "Could not determine OAuth issuer"),
        (SERVER, {"issuer": 7}, "Could not determine OAuth issuer"),
        (
            SERVER,
            {"registration_endpoint": None},
            "This MCP server does not support Dynamic Client Registration (DCR).",
        ),
        (SERVER, {"registration_endpoint": "https://auth.example.com/register"}, REGISTRATION),
        (SERVER, {"registration_endpoint": "http://localhost:99999/"}, REGISTRATION),
        ("/register", {"client_id": None}, REGISTRATION),
        (SERVER, {"authorization_endpoint": "http://auth.example.com/"}, "Authorization endpoint must use HTTPS"),
        (SERVER, {"authorization_endpoint": "ftp://127.0.0.1/"}, "Authorization endpoint must use HTTPS"),
        (f"{RESOURCE}/mcp", {"authorization_servers": ["https://auth.example.com"]}, DISCOVERY),
        (f"{RESOURCE}/mcp", {"authorization_servers": [None]}, DISCOVERY),
        (f"{RESOURCE}/mcp", {"authorization_servers": ["http://["]}, DISCOVERY),
    ],
)
@pytest.mark.usefixtures("host")
async def test_a_provider_that_is_not_fit_is_refused(
    service: EmbeddedService, client: httpx.AsyncClient, fake: Fake, case: tuple[str, dict[str, object], str]
) -> None:
    path, fields, detail = case
    fake.changed(path, **fields)
    await assert_refused(service, client, detail)


@pytest.mark.parametrize(("path", "detail"), [(SERVER, DISCOVERY), ("/register", REGISTRATION)])
@pytest.mark.usefixtures("host")
async def test_an_error_of_the_provider_is_a_refusal(
    service: EmbeddedService, client: httpx.AsyncClient, fake: Fake, path: str, detail: str
) -> None:
    for status in (302, 403, 500):
        service.installations.clear()
        fake.statuses[path] = status
        await assert_refused(service, client, detail)


@pytest.mark.parametrize("text", ["<html>", "[]", "\udcff"])
async def test_metadata_that_is_not_an_object_is_refused(
    service: EmbeddedService, client: httpx.AsyncClient, text: str
) -> None:
    async def target(scope: Scope, receive: Receive, send: Send) -> None:
        await Response(text.encode("utf-8", "surrogateescape"))(scope, receive, send)

    service.add_mcp_server(URL, target)
    await assert_refused(service, client, DISCOVERY)


async def test_an_https_provider_elsewhere_can_be_named_for_authorization(
    client: httpx.AsyncClient, fake: Fake, host: str
) -> None:
    fake.changed(SERVER, authorization_endpoint="https://auth.example.com/authorize?a=b")
    assert (
        (await install(client)).json()["redirect_url"].startswith("https://auth.example.com/authorize?a=b&client_id=")
    )


async def test_a_server_without_oauth_is_refused(
    service: EmbeddedService, client: httpx.AsyncClient, tools_url: str
) -> None:
    service.add_mcp_server(URL, tools_url)
    await assert_refused(service, client, DISCOVERY)


async def test_a_server_that_is_not_there_is_refused(
    service: EmbeddedService, client: httpx.AsyncClient, fake: Fake
) -> None:
    with serve_app(fake) as host:
        service.add_mcp_server(URL, f"{host}/mcp")
    await assert_refused(service, client, DISCOVERY)


async def test_a_server_that_takes_too_long_is_refused() -> None:
    async def target(scope: Scope, receive: Receive, send: Send) -> None:
        await anyio.sleep_forever()

    service = EmbeddedService(upstream_timeout=0.05)
    service.add_mcp_server(URL, target)
    async with client_of(service) as client:
        await assert_refused(service, client, DISCOVERY)


async def test_a_provider_without_registration_is_refused(service: EmbeddedService, client: httpx.AsyncClient) -> None:
    provider = OAuthProvider(registers_clients=False)
    with provider.serve(), serve_app(tool_server(provider)) as host:
        service.add_mcp_server(URL, f"{host}/mcp")
        await assert_refused(service, client, "This MCP server does not support Dynamic Client Registration (DCR).")


async def test_a_call_that_is_cancelled_leaves_no_row(service: EmbeddedService, client: httpx.AsyncClient) -> None:
    async def target(scope: Scope, receive: Receive, send: Send) -> None:
        await anyio.sleep_forever()

    service.add_mcp_server(URL, target)
    with anyio.move_on_after(0.05):
        await install(client)
    assert service.installations == []


async def test_a_url_without_a_registered_server_has_a_provider_in_name_only(
    service: EmbeddedService, client: httpx.AsyncClient
) -> None:
    url = (await install(client)).json()["redirect_url"]
    state = parse_qs(urlsplit(url).query)["state"][0]
    answer = await client.get(f"{SITE}/api/mcp_store/oauth_redirect/?state={state}&code=c")
    assert answer.headers["location"] == f"{SITE}/project/1/settings/mcp-servers?oauth_error=true"


async def test_several_can_install_at_once_and_share_one_record(
    service: EmbeddedService, client: httpx.AsyncClient, fake: Fake, host: str
) -> None:
    async with client_of(service, service.add_key(user="bob").token) as bob, anyio.create_task_group() as group:
        group.start_soon(install, client)
        group.start_soon(install, bob)
    assert len(service.oauth_servers) == 1
    assert {row.server for row in service.installations} == set(service.oauth_servers)


async def test_flows_of_a_shared_record_end_for_each_user(service: EmbeddedService, provider: OAuthProvider) -> None:
    with provider.serve(), serve_app(tool_server(provider)) as host, service.serve() as base_url:
        service.add_mcp_server(URL, f"{host}/mcp")
        for user in ("alice", "bob"):
            headers = {"Authorization": f"Bearer {service.add_key(user=user).token}"}
            async with httpx.AsyncClient(headers=headers, trust_env=False) as client:
                rows = f"{base_url}/api/projects/1/mcp_server_installations"
                answer = await client.post(f"{rows}/install_custom/", json=OAUTH_INSTALL)
            assert (await give_consent(answer.json()["redirect_url"])).endswith("?oauth_complete=true")
    assert [row.pending_oauth for row in service.installations] == [False, False]
    assert len(provider.clients) == 1


@pytest.mark.parametrize(
    "case",
    [
        (f"{RESOURCE}/mcp", "authorization_servers", SERVER),
        (SERVER, "registration_endpoint", "/register"),
        (SERVER, "token_endpoint", "/token"),
    ],
)
async def test_nobody_is_contacted_who_is_not_on_this_machine(
    client: httpx.AsyncClient, fake: Fake, host: str, case: tuple[str, str, str]
) -> None:
    path, name, unasked = case
    # An address that does not look like one of this machine, and would lead here all the same.
    outside = host.replace("127.0.0.1", "0.0.0.0")
    fake.changed(path, **{name: [outside] if name == "authorization_servers" else outside + unasked})
    answer = await install(client)
    if answer.is_success:
        state = parse_qs(urlsplit(answer.json()["redirect_url"]).query)["state"][0]
        await client.get(f"{SITE}/api/mcp_store/oauth_redirect/?state={state}&code=c")
    assert unasked not in fake.paths
