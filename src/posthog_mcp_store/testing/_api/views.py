"""The operations on installations, except the proxy and the start of OAuth flows (docs/service.md, section 5)."""

from typing import Any

from starlette.responses import Response

from .._framework.endpoint import RequestContext
from .._framework.errors import invalid, server_error, view_error
from .._framework.paging import next_link, previous_link, read_limit_offset
from .._framework.responses import json_response
from .._model.state import DuplicateInstallationError
from .forms import InstallCustomForm, read_create, read_install_custom, read_update
from .oauth_views import install_with_oauth

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


async def refuse_create(_context: RequestContext) -> Response:
    """PostHog Cloud documents create but does not support it. This 405 has neither a body nor a content type."""
    return Response(status_code=405)


async def create(context: RequestContext) -> Response:
    """Create an installation as documented, for tests against instances that support it."""
    fields = read_create(await context.data())
    server_id = fields.pop("server_id", None)
    if server_id is not None:
        fields["server"] = context.state.oauth_server(server_id)
        if fields["server"] is None:
            raise invalid("server_id", "does_not_exist", f'Invalid pk "{server_id}" - object does not exist.')
    return _created(context, fields)


async def retrieve(context: RequestContext) -> Response:
    return json_response(context.row_json(context.installation()))


async def partial_update(context: RequestContext) -> Response:
    row = context.installation()
    changes = read_update(await context.data())
    if len(changes.get("display_name", "")) > _DISPLAY_NAME_COLUMN:
        # The service does not check the length, and does not handle the database's error.
        raise server_error()
    context.state.change(row, changes)
    return json_response(context.row_json(row))


async def destroy(context: RequestContext) -> Response:
    context.state.remove(context.installation())
    return Response(status_code=204)


async def install_custom(context: RequestContext) -> Response:
    form = read_install_custom(await context.data(), development=context.state.development)
    return await install_with_oauth(context, form) if form.auth_type == "oauth" else _install_with_key(context, form)


def _install_with_key(context: RequestContext, form: InstallCustomForm) -> Response:
    fields = {"url": form.url, "display_name": form.name, "description": form.description, "api_key": form.api_key}
    return _created(context, fields)


def _created(context: RequestContext, fields: dict[str, Any]) -> Response:
    try:
        row = context.state.insert(user=context.user, project_id=context.project_id, **fields)
    except DuplicateInstallationError:
        raise view_error(400, "This server URL is already installed.") from None
    return json_response(context.row_json(row), status=201)
