"""Detecting that an OAuth flow has ended, by comparing an installation from one poll to the next.

The service shows this clearly only for an installation that was unusable: `pending_oauth` and `needs_reauth` become
false. If a working installation is authorized again, both are false all the time, and the only sign that the flow has
ended is a later `updated_at` (docs/service.md, section 6). That changes on other occasions, too. Edits are recognised
by the fields that they change, but a token refresh by the service can't be told apart.
"""

from collections.abc import Sequence
from uuid import UUID

from attrs import define, field, frozen

from .._adapter import Installation
from .._core.errors import ConfigurationError
from .._core.http_dates import aware
from .._core.text import short_repr
from .redirect import AuthorizationRedirect


@frozen
class AuthorizationProgress:
    """The progress of `wait_until_authorized`, reported after each poll."""

    installation: Installation
    polls: int
    """The number of polls so far."""
    elapsed: float
    """Seconds since the wait began."""
    remaining: float
    """Seconds until the wait times out."""


@define(eq=False)
class FlowTracker:
    """The state of one wait: its installation, and how that looked in earlier polls."""

    target: UUID | AuthorizationRedirect
    id: UUID | None = field(init=False)
    """The installation's id, once it is known."""
    _was_unusable: bool = field(default=False, init=False)
    _before: Installation | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        self.id = self.target if isinstance(self.target, UUID) else None
        if self.id is None and self._server == (None, None):
            raise ConfigurationError("this redirect names no server: pass the installation's id instead")

    @property
    def _server(self) -> tuple[str | None, UUID | None]:
        return (None, None) if isinstance(self.target, UUID) else (self.target.server_url, self.target.server_id)

    def find(self, rows: Sequence[Installation]) -> Installation | None:
        """Find the installation in the whole list, and remember its id."""
        found = next((row for row in rows if row.id == self.id), None) if self.id else self._find_by_server(rows)
        if found is not None:
            self.id = found.id
        return found

    def _find_by_server(self, rows: Sequence[Installation]) -> Installation | None:
        url, server_id = self._server
        # Newer services also list installations shared by others, but a flow is always for the user's own.
        own = [row for row in rows if row.additional_properties.get("is_owner") is not False]
        if url is not None:
            return next((row for row in own if row.url == url), None)
        # If several belong to the server's record, the service uses the lowest id (docs/service.md, section 5).
        return min((row for row in own if row.server_id == server_id), key=lambda row: row.id, default=None)

    def is_over(self, row: Installation) -> bool:
        """True if the flow has ended, going by this poll and earlier ones."""
        if row.pending_oauth or row.needs_reauth:
            self._was_unusable = True
            return False
        if self._was_unusable:
            return True
        before, self._before = self._before, row
        return self._ended_before(row) if before is None else _is_authorized_anew(before, row)

    def _ended_before(self, row: Installation) -> bool:
        """True if the flow ended before the first poll. That can't be known from an id alone."""
        if isinstance(self.target, UUID):
            return False
        requested, issued = self.target.requested_at, self.target.issued_at
        if requested is not None and aware(row.created_at) >= requested:
            return True
        return issued is not None and row.updated_at is not None and aware(row.updated_at) > issued

    def __str__(self) -> str:
        """Describe the installation in an error message."""
        url, server_id = self._server
        if self.id is not None:
            return f"the installation {self.id}"
        return (
            f"the installation of {short_repr(url)}" if url is not None else f"the installation of server {server_id}"
        )


def _is_authorized_anew(before: Installation, after: Installation) -> bool:
    return before.updated_at != after.updated_at and _editable(before) == _editable(after)


def _editable(row: Installation) -> tuple[object, ...]:
    return row.display_name, row.description, row.is_enabled
