"""Who may install what, and what an installation changes in the project (docs/service.md, section 5)."""

from .._framework.endpoint import RequestContext
from .._framework.errors import permission_denied
from .._model.installations import InstallationRecord
from .forms import InstallForm


def require_shared_allowed(context: RequestContext, form: InstallForm) -> None:
    if form.scope == "shared" and not context.is_admin:
        raise permission_denied("Only project admins can create shared MCP servers.")


def require_custom_allowed(context: RequestContext, url: str) -> None:
    """Members may always install a server that somebody in the project has installed."""
    is_known = url in context.project.servers
    if not (is_known or context.is_admin or context.project.members_add_servers):
        raise permission_denied("Custom MCP servers are limited to project admins in this project.")


def require_options_allowed(context: RequestContext, form: InstallForm) -> None:
    if not form.team_enabled and not context.is_admin:
        raise permission_denied("Only project admins can set team availability.")
    if form.agent_scope is not None and not _manages_agents(context):
        raise permission_denied("Only project admins can share servers with agents in this project.")


def require_enabled(context: RequestContext, url: str, *, admins_may_add: bool = False) -> None:
    """Refuse servers that are disabled for the team. Admins may be allowed to install those that are only not enabled
    yet.
    """
    project = context.project
    if url not in project.servers and admins_may_add and context.is_admin:
        return
    if not project.servers.get(url, project.servers_start_enabled):
        raise permission_denied("This server is disabled for your team.")


def apply_options(context: RequestContext, row: InstallationRecord, form: InstallForm) -> None:
    """Register the server with the project, switch it off if that was requested, and lend the row to the agents."""
    context.state.register_server(row)
    if not form.team_enabled:
        context.project.servers[row.url] = False
    if _manages_agents(context):
        row.agent_scope = form.agent_scope or row.agent_scope or "personal"


def _manages_agents(context: RequestContext) -> bool:
    return context.is_admin or context.project.members_manage_agents
