"""`call_tool`: its results, its refusals in their order, and its handshake for each call."""

from typing import Any

import httpx
import pytest
from starlette.responses import Response

from posthog_mcp_store.testing import EmbeddedService, InstallationRecord, serve_app, tool_server

from .scripted_server import URL, ScriptedServer, broken, error, result, silent
from .support import NOT_FOUND, invalid, of

APPROVAL = (
    "Tool 'add' needs approval before it can run. Ask the user to approve it in PostHog under Settings → MCP servers."
)
UNREGISTERED = (
    "Tool 'add' is not registered for this connection. Refresh the connection's tools if you expect it to exist."
)
FAILED = "The upstream MCP server could not run 'add': "


@pytest.fixture
def server(today: EmbeddedService) -> ScriptedServer:
    server = ScriptedServer(answers={"tools/call": result({"content": [{"type": "text", "text": "3"}]})})
    today.add_mcp_server(URL, server)
    return server


@pytest.fixture
def row(today: EmbeddedService) -> InstallationRecord:
    return today.add_installation(url=URL, tools={"add": "approved"})


async def call(api: httpx.AsyncClient, row: InstallationRecord, body: object = {"tool_name": "add"}) -> tuple[int, Any]:
    answer = await api.post(f"/{row.id}/call_tool/", json=body)
    return answer.status_code, answer.json()


async def test_a_call_shakes_hands_calls_and_ends_the_session(
    api: httpx.AsyncClient, row: InstallationRecord, server: ScriptedServer
) -> None:
    expected = {"content": [{"type": "text", "text": "3"}], "is_error": False, "structured_content": None}
    for _ in range(2):
        assert await call(api, row, {"tool_name": "add", "arguments": {"a": 1}}) == (200, expected)
    assert server.methods == ["initialize", "notifications/initialized", "tools/call", "DELETE"] * 2
    assert server.messages[2]["params"] == {"name": "add", "arguments": {"a": 1}}
    assert {request.headers["authorization"] for request in server.requests} == {"Bearer upstream-key"}


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ({"content": [], "isError": True}, ([], True, None)),
        ({"content": [{"type": "text"}, "x", 5], "structuredContent": {"a": 1}}, ([{"type": "text"}], False, {"a": 1})),
        ({"content": "text"}, ([], False, None)),
        ({}, ([], False, None)),
    ],
)
async def test_a_result_is_put_in_order(
    api: httpx.AsyncClient, row: InstallationRecord, server: ScriptedServer, reply: object, expected: tuple[Any, ...]
) -> None:
    server.answers["tools/call"] = result(reply)
    _, body = await call(api, row)
    assert (body["content"], body["is_error"], body["structured_content"]) == expected


@pytest.mark.parametrize(
    ("body", "error_"),
    [
        ({}, invalid("required", "This field is required.", "tool_name")),
        ({"tool_name": ""}, invalid("blank", "This field may not be blank.", "tool_name")),
        (
            {"tool_name": "x" * 201},
            invalid("max_length", "Ensure this field has no more than 200 characters.", "tool_name"),
        ),
        ({"tool_name": "add", "arguments": None}, invalid("null", "This field may not be null.", "arguments")),
    ],
)
async def test_its_body_is_checked_first(
    api: httpx.AsyncClient, row: InstallationRecord, body: dict[str, Any], error_: object
) -> None:
    row.is_enabled = False
    assert await call(api, row, body) == (400, error_)
    answer = await api.post("/x/call_tool/", json=body)
    assert (answer.status_code, answer.json()) == (400, error_)


@pytest.mark.parametrize(("sent", "passed_on"), [(None, {}), ({}, {}), ([1], [1]), ("text", "text"), (0, {})])
async def test_arguments_are_passed_on_unchecked(
    api: httpx.AsyncClient, row: InstallationRecord, server: ScriptedServer, sent: object, passed_on: object
) -> None:
    body = {"tool_name": "add"} if sent is None else {"tool_name": "add", "arguments": sent}
    assert (await call(api, row, body))[0] == 200
    assert server.messages[2]["params"]["arguments"] == passed_on


async def test_an_unknown_row_is_not_found(api: httpx.AsyncClient) -> None:
    answer = await api.post("/x/call_tool/", json={"tool_name": "add"})
    assert (answer.status_code, answer.json()) == (404, NOT_FOUND)


async def test_its_refusals_come_in_the_services_order(
    today: EmbeddedService, api: httpx.AsyncClient, row: InstallationRecord, server: ScriptedServer
) -> None:
    def blocked(status: int, detail: str, reason: str = "disabled") -> tuple[int, Any]:
        return status, {"detail": detail, "reason": reason}

    row.is_disabled_for_team = row.is_access_off = row.needs_reauth = True
    row.is_enabled, row.api_key, row.tools = False, "", {}
    row.url = "https://10.0.0.1/"
    assert await call(api, row) == blocked(403, "Server is disabled for this team")
    row.is_disabled_for_team = False
    assert await call(api, row) == blocked(403, "Your access to this server has been turned off by an admin")
    row.is_access_off = False
    assert await call(api, row) == blocked(403, "Server is disabled")
    row.is_enabled = True
    assert await call(api, row) == blocked(401, "Installation needs re-authentication")
    row.needs_reauth = False
    assert await call(api, row) == blocked(401, "No credentials configured")
    row.api_key = "key"
    assert await call(api, row) == blocked(404, UNREGISTERED, "removed")
    row.tools = {"add": "removed"}
    gone = "Tool 'add' is no longer available on the upstream server."
    assert await call(api, row) == blocked(404, gone, "removed")
    row.tools = {"add": "needs_approval"}
    assert await call(api, row) == blocked(403, APPROVAL, "needs_approval")
    row.tools = {"add": "do_not_use"}
    off = "Tool 'add' is turned off by team policy. An admin controls this in PostHog."
    assert await call(api, row) == blocked(403, off)
    row.tools = {"add": "approved"}
    refused = f"{FAILED}URL not allowed: Private IP address not allowed"
    assert await call(api, row) == blocked(502, refused, "upstream_error")
    assert server.requests == []
    row.url = URL
    assert (await call(api, row))[0] == 200


async def test_a_projects_policy_holds(
    today: EmbeddedService, api: httpx.AsyncClient, row: InstallationRecord, server: ScriptedServer
) -> None:
    today.project().tool_rules["add"] = "needs_approval"
    assert await call(api, row) == (403, {"detail": APPROVAL, "reason": "needs_approval"})
    today.project().tool_rules.clear()
    today.project().servers[URL] = False
    assert (await call(api, row))[0] == 403


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Response(status_code=500), "Upstream returned status 500"),
        (error("no"), "Upstream tools/call returned error: {'code': -32603, 'message': 'no'}"),
        (result([]), "tools/call response missing 'result' object"),
        (result(None), "tools/call response missing 'result' object"),
    ],
)
async def test_a_failure_of_the_server_is_a_502(
    api: httpx.AsyncClient, row: InstallationRecord, server: ScriptedServer, answer: Response, reason: str
) -> None:
    server.answers["tools/call"] = answer
    assert await call(api, row) == (502, {"detail": FAILED + reason, "reason": "upstream_error"})
    assert server.methods[-1] == "DELETE"


async def test_a_server_that_is_not_reached_is_a_502(api: httpx.AsyncClient, row: InstallationRecord) -> None:
    body = {"detail": f"{FAILED}Upstream MCP server unreachable", "reason": "upstream_error"}
    assert await call(api, row) == (502, body)


async def test_a_slow_server_is_a_502() -> None:
    service = EmbeddedService(upstream_timeout=0.05)
    row = service.add_installation(url=URL, tools={"add": "approved"})
    service.add_mcp_server(URL, ScriptedServer(answers={"tools/call": silent}))
    async with of(service, "alice") as client:
        status, body = await call(client, row)
    assert (status, body["detail"]) == (502, f"{FAILED}Upstream MCP server timed out")


async def test_a_connection_that_breaks_is_a_500(
    api: httpx.AsyncClient, row: InstallationRecord, server: ScriptedServer
) -> None:
    server.answers["tools/call"] = broken
    status, body = await call(api, row)
    assert (status, body["type"]) == (500, "server_error")


async def test_another_member_calls_a_shared_row_by_its_owners_key(
    today: EmbeddedService, row: InstallationRecord, server: ScriptedServer
) -> None:
    row.scope = "shared"
    async with of(today, "bob") as bob:
        assert (await call(bob, row))[0] == 200
    assert server.requests[0].headers["authorization"] == "Bearer upstream-key"


@pytest.mark.parametrize("auth_type", ["api_key", "oauth", "none"])
async def test_old_rows_may_have_no_credentials(
    today: EmbeddedService, api: httpx.AsyncClient, server: ScriptedServer, auth_type: str
) -> None:
    row = today.add_installation(url=URL, auth_type=auth_type)
    assert (await call(api, row))[0] == 200
    answer = await api.post(f"/{row.id}/proxy/", json={"jsonrpc": "2.0", "id": 1, "method": "ping"})
    assert answer.status_code == 200
    sent = {request.headers.get("authorization") for request in server.requests}
    assert sent == {{"api_key": "Bearer upstream-key", "oauth": "Bearer upstream-token", "none": None}[auth_type]}


async def test_it_works_with_a_real_server(today: EmbeddedService, api: httpx.AsyncClient) -> None:
    row = today.add_installation(url=URL)
    with serve_app(tool_server(stateless=False)) as host:
        today.add_mcp_server(URL, f"{host}/mcp")
        status, body = await call(api, row, {"tool_name": "add", "arguments": {"a": 19, "b": 23}})
        assert (status, body["is_error"], body["structured_content"]) == (200, False, {"result": 42})
        status, body = await call(api, row, {"tool_name": "add", "arguments": {"a": "x"}})
        assert (status, body["is_error"]) == (200, True)
        status, body = await call(api, row, {"tool_name": "unknown"})
        assert (status, body["reason"]) == (404, "removed")


async def test_a_key_with_the_read_scope_suffices(
    today: EmbeddedService, row: InstallationRecord, server: ScriptedServer
) -> None:
    async with of(today, "alice") as reader:
        assert (await call(reader, row))[0] == 200
        for method, path, body in [
            ("GET", "/available_tools/", None),
            ("GET", f"/{row.id}/tools/", None),
            ("PATCH", f"/{row.id}/tools/add/", {"approval_state": "approved"}),
            ("POST", f"/{row.id}/tools/refresh/", None),
        ]:
            assert (await reader.request(method, path, json=body)).status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/available_tools/"),
        ("GET", "/{id}/tools/"),
        ("PATCH", "/{id}/tools/add/"),
        ("POST", "/{id}/tools/refresh/"),
        ("POST", "/{id}/call_tool/"),
        ("POST", "/{id}/share/"),
        ("POST", "/{id}/unshare/"),
        ("POST", "/install_template/"),
        ("GET", "/authorize/"),
    ],
)
async def test_every_operation_demands_a_scope(
    today: EmbeddedService, row: InstallationRecord, method: str, path: str
) -> None:
    key = today.add_key(scopes=["insight:read"])
    async with of(today, "alice") as client:
        headers = {"Authorization": f"Bearer {key.token}"}
        answer = await client.request(method, path.format(id=row.id), headers=headers)
    assert (answer.status_code, answer.json()["detail"]) == (403, "API key missing required scope 'project:read'")
