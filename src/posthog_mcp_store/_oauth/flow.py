"""Whether an OAuth flow is done, judged by what an installation looks like from one look to the next.

The service says so plainly only of a flow that an unusable installation waits for: `pending_oauth` and `needs_reauth`
turn false. While a healthy installation is authorized again, both are false all along, and the one trace of the flow's
end is a later `updated_at` (docs/service.md, section 6). It moves on other occasions too: an edit shows in the fields
that were edited, and is told apart; a token that the service refreshed meanwhile is not.
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
    """What `wait_until_authorized` tells of each look at the installation."""

    installation: Installation
    polls: int
    """How often it was looked at."""
    elapsed: float
    """Seconds since the wait began."""
    remaining: float
    """Seconds until it is given up."""


@define(eq=False)
class FlowTracker:
    """One wait: which installation it is for, and what was seen of it."""

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
        """The installation among all there are; from then on its `id` is known."""
        found = next((row for row in rows if row.id == self.id), None) if self.id else self._find_by_server(rows)
        if found is not None:
            self.id = found.id
        return found

    def _find_by_server(self, rows: Sequence[Installation]) -> Installation | None:
        url, server_id = self._server
        # A later service lists what others share, too; a flow is for one's own.
        own = [row for row in rows if row.additional_properties.get("is_owner") is not False]
        if url is not None:
            return next((row for row in own if row.url == url), None)
        # Where several have the server's record, the service takes the lowest id (docs/service.md, section 5).
        return min((row for row in own if row.server_id == server_id), key=lambda row: row.id, default=None)

    def is_over(self, row: Installation) -> bool:
        """Whether the flow is done, seen from this look at its installation."""
        if row.pending_oauth or row.needs_reauth:
            self._was_unusable = True
            return False
        if self._was_unusable:
            return True
        before, self._before = self._before, row
        return self._ended_before(row) if before is None else _is_authorized_anew(before, row)

    def _ended_before(self, row: Installation) -> bool:
        """Whether the flow ended before the first look. With an id alone, nothing tells."""
        if isinstance(self.target, UUID):
            return False
        requested, issued = self.target.requested_at, self.target.issued_at
        if requested is not None and aware(row.created_at) >= requested:
            return True
        return issued is not None and row.updated_at is not None and aware(row.updated_at) > issued

    def __str__(self) -> str:
        """The installation, in words."""
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
