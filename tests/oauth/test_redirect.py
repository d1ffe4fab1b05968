"""The URL to send a user's browser to: read from the response and validated."""

from collections.abc import Callable

import httpx
import pytest

from posthog_mcp_store import AuthorizationRedirect, MCPStore, ResponseDecodeError, ResponseInfo, UnsafeRedirectError
from posthog_mcp_store.testing import EmbeddedService

from ..support.wire import SERVER_ID, Wire

Faked = Callable[..., MCPStore]


SAFE = "https://auth.example.com/authorize?client_id=c&response_type=code&state=s%20t"


async def test_a_302_names_the_page_in_its_location(wire: Wire, faked: Faked) -> None:
    wire.answers(httpx.Response(302, headers={"Location": SAFE}))

    redirect = await faked().installations.authorize(
        server_id=SERVER_ID, install_source="posthog-code", posthog_code_callback_url="posthog-code://oauth/callback"
    )

    assert (redirect.url, redirect.origin, redirect.state) == (SAFE, "https://auth.example.com", "s t")
    assert dict(wire.request.url.params) == {
        "server_id": SERVER_ID,
        "install_source": "posthog-code",
        "posthog_code_callback_url": "posthog-code://oauth/callback",
    }


async def test_the_description_of_the_response_does_not_show_its_state(wire: Wire, faked: Faked) -> None:
    seen: list[ResponseInfo] = []
    wire.answers(httpx.Response(302, headers={"Location": SAFE}))

    await faked().with_options(on_response=seen.append).installations.authorize(server_id=SERVER_ID)

    assert seen[0].headers["Location"] == SAFE
    assert "state" not in repr(seen)


async def test_a_200_names_the_page_in_its_body(wire: Wire, faked: Faked) -> None:
    wire.answers(httpx.Response(200, json={"redirect_url": SAFE}))

    assert (await faked().installations.authorize(server_id=SERVER_ID)).url == SAFE


@pytest.mark.parametrize(
    "answer", [httpx.Response(302), httpx.Response(200), httpx.Response(302, headers={"Location": ""})]
)
async def test_a_response_that_names_no_page_says_so(wire: Wire, faked: Faked, answer: httpx.Response) -> None:
    wire.answers(answer)

    with pytest.raises(UnsafeRedirectError, match=f"answered {answer.status_code} and returned no URL"):
        await faked().installations.authorize(server_id=SERVER_ID)


def test_a_redirect_constructed_manually_is_validated_too() -> None:
    for url in ("", "javascript:alert(1)"):
        with pytest.raises(UnsafeRedirectError):
            AuthorizationRedirect(url)


async def test_the_key_does_not_go_to_the_provider_whatever_client_it_is_sent_over(service: EmbeddedService) -> None:
    seen: list[httpx.Request] = []

    class Watching(httpx.AsyncHTTPTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            seen.append(request)
            return await super().handle_async_request(request)

    row = service.add_installation(
        server=service.add_oauth_server(authorization_endpoint="https://auth.example.com/authorize")
    )
    async with httpx.AsyncClient(
        transport=Watching(), follow_redirects=True, auth=("me", "password"), headers={"Authorization": "Bearer mine"}
    ) as client:
        store = MCPStore(service.api_key, host=service.base_url, http_client=client)
        redirect = await store.installations.authorize(row.id)

    assert redirect.origin == "https://auth.example.com"
    assert [str(request.url.copy_with(query=None)).startswith(service.base_url) for request in seen] == [True]


async def test_a_200_with_another_body_is_a_decode_error(wire: Wire, faked: Faked) -> None:
    wire.answers(httpx.Response(200, json={"url": SAFE}))

    with pytest.raises(ResponseDecodeError, match="redirect_url: missing"):
        await faked().installations.authorize(server_id=SERVER_ID)


async def test_a_redirect_shows_nothing_of_its_query(wire: Wire, faked: Faked) -> None:
    wire.answers(httpx.Response(200, json={"redirect_url": SAFE}))
    redirect = await faked().installations.install_custom(name="a", url="https://a.example.com", auth_type="oauth")

    assert str(redirect) == "https://auth.example.com/authorize"
    assert "state" not in repr(redirect)


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:8000/authorize?state=s",
        "http://127.0.0.1/?state=s",
        "https://a.example.com:8443/x?a=b&state=s",
    ],
)
async def test_a_page_on_this_machine_may_be_plain_http(wire: Wire, faked: Faked, url: str) -> None:
    wire.answers(httpx.Response(200, json={"redirect_url": url}))

    assert (await faked().installations.authorize(server_id=SERVER_ID)).url == url


async def test_a_page_may_have_a_long_url(wire: Wire, faked: Faked) -> None:
    url = f"{SAFE}&scope=".ljust(65_536, "a")
    wire.answers(httpx.Response(302, headers={"Location": url}))

    assert (await faked().installations.authorize(server_id=SERVER_ID)).url == url


@pytest.mark.parametrize(
    ("authority", "origin"),
    [
        ("HTTPS://Auth.Example.COM", "https://auth.example.com"),
        ("https://auth.example.com:443", "https://auth.example.com"),
        ("https://auth.example.com:0443", "https://auth.example.com"),
        ("https://auth.example.com:", "https://auth.example.com"),
        ("https://auth.example.com:80", "https://auth.example.com:80"),
        ("https://auth.example.com:08443", "https://auth.example.com:8443"),
        ("http://LocalHost:80", "http://localhost"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("http://[0:0:0:0:0:0:0:1]:8000", "http://[::1]:8000"),
        ("https://[2001:DB8::0:1]", "https://[2001:db8::1]"),
        ("https://203.0.113.7", "https://203.0.113.7"),
        ("https://intranet", "https://intranet"),
        ("https://my_auth.a-b.example", "https://my_auth.a-b.example"),
        ("https://123.example", "https://123.example"),
        ("https://0x7f.example", "https://0x7f.example"),
        ("https://auth.0xg", "https://auth.0xg"),
        ("https://XN--bcher-kva.example", "https://xn--bcher-kva.example"),
        ("https://xn--e1afmkfd.xn--p1ai", "https://xn--e1afmkfd.xn--p1ai"),
        ("https://xn--strae-oqa.example", "https://xn--strae-oqa.example"),
        ("https://xn--mgba3gch31f060k.example", "https://xn--mgba3gch31f060k.example"),
        ("https://xn--collaborar-nra.example", "https://xn--collaborar-nra.example"),
    ],
)
async def test_the_origin_is_what_browsers_show(wire: Wire, faked: Faked, authority: str, origin: str) -> None:
    for path in ("", "/", "/authorize"):
        wire.answers(httpx.Response(200, json={"redirect_url": f"{authority}{path}?state=s"}))
        redirect = await faked().installations.authorize(server_id=SERVER_ID)

        assert redirect.origin == origin
        assert redirect.url.startswith(authority)


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("http://auth.example.com/?state=s", "not https"),
        ("javascript:alert(1)//?state=s", "no host"),
        ("file:///etc/passwd?state=s", "no host"),
        ("//auth.example.com/?state=s", "not https"),
        ("/authorize?state=s", "no host"),
        ("https://?state=s", "no host"),
        ("https://user@auth.example.com/?state=s", "user name"),
        ("https://me:pw@auth.example.com/?state=s", "user name"),
        ("https://@auth.example.com/?state=s", "user name"),
        ("https://auth.example.com\\@evil.example/?state=s", "backslash"),
        ("https://auth.example.com/\n?state=s", "white space"),
        (" https://auth.example.com/?state=s", "white space"),
        ("https://аuth.example.com/?state=s", "non-ASCII"),
        ("https://auth.example.com:port/?state=s", "can't be read"),
        ("https://[::1/?state=s", "can't be read"),
        ("HTTP://auth.example.com/?state=s", "not https"),
        ("ftp://auth.example.com/?state=s", "not https"),
        ("ws://auth.example.com/?state=s", "not https"),
        ("wss://localhost/?state=s", "not https"),
        ("data:text/html,<script>1</script>?state=s", "no host"),
        ("data://auth.example.com/?state=s", "not https"),
        ("vbscript:msgbox?state=s", "no host"),
        ("javascript://auth.example.com/%0aalert(1)?state=s", "not https"),
        ("blob:https://auth.example.com/?state=s", "no host"),
        ("about:blank?state=s", "no host"),
        ("mailto:me@example.com?state=s", "no host"),
        ("posthog-code://oauth/callback?state=s", "not https"),
        ("chrome://settings/?state=s", "not https"),
        ("file://localhost/etc/passwd?state=s", "not https"),
        ("smb://localhost/share?state=s", "not https"),
        ("view-source:https://auth.example.com/?state=s", "no host"),
        ("http://localhost.evil.example/?state=s", "not https"),
        ("http://127.0.0.1.evil.example/?state=s", "not https"),
        ("http://evil.example/localhost?state=s", "not https"),
        ("http://10.0.0.1/?state=s", "not https"),
        ("http://[::ffff:a00:1]/?state=s", "not https"),
        ("http://0x7f.1/?state=s", "not https"),
        ("http://localhost@evil.example/?state=s", "user name"),
        ("https://auth.example.com%2f@evil.example/?state=s", "user name"),
        ("https:auth.example.com/?state=s", "no host"),
        ("https:/auth.example.com/?state=s", "no host"),
        ("https:///auth.example.com/?state=s", "no host"),
        ("https://:443/?state=s", "no host"),
        ("https:\\\\auth.example.com/?state=s", "backslash"),
        ("https://auth.example.com/\\..?state=s", "backslash"),
        ("https://auth.example.com/?state=s\r\nSet-Cookie: a=b", "white space"),
        ("https://auth.example.com/\t?state=s", "white space"),
        ("https://auth.example.com/\x00?state=s", "control"),
        ("https://auth.example.com/\x7f?state=s", "control"),
        ("https://auth.example.com/?state=s\u202e", "non-ASCII"),
        ("https://auth.example.com\u3002evil.example/?state=s", "non-ASCII"),
        ("java\tscript:alert(1)?state=s", "white space"),
        ("https://auth.example.com:99999/?state=s", "can't be read"),
        ("https://auth.example.com:-1/?state=s", "can't be read"),
        ("https://[v1.x/?state=s", "can't be read"),
        ("https://2130706433/?state=s", "another"),
        ("https://127.1/?state=s", "another"),
        ("https://0x7f.0.0.1/?state=s", "another"),
        ("https://0X7F000001/?state=s", "another"),
        ("https://0177.0.0.1/?state=s", "another"),
        ("https://127.0.0.01/?state=s", "another"),
        ("https://127.0.0.1./?state=s", "another"),
        ("https://256.0.0.1/?state=s", "another"),
        ("https://1.2.3.4.5/?state=s", "another"),
        ("https://auth.example.0x/?state=s", "another"),
        ("https://auth.example.0x1f/?state=s", "another"),
        ("https://auth.example.08/?state=s", "another"),
        ("https://auth.example.com./?state=s", "another"),
        ("https://auth..example.com/?state=s", "another"),
        ("https://.example.com/?state=s", "another"),
        ("https://auth%2eexample.com/?state=s", "another"),
        ("https://%61uth.example.com/?state=s", "another"),
        ("https://auth.example.com%00.evil.example/?state=s", "another"),
        ("https://%EF%BC%91%EF%BC%92.0.0.1/?state=s", "another"),
        ("https://\uff11\uff12\uff17.0.0.1/?state=s", "non-ASCII"),
        ("https://auth\u00ad.example.com/?state=s", "non-ASCII"),
        ("https://xn--/?state=s", "another"),
        ("https://xn--a.example/?state=s", "another"),
        ("https://auth.xn--evil-.example/?state=s", "another"),
        ("https://xn--!!!.example/?state=s", "another"),
        ("https://xn--99999999999.example/?state=s", "another"),
        ("https://xn--07ja09dc.0.0.1/?state=s", "another"),
        ("https://xn---tda.example/?state=s", "another"),  # xn--tda in other words
        ("https://xn--8g7cc.example/?state=s", "another"),  # fullwidth digits
        ("https://xn--rger-zja.example/?state=s", "another"),  # a capital letter
        ("https://xn--arger-egd.example/?state=s", "another"),  # a letter and its accent apart
        ("https://xn--ab-c6t.example/?state=s", "another"),  # a fraction slash
        ("https://xn--ib9b.example/?state=s", "another"),  # a surrogate
        (f"https://{'a' * 64}.example/?state=s", "another"),
        ("https://[::ffff:127.0.0.1]/?state=s", "another"),
        ("https://[::ffff:7f00:1]/?state=s", "another"),
        ("https://[::127.0.0.1]/?state=s", "another"),
        ("https://[fe80::1%25eth0]/?state=s", "another|can't be read"),
        ("https://[v1.a]/?state=s", "another|can't be read"),
        ("https://[::1]x/?state=s", "another|can't be read"),
        ("https://auth.example.com!/?state=s", "another"),
        ("https://auth.example.com;a/?state=s", "another"),
        ("https://*.example.com/?state=s", "another"),
        ("https://auth.example.com:4\u0663/?state=s", "non-ASCII"),
        ("https://auth.example.com:+443/?state=s", "another|can't be read"),
        ("https://auth.example.com:4_4/?state=s", "another|can't be read"),
        pytest.param(f"https://auth.example.com/{'a' * 65_536}?state=s", "too long", id="long path"),
        pytest.param(f"https://auth.example.com/?state=s&a={'a' * 65_536}", "too long", id="long query"),
        pytest.param(f"https://me:pw@{'a' * 65_536}/?state=s", "too long", id="long host"),
        ("https://auth.example.com/", "no state"),
        ("https://auth.example.com/?State=s", "no state"),
        ("https://auth.example.com/?state=", "no state"),
        ("https://auth.example.com/#state=s", "no state"),
    ],
)
async def test_a_page_that_must_not_be_opened_is_refused(wire: Wire, faked: Faked, url: str, fault: str) -> None:
    wire.answers(httpx.Response(200, json={"redirect_url": url}))

    with pytest.raises(UnsafeRedirectError, match=fault) as refused:
        await faked().installations.authorize(server_id=SERVER_ID)

    assert "state=s" not in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1
