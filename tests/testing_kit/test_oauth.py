"""The start of OAuth flows: install_custom with auth_type oauth, and authorize."""

from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from posthog_mcp_store.testing import EmbeddedService

from .support import GOOD_INSTALL, OAUTH_INSTALL, SITE, client_of, invalid


def assert_is_provider_url(url: str, client_id: str, base: str) -> None:
    parts = urlsplit(url)
    query = {name: values[0] for name, values in parse_qs(parts.query, strict_parsing=True).items()}
    state, challenge = query.pop("state"), query.pop("code_challenge")
    assert url.startswith(base)
    assert query == {
        "client_id": client_id,
        "redirect_uri": f"{SITE}/api/mcp_store/oauth_redirect/",
        "response_type": "code",
        "code_challenge_method": "S256",
    }
    assert len(state) >= 32
    assert len(challenge) == 43  # a SHA-256 in base64url without padding


async def test_an_oauth_install_returns_the_providers_url_and_leaves_a_pending_row(
    service: EmbeddedService, client: httpx.AsyncClient
) -> None:
    answer = await client.post("/install_custom/", json=OAUTH_INSTALL)
    [row], [server] = service.installations, service.oauth_servers
    assert answer.status_code == 200
    assert list(answer.json()) == ["redirect_url"]
    assert_is_provider_url(answer.json()["redirect_url"], server.client_id, "https://mcp.example.com/authorize?")
    listed = (await client.get("/")).json()["results"]
    assert [each["url"] for each in listed] == ["https://mcp.example.com/mcp"]
    assert (listed[0]["pending_oauth"], listed[0]["server_id"]) == (True, str(server.id))
    assert row.auth_type == "oauth"


async def test_every_flow_has_its_own_state(client: httpx.AsyncClient) -> None:
    urls = [(await client.post("/install_custom/", json=OAUTH_INSTALL)).json()["redirect_url"] for _ in range(2)]
    states, challenges = ([parse_qs(urlsplit(url).query)[key] for url in urls] for key in ("state", "code_challenge"))
    assert states[0] != states[1]
    assert challenges[0] != challenges[1]


async def test_setting_the_access_token_finishes_the_flow(service: EmbeddedService, client: httpx.AsyncClient) -> None:
    row = service.add_installation(auth_type="oauth", pending_oauth=True)
    assert (await client.get(f"/{row.id}/")).json()["pending_oauth"] is True
    row.access_token = "token"
    assert (await client.get(f"/{row.id}/")).json()["pending_oauth"] is False


async def test_installations_of_one_issuer_share_its_server_record_and_its_first_name(
    service: EmbeddedService, client: httpx.AsyncClient
) -> None:
    await client.post("/install_custom/", json=OAUTH_INSTALL)
    async with client_of(service, service.add_key(user="bob").token) as bob:
        await bob.post("/install_custom/", json=OAUTH_INSTALL | {"name": "Mine", "url": "https://mcp.example.com/b"})
    [server] = service.oauth_servers
    assert [row.server for row in service.installations] == [server, server]
    assert (server.name, server.issuer) == ("Orders", "https://mcp.example.com")


@pytest.mark.parametrize("auth_type", ["api_key", "oauth"])
async def test_an_oauth_install_of_an_installed_url_leaves_the_row_as_it_is(
    service: EmbeddedService, client: httpx.AsyncClient, auth_type: str
) -> None:
    row = service.add_installation(url=GOOD_INSTALL["url"], auth_type=auth_type)
    before = row.to_json(SITE)
    answer = await client.post("/install_custom/", json=OAUTH_INSTALL | {"name": "Ignored"})
    assert answer.status_code == 200
    assert service.installations == [row]
    assert (row.to_json(SITE), bool(row.credential)) == (before, True)


async def test_a_key_install_of_a_pending_url_leads_to_400(service: EmbeddedService, client: httpx.AsyncClient) -> None:
    service.add_installation(url=GOOD_INSTALL["url"], auth_type="oauth", pending_oauth=True)
    answer = await client.post("/install_custom/", json=GOOD_INSTALL)
    assert (answer.status_code, answer.json()) == (400, {"detail": "This server URL is already installed."})


@pytest.mark.parametrize("source", ["", "&install_source=", "&install_source=posthog-code"])
async def test_authorize_leads_to_302_to_the_provider_without_a_body(
    service: EmbeddedService, client: httpx.AsyncClient, source: str
) -> None:
    endpoint = "https://auth.example.com/oauth?audience=mcp"
    server = service.add_oauth_server(authorization_endpoint=endpoint)
    answer = await client.get(f"/authorize/?server_id={server.id}{source}")
    assert (answer.status_code, answer.content) == (302, b"")
    location = answer.headers["location"].replace("audience=mcp&", "")
    assert_is_provider_url(location, server.client_id, "https://auth.example.com/oauth?")


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("", invalid("required", "This field is required.", "server_id")),
        ("?server_id=", invalid("invalid_input", "Must be a valid UUID.", "server_id")),
        ("?server_id=x", invalid("invalid_input", "Must be a valid UUID.", "server_id")),
        (
            "?server_id={id}&install_source=x",
            invalid("invalid_choice", '"x" is not a valid choice.', "install_source"),
        ),
        ("?server_id={id}&posthog_code_callback_url=https://a.com", {"detail": "Invalid callback URL"}),
    ],
)
async def test_authorize_checks_its_parameters(
    service: EmbeddedService, client: httpx.AsyncClient, query: str, error: object
) -> None:
    answer = await client.get(f"/authorize/{query.format(id=service.add_oauth_server().id)}")
    assert (answer.status_code, answer.json()) == (400, error)


async def test_authorize_of_an_unknown_server_leads_to_404(client: httpx.AsyncClient) -> None:
    answer = await client.get("/authorize/?server_id=0195f3a0-0000-7000-8000-000000000001")
    assert (answer.status_code, answer.json()) == (404, {"detail": "Server not found"})


async def test_a_provider_without_https_is_refused(service: EmbeddedService, client: httpx.AsyncClient) -> None:
    server = service.add_oauth_server(issuer="https://mcp.example.com", authorization_endpoint="http://a.com/authorize")
    for answer in [
        await client.get(f"/authorize/?server_id={server.id}"),
        await client.post("/install_custom/", json=OAUTH_INSTALL),
    ]:
        assert (answer.status_code, answer.json()) == (
            400,
            {"detail": "Authorization endpoint must use HTTPS"},
        )
    assert service.installations == []
