"""Responses with one unusual field: users get a value, or an error that names the field.

One field at a time is left out, null, or of every other JSON type. The tables below say what the document promises of
each field; they are written out, so that neither the document nor the generated client is believed about the other.
"""

import json
import math
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import httpx
import pytest
from attrs import frozen
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from posthog_mcp_store import MCPStore, ResponseDecodeError, UnsafeRedirectError
from posthog_mcp_store.lowlevel.models import MCPServerInstallationAuthTypeEnum

from ..support.document import DOCUMENT
from ..support.wire import ID, SERVER_ID, Wire, installation, page

SCHEMAS = DOCUMENT["components"]["schemas"]

Faked = Callable[..., MCPStore]
Promise = Callable[[object], object]
"""Reads the JSON value of a field. Raises ValueError for values that are not promised."""


# Values of a field.


def text(value: object) -> str:
    if isinstance(value, str):
        return value
    raise ValueError(value)


def uuid(value: object) -> UUID:
    return UUID(text(value))


def moment(value: object) -> datetime:
    return datetime.fromisoformat(text(value))


def flag(value: object) -> bool:
    if isinstance(value, bool):
        return value
    raise ValueError(value)


def whole_number(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise ValueError(value)


def any_json(value: object) -> object:
    return value


def json_object(value: object) -> dict[str, object]:
    if isinstance(value, dict):
        return value
    raise ValueError(value)


def json_objects(value: object) -> list[dict[str, object]]:
    if isinstance(value, list):
        return [json_object(each) for each in value]
    raise ValueError(value)


def no_rows(value: object) -> list[object]:
    """None of the lists that are made up here holds an installation, a tool or a template."""
    if value == []:
        return []
    raise ValueError(value)


# The promise of the document for each field, and its value where it is missing or null; otherwise that is an error.

INSTALLATION: dict[str, Promise] = {
    "id": uuid,
    "server_id": uuid,
    "template_id": uuid,
    "name": text,
    "icon_key": text,
    "icon_domain": text,
    "display_name": text,
    "url": text,
    "description": text,
    "auth_type": text,
    "is_enabled": flag,
    "scope": text,
    "is_owner": flag,
    "needs_reauth": flag,
    "pending_oauth": flag,
    "proxy_url": text,
    "tool_count": whole_number,
    "last_synced_at": moment,
    "last_sync_error": text,
    "created_at": moment,
    "updated_at": moment,
}
INSTALLATION_DEFAULTS = {
    "server_id": None,
    "template_id": None,
    "icon_key": "",
    "icon_domain": "",
    "display_name": "",
    "description": "",
    "is_enabled": True,
    "scope": "personal",
    "is_owner": True,
    "tool_count": None,
    "last_synced_at": None,
    "last_sync_error": "",
    "updated_at": None,
}
PAGE: dict[str, Promise] = {"count": whole_number, "next": text, "previous": text, "results": no_rows}
PAGE_DEFAULTS = {"next": None, "previous": None}
REDIRECT: dict[str, Promise] = {"redirect_url": text}
TOOL: dict[str, Promise] = {
    "id": uuid,
    "tool_name": text,
    "display_name": text,
    "description": text,
    "input_schema": any_json,
    "approval_state": text,
    "team_state": text,
    "locked": flag,
    "decided_by": text,
    "last_seen_at": moment,
    "removed_at": moment,
    "created_at": moment,
    "updated_at": moment,
}
TOOL_DEFAULTS = {
    "display_name": "",
    "description": "",
    "team_state": None,
    "locked": False,
    "decided_by": "",
    "last_seen_at": None,
    "removed_at": None,
    "updated_at": None,
}
RESULT: dict[str, Promise] = {"content": json_objects, "is_error": flag, "structured_content": json_object}
SERVER: dict[str, Promise] = {"installation_id": uuid, "name": text, "slug": text, "tools": no_rows}
AVAILABLE_TOOL: dict[str, Promise] = {
    "name": text,
    "description": text,
    "input_schema": json_object,
    "annotations": json_object,
    "approval_state": text,
}
AVAILABLE_TOOL_DEFAULTS = {"description": "", "input_schema": {}, "annotations": {}}
TEMPLATE: dict[str, Promise] = {
    "id": uuid,
    "name": text,
    "url": text,
    "docs_url": text,
    "description": text,
    "auth_type": text,
    "icon_key": text,
    "icon_domain": text,
    "category": text,
}
TEMPLATE_DEFAULTS = {
    "id": None,
    "docs_url": "",
    "description": "",
    "icon_key": "",
    "icon_domain": "",
    "category": "",
}


@frozen
class Place:
    """A kind of object in responses, and how to get one through the public client."""

    call: Callable[[MCPStore], Awaitable[object]]
    promises: Mapping[str, Promise]
    defaults: Mapping[str, object]
    body: Callable[[dict[str, Any]], object]
    """The whole body around the object."""
    usual: dict[str, Any]
    path: str = ""
    """The path of the object in the body, as errors show it."""
    hidden: frozenset[str] = frozenset()
    """The fields of which users see nothing, or not as they came."""


async def first_page(store: MCPStore) -> object:
    return await store.installations.list()


async def second_row(store: MCPStore) -> object:
    return (await store.installations.list()).items[1]


async def authorize(store: MCPStore) -> object:
    try:
        return await store.installations.authorize(server_id=SERVER_ID)
    except UnsafeRedirectError as judged:  # read, and then found unfit to be opened: tests/oauth/test_redirect.py
        return judged


async def tools(store: MCPStore) -> object:
    return await store.installations.tools(ID)


async def first_tool(store: MCPStore) -> object:
    return (await store.installations.tools(ID))[0]


async def templates(store: MCPStore) -> object:
    return await store.templates.list()


async def first_template(store: MCPStore) -> object:
    return (await store.templates.list())[0]


async def available_tools(store: MCPStore) -> object:
    return await store.installations.available_tools()


async def first_server(store: MCPStore) -> object:
    return (await store.installations.available_tools())[0]


async def first_available_tool(store: MCPStore) -> object:
    return (await store.installations.available_tools())[0].tools[0]


def server_with(*tools: object) -> dict[str, Any]:
    return {"installation_id": ID, "name": "My API Server", "slug": "my-api-server", "tools": list(tools)}


def whole_list(call: Callable[[MCPStore], Awaitable[object]], name: str) -> Place:
    """A list that has no pages."""
    return Place(
        call=call,
        promises={name: no_rows},
        defaults={},
        body=lambda fields: fields,
        usual={name: []},
        hidden=frozenset({name}),
    )


PLACES = {
    "installation": Place(
        call=lambda store: store.installations.retrieve(ID),
        promises=INSTALLATION,
        defaults=INSTALLATION_DEFAULTS,
        body=lambda fields: fields,
        usual=installation(server_id=SERVER_ID),
    ),
    "row": Place(
        call=second_row,
        promises=INSTALLATION,
        defaults=INSTALLATION_DEFAULTS,
        body=lambda fields: page(installation(), fields),
        usual=installation(server_id=SERVER_ID),
        path="results[1].",
    ),
    "page": Place(
        call=first_page,
        promises=PAGE,
        defaults=PAGE_DEFAULTS,
        body=lambda fields: fields,
        usual=page(installation()),
        hidden=frozenset({"next", "previous", "results"}),
    ),
    "redirect": Place(
        call=authorize,
        promises=REDIRECT,
        defaults={},
        body=lambda fields: fields,
        usual={"redirect_url": "https://auth.example.com/authorize?state=s"},
        hidden=frozenset({"redirect_url"}),
    ),
    "tools": whole_list(tools, "results"),
    "tool": Place(
        call=first_tool,
        promises=TOOL,
        defaults=TOOL_DEFAULTS,
        body=lambda fields: {"results": [fields]},
        usual={
            "id": ID,
            "tool_name": "add",
            "display_name": "Add",
            "description": "Adds two numbers.",
            "input_schema": {"type": "object"},
            "approval_state": "needs_approval",
            "team_state": "approved",
            "locked": True,
            "decided_by": "team",
            "last_seen_at": "2026-09-18T09:13:44.123456Z",
            "removed_at": "2026-09-19T09:13:44.123456Z",
            "created_at": "2026-09-18T09:13:44.123456Z",
            "updated_at": "2026-09-18T09:13:44.123456Z",
        },
        path="results[0].",
    ),
    "result": Place(
        call=lambda store: store.installations.call_tool(ID, "add"),
        promises=RESULT,
        defaults={"structured_content": None},
        body=lambda fields: fields,
        usual={"content": [{"type": "text", "text": "42"}], "is_error": False, "structured_content": {"result": 42}},
    ),
    "servers": whole_list(available_tools, "servers"),
    "server": Place(
        call=first_server,
        promises=SERVER,
        defaults={"slug": ""},
        body=lambda fields: {"servers": [fields]},
        usual=server_with(),
        path="servers[0].",
    ),
    "available_tool": Place(
        call=first_available_tool,
        promises=AVAILABLE_TOOL,
        defaults=AVAILABLE_TOOL_DEFAULTS,
        body=lambda fields: {"servers": [server_with(fields)]},
        usual={
            "name": "add",
            "description": "Adds two numbers.",
            "input_schema": {"type": "object"},
            "annotations": {"readOnlyHint": True},
            "approval_state": "approved",
        },
        path="servers[0].tools[0].",
    ),
    "templates": whole_list(templates, "results"),
    "template": Place(
        call=first_template,
        promises=TEMPLATE,
        defaults=TEMPLATE_DEFAULTS,
        body=lambda fields: {"results": [fields]},
        usual={
            "id": ID,
            "name": "Linear",
            "url": "https://mcp.linear.app/mcp",
            "docs_url": "https://linear.app/docs/mcp",
            "description": "Issues and projects",
            "auth_type": "oauth",
            "icon_key": "linear",
            "icon_domain": "linear.app",
            "category": "dev",
        },
        path="results[0].",
    ),
}


def fields_of(*keys: str, optional: bool | None = None) -> list[Any]:
    """Parameters `place` and `name`, for the fields of these places or of all."""
    return [
        pytest.param(PLACES[key], name, id=f"{key}-{name}")
        for key in keys or PLACES
        for name in PLACES[key].promises
        if optional is None or optional is (name in PLACES[key].defaults)
    ]


async def read(wire: Wire, store: MCPStore, place: Place, fields: dict[str, Any]) -> object:
    # Not by httpx's own json=, which refuses to send NaN.
    content = json.dumps(place.body(fields)).encode()
    wire.answers(httpx.Response(200, content=content, headers={"Content-Type": "application/json"}))
    return await place.call(store)


async def refusal(wire: Wire, store: MCPStore, place: Place, fields: dict[str, Any], name: str) -> str:
    """The error's message, which has to name the field, or a row and a field of it."""
    with pytest.raises(ResponseDecodeError) as caught:
        await read(wire, store, place, fields)
    message = str(caught.value)
    assert re.search(rf": {re.escape(place.path + name)}(\[\d+\](\.\w+)?)?: .", message)
    assert len(message.splitlines()) == 1
    return message


# Values that no field is used to.

ODD_TEXTS = [
    "\ud800",
    "\x00",
    ID.upper(),
    ID.replace("-", ""),
    f"{{{ID}}}",
    f"urn:uuid:{ID}",
    f"uuid:{ID[5:]}",
    f"{{{ID[1:-1]}}}",
    ID.replace("-", "_"),
    f"{ID[:-2]}_1",
    f"+{ID[1:]}",
    f" {ID[1:]}",
    f"{ID}\n",
    ID.replace("0", "٠"),
    f"{ID}0",
    ID[:-1],
    "2026-03-04",
    "20260304T091344Z",
    "2026-03-04 09:13:44,5+23:59:59.999999",
    "2026-W10-3",
    "2026-02-30T00:00:00Z",
    "2026-03-04T09:13:44.123456z",
    "2026-03-04T24:00:00Z",
    "http://[",
    "?offset=-1&offset=" + "9" * 5000,
]
ODD_NUMBERS = [0, 1, -(10**30), 10**4000, 1.0, -0.0, math.nan, math.inf, -math.inf]
# As texts they would be a UUID and a date.
ODD_NUMBERS += [10**31, 20260304]

SMALL = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
ANY_JSON = st.recursive(
    SMALL,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)
OBJECTS = st.dictionaries(st.text(max_size=5), ANY_JSON, max_size=3)
ONE_OF_EACH_TYPE = st.tuples(
    st.booleans(), st.integers(), st.floats(), st.text(), st.lists(ANY_JSON, max_size=3), OBJECTS
)

made_up = settings(
    max_examples=10,
    derandomize=True,
    database=None,
    deadline=None,
    # The responses are set again each time.
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.mark.parametrize(("place", "name"), fields_of(optional=False))
async def test_a_required_field_that_is_left_out_or_null_is_an_error(
    wire: Wire, faked: Faked, place: Place, name: str
) -> None:
    left_out = {key: value for key, value in place.usual.items() if key != name}

    assert (await refusal(wire, faked(), place, left_out, name)).endswith(f"{name}: missing")
    if place.promises[name] is not any_json:
        await refusal(wire, faked(), place, place.usual | {name: None}, name)


@pytest.mark.parametrize(("place", "name"), fields_of(optional=True))
async def test_an_optional_field_that_is_left_out_or_null_has_its_default(
    wire: Wire, faked: Faked, place: Place, name: str
) -> None:
    left_out = {key: value for key, value in place.usual.items() if key != name}

    for fields in (left_out, place.usual | {name: None}):
        got = await read(wire, faked(), place, fields)
        assert name in place.hidden or getattr(got, name) == place.defaults[name]


async def read_as_promised_or_refused(
    wire: Wire, store: MCPStore, place: Place, name: str, values: Iterable[object]
) -> None:
    for value in values:
        fields = place.usual | {name: value}
        try:
            promised = place.promises[name](value)
        except ValueError:
            await refusal(wire, store, place, fields, name)
        else:
            got = await read(wire, store, place, fields)
            # NaN is not equal to itself.
            assert name in place.hidden or getattr(got, name) == promised or repr(getattr(got, name)) == repr(promised)


@pytest.mark.parametrize(
    ("place", "name"),
    fields_of("installation", "page", "redirect", "tool", "result", "server", "available_tool", "template"),
)
@made_up
@given(values=ONE_OF_EACH_TYPE)
async def test_a_value_of_any_type_is_read_as_promised_or_is_an_error_that_names_its_field(
    wire: Wire, faked: Faked, place: Place, name: str, values: tuple[object, ...]
) -> None:
    await read_as_promised_or_refused(wire, faked(), place, name, values)


@pytest.mark.parametrize(("place", "name"), fields_of())
async def test_an_odd_value_is_read_as_promised_or_is_an_error_that_names_its_field(
    wire: Wire, faked: Faked, place: Place, name: str
) -> None:
    await read_as_promised_or_refused(wire, faked(), place, name, [*ODD_TEXTS, *ODD_NUMBERS])


async def test_a_number_longer_than_python_reads_is_an_error_that_can_not_name_its_field(
    wire: Wire, faked: Faked
) -> None:
    wire.answers(httpx.Response(200, content=b'{"count": ' + b"9" * 5000 + b', "results": []}'))

    with pytest.raises(ResponseDecodeError, match=r"not JSON: Exceeds the limit"):
        await faked().installations.list()


@made_up
@given(auth_type=st.text(max_size=20) | st.sampled_from(["none", "", "API_KEY", "api_key ", "oauth2"]))
async def test_a_way_to_authenticate_that_is_newer_than_the_document_is_its_text(
    wire: Wire, faked: Faked, auth_type: str
) -> None:
    got = (await read(wire, faked(), PLACES["row"], installation(auth_type=auth_type))).auth_type  # type: ignore[attr-defined]

    assert (got, type(got)) == (auth_type, str)


@pytest.mark.parametrize("known", list(MCPServerInstallationAuthTypeEnum))
async def test_a_way_to_authenticate_that_the_document_knows_is_its_member(
    wire: Wire, faked: Faked, known: MCPServerInstallationAuthTypeEnum
) -> None:
    got = await read(wire, faked(), PLACES["row"], installation(auth_type=known.value))

    assert got.auth_type is known  # type: ignore[attr-defined]


LISTED = {name for place in PLACES.values() for name in place.promises}
OPEN = ("installation", "row", "tool", "result", "server", "available_tool", "template")


@pytest.mark.parametrize("key", OPEN)
@made_up
@given(extra=OBJECTS.filter(lambda extra: not extra.keys() & LISTED))
async def test_fields_that_the_document_does_not_list_are_read_as_they_came(
    wire: Wire, faked: Faked, key: str, extra: dict[str, object]
) -> None:
    got = await read(wire, faked(), PLACES[key], extra | PLACES[key].usual)
    # As text, since NaN is not equal to itself.
    assert json.dumps(got.additional_properties) == json.dumps(extra)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("schema", "place"),
    [
        ("MCPServerInstallation", PLACES["installation"]),
        ("PaginatedMCPServerInstallationList", PLACES["page"]),
        ("OAuthRedirectResponse", PLACES["redirect"]),
        ("PaginatedMCPServerInstallationToolList", PLACES["tools"]),
        ("MCPServerInstallationTool", PLACES["tool"]),
        ("CallToolResponse", PLACES["result"]),
        ("AvailableToolsResponse", PLACES["servers"]),
        ("AvailableServer", PLACES["server"]),
        ("AvailableTool", PLACES["available_tool"]),
        ("PaginatedMCPServerTemplateList", PLACES["templates"]),
        ("MCPServerTemplate", PLACES["template"]),
    ],
)
def test_the_tables_of_this_file_are_what_the_document_says(schema: str, place: Place) -> None:
    fields = SCHEMAS[schema]["properties"]

    assert place.promises.keys() == fields.keys()
    assert place.promises.keys() - place.defaults.keys() == set(SCHEMAS[schema]["required"])
    # Users see an object that is left out as an empty one.
    assert {name: None if default == {} else default for name, default in place.defaults.items()} == {
        name: field.get("default") for name, field in fields.items() if "default" in field or field.get("nullable")
    }
