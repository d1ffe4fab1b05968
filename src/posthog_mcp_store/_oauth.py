"""Where to send a user's browser, judged before anybody opens it."""

import re
from urllib.parse import SplitResult, parse_qs, urlsplit
from uuid import UUID

from attrs import field, frozen

from ._errors import UnsafeRedirectError
from ._host import is_loopback
from ._text import without_query


def _safe_url(url: str | None) -> str:
    """The URL, if it may be opened in a browser.

    Raises:
        UnsafeRedirectError: It may not, or the service named none.
    """
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
        parts = urlsplit(url)
        parts.port  # noqa: B018  # reading it is what checks it
    except ValueError:
        return "its address or port can't be read"
    return _parts_fault(parts)


def _parts_fault(parts: SplitResult) -> str | None:
    if not parts.netloc or not parts.hostname:
        return "it names no host"
    if "@" in parts.netloc:
        return "it holds a user name or password"
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname)):
        return "it is not https"
    if not parse_qs(parts.query).get("state"):
        return "it has no state"
    return None


@frozen
class AuthorizationRedirect:
    """The provider's authorization page for one OAuth flow; good for ten minutes and one use.

    Making one judges its URL, and raises UnsafeRedirectError where it must not be opened. Only `open_in_browser`
    opens it.
    `str()` and `repr()` leave the query out: `state` is a secret of the flow.
    """

    url: str = field(repr=without_query, converter=_safe_url)
    """The whole URL, to send the user's browser to."""
    server_url: str | None = None
    """The MCP server that `install_custom` was called for: the new installation has this `url`."""
    server_id: UUID | None = None
    """The OAuth server record that `authorize` was called for."""

    @property
    def origin(self) -> str:
        """Scheme and host of the provider, to show to the user."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def state(self) -> str:
        """The flow's `state` (RFC 6749, section 10.12)."""
        return parse_qs(urlsplit(self.url).query)["state"][0]

    def __str__(self) -> str:
        return without_query(self.url)
