"""The operations on installations, except those that install, share or use them (docs/service.md, section 5)."""

from starlette.responses import Response

from .._framework.endpoint import RequestContext
from .._framework.errors import invalid, server_error, view_error
from .._framework.paging import next_link, previous_link, read_limit_offset
from .._framework.responses import json_response
from .._model.state import DuplicateInstallationError
from .forms import read_create, read_update
from .install_views import no_tools

_DISPLAY_NAME_COLUMN = 200


async def list_installations(context: RequestContext) -> Response:
    rows = context.state.rows(user=context.user, project_id=context.project_id)
    asked = read_limit_offset(context.request.query_params)
    url = str(context.request.url)
    page = rows[asked.offset : asked.offset + asked.limit]
    return json_response(
        {
            "count": len(rows),
            "next": next_link(url, asked, len(rows)),
            "previous": previous_link(url, asked),
            "results": [context.row_json(row) for row in page],
        }
    )


async def refuse_write(_context: RequestContext) -> Response:
    """PostHog Cloud documents create and PUT but does not support them. This 405 has neither body nor content type."""
    return Response(status_code=405)


async def create(context: RequestContext) -> Response:
    """Create an installation as documented, for tests against instances that support it."""
    fields = read_create(await context.data(), version=context.state.version)
    server_id = fields.pop("server_id", None)
    if server_id is not None:
        fields["server"] = context.state.oauth_server(server_id)
        if fields["server"] is None:
            raise invalid("server_id", "does_not_exist", f'Invalid pk "{server_id}" - object does not exist.')
    try:
        row = context.state.insert(user=context.user, project_id=context.project_id, tools=no_tools(context), **fields)
    except DuplicateInstallationError:
        raise view_error(400, "This server URL is already installed.") from None
    return json_response(context.row_json(row), status=201)


async def retrieve(context: RequestContext) -> Response:
    return json_response(context.row_json(context.installation()))


async def partial_update(context: RequestContext) -> Response:
    if context.state.version < "2026-09":
        context.installation()  # it is looked up before the body is read
    changes = read_update(await context.data())
    row = context.own_installation()
    if len(changes.get("display_name", "")) > _DISPLAY_NAME_COLUMN:
        # The service does not check the length, and does not handle the database's error.
        raise server_error()
    context.state.change(row, changes)
    return json_response(context.row_json(row))


async def destroy(context: RequestContext) -> Response:
    context.state.remove(context.own_installation(admins_too=True))
    return Response(status_code=204)


async def list_templates(context: RequestContext) -> Response:
    """The catalogue, which is not paged."""
    templates = sorted(context.state.catalogue(context.project_id), key=lambda template: template.name)
    return json_response({"results": [template.to_json(version=context.state.version) for template in templates]})
