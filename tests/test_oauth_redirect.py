"""Where to send a user's browser: read from the answer and judged."""

from collections.abc import Callable

import httpx
import pytest

from posthog_mcp_store import MCPStore, ResponseDecodeError, ResponseInfo, UnsafeRedirectError

from .wire import SERVER_ID, Wire

Faked = Callable[..., MCPStore]

SAFE = "https://auth.example.com/authorize?client_id=c&response_type=code&state=s%20t"


async def test_a_302_names_the_page_in_its_location(wire: Wire, faked: Faked) -> None:
    wire.answers(httpx.Response(302, headers={"Location": SAFE}))

    redirect = await faked().installations.authorize(
        SERVER_ID, install_source="posthog-code", posthog_code_callback_url="posthog-code://oauth/callback"
    )

    assert (redirect.url, redirect.origin, redirect.state) == (SAFE, "https://auth.example.com", "s t")
    assert dict(wire.request.url.params) == {
        "server_id": SERVER_ID,
        "install_source": "posthog-code",
        "posthog_code_callback_url": "posthog-code://oauth/callback",
    }


async def test_what_is_told_of_the_answer_does_not_show_its_state(wire: Wire, faked: Faked) -> None:
    seen: list[ResponseInfo] = []
    wire.answers(httpx.Response(302, headers={"Location": SAFE}))

    await faked().with_options(on_response=seen.append).installations.authorize(SERVER_ID)

    assert seen[0].headers["Location"] == SAFE
    assert "state" not in repr(seen)


async def test_a_200_names_the_page_in_its_body(wire: Wire, faked: Faked) -> None:
    wire.answers(httpx.Response(200, json={"redirect_url": SAFE}))

    assert (await faked().installations.authorize(SERVER_ID)).url == SAFE


@pytest.mark.parametrize(
    "answer", [httpx.Response(302), httpx.Response(200), httpx.Response(302, headers={"Location": ""})]
)
async def test_an_answer_that_names_no_page_says_so(wire: Wire, faked: Faked, answer: httpx.Response) -> None:
    wire.answers(answer)

    with pytest.raises(UnsafeRedirectError, match="named no URL"):
        await faked().installations.authorize(SERVER_ID)


async def test_a_200_with_another_body_is_a_decode_error(wire: Wire, faked: Faked) -> None:
    wire.answers(httpx.Response(200, json={"url": SAFE}))

    with pytest.raises(ResponseDecodeError, match="redirect_url: missing"):
        await faked().installations.authorize(SERVER_ID)


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

    assert (await faked().installations.authorize(SERVER_ID)).url == url


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
        ("https://auth.example.com/?state=", "no state"),
        ("https://auth.example.com/#state=s", "no state"),
    ],
)
async def test_a_page_that_must_not_be_opened_is_refused(wire: Wire, faked: Faked, url: str, fault: str) -> None:
    wire.answers(httpx.Response(200, json={"redirect_url": url}))

    with pytest.raises(UnsafeRedirectError, match=fault) as refused:
        await faked().installations.authorize(SERVER_ID)

    assert "state=s" not in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1
