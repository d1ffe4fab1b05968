"""Detecting that an OAuth flow has ended, by comparing an installation from one poll to the next.

The service shows this clearly only for an installation that was unusable: `pending_oauth` and `needs_reauth` become
false. If a working installation is authorized again, both are false all the time, and the only sign that the flow has
ended is a later `updated_at` (docs/service.md, section 6). That changes on other occasions, too. Edits are recognised
by the fields that they change, but a token refresh by the service can't be told apart.
"""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from attrs import define, field, frozen

from .._adapter import Installation
from .._core.errors import ConfigurationError
from .._core.http_dates import aware
from .._core.text import short_repr, without_query
from .redirect import AuthorizationRedirect

CLOCK_MARGIN = timedelta(seconds=2)


@frozen
class AuthorizationProgress:
    """The progress of `wait_until_authorized`, reported after each poll.

    Attributes:
        installation: The installation as of this poll.
        polls: The number of polls so far.
        elapsed: Seconds since the wait began.
        remaining: Seconds until the wait times out.
    """

    installation: Installation
    polls: int
    elapsed: float
    remaining: float


@define(eq=False)
class FlowTracker:
    """The state of one wait: its installation, and how that looked in earlier polls."""

    target: UUID | AuthorizationRedirect
    id: UUID | None = field(default=None, init=False)
    """The installation's id, once it is known."""
    _was_unusable: bool = field(default=False, init=False)
    _before: Installation | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        if isinstance(self.target, UUID):
            self.id = self.target
        elif self.target.server_id is None:
            # Otherwise the service decides which of the installations with this server record it authorizes.
            self.id = self.target.installation_id
        if self.id is None and self._server == (None, None, None):
            raise ConfigurationError("this redirect names no server: pass the installation's id instead")

    @property
    def _server(self) -> tuple[str | None, UUID | None, UUID | None]:
        """The URL, template or OAuth server record by which to find the installation."""
        if isinstance(self.target, UUID):
            return None, None, None
        return self.target.server_url, self.target.template_id, self.target.server_id

    def find(self, rows: Sequence[Installation]) -> Installation | None:
        """Find the installation in the whole list, and remember its id."""
        if isinstance(self.target, UUID) or self.id is not None:
            found = next((row for row in rows if row.id == self.id), None)
        else:
            found = _find_by_server(self.target, rows)
        if found is not None:
            self.id = found.id
        return found

    def is_over(self, row: Installation) -> bool:
        """True if the flow has ended, given the installation as this poll shows it."""
        if row.pending_oauth or row.needs_reauth:
            self._was_unusable = True
            return False
        if self._was_unusable or isinstance(self.target, UUID):
            return True
        before, self._before = self._before, row
        return _ended_before(self.target, row) if before is None else _is_authorized_again(before, row)

    def __str__(self) -> str:
        """Describe the installation in an error message."""
        url, template_id, server_id = self._server
        if self.id is not None:
            return f"the installation {self.id}"
        if url is not None:
            return f"the installation of {short_repr(without_query(url))}"
        return f"the installation of {f'template {template_id}' if template_id else f'server {server_id}'}"


def _find_by_server(redirect: AuthorizationRedirect, rows: Sequence[Installation]) -> Installation | None:
    # The list includes what others share. A server may be installed once in each scope, and be shared meanwhile.
    own = sorted((row for row in rows if row.is_owner), key=lambda row: row.scope != redirect.scope)
    if redirect.server_url is not None:
        return next((row for row in own if row.url == redirect.server_url), None)
    if redirect.template_id is not None:
        return next((row for row in own if row.template_id == redirect.template_id), None)
    # If several have the server's record, the service uses the lowest id (docs/service.md, section 5).
    same = [row for row in own if row.server_id == redirect.server_id]
    return min(same, key=lambda row: row.id, default=None) or next(
        (row for row in own if row.id == redirect.installation_id), None
    )


def _ended_before(redirect: AuthorizationRedirect, row: Installation) -> bool:
    """True if the flow ended before the first poll."""
    requested, issued = redirect.requested_at, redirect.issued_at
    if requested is not None and aware(row.created_at) >= requested:
        return True
    # Starting a flow may save the row of a template, and the clocks may differ a little.
    margin = timedelta(0) if row.template_id is None else CLOCK_MARGIN
    return issued is not None and row.updated_at is not None and aware(row.updated_at) > issued + margin


def _is_authorized_again(before: Installation, after: Installation) -> bool:
    return before.updated_at != after.updated_at and _editable(before) == _editable(after)


def _editable(row: Installation) -> tuple[object, ...]:
    return row.display_name, row.description, row.is_enabled, row.scope
