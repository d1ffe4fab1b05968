"""The URL to which a user's browser is sent, validated before it is opened."""

import json
import re
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import SplitResult, parse_qs, urlsplit
from uuid import UUID

from attrs import asdict, field, frozen

from .._core import validation
from .._core.errors import ConfigurationError, UnsafeRedirectError
from .._core.hosts import is_loopback
from .._core.http_dates import aware, is_plausible
from .._core.response import parse_json
from .._core.text import split_url, without_query
from .._core.web_origin import web_origin

STATE_LIFETIME = timedelta(minutes=10)
"""How long the service keeps the state of a flow (docs/service.md, section 6)."""


def _safe_url(url: str | None) -> str:
    """The URL, if it may be opened in a browser.

    Raises:
        ConfigurationError: It is not text.
        UnsafeRedirectError: It must not be opened, or the service returned none.
    """
    if not isinstance(url, str | None):
        raise ConfigurationError(f"url must be text, not {type(url).__name__}")
    if not url:
        raise UnsafeRedirectError("there is no URL to send the user to")
    if fault := _fault(url):
        raise UnsafeRedirectError(f"this URL must not be opened: {fault} ({without_query(url)})")
    return url


def _fault(url: str) -> str | None:
    # Browsers drop or rewrite these, and would open another URL than the one validated (WHATWG URL, section 4.4).
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
    """A server's URL as the service stores it: Django REST Framework strips white space from all strings."""
    return None if url is None else validation.text(url, "server_url").strip()


def _identifier(value: UUID | str | None) -> UUID | None:
    return None if value is None else validation.uuid(value, "the id of a redirect")


def _scope(value: str) -> str:
    return validation.text(value, "scope")


@frozen
class AuthorizationRedirect:
    """The provider's authorization page for an OAuth flow, valid once and for ten minutes.

    Send the user's browser to `url`, then call `wait_until_authorized()` with the redirect. It remembers for which
    installation the flow was started; what does not apply is None.

    The URL is validated when the redirect is created. The SDK never requests it; only `open_in_browser()` opens it.
    `str()` and `repr()` omit its query, because `state` is a secret of the flow.

    Attributes:
        url: The complete URL to which to send the user's browser.
        server_url: The `url` of the installation, after `install_custom()`.
        server_id: The OAuth server record that was authorized, on instances last updated in spring 2026.
        installation_id: The installation that was passed to `authorize()`.
        template_id: The template that was passed to `authorize()` or `install_template()`.
        scope: The scope of the installation: `personal` or `shared`.
        requested_at: When the request that started the flow was sent, by the service's clock; None if you created the
            redirect.
        issued_at: When the service responded, by its own clock; None if you created the redirect.

    Raises:
        ConfigurationError: A value has the wrong type.
        UnsafeRedirectError: The URL must not be opened: it is not https, has no `state`, contains a user name, or
            browsers may read it differently.
    """

    url: str = field(repr=without_query, converter=_safe_url)
    server_url: str | None = field(default=None, converter=_stripped)
    server_id: UUID | None = field(default=None, converter=_identifier)
    installation_id: UUID | None = field(default=None, kw_only=True, converter=_identifier)
    template_id: UUID | None = field(default=None, kw_only=True, converter=_identifier)
    scope: str = field(default="personal", kw_only=True, converter=_scope)
    requested_at: datetime | None = field(default=None, repr=False, kw_only=True)
    issued_at: datetime | None = field(default=None, repr=False, kw_only=True)

    @property
    def origin(self) -> str:
        """The provider's scheme, host and port as a browser displays them, to show to the user."""
        return web_origin(urlsplit(self.url))

    @property
    def state(self) -> str:
        """The flow's `state` (RFC 6749, section 10.12)."""
        return parse_qs(urlsplit(self.url).query)["state"][0]

    @property
    def expires_at(self) -> datetime | None:
        """When the flow expires, by the service's clock: ten minutes after `issued_at`. None if that is None."""
        return self.issued_at + STATE_LIFETIME if self.issued_at else None

    def to_json(self) -> str:
        """Serialize the redirect, to wait for the flow in another process.

        The text contains the flow's `state`: keep it secret.
        """
        return json.dumps(asdict(self, value_serializer=_plain))

    @classmethod
    def from_json(cls, text: str | bytes) -> "AuthorizationRedirect":
        """Restore a redirect, and validate it again.

        Args:
            text: The result of `to_json()`.

        Raises:
            ConfigurationError: The text was not produced by `to_json()`.
            UnsafeRedirectError: Its URL must not be opened.
        """
        try:
            return _from_fields(parse_json(text))
        except (AttributeError, KeyError, OverflowError, TypeError, ValueError):
            # Without the cause, which may quote the text and its state.
            raise ConfigurationError("this was not produced by AuthorizationRedirect.to_json()") from None

    def __str__(self) -> str:
        return without_query(self.url)


def _plain(_: object, __: object, value: object) -> str | None:
    if isinstance(value, datetime):
        return value.isoformat()
    return None if value is None else str(value)


def _from_fields(fields: dict[str, Any]) -> AuthorizationRedirect:
    server_url, scope = fields["server_url"], fields.get("scope", "personal")
    if not isinstance(server_url, str | None) or not isinstance(scope, str):
        raise TypeError("server_url, scope")
    return AuthorizationRedirect(
        fields["url"],
        server_url=server_url,
        server_id=_uuid(fields["server_id"]),
        installation_id=_uuid(fields.get("installation_id")),
        template_id=_uuid(fields.get("template_id")),
        scope=scope,
        requested_at=_moment(fields["requested_at"]),
        issued_at=_moment(fields["issued_at"]),
    )


def _uuid(text: str | None) -> UUID | None:
    return None if text is None else UUID(text)


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    moment = aware(datetime.fromisoformat(text))
    if not is_plausible(moment):
        raise ValueError("a time that no service can have meant")
    return moment
