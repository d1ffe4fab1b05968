"""The OAuth provider by itself, as a client and a person's browser meet it."""

import secrets
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from posthog_mcp_store.testing import OAuthProvider, serve_app, tool_server

from ..support.certificates import NO_CERTIFICATES
from .support import SharedServers

CALLBACK = "https://client.example.com/callback?kept=1"
VERIFIER = secrets.token_urlsafe(48)


class Client:
    """A registered client, and the browser of its user."""

    def __init__(self, issuer: str, name: str | None = "Desk") -> None:
        self.http = httpx.Client(base_url=issuer, timeout=10, trust_env=False, verify=NO_CERTIFICATES)
        wish = {"redirect_uris": [CALLBACK], "client_name": name, "token_endpoint_auth_method": "none"}
        self.id = str(self.http.post("/register", json=wish).json()["client_id"])

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def page(self) -> httpx.Response:
        challenge = urlsafe_b64encode(sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
        query = {
            "client_id": self.id,
            "redirect_uri": CALLBACK,
            "response_type": "code",
            "state": "s&t",
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return self.http.get("/authorize", params=query, follow_redirects=True)

    def decide(self, decision: str, page: httpx.Response | None = None) -> httpx.Response:
        request = (page or self.page()).url.params["request"]
        return self.http.post("/consent", data={"request": request, "decision": decision})

    def code(self) -> str:
        return query_of(self.decide("allow"))["code"]

    def tokens(self, **form: str) -> httpx.Response:
        form = {"grant_type": "authorization_code", "redirect_uri": CALLBACK, "code_verifier": VERIFIER, **form}
        return self.http.post("/token", data={"client_id": self.id, **form})

    def granted(self) -> dict[str, Any]:
        answer = self.tokens(code=self.code())
        assert answer.status_code == 200, answer.text
        tokens: dict[str, Any] = answer.json()
        return tokens

    def refreshed(self, token: str) -> httpx.Response:
        return self.tokens(grant_type="refresh_token", refresh_token=token)


def query_of(answer: httpx.Response) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}


def error_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]


@pytest.fixture
def issuer(servers: SharedServers, provider: OAuthProvider) -> Iterator[str]:
    with servers.provider.using(provider.app), provider.served_at(servers.issuer):
        yield servers.issuer


@pytest.fixture
def desk(issuer: str) -> Iterator[Client]:
    with Client(issuer) as client:
        yield client


def test_its_metadata_names_its_endpoints(issuer: str, desk: Client) -> None:
    metadata = desk.http.get("/.well-known/oauth-authorization-server").json()
    assert metadata["issuer"] == issuer
    for name in ("authorization", "token", "registration", "revocation"):
        assert metadata[f"{name}_endpoint"].startswith(f"{issuer}/")
    assert metadata["code_challenge_methods_supported"] == ["S256"]


def test_it_may_register_nobody() -> None:
    with OAuthProvider(registers_clients=False).serve() as issuer, httpx.Client(trust_env=False) as http:
        assert "registration_endpoint" not in http.get(f"{issuer}/.well-known/oauth-authorization-server").json()
        assert http.post(f"{issuer}/register", json={"redirect_uris": [CALLBACK]}).status_code == 404


def test_it_knows_its_clients(provider: OAuthProvider, desk: Client) -> None:
    assert [(client.client_id, client.client_name) for client in provider.clients] == [(desk.id, "Desk")]


def test_the_page_says_who_asks_and_has_two_buttons(desk: Client) -> None:
    page = desk.page()
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "<title>Desk asks for access</title>" in page.text
    assert "goes back to client.example.com." in page.text
    assert ('<button id="allow"' in page.text, '<button id="deny"' in page.text) == (True, True)
    assert "<script" not in page.text
    assert "://" not in page.text  # nothing else is loaded


def test_the_page_of_a_nameless_client_shows_its_id(issuer: str) -> None:
    with Client(issuer, name=None) as client:
        assert f"<title>{client.id} asks for access</title>" in client.page().text


def test_the_description_of_a_client_is_text_on_the_page(issuer: str) -> None:
    with Client(issuer, name='<b onclick="x">&amp;') as client:
        page = client.page().text
    assert "<b " not in page
    assert page.count("&lt;b onclick=&quot;x&quot;&gt;&amp;amp;") == 3


def test_allow_sends_the_browser_back_with_a_code(desk: Client) -> None:
    answer = desk.decide("allow")
    query = query_of(answer)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("https://client.example.com/callback?")
    assert (query.pop("state"), query.pop("kept"), list(query)) == ("s&t", "1", ["code"])


@pytest.mark.parametrize("decision", ["deny", "", "maybe"])
def test_everything_else_is_a_denial(desk: Client, decision: str) -> None:
    assert query_of(desk.decide(decision)) == {"kept": "1", "error": "access_denied", "state": "s&t"}


def test_a_decision_is_taken_once(desk: Client) -> None:
    page = desk.page()
    desk.decide("deny", page)
    again = desk.decide("allow", page)
    assert again.status_code == 400
    assert "<title>Nothing to decide</title>" in again.text
    assert desk.http.get(page.url).status_code == 400


def test_a_page_for_no_request_has_nothing_to_decide(desk: Client) -> None:
    assert desk.http.get("/consent").status_code == 400
    assert desk.http.post("/consent").status_code == 400


def test_a_code_becomes_tokens(provider: OAuthProvider, desk: Client) -> None:
    tokens = desk.granted()
    assert provider.is_valid(tokens["access_token"])
    assert (tokens["token_type"], tokens["expires_in"], bool(tokens["refresh_token"])) == ("Bearer", 3600, True)
    assert not provider.is_valid(tokens["refresh_token"])
    assert not provider.is_valid("another")


def test_a_code_can_be_used_once(desk: Client) -> None:
    code = desk.code()
    assert desk.tokens(code=code).status_code == 200
    assert error_of(desk.tokens(code=code)) == (400, "invalid_grant")


def test_a_wrong_verifier_is_refused_and_uses_the_code_up(desk: Client) -> None:
    code = desk.code()
    assert error_of(desk.tokens(code=code, code_verifier="x" * 43)) == (400, "invalid_grant")
    assert error_of(desk.tokens(code=code)) == (400, "invalid_grant")


def test_a_code_is_good_for_the_client_that_got_it(issuer: str, desk: Client) -> None:
    with Client(issuer) as other:
        assert error_of(other.tokens(code=desk.code())) == (400, "invalid_grant")


def test_access_tokens_run_out() -> None:
    provider = OAuthProvider(access_token_seconds=0)
    with provider.serve() as issuer, Client(issuer) as client:
        tokens = client.granted()
    assert (tokens["expires_in"], provider.is_valid(tokens["access_token"])) == (0, False)


def test_a_refresh_token_is_exchanged_once(provider: OAuthProvider, desk: Client) -> None:
    first = desk.granted()
    second = desk.refreshed(first["refresh_token"]).json()
    assert second["access_token"] != first["access_token"]
    assert provider.is_valid(first["access_token"])
    assert provider.is_valid(second["access_token"])
    assert error_of(desk.refreshed(first["refresh_token"])) == (400, "invalid_grant")
    assert desk.refreshed(second["refresh_token"]).status_code == 200
    assert provider.token_requests == ["authorization_code", "refresh_token", "refresh_token"]


def test_it_can_be_set_to_refuse_refreshes(provider: OAuthProvider, desk: Client) -> None:
    token = desk.granted()["refresh_token"]
    provider.refuses_refreshes = True
    assert provider.refuses_refreshes
    assert error_of(desk.refreshed(token)) == (400, "invalid_grant")
    provider.refuses_refreshes = False
    assert desk.refreshed(token).status_code == 200


def test_it_may_give_no_refresh_tokens() -> None:
    with OAuthProvider(gives_refresh_tokens=False).serve() as issuer, Client(issuer) as client:
        assert "refresh_token" not in client.granted()
        assert error_of(client.refreshed("x")) == (400, "invalid_grant")


@pytest.mark.parametrize("which", ["access_token", "refresh_token"])
def test_revoking_either_token_revokes_both(provider: OAuthProvider, desk: Client, which: str) -> None:
    kept, revoked = desk.granted(), desk.granted()
    form = {"client_id": desk.id, "client_secret": "", "token": revoked[which]}
    assert desk.http.post("/revoke", data=form).status_code == 200
    assert not provider.is_valid(revoked["access_token"])
    assert error_of(desk.refreshed(revoked["refresh_token"])) == (400, "invalid_grant")
    assert provider.is_valid(kept["access_token"])
    assert desk.refreshed(kept["refresh_token"]).status_code == 200


def test_an_access_token_without_a_refresh_token_can_be_revoked() -> None:
    provider = OAuthProvider(gives_refresh_tokens=False)
    with provider.serve() as issuer, Client(issuer) as client:
        tokens = [client.granted()["access_token"] for _ in range(2)]
        client.http.post("/revoke", data={"client_id": client.id, "client_secret": "", "token": tokens[1]})
    assert [provider.is_valid(token) for token in tokens] == [True, False]


def test_its_issuer_is_known_while_it_is_served(provider: OAuthProvider) -> None:
    with pytest.raises(RuntimeError, match="not served"):
        _ = provider.issuer
    with provider.serve() as issuer:
        assert provider.issuer == issuer
        with pytest.raises(RuntimeError, match="already served"), provider.serve():
            pass
    with pytest.raises(RuntimeError, match="not served"):
        _ = provider.issuer


def test_it_leads_to_404_without_an_issuer(provider: OAuthProvider) -> None:
    with serve_app(provider.app) as url, httpx.Client(base_url=url, trust_env=False) as http:
        path = "/.well-known/oauth-authorization-server"
        assert http.get(path).status_code == 404
        with provider.served_at(url):
            assert http.get(path).json()["issuer"] == url
        assert http.get(path).status_code == 404


def call(http: httpx.Client, url: str, token: str | None = None) -> httpx.Response:
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    headers = {"Accept": "application/json, text/event-stream"}
    return http.post(url, json=message, headers=headers | ({"Authorization": f"Bearer {token}"} if token else {}))


def test_a_tool_server_takes_only_the_tokens_of_its_provider(provider: OAuthProvider, desk: Client) -> None:
    with (
        OAuthProvider().serve() as elsewhere,
        Client(elsewhere) as other,
        serve_app(tool_server(provider)) as host,
        httpx.Client(trust_env=False) as http,
    ):
        allowed = call(http, f"{host}/mcp", desk.granted()["access_token"])
        refused = [call(http, f"{host}/mcp", token) for token in (None, "x", other.granted()["access_token"])]
    assert [tool["name"] for tool in allowed.json()["result"]["tools"]] == ["add", "greet"]
    where = "https://mcp.example.com/.well-known/oauth-protected-resource/mcp"
    for answer in refused:
        assert answer.status_code == 401
        assert f'resource_metadata="{where}"' in answer.headers["www-authenticate"]


def test_a_tool_server_names_its_provider_to_everybody(provider: OAuthProvider, issuer: str) -> None:
    tools = tool_server(provider, "https://tools.example.com/a/mcp")
    with serve_app(tools) as host, httpx.Client(trust_env=False) as http:
        metadata = http.get(f"{host}/.well-known/oauth-protected-resource/a/mcp").json()
    assert metadata["resource"] == "https://tools.example.com/a/mcp"
    assert metadata["authorization_servers"] == [issuer]


def test_a_tool_server_needs_its_provider_served(provider: OAuthProvider) -> None:
    with pytest.raises(RuntimeError, match="not served"):
        tool_server(provider)
