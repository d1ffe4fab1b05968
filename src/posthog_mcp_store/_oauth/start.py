"""From an OAuth flow that the service has started to the redirect for the user."""

from collections.abc import Awaitable, Callable
from uuid import UUID

from .._adapter import StartedFlow
from .._core.errors import UnsafeRedirectError
from .._core.redaction import without_frames
from .redirect import AuthorizationRedirect

SendAuthorize = Callable[..., Awaitable[StartedFlow]]
"""Starts a flow, given what identifies the server: `installation_id`, `template_id`, `server_id` or several."""


def redirect_to(
    started: StartedFlow,
    *,
    server_url: str | None = None,
    server_id: UUID | None = None,
    installation_id: UUID | None = None,
    template_id: UUID | None = None,
    scope: str = "personal",
) -> AuthorizationRedirect:
    """The redirect to a started flow, with what identifies its installation.

    Raises:
        UnsafeRedirectError: The service returned a URL that must not be opened, or none.
    """
    if not started.url:
        raise UnsafeRedirectError(f"the service answered {started.status_code} and returned no URL to send the user to")
    if started.quotes_key:
        raise UnsafeRedirectError(
            "the service returned a URL that must not be opened: it contains the API key, or the MCP server's"
        )
    try:
        return AuthorizationRedirect(
            started.url,
            server_url,
            server_id,
            installation_id=installation_id,
            template_id=template_id,
            scope=scope,
            requested_at=started.requested_at,
            issued_at=started.issued_at,
        )
    except UnsafeRedirectError as error:
        refused = without_frames(error)
    raise refused
