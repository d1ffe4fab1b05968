"""The callback URL to which the user's browser is sent at the end of an OAuth flow."""

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
"""The service's own error codes (docs/service.md, section 6); others are the provider's (RFC 6749, 4.1.2.1)."""
START_AGAIN = "start a new flow, for example with authorize()"


@frozen
class OAuthCallback:
    """The outcome of an OAuth flow, as the service reports it to the application that started the flow.

    It does not identify the installation, and anybody can forge such a URL. Treat it as a hint that the flow has ended,
    and retrieve the installation to see the result (docs/service.md, section 6).

    Attributes:
        status: `success` or `error`.
        error: `cancelled`, an error code of the provider (RFC 6749, section 4.1.2.1), or one of the service; None if
            the flow succeeded or no reason was given.
    """

    status: Status
    error: str | None = None

    @classmethod
    def parse(cls, url: str) -> "OAuthCallback":
        """Parse the URL to which the service sent the browser at the end of the flow.

        Args:
            url: The `posthog_code_callback_url` or the page in PostHog's settings, with the query that the service
                added.

        Raises:
            OAuthError: It is not a callback, or contradicts itself.
        """
        values = _query(url)
        match [values.get(name) for name in ("status", "error", "oauth_complete", "oauth_error")]:
            case [["success"], None, None, None] | [None, None, ["true"], None]:
                return cls("success")
            case [["error"], [str(error)], None, None]:
                return cls("error", error or None)
            case [["error"], None, None, None] | [None, None, None, ["true"]]:
                return cls("error")
        # Without the query: in a URL that is not a callback, it may hold another application's secrets.
        raise OAuthError(f"{without_query(url)} is not an OAuth callback: its query has no outcome, or several")

    @property
    def is_success(self) -> bool:
        """True if the user authorized the installation."""
        return self.status == "success"

    def raise_for_error(self) -> None:
        """Raise an error unless the flow succeeded.

        Raises:
            OAuthDeniedError: The user denied the authorization.
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
        # Form-encoded, so a plus is a space (docs/service.md, section 6). The service always sends UTF-8.
        return parse_qs(split_url(url).query, keep_blank_values=True, errors="strict", max_num_fields=100)
    except ValueError:
        raise OAuthError(f"{without_query(url)} is not a valid callback URL") from None
