"""The operations on installations, all but the proxy (service facts, section 5)."""

from contextlib import suppress
from typing import Any

from starlette.responses import Response

from ._endpoint import Call
from ._errors import invalid, server_error, view_error
from ._forms import InstallCustomForm, read_authorize, read_create, read_install_custom, read_update
from ._oauth import authorization_url, issuer_of
from ._paging import next_link, previous_link, window
from ._records import InstallationRecord
from ._responses import json_response
from ._state import AlreadyInstalledError

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
    form = read_install_custom(await call.data())
    return _install_with_oauth(call, form) if form.auth_type == "oauth" else _install_with_key(call, form)


def _install_with_key(call: Call, form: InstallCustomForm) -> Response:
    return _created(call, {**_fields_of(form), "api_key": form.api_key})


def _install_with_oauth(call: Call, form: InstallCustomForm) -> Response:
    """Start a flow. A row for the URL that is there already stays as it is until the flow ends."""
    server = call.state.register_with_issuer(issuer_of(form.url), name=form.name)
    redirect_url = authorization_url(server, site=call.site)
    with suppress(AlreadyInstalledError):
        _insert(call, {**_fields_of(form), "auth_type": "oauth", "server": server})
    return json_response({"redirect_url": redirect_url})


def _fields_of(form: InstallCustomForm) -> dict[str, Any]:
    return {"url": form.url, "display_name": form.name, "description": form.description}


def _created(call: Call, fields: dict[str, Any]) -> Response:
    try:
        row = _insert(call, fields)
    except AlreadyInstalledError:
        raise view_error(400, "This server URL is already installed.") from None
    return json_response(call.row_json(row), status=201)


def _insert(call: Call, fields: dict[str, Any]) -> InstallationRecord:
    return call.state.insert(user=call.user, project_id=call.project_id, **fields)


async def authorize(call: Call) -> Response:
    """Start a flow again. It need not be the caller's own installation: such a flow fails only at its end."""
    form = read_authorize(call.request.query_params)
    server = call.state.oauth_server(form.server_id)
    if server is None:
        raise view_error(404, "Server not found")
    location = authorization_url(server, site=call.site)
    return Response(status_code=302, headers={"location": location})
