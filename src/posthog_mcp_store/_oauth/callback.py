"""What the user's browser brings back at the end of an OAuth flow."""

from typing import Literal
from urllib.parse import parse_qs

from attrs import frozen

from .._core.errors import OAuthDeniedError, OAuthError
from .._core.text import short_repr, single_line, split_url, without_query

Status = Literal["success", "error"]

DENIALS = {"cancelled", "access_denied"}
EXPLANATIONS = {
    "Missing authorization code": "the provider sent the browser back without a code",
    "token_exchange_failed": "the service could not exchange the provider's code for a token",
}
"""The service's own words for a failure (docs/service.md, section 6); others are the provider's (RFC 6749, 4.1.2.1)."""
START_AGAIN = "start again with authorize() or install_custom()"


@frozen
class OAuthCallback:
    """The end of an OAuth flow, as the service tells it to the application that started it.

    It does not say which installation it was for, and anybody can make such a URL: take it as a hint that the flow has
    ended, and ask the service for the installation.
    """

    status: Status
    error: str | None = None
    """What went wrong: `cancelled`, a code of the provider's or the service's own; None where no reason was given."""

    @classmethod
    def parse(cls, url: str) -> "OAuthCallback":
        """Read the URL that the browser was sent to: a `posthog_code_callback_url`, or the service's settings page.

        Raises:
            OAuthError: It is no callback, or says two things at once.
        """
        values = _query(url)
        match [values.get(name) for name in ("status", "error", "oauth_complete", "oauth_error")]:
            case [["success"], None, None, None] | [None, None, ["true"], None]:
                return cls("success")
            case [["error"], [str(error)], None, None]:
                return cls("error", error or None)
            case [["error"], None, None, None] | [None, None, None, ["true"]]:
                return cls("error")
        # Its query is left out: a URL that is no callback may be another application's secret.
        raise OAuthError(f"{without_query(url)} is not an OAuth callback: it has no status=success or status=error")

    @property
    def is_success(self) -> bool:
        return self.status == "success"

    def raise_for_error(self) -> None:
        """Do nothing after a success.

        Raises:
            OAuthDeniedError: The user said no.
            OAuthError: The provider or the service failed.
        """
        if self.is_success:
            return
        if self.error in DENIALS:
            raise OAuthDeniedError(f"the authorization was denied ({self.error}): {START_AGAIN}")
        if self.error is None:
            raise OAuthError(f"the authorization failed, and the service gave no reason: {START_AGAIN}")
        reason = EXPLANATIONS.get(self.error, "the provider refused")
        raise OAuthError(f"the authorization failed: {reason} ({single_line(self.error, limit=200)}); {START_AGAIN}")


def _query(url: object) -> dict[str, list[str]]:
    if not isinstance(url, str):
        raise OAuthError(f"a callback's URL is text, not {short_repr(url)}")
    try:
        # Form-encoded, so a plus is a space (docs/service.md, section 6). What isn't UTF-8 can't be the service's.
        return parse_qs(split_url(url).query, keep_blank_values=True, errors="strict", max_num_fields=100)
    except ValueError:
        raise OAuthError(f"{without_query(url)} is not a valid callback URL") from None
