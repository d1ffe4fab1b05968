"""Where to send a user's browser, judged before anybody opens it."""

import json
import re
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import SplitResult, parse_qs, urlsplit
from uuid import UUID

from attrs import field, frozen

from . import _arguments
from ._answer import parse_json
from ._errors import ConfigurationError, UnsafeRedirectError
from ._host import is_loopback
from ._service_time import aware, is_plausible
from ._text import split_url, without_query
from ._web_origin import web_origin

STATE_LIFETIME = timedelta(minutes=10)
"""How long the service knows a flow's state (service facts, section 6)."""


def _safe_url(url: str | None) -> str:
    """The URL, if it may be opened in a browser.

    Raises:
        ConfigurationError: It is not text.
        UnsafeRedirectError: It may not, or the service named none.
    """
    if not isinstance(url, str | None):
        raise ConfigurationError(f"url must be text, not {type(url).__name__}")
    if not url:
        raise UnsafeRedirectError("the service named no URL to send the user to")
    if fault := _fault(url):
        raise UnsafeRedirectError(f"the service named a URL that must not be opened: {fault} ({without_query(url)})")
    return url


def _fault(url: str) -> str | None:
    # Browsers drop or rewrite these, so what they open is not what was judged (WHATWG URL, section 4.4).
    if not re.fullmatch(r"[!-~]+", url) or "\\" in url:
        return "it holds a backslash, white space, control or non-ASCII characters"
    try:
        parts = split_url(url)
        parts.port  # noqa: B018  # reading it is what checks it
    except ValueError:
        return "its address or port can't be read, or it is too long"
    return _parts_fault(parts)


def _parts_fault(parts: SplitResult) -> str | None:
    if not parts.netloc or not parts.hostname:
        return "it names no host"
    if "@" in parts.netloc:
        return "it holds a user name or password"
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname)):
        return "it is not https"
    try:
        web_origin(parts)
    except ValueError:
        return "browsers and other software may take its host for another"
    if not parse_qs(parts.query).get("state"):
        return "it has no state"
    return None


def _stripped(url: str | None) -> str | None:
    """A server's URL as the service keeps it: it strips all text, as Django REST Framework does."""
    return None if url is None else _arguments.text(url, "server_url").strip()


@frozen(kw_only=True)
class Issue:
    """When a flow was started, on the service's clock: what happened to the installation before is not its doing."""

    began: datetime
    """The request was on its way."""
    ended: datetime
    """The answer was there, and nobody had opened its URL yet."""


@frozen
class AuthorizationRedirect:
    """The provider's authorization page for one OAuth flow; good for ten minutes and one use.

    Making one judges its URL, and raises UnsafeRedirectError where it must not be opened. Only `open_in_browser`
    opens it.
    `str()` and `repr()` leave the query out: `state` is a secret of the flow.
    """

    url: str = field(repr=without_query, converter=_safe_url)
    """The whole URL, to send the user's browser to."""
    server_url: str | None = field(default=None, converter=_stripped)
    """The MCP server that `install_custom` was called for: its installation has this `url`."""
    server_id: UUID | None = None
    """The OAuth server record that `authorize` was called for."""
    issue: Issue | None = field(default=None, repr=False, kw_only=True)
    """When the flow was started; None in a redirect that was made by hand."""

    @property
    def origin(self) -> str:
        """Scheme, host and port of the provider as browsers show them, for the user to see."""
        return web_origin(urlsplit(self.url))

    @property
    def state(self) -> str:
        """The flow's `state` (RFC 6749, section 10.12)."""
        return parse_qs(urlsplit(self.url).query)["state"][0]

    @property
    def expires_at(self) -> datetime | None:
        """When the service forgets the flow, on its own clock."""
        return self.issue.ended + STATE_LIFETIME if self.issue else None

    def to_json(self) -> str:
        """The redirect as text, to go on waiting in another process. It holds the flow's state: keep it as a secret."""
        return json.dumps(
            {
                "url": self.url,
                "server_url": self.server_url,
                "server_id": None if self.server_id is None else str(self.server_id),
                "began": None if self.issue is None else self.issue.began.isoformat(),
                "ended": None if self.issue is None else self.issue.ended.isoformat(),
            }
        )

    @classmethod
    def from_json(cls, text: str | bytes) -> "AuthorizationRedirect":
        """The redirect that `to_json()` wrote, judged anew.

        Raises:
            ConfigurationError: The text is not of `to_json()`.
            UnsafeRedirectError: Its URL must not be opened.
        """
        try:
            return _from_fields(parse_json(text))
        except (AttributeError, KeyError, OverflowError, TypeError, ValueError):
            # Without the cause, which may quote the text, and so the state.
            raise ConfigurationError("this is no AuthorizationRedirect as to_json() writes it") from None

    def __str__(self) -> str:
        return without_query(self.url)


def _from_fields(fields: dict[str, Any]) -> AuthorizationRedirect:
    began, ended, server_id, server_url = (fields[name] for name in ("began", "ended", "server_id", "server_url"))
    if not isinstance(server_url, str | None):
        raise TypeError("server_url")
    return AuthorizationRedirect(
        fields["url"],
        server_url=server_url,
        server_id=None if server_id is None else UUID(server_id),
        issue=None if began is None else Issue(began=_moment(began), ended=_moment(ended)),
    )


def _moment(text: str) -> datetime:
    moment = aware(datetime.fromisoformat(text))
    if not is_plausible(moment):
        raise ValueError("a time that no service can have meant")
    return moment
