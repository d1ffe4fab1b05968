"""Tools: listing, approving and calling them without a session; exact bytes."""

import math
import pickle
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
import pytest

from posthog_mcp_store import (
    APIStatusError,
    AvailableTool,
    BadRequestError,
    ConfigurationError,
    ConflictError,
    Installation,
    InstallationDisabledError,
    MCPStore,
    MCPStoreError,
    NotFoundError,
    PermissionDeniedError,
    ReauthenticationRequiredError,
    ResponseDecodeError,
    ServerError,
    ToolApprovalRequiredError,
    ToolCallError,
    ToolDisabledError,
    ToolNotFoundError,
    ToolResult,
    UpstreamError,
    ValidationError,
)

from ..support.wire import ID, Wire, installation

Faked = Callable[..., MCPStore]

TOOL = {
    "id": "0195f3a0-2222-7000-8000-000000000001",
    "tool_name": "add",
    "display_name": "Add",
    "description": "Adds two numbers.",
    "input_schema": {"type": "object"},
    "approval_state": "needs_approval",
    "team_state": None,
    "locked": False,
    "decided_by": "default",
    "last_seen_at": "2026-09-18T09:13:44Z",
    "removed_at": None,
    "created_at": "2026-09-18T09:13:44Z",
    "updated_at": None,
}
RESULT = {"content": [{"type": "text", "text": "42"}], "is_error": False, "structured_content": {"result": 42}}
AVAILABLE = {
    "name": "add",
    "description": "Adds.",
    "input_schema": {"type": "object"},
    "annotations": {"readOnlyHint": True},
    "approval_state": "approved",
}
SERVER = {"installation_id": ID, "name": "My API Server", "slug": "my-api-server", "tools": [AVAILABLE]}


def framework(code: str, detail: str, attr: str | None = None, kind: str = "invalid_request") -> dict[str, Any]:
    return {"type": kind, "code": code, "detail": detail, "attr": attr}


async def test_tools_are_listed_as_the_service_sends_them(wire: Wire, faked: Faked) -> None:
    wire.answers(httpx.Response(200, json={"results": [TOOL, {**TOOL, "approval_state": "later", "new": 1}]}))

    first, second = await faked().installations.tools(ID)

    assert (first.tool_name, first.approval_state, first.locked) == ("add", "needs_approval", False)
    assert first.last_seen_at == datetime(2026, 9, 18, 9, 13, 44, tzinfo=UTC)
    assert (second.approval_state, second.additional_properties) == ("later", {"new": 1})
    assert wire.request.url.path.endswith(f"/{ID}/tools/")
    assert wire.request.url.query == b""


async def test_tools_that_are_gone_are_listed_where_they_are_asked_for(wire: Wire, faked: Faked) -> None:
    wire.answers(httpx.Response(200, json={"results": []}))

    assert await faked().installations.tools(ID, include_removed=True) == []
    assert wire.request.url.query == b"include_removed=1"


async def test_a_tool_is_approved_and_its_effective_state_returned(wire: Wire, faked: Faked) -> None:
    wire.answers(httpx.Response(200, json=TOOL))

    tool = await faked().installations.update_tool(ID, "create issue?", approval_state="approved")

    assert tool.approval_state == "needs_approval"
    assert wire.sent_json == {"approval_state": "approved"}
    assert wire.request.url.raw_path.endswith(f"/{ID}/tools/create%20issue%3F/".encode())


async def test_the_tools_are_read_again_without_a_body(wire: Wire, faked: Faked) -> None:
    wire.answers(httpx.Response(200, json={"results": [TOOL]}))

    [tool] = await faked().installations.refresh_tools(ID)

    assert tool.tool_name == "add"
    assert (wire.request.method, wire.request.content) == ("POST", b"")
    assert wire.request.url.path.endswith(f"/{ID}/tools/refresh/")


async def test_a_tool_is_called_in_one_request(wire: Wire, faked: Faked) -> None:
    wire.answers(httpx.Response(200, json={**RESULT, "_meta": {"n": 1}}))
    row = Installation.from_dict(installation())

    result = await faked().installations.call_tool(row, "add", {"a": 19, "b": 23})

    assert result == ToolResult([{"type": "text", "text": "42"}], False, {"result": 42}, {"_meta": {"n": 1}})
    assert wire.sent_json == {"tool_name": "add", "arguments": {"a": 19, "b": 23}}


@pytest.mark.parametrize("structured", [None, {}])
async def test_a_result_may_be_a_failure_of_the_tool(wire: Wire, faked: Faked, structured: object) -> None:
    wire.answers(httpx.Response(200, json={"content": [], "is_error": True, "structured_content": structured}))

    result = await faked().installations.call_tool(ID, "add")

    assert (result.is_error, result.structured_content) == (True, structured)
    assert wire.sent_json == {"tool_name": "add"}


@pytest.mark.parametrize("name", ["a/b", "refresh", ".", "..", "", 7, None, "x" * 201, "\ud800"])
async def test_a_tool_that_no_path_reaches_is_refused_before_sending(wire: Wire, faked: Faked, name: Any) -> None:
    with pytest.raises(ConfigurationError, match="tool_name"):
        await faked().installations.update_tool(ID, name, approval_state="approved")

    assert wire.requests == []


@pytest.mark.parametrize("name", ["a/b", "refresh", ".."])
async def test_such_a_tool_can_be_called(wire: Wire, faked: Faked, name: str) -> None:
    wire.answers(httpx.Response(200, json=RESULT))

    await faked().installations.call_tool(ID, name)

    assert wire.sent_json == {"tool_name": name}


@pytest.mark.parametrize("name", ["", 7, None, "x" * 201, "\ud800"])
async def test_what_is_no_name_of_a_tool_is_not_called(wire: Wire, faked: Faked, name: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"tool_name"):
        await faked().installations.call_tool(ID, name)

    assert wire.requests == []


@pytest.mark.parametrize("state", ["allowed", None, "", True])
async def test_what_is_no_approval_state_is_refused(wire: Wire, faked: Faked, state: Any) -> None:
    known = "'approved', 'do_not_use' or 'needs_approval'"
    with pytest.raises(ConfigurationError, match=f"approval_state must be {known}, not {state!r}"):
        await faked().installations.update_tool(ID, "add", approval_state=state)

    assert wire.requests == []


LOOP: dict[str, Any] = {}
LOOP["loop"] = LOOP


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        "a",
        7,
        {1: 2},
        {"a": {1: 2}},
        {"a": [{None: 2}]},
        {"a": math.nan},
        {"a": math.inf},
        {"a": b"x"},
        {"a": {1, 2}},
        {"a": "\ud800"},
        LOOP,
    ],
    ids=repr,
)
async def test_what_is_no_json_object_is_refused_as_arguments(wire: Wire, faked: Faked, arguments: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"arguments|JSON"):
        await faked().installations.call_tool(ID, "add", arguments)

    assert wire.requests == []


async def test_arguments_of_every_kind_of_json_are_sent(wire: Wire, faked: Faked) -> None:
    wire.answers(httpx.Response(200, json=RESULT))
    arguments = {"a": [1, {"b": (None, True)}], "c": "é", "": 1.5}

    await faked().installations.call_tool(ID, "add", arguments)

    assert wire.sent_json["arguments"] == {"a": [1, {"b": [None, True]}], "c": "é", "": 1.5}


@pytest.mark.parametrize("name", [" add", "add ", "\tadd", " "])
async def test_a_name_that_the_service_would_strip_is_not_called(wire: Wire, faked: Faked, name: str) -> None:
    with pytest.raises(ConfigurationError, match="strips spaces"):
        await faked().installations.call_tool(ID, name)

    assert wire.requests == []


@pytest.mark.parametrize("value", ["no", 2, None])
async def test_include_removed_is_true_or_false(wire: Wire, faked: Faked, value: Any) -> None:
    with pytest.raises(ConfigurationError, match="include_removed must be False or True"):
        await faked().installations.tools(ID, include_removed=value)

    assert wire.requests == []


@pytest.mark.parametrize("kind", [ToolApprovalRequiredError, ToolNotFoundError])
def test_an_error_that_names_no_tool_has_no_hint(kind: type[ToolCallError]) -> None:
    assert str(kind("It was refused.", code=-32001)) == "It was refused."


@pytest.mark.parametrize("name", ["files/read", "refresh"])
async def test_for_a_tool_that_no_path_reaches_the_error_names_another_way(wire: Wire, faked: Faked, name: str) -> None:
    wire.answers(httpx.Response(403, json={"detail": "It requires approval.", "reason": "needs_approval"}))

    with pytest.raises(ToolApprovalRequiredError, match=r"requires approval\. Only PostHog itself can approve it"):
        await faked().installations.call_tool(ID, name)


@pytest.mark.parametrize(
    ("call", "status", "body"),
    [
        (lambda store: store.installations.tools(ID), 404, framework("not_found", "Endpoint not found.")),
        (lambda store: store.templates.list(), 404, framework("not_found", "Endpoint not found.")),
        (
            lambda store: store.installations.install_template(ID),
            405,
            framework("method_not_allowed", 'Method "POST" not allowed.'),
        ),
    ],
)
async def test_an_instance_that_is_too_old_says_so(
    wire: Wire, faked: Faked, call: Callable[[MCPStore], Any], status: int, body: dict[str, Any]
) -> None:
    wire.answers(httpx.Response(status, json=body))

    with pytest.raises(APIStatusError, match="This instance of PostHog is too old for this operation"):
        await call(faked())


CALLS: list[tuple[str, Callable[[MCPStore], Any]]] = [
    ("tools", lambda store: store.installations.tools("x")),
    ("update_tool", lambda store: store.installations.update_tool("x", "add", approval_state="approved")),
    ("refresh_tools", lambda store: store.installations.refresh_tools("x")),
    ("call_tool", lambda store: store.installations.call_tool("x", "add")),
    ("share", lambda store: store.installations.share("x")),
    ("unshare", lambda store: store.installations.unshare("x")),
]


@pytest.mark.parametrize("call", [call for _, call in CALLS], ids=[name for name, _ in CALLS])
async def test_what_is_no_id_is_refused(wire: Wire, faked: Faked, call: Callable[[MCPStore], Any]) -> None:
    with pytest.raises(ConfigurationError, match="id must be a UUID"):
        await call(faked())

    assert wire.requests == []


REFUSALS: list[tuple[int, dict[str, Any], type[MCPStoreError]]] = [
    (403, {"detail": "Tool 'add' requires approval", "reason": "needs_approval"}, ToolApprovalRequiredError),
    (403, {"detail": "Tool 'add' is blocked by team policy", "reason": "disabled"}, ToolDisabledError),
    (403, {"detail": "Server is disabled", "reason": "disabled"}, InstallationDisabledError),
    (403, {"detail": "Server is disabled for this team", "reason": "disabled"}, InstallationDisabledError),
    (
        403,
        {"detail": "Your access to this server has been turned off by an admin", "reason": "disabled"},
        InstallationDisabledError,
    ),
    (401, {"detail": "No credentials configured", "reason": "disabled"}, ReauthenticationRequiredError),
    (404, {"detail": "Tool 'add' is not registered", "reason": "removed"}, ToolNotFoundError),
    (502, {"detail": "Upstream MCP server timed out", "reason": "upstream_error"}, UpstreamError),
    (404, framework("not_found", "Not found."), NotFoundError),
    (403, framework("permission_denied", "API key missing required scope 'project:read'"), PermissionDeniedError),
    (403, {"detail": "Something new", "reason": "quota"}, PermissionDeniedError),
    (403, {"detail": "Odd", "reason": ["needs_approval"]}, PermissionDeniedError),
    (502, {"detail": "Bad gateway"}, ServerError),
]


@pytest.mark.parametrize(("status", "body", "kind"), REFUSALS)
async def test_each_refusal_of_a_call_is_the_class_one_would_catch(
    wire: Wire, faked: Faked, status: int, body: dict[str, Any], kind: type[MCPStoreError]
) -> None:
    wire.answers(httpx.Response(status, json=body))

    with pytest.raises(MCPStoreError, match=body["detail"]) as caught:
        await faked().installations.call_tool(ID, "add")

    assert type(caught.value) is kind
    assert type(pickle.loads(pickle.dumps(caught.value))) is kind
    if isinstance(caught.value, ToolCallError):
        assert (caught.value.tool_name, caught.value.installation_id) == ("add", UUID(ID))
        assert caught.value.message == body["detail"]
        assert isinstance(caught.value.__cause__, APIStatusError)


async def test_the_error_names_the_call_that_approves(wire: Wire, faked: Faked) -> None:
    wire.answers(httpx.Response(403, json={"detail": "It requires approval", "reason": "needs_approval"}))

    with pytest.raises(ToolApprovalRequiredError) as caught:
        await faked().installations.call_tool(ID, "it's")

    assert str(caught.value) == (
        "It requires approval. With the user's consent, approve it with store.installations."
        f"""update_tool('{ID}', "it's", approval_state='approved')"""
    )


@pytest.mark.parametrize(
    ("code", "text", "kind"),
    [
        (-32001, "Tool 'add' requires approval before it can be called", ToolApprovalRequiredError),
        (-32002, "Tool 'add' is blocked by team policy", ToolDisabledError),
        (-32601, "Tool 'add' is not registered for this installation", ToolNotFoundError),
    ],
)
async def test_the_proxys_refusals_name_the_tool_and_the_installation_as_well(
    wire: Wire, faked: Faked, code: int, text: str, kind: type[ToolCallError]
) -> None:
    error = {"jsonrpc": "2.0", "id": 1, "error": {"code": code, "message": text}}
    wire.answers(httpx.Response(200, json=error))
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "add", "arguments": {}}}

    with pytest.raises(kind) as caught:
        (await faked().installations.proxy(ID, message)).result()

    assert (caught.value.tool_name, caught.value.installation_id) == ("add", UUID(ID))
    if kind is ToolApprovalRequiredError:
        assert f"update_tool('{ID}', 'add', approval_state='approved')" in str(caught.value)
    if kind is ToolNotFoundError:
        assert str(caught.value) == (
            f"{text}. store.installations.refresh_tools('{ID}') reads the server's tools again"
        )


async def test_a_call_is_sent_once_whatever_happens(wire: Wire, faked: Faked) -> None:
    for answer in (httpx.Response(502), httpx.Response(503), httpx.ReadTimeout("late"), httpx.ReadError("cut")):
        wire.requests.clear()
        wire.answers(answer)

        with pytest.raises(MCPStoreError):
            await faked(max_retries=3).installations.call_tool(ID, "add")

        assert len(wire.requests) == 1


@pytest.mark.parametrize(
    "call",
    [
        lambda store: store.installations.refresh_tools(ID),
        lambda store: store.installations.share(ID),
        lambda store: store.installations.unshare(ID),
        lambda store: store.installations.install_template(ID),
    ],
)
async def test_other_posts_are_sent_once_as_well(wire: Wire, faked: Faked, call: Callable[[MCPStore], Any]) -> None:
    wire.answers(httpx.Response(500))

    with pytest.raises(ServerError):
        await call(faked(max_retries=3))

    assert len(wire.requests) == 1


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (502, {"detail": "Could not refresh tools from the upstream MCP server: 401"}, UpstreamError),
        (502, {"detail": "Could not refresh tools from the upstream MCP server"}, UpstreamError),
        (502, {}, ServerError),
        (400, {"detail": "Installation is disabled"}, BadRequestError),
    ],
)
async def test_a_failed_reading_of_the_tools_is_told_from_a_failed_service(
    wire: Wire, faked: Faked, status: int, body: dict[str, Any], kind: type[APIStatusError]
) -> None:
    wire.answers(httpx.Response(status, json=body))

    with pytest.raises(APIStatusError) as caught:
        await faked().installations.refresh_tools(ID)

    assert type(caught.value) is kind


async def test_a_stricter_ceiling_is_a_refused_value(wire: Wire, faked: Faked) -> None:
    body = framework("invalid_input", "The team allows needs_approval at most.", "approval_state", "validation_error")
    wire.answers(httpx.Response(400, json=body))

    with pytest.raises(ValidationError) as caught:
        await faked().installations.update_tool(ID, "add", approval_state="approved")

    assert caught.value.attr == "approval_state"


async def test_sharing_and_its_conflict(wire: Wire, faked: Faked) -> None:
    shared = {**installation(), "scope": "shared", "is_owner": True}
    conflict = {"detail": "A shared connection for this server already exists in this project."}
    wire.answers(httpx.Response(200, json=shared), httpx.Response(200, json=shared), httpx.Response(409, json=conflict))
    installations = faked().installations

    assert (await installations.share(ID)).scope == "shared"
    assert (await installations.unshare(ID)).is_owner is True
    with pytest.raises(ConflictError, match="already exists"):
        await installations.share(ID)

    assert [request.url.path.split("/")[-2] for request in wire.requests] == ["share", "unshare", "share"]


async def test_the_tools_of_all_installations_come_in_one_request(wire: Wire, faked: Faked) -> None:
    bare = {"name": "sub", "approval_state": "needs_approval"}
    wire.answers(httpx.Response(200, json={"servers": [SERVER, {**SERVER, "tools": [bare], "extra": 1}]}))

    first, second = await faked().installations.available_tools()

    assert (first.installation_id, first.slug) == (UUID(ID), "my-api-server")
    assert first.tools == [AvailableTool("add", "Adds.", {"type": "object"}, {"readOnlyHint": True}, "approved")]
    assert second.tools == [AvailableTool("sub", "", {}, {}, "needs_approval")]
    assert second.additional_properties == {"extra": 1}
    assert wire.request.url.path.endswith("/available_tools/")


async def test_the_catalogue_is_listed(wire: Wire, faked: Faked) -> None:
    entry = {"id": ID, "name": "Linear", "url": "https://mcp.linear.app/mcp", "auth_type": "oauth", "category": "new"}
    wire.answers(httpx.Response(200, json={"results": [entry]}))

    [template] = await faked().templates.list()

    assert (str(template.id), template.name, template.auth_type, template.category) == (ID, "Linear", "oauth", "new")
    assert wire.request.url.path == "/api/environments/@current/mcp_servers/"


async def test_an_old_catalogue_has_no_ids(wire: Wire, faked: Faked) -> None:
    entry = {"name": "Linear", "url": "https://mcp.linear.app/mcp", "description": "Issues", "auth_type": "oauth"}
    wire.answers(httpx.Response(200, json={"results": [entry]}))
    store = faked()

    [template] = await store.templates.list()

    assert (template.id, template.description) == (None, "Issues")
    with pytest.raises(ConfigurationError, match="this template has no id"):
        await store.installations.install_template(template)
    assert len(wire.requests) == 1


@pytest.mark.parametrize(
    ("call", "body", "field"),
    [
        (lambda i: i.tools(ID), {"results": [{**TOOL, "approval_state": 7}]}, "approval_state"),
        (lambda i: i.tools(ID), {"results": [{**TOOL, "locked": "no"}]}, "locked"),
        (lambda i: i.tools(ID), {"results": [{**TOOL, "tool_name": None}]}, "tool_name"),
        (lambda i: i.tools(ID), {}, "results"),
        (lambda i: i.tools(ID), {"results": None}, "results"),
        (lambda i: i.tools(ID), [], "object"),
        (lambda i: i.call_tool(ID, "add"), {"content": [], "is_error": "no"}, "is_error"),
        (lambda i: i.call_tool(ID, "add"), {"is_error": False}, "content"),
        (lambda i: i.call_tool(ID, "add"), {"content": ["text"], "is_error": False}, "content"),
        (lambda i: i.call_tool(ID, "add"), {**RESULT, "structured_content": [1]}, "structured_content"),
        (lambda i: i.available_tools(), {"servers": [{**SERVER, "installation_id": "x"}]}, "installation_id"),
        (lambda i: i.available_tools(), {"servers": [{**SERVER, "tools": {}}]}, "tools"),
        (
            lambda i: i.available_tools(),
            {"servers": [{**SERVER, "tools": [{**AVAILABLE, "annotations": 1}]}]},
            "annotations",
        ),
        (lambda i: i.retrieve(ID), installation(tool_count="3"), "tool_count"),
        (lambda i: i.retrieve(ID), installation(is_owner="yes"), "is_owner"),
        (lambda i: i.retrieve(ID), installation(scope=1), "scope"),
        (lambda i: i.retrieve(ID), installation(last_synced_at="soon"), "last_synced_at"),
    ],
)
async def test_a_field_of_another_type_is_named(
    wire: Wire, faked: Faked, call: Callable[[Any], Any], body: object, field: str
) -> None:
    wire.answers(httpx.Response(200, json=body))

    with pytest.raises(ResponseDecodeError, match=field):
        await call(faked().installations)


async def test_an_old_row_has_what_is_true_for_it(wire: Wire, faked: Faked) -> None:
    row = await faked().installations.retrieve(ID)

    assert (row.template_id, row.scope, row.is_owner) == (None, "personal", True)
    assert (row.tool_count, row.last_synced_at, row.last_sync_error) == (None, None, "")
    assert (row.icon_key, row.icon_domain) == ("", "")


async def test_a_secret_of_a_client_is_in_no_error(wire: Wire, faked: Faked) -> None:
    wire.answers(httpx.Response(400, json={"detail": "provider said: bad secret hush-hush for another-key"}))

    with pytest.raises(BadRequestError) as caught:
        await faked().installations.install_custom(
            name="a",
            url="https://a.example.com",
            auth_type="oauth",
            client_id="own",
            client_secret="hush-hush",
            api_key="another-key",
        )

    assert "provider said" in str(caught.value)
    assert "hush-hush" not in repr(vars(caught.value))
    assert "another-key" not in repr(vars(caught.value))
