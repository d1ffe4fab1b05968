"""The checks before an installation is used (docs/service.md, section 7)."""

from .._framework.endpoint import RequestContext
from .._framework.errors import proxy_error
from .._model.installations import InstallationRecord
from .refreshing import needs_reauthorization, refresh_if_due


async def require_usable(context: RequestContext, row: InstallationRecord) -> None:
    """Raise the proxy's error if the row cannot be used, else refresh its token if necessary."""
    _refuse_unusable(context, row)
    await refresh_if_due(context.state, row)


def is_switched_off(context: RequestContext, row: InstallationRecord) -> bool:
    """Whether an admin has disabled the server for the team."""
    return row.is_disabled_for_team or not context.project.servers.get(row.url, True)


def _refuse_unusable(context: RequestContext, row: InstallationRecord) -> None:
    """The checks, in the service's order."""
    if is_switched_off(context, row):
        raise proxy_error(403, "Server is disabled for this team")
    if row.is_access_off:
        raise proxy_error(403, "Your access to this server has been turned off by an admin")
    if not row.is_enabled:
        raise proxy_error(403, "Server is disabled")
    if row.needs_reauth:
        raise needs_reauthorization()
    if not row.credential and _needs_credential(row):
        raise proxy_error(401, "No credentials configured")


def _needs_credential(row: InstallationRecord) -> bool:
    return row.version < "2026-09" or row.auth_type in ("api_key", "oauth")
