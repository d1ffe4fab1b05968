"""Sharing an installation with the project, and ending that (docs/service.md, section 10)."""

from starlette.responses import Response

from .._framework.endpoint import RequestContext
from .._framework.errors import permission_denied, view_error
from .._framework.responses import json_response


async def share(context: RequestContext) -> Response:
    row, state = context.installation(), context.state
    if row.scope != "personal":
        raise view_error(400, "Only personal installations can be shared.")
    # Nobody sees the personal rows of others, so this one is the caller's own.
    if not context.is_admin:
        raise permission_denied("Only project admins can share MCP servers with the project.")
    if state.row_for_url(row.url, user=context.user, project_id=row.project_id, scope="shared") is not None:
        raise view_error(409, "A shared connection for this server already exists in this project.")
    state.change(row, {"scope": "shared"})
    state.register_server(row)
    return json_response(context.row_json(row))


async def unshare(context: RequestContext) -> Response:
    row, state = context.installation(), context.state
    if row.scope != "shared":
        raise view_error(400, "Only shared installations can be unshared.")
    if row.user != context.user and not context.is_admin:
        raise permission_denied("Only the credential owner or a project admin can unshare a shared server.")
    if state.row_for_url(row.url, user=row.user, project_id=row.project_id) is not None:
        raise view_error(409, "The owner already has a personal installation for this server.")
    state.change(row, {"scope": "personal"})
    return json_response(context.row_json(row))
