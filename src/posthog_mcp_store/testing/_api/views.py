"""The operations on installations, all but the proxy and the start of OAuth flows (service facts, section 5)."""

from typing import Any

from starlette.responses import Response

from .._framework.endpoint import Call
from .._framework.errors import invalid, server_error, view_error
from .._framework.paging import next_link, previous_link, window
from .._framework.responses import json_response
from .._model.state import AlreadyInstalledError
from .forms import InstallCustomForm, read_create, read_install_custom, read_update
from .oauth_views import install_with_oauth

_DISPLAY_NAME_COLUMN = 200


async def list_installations(call: Call) -> Response:
    rows = call.state.rows(user=call.user, project_id=call.project_id)
    asked = window(call.request.query_params)
    url = str(call.request.url)
    page = rows[asked.offset : asked.offset + asked.limit]
    return json_response(
        {
            "count": len(rows),
            "next": next_link(url, asked, len(rows)),
            "previous": previous_link(url, asked),
            "results": [call.row_json(row) for row in page],
        }
    )


async def refuse_create(_call: Call) -> Response:
    """The hosted service documents create without having it. This 405 has neither body nor content type."""
    return Response(status_code=405)


async def create(call: Call) -> Response:
    """What create is documented to do, for tests against an instance that has it."""
    fields = read_create(await call.data())
    server_id = fields.pop("server_id", None)
    if server_id is not None:
        fields["server"] = call.state.oauth_server(server_id)
        if fields["server"] is None:
            raise invalid("server_id", "does_not_exist", f'Invalid pk "{server_id}" - object does not exist.')
    return _created(call, fields)


async def retrieve(call: Call) -> Response:
    return json_response(call.row_json(call.installation()))


async def partial_update(call: Call) -> Response:
    row = call.installation()
    changes = read_update(await call.data())
    if len(changes.get("display_name", "")) > _DISPLAY_NAME_COLUMN:
        # Nothing checks the length before the database does, whose refusal the service does not expect.
        raise server_error()
    call.state.change(row, changes)
    return json_response(call.row_json(row))


async def destroy(call: Call) -> Response:
    call.state.remove(call.installation())
    return Response(status_code=204)


async def install_custom(call: Call) -> Response:
    form = read_install_custom(await call.data(), development=call.state.development)
    return await install_with_oauth(call, form) if form.auth_type == "oauth" else _install_with_key(call, form)


def _install_with_key(call: Call, form: InstallCustomForm) -> Response:
    fields = {"url": form.url, "display_name": form.name, "description": form.description, "api_key": form.api_key}
    return _created(call, fields)


def _created(call: Call, fields: dict[str, Any]) -> Response:
    try:
        row = call.state.insert(user=call.user, project_id=call.project_id, **fields)
    except AlreadyInstalledError:
        raise view_error(400, "This server URL is already installed.") from None
    return json_response(call.row_json(row), status=201)
