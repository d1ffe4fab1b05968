"""The callback URL at the end of an OAuth flow."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthog_mcp_store import OAuthCallback, OAuthDeniedError, OAuthError

LOOPBACK = "http://localhost:8123/callback/Zm9v"
SCHEME = "posthog-code://oauth/callback"
SETTINGS = "https://us.posthog.com/project/1/settings/mcp-servers"


@pytest.mark.parametrize(
    "url",
    [
        f"{SCHEME}?status=success",
        f"{SCHEME}?tab=2&status=success",
        "array://done?status=success",
        f"{LOOPBACK}?status=success",
        f"{LOOPBACK}?status=success#_=_",
        f"{SETTINGS}?oauth_complete=true",
    ],
)
def test_a_success_raises_nothing(url: str) -> None:
    callback = OAuthCallback.parse(url)

    assert (callback.is_success, callback.status, callback.error) == (True, "success", None)
    callback.raise_for_error()


@pytest.mark.parametrize("error", ["cancelled", "access_denied"])
@pytest.mark.parametrize("base", [SCHEME, LOOPBACK])
def test_a_denial_has_its_own_error(base: str, error: str) -> None:
    callback = OAuthCallback.parse(f"{base}?status=error&error={error}")

    assert (callback.is_success, callback.error) == (False, error)
    with pytest.raises(OAuthDeniedError, match=rf"denied \({error}\): start a new flow"):
        callback.raise_for_error()


@pytest.mark.parametrize(
    ("query", "error", "words"),
    [
        ("status=error&error=Missing+authorization+code", "Missing authorization code", "without a code"),
        ("status=error&error=Missing%20authorization%20code", "Missing authorization code", "without a code"),
        ("status=error&error=token_exchange_failed", "token_exchange_failed", "could not exchange"),
        ("status=error&error=temporarily_unavailable", "temporarily_unavailable", "the provider refused"),
        ("status=error&error=%3Cscript%3E%0A", "<script>\n", r"refused \(<script>\);"),
        ("status=error&error=", None, "no reason"),
        ("status=error", None, "no reason"),
        ("oauth_error=true", None, "no reason"),
    ],
)
def test_other_failures_say_what_went_wrong_in_one_line(query: str, error: str | None, words: str) -> None:
    callback = OAuthCallback.parse(f"{SCHEME}?{query}")

    assert (callback.is_success, callback.error) == (False, error)
    with pytest.raises(OAuthError, match=words) as raised:
        callback.raise_for_error()
    assert not isinstance(raised.value, OAuthDeniedError)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "url",
    [
        "",
        SCHEME,
        f"{SCHEME}?",
        f"{SCHEME}?status=",
        f"{SCHEME}?status=maybe",
        f"{SCHEME}?status=SUCCESS",
        f"{SCHEME}?status=success&status=error",
        f"{SCHEME}?status=success&error=cancelled",
        f"{SCHEME}?status=error&error=a&error=b",
        f"{SCHEME}?error=cancelled",
        f"{SCHEME}#status=success",
        f"{SCHEME}?status=error&error=%ff",
        f"{SETTINGS}?oauth_complete=true&oauth_error=true",
        f"{SETTINGS}?oauth_complete=false",
        f"{SETTINGS}?oauth_complete=true&status=error",
        f"{SETTINGS}?oauth_complete=true&error=cancelled",
        f"{SCHEME}?status=success&oauth_error=true",
        f"{SCHEME}?status=error&error=cancelled&oauth_complete=true",
        f"{SETTINGS}?oauth_error=false",
        "http://[::1/?status=success",
        f"{SCHEME}?{'a=1&' * 200}status=success",
    ],
)
def test_a_url_that_is_not_a_callback_is_refused(url: str) -> None:
    with pytest.raises(OAuthError, match=r"is not an OAuth callback|not a valid callback URL"):
        OAuthCallback.parse(url)


def test_a_refusal_does_not_show_the_query() -> None:
    with pytest.raises(OAuthError) as raised:
        OAuthCallback.parse("https://example.com/?code=secret&state=hidden")

    assert "secret" not in str(raised.value)
    assert "hidden" not in str(raised.value)


def test_a_value_that_is_not_a_string_is_refused() -> None:
    with pytest.raises(OAuthError, match="is text, not None"):
        OAuthCallback.parse(None)  # type: ignore[arg-type]


@given(st.text())
def test_any_text_is_a_callback_or_an_error_of_ours(text: str) -> None:
    for url in (text, f"{SCHEME}?{text}", f"{SCHEME}?status=error&error={text}"):
        try:
            OAuthCallback.parse(url).raise_for_error()
        except OAuthError as error:
            assert "\n" not in str(error)  # noqa: PT017  # there may be none
