"""`connect()` over a fake transport: the messages it sends, and how it reads responses."""

import asyncio
import json
import logging
import pickle
import sys
import warnings
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import mcp
import pytest
from mcp import types

from posthog_mcp_store import (
    APIConnectionError,
    APITimeoutError,
    ConfigurationError,
    MCPStore,
    MCPStoreError,
    RateLimitError,
    ReauthenticationRequiredError,
    ResponseDecodeError,
    ResponseInfo,
    ToolApprovalRequiredError,
    ToolCallError,
    ToolDisabledError,
    ToolNotFoundError,
    UpstreamError,
)
from posthog_mcp_store._core.redaction import Redactor
from posthog_mcp_store._mcp.client import translate_error

from ..support.acknowledgements import ACKNOWLEDGEMENTS
from ..support.event_loop import until_alone
from ..support.fake_mcp import GREETING, FakeMCPServer, error_of, result_of, text_result
from ..support.wire import ID

HANDSHAKE = [("initialize", None), ("notifications/initialized", None)]


@pytest.fixture
def server(request: pytest.FixtureRequest) -> FakeMCPServer:
    return FakeMCPServer(is_stateful=getattr(request, "param", False))


@pytest.fixture
async def store(server: FakeMCPServer) -> AsyncIterator[MCPStore]:
    async with httpx.AsyncClient(transport=httpx.MockTransport(server)) as client:
        yield MCPStore("phx_key", http_client=client)


with_sessions = pytest.mark.parametrize("server", [True], indirect=True)


def text(result: types.CallToolResult) -> str:
    (content,) = result.content
    assert isinstance(content, types.TextContent)
    return content.text


def nested(levels: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels):
        value = [value]
    return value


def refusing(answer: httpx.Response) -> Callable[[object], httpx.Response]:
    return lambda _: answer


def event_stream(*messages: object) -> httpx.Response:
    body = "".join(f"data: {json.dumps(message)}\n\n" for message in messages)
    return httpx.Response(200, text=body, headers={"Content-Type": "text/event-stream"})


# The way of the messages


async def test_a_connected_client_calls_tools(server: FakeMCPServer, store: MCPStore) -> None:
    async with store.installations.connect(ID) as client:
        assert isinstance(client, mcp.Client)
        assert client.server_info is not None
        assert client.server_info.name == "fake"
        assert [tool.name for tool in (await client.list_tools()).tools] == ["add"]
        assert text(await client.call_tool("add", {"a": 1})) == "3"

    assert server.messages == [*HANDSHAKE, ("tools/list", None), ("tools/call", None)]
    assert {(request.method, request.url.path) for request in server.requests} == {
        ("POST", f"/api/environments/@current/mcp_server_installations/{ID}/proxy/")
    }
    assert {request.headers["Authorization"] for request in server.requests} == {"Bearer phx_key"}
    assert server.requests[-1].headers["Mcp-Protocol-Version"] == "2025-06-18"
    await until_alone()


@with_sessions
async def test_the_servers_session_goes_with_each_message(server: FakeMCPServer, store: MCPStore) -> None:
    async with store.installations.connect(ID) as client:
        await client.call_tool("add")

    assert server.messages[0] == ("initialize", None)
    assert {session for _, session in server.messages[1:]} == {"s-1"}


async def test_settings_of_the_store_hold_but_for_the_timeout(server: FakeMCPServer, store: MCPStore) -> None:
    answers: list[ResponseInfo] = []
    view = store.with_options(timeout=7, headers={"X-Trace": "t"}, on_response=answers.append)

    async with view.installations.connect(ID):
        pass
    async with view.installations.connect(ID, stream_timeout=42):
        pass

    assert [request.extensions["timeout"]["read"] for request in server.requests] == [300, 300, 42, 42]
    assert {request.headers["X-Trace"] for request in server.requests} == {"t"}
    assert len(answers) == 4


async def test_options_of_the_client_are_passed_on(server: FakeMCPServer, store: MCPStore) -> None:
    logs: list[object] = []
    others: list[object] = []

    async def log(params: types.LoggingMessageNotificationParams) -> None:
        logs.append(params.data)

    async def handle(message: object) -> None:
        others.append(type(message).__name__)

    async def roots(context: object) -> types.ListRootsResult:
        return types.ListRootsResult(roots=[])

    notification = {"method": "notifications/message", "params": {"level": "info", "data": "working"}}
    server.answers["tools/call"] = lambda message: event_stream(
        {"jsonrpc": "2.0", **notification},
        {"jsonrpc": "2.0", "id": "r-1", "method": "roots/list"},
        {"jsonrpc": "2.0", "id": message["id"], "result": text_result("3")},
    )
    info = types.Implementation(name="tester", version="7")
    async with store.installations.connect(
        ID, client_info=info, logging_callback=log, message_handler=handle, list_roots_callback=roots
    ) as client:
        await client.call_tool("add")
        await server.got("answer")

    assert json.loads(server.requests[0].content)["params"]["clientInfo"] == {"name": "tester", "version": "7"}
    assert logs == ["working"]
    assert "LoggingMessageNotification" in others
    answer = next(r for r in server.requests if b'"r-1"' in r.content)
    assert json.loads(answer.content)["result"] == {"roots": []}


async def test_progress_is_reported_during_the_call(server: FakeMCPServer, store: MCPStore) -> None:
    told: list[float] = []

    async def tell(progress: float, total: float | None, message: str | None) -> None:
        told.append(progress)

    server.answers["tools/call"] = lambda message: event_stream(
        *[
            {
                "jsonrpc": "2.0",
                "method": "notifications/progress",
                "params": {"progressToken": message["params"]["_meta"]["progressToken"], "progress": number},
            }
            for number in (1, 2)
        ],
        {"jsonrpc": "2.0", "id": message["id"], "result": text_result("3")},
    )
    async with store.installations.connect(ID) as client:
        await client.call_tool("add", progress_callback=tell)

    assert told == [1, 2]


# Errors


APPROVAL_REQUIRED = "Tool 'add' requires approval before it can be called"


@pytest.mark.parametrize(
    ("code", "words", "expected"),
    [
        (-32001, APPROVAL_REQUIRED, ToolApprovalRequiredError),
        (-32002, "Tool 'add' is blocked by team policy", ToolDisabledError),
        (-32601, "Tool 'add' is not registered for this installation", ToolNotFoundError),
        (-32000, "Connection closed", ToolCallError),
        (-32001, "Request timed out", ToolCallError),
        (-32002, "No.", ToolCallError),
        (-32601, "Method not found", ToolCallError),
        (-32602, "Unknown tool", ToolCallError),
    ],
)
async def test_an_error_object_is_raised_as_its_class(
    server: FakeMCPServer, store: MCPStore, code: int, words: str, expected: type[ToolCallError]
) -> None:
    server.answers["tools/call"] = lambda message: error_of(message, code, words, {"why": 1})

    async with store.installations.connect(ID) as client:
        for _ in range(2):
            with pytest.raises(ToolCallError) as caught:
                await client.call_tool("add")

    assert type(caught.value) is expected
    assert (caught.value.code, caught.value.message, caught.value.data) == (code, words, {"why": 1})


async def test_a_refusal_of_something_else_than_a_tool_call_is_the_servers_own(
    server: FakeMCPServer, store: MCPStore
) -> None:
    server.answers["resources/read"] = lambda message: error_of(message, -32001, APPROVAL_REQUIRED)

    async with store.installations.connect(ID) as client:
        with pytest.raises(ToolCallError) as caught:
            await client.read_resource("file:///x")

    assert type(caught.value) is ToolCallError


async def test_an_error_without_an_id_ends_the_call(server: FakeMCPServer, store: MCPStore) -> None:
    server.answers["tools/call"] = lambda message: error_of({"id": None}, -32001, APPROVAL_REQUIRED)

    async with store.installations.connect(ID) as client:
        with pytest.raises(ToolApprovalRequiredError):
            await asyncio.wait_for(client.call_tool("add"), 5)


async def test_a_server_may_write_ids_as_text(server: FakeMCPServer, store: MCPStore) -> None:
    server.answers["initialize"] = lambda message: result_of({"id": str(message["id"])}, GREETING)
    server.answers["tools/call"] = lambda message: result_of({"id": str(message["id"])}, text_result("3"))
    server.answers["prompts/list"] = lambda message: error_of({"id": str(message["id"])}, -32601, "Method not found")

    async with store.installations.connect(ID) as client:
        assert text(await asyncio.wait_for(client.call_tool("add"), 5)) == "3"
        with pytest.raises(ToolCallError, match="Method not found"):
            await asyncio.wait_for(client.list_prompts(), 5)


REFUSED = httpx.Response(200, json={"jsonrpc": "2.0", "id": None, "error": {"code": -32601, "message": "Not found"}})


@pytest.mark.parametrize("answer", [*ACKNOWLEDGEMENTS, REFUSED])
async def test_however_a_server_acknowledges_notifications_it_is_connected_to(
    server: FakeMCPServer, store: MCPStore, answer: httpx.Response
) -> None:
    server.answers["notifications/initialized"] = refusing(answer)
    server.answers["notifications/roots/list_changed"] = refusing(answer)

    async with store.installations.connect(ID) as client:
        with pytest.warns(mcp.MCPDeprecationWarning):
            await client.send_roots_list_changed()
        assert text(await client.call_tool("add")) == "3"


FAILURES = [
    (httpx.Response(429, text="typecodedetailattr", headers={"Retry-After": "99"}), RateLimitError),
    (httpx.Response(401, json={"error": "Authentication failed"}), ReauthenticationRequiredError),
    (httpx.Response(502, json={"error": "Upstream MCP server unreachable"}), UpstreamError),
    (httpx.Response(404, text="typecodedetailattr"), MCPStoreError),
    (httpx.Response(200, content=b"<html>", headers={"Content-Type": "text/html"}), ResponseDecodeError),
    (event_stream({"jsonrpc": "2.0", "method": "notifications/progress"}), ResponseDecodeError),
    (event_stream({"jsonrpc": "2.0", "id": 99, "something": 1}), ResponseDecodeError),
    (event_stream({"jsonrpc": "2.0", "id": [1], "error": {}}), ResponseDecodeError),
]


@pytest.mark.parametrize(("answer", "expected"), FAILURES)
async def test_a_call_that_fails_raises_our_error_and_ends_nothing(
    server: FakeMCPServer, store: MCPStore, answer: httpx.Response, expected: type[MCPStoreError]
) -> None:
    async with store.with_options(max_retries=0).installations.connect(ID) as client:
        server.answers["tools/call"] = refusing(answer)
        with pytest.raises(expected) as caught:
            await asyncio.wait_for(client.call_tool("add"), 5)
        del server.answers["tools/call"]
        if expected is not RateLimitError:  # which makes later calls wait
            assert text(await client.call_tool("add")) == "3"

    assert caught.value.__context__ is None or isinstance(caught.value.__context__, MCPStoreError)


@pytest.mark.parametrize("method", ["initialize", "notifications/initialized"])
@pytest.mark.parametrize(("answer", "expected"), FAILURES[:3])
async def test_connecting_raises_our_error_and_leaves_nothing(
    server: FakeMCPServer, store: MCPStore, method: str, answer: httpx.Response, expected: type[MCPStoreError]
) -> None:
    server.answers[method] = refusing(answer)

    with pytest.raises(expected):
        async with store.with_options(max_retries=0).installations.connect(ID):
            pytest.fail("it is not connected")
    await until_alone()


async def test_a_protocol_version_nobody_knows_is_refused(server: FakeMCPServer, store: MCPStore) -> None:
    server.answers["initialize"] = lambda message: result_of(message, {**GREETING, "protocolVersion": "1999-01-01"})

    with pytest.raises(ResponseDecodeError, match="Unsupported protocol version from the server: 1999-01-01"):
        async with store.installations.connect(ID):
            pass


@pytest.mark.parametrize("method", ["initialize", "tools/list"])
async def test_a_result_of_another_shape_is_refused(server: FakeMCPServer, store: MCPStore, method: str) -> None:
    server.answers[method] = lambda message: result_of(message, {"tools": 7})

    with pytest.raises(ResponseDecodeError, match=r"response does not match \w+Result") as caught:
        async with store.installations.connect(ID) as client:
            await client.list_tools()

    assert caught.value.url.endswith(f"/{ID}/proxy/")


async def test_deprecations_of_the_package_warn_where_they_are_called(store: MCPStore) -> None:
    async with store.installations.connect(ID) as client:
        with pytest.warns(mcp.MCPDeprecationWarning, match="ping is removed") as warned:
            await client.send_ping()

    assert [warning.filename for warning in warned] == [__file__]


@pytest.mark.parametrize(
    "value", [object(), b"bytes", {1, 2}, float("nan"), [float("inf")], {"deep": nested(300)}, nested(3000)]
)
async def test_arguments_that_are_not_json_are_never_sent(server: FakeMCPServer, store: MCPStore, value: Any) -> None:
    async with store.installations.connect(ID) as client:
        with pytest.raises(ConfigurationError, match="can't be written as JSON"):
            await client.call_tool("add", {"value": value})

    assert server.messages == HANDSHAKE


async def test_wrong_arguments_are_never_sent(server: FakeMCPServer, store: MCPStore) -> None:
    async with store.installations.connect(ID) as client:
        for name in (7, ["add"], None):
            with pytest.raises(ConfigurationError, match="name must be text"):
                await client.call_tool(name)  # type: ignore[arg-type]
        with pytest.raises(ConfigurationError, match="the arguments do not match CallToolRequestParams: arguments:"):
            await client.call_tool("add", ["a"])  # type: ignore[arg-type]
        with pytest.raises(ConfigurationError, match="read_timeout_seconds must be a number of seconds"):
            await client.call_tool("add", {}, 0)

    assert "tools/call" not in [method for method, _ in server.messages]


async def test_an_error_of_the_users_own_callback_is_raised_by_the_call(server: FakeMCPServer, store: MCPStore) -> None:
    def fail(_: ResponseInfo) -> None:
        if server.messages[-1][0] == "tools/call":
            raise LookupError

    async with store.with_options(on_response=fail).installations.connect(ID) as client:
        with pytest.raises(LookupError):
            await client.call_tool("add")
        await client.list_tools()


async def test_an_error_raised_inside_is_not_wrapped(store: MCPStore) -> None:
    with pytest.raises(LookupError):
        async with store.installations.connect(ID):
            raise LookupError


async def test_a_refused_response_to_the_server_is_logged(
    server: FakeMCPServer, store: MCPStore, caplog: pytest.LogCaptureFixture
) -> None:
    server.answers["answer"] = refusing(httpx.Response(502, json={"error": "Upstream MCP server unreachable"}))
    server.answers["tools/call"] = lambda message: event_stream(
        {"jsonrpc": "2.0", "id": "p-1", "method": "ping"},
        {"jsonrpc": "2.0", "id": message["id"], "result": text_result("3")},
    )
    async with store.installations.connect(ID) as client:
        await client.call_tool("add")
        await server.got("answer")
        await client.list_tools()

    assert "could not respond to a request of the MCP server: 502" in caplog.text


async def test_a_tool_is_looked_up_before_it_is_called_and_once(server: FakeMCPServer, store: MCPStore) -> None:
    pages = {None: ("one", "p-2"), "p-2": ("two", "p-3"), "p-3": ("three", None)}

    def listed(message: dict[str, Any]) -> httpx.Response:
        name, cursor = pages[message.get("params", {}).get("cursor")]
        tool = {"name": name, "inputSchema": {"type": "object"}}
        return result_of(message, {"tools": [tool], **({"nextCursor": cursor} if cursor else {})})

    server.answers["tools/list"] = listed
    async with store.installations.connect(ID) as client:
        await client.call_tool("two")
        await client.call_tool("one")
        await client.call_tool("two")

    methods = [method for method, _ in server.messages[2:]]
    assert methods == ["tools/list", "tools/list", "tools/call", "tools/call", "tools/call"]


async def test_calls_that_begin_together_look_their_tool_up_once(server: FakeMCPServer, store: MCPStore) -> None:
    async with store.installations.connect(ID) as client:
        await asyncio.gather(*[client.call_tool("add") for _ in range(5)])

    assert [method for method, _ in server.messages].count("tools/list") == 1


async def test_a_tool_that_can_not_be_looked_up_is_not_called(server: FakeMCPServer, store: MCPStore) -> None:
    server.answers["tools/list"] = refusing(httpx.Response(502, json={"error": "Upstream MCP server timed out"}))
    async with store.installations.connect(ID) as client:
        with pytest.raises(UpstreamError):
            await client.call_tool("add")

    assert "tools/call" not in [method for method, _ in server.messages]


async def test_a_list_of_tools_that_starts_again_is_given_up(server: FakeMCPServer, store: MCPStore) -> None:
    server.answers["tools/list"] = lambda message: result_of(message, {"tools": [], "nextCursor": "again"})
    async with store.installations.connect(ID) as client:
        for _ in range(2):
            assert text(await client.call_tool("add")) == "3"

    assert [method for method, _ in server.messages].count("tools/list") == 2


# Output schemas


SUM = {"type": "object", "properties": {"sum": {"type": "integer"}}, "required": ["sum"]}
TOTAL = {"type": "object", "properties": {"total": {"type": "integer"}}, "required": ["total"]}


def tool(schema: object, name: str = "add") -> dict[str, Any]:
    return {"name": name, "inputSchema": {"type": "object"}, "outputSchema": schema}


def structured(message: dict[str, Any], content: dict[str, Any]) -> httpx.Response:
    return result_of(message, {**text_result("3"), "structuredContent": content})


async def test_a_result_that_breaks_its_schema_is_kept_by_the_error(server: FakeMCPServer, store: MCPStore) -> None:
    server.answers["tools/list"] = lambda message: result_of(message, {"tools": [tool(SUM)]})
    server.answers["tools/call"] = lambda message: structured(message, {"total": 3})

    async with store.installations.connect(ID) as client:
        with pytest.raises(ResponseDecodeError, match="'sum' is a required property") as caught:
            await client.call_tool("add")

    copy = pickle.loads(pickle.dumps(caught.value))
    assert copy.result == {"content": [{"type": "text", "text": "3"}], "structuredContent": {"total": 3}}


@with_sessions
async def test_a_tool_that_was_redeployed_with_its_server_is_looked_up_again(
    server: FakeMCPServer, store: MCPStore
) -> None:
    server.answers["tools/list"] = lambda message: result_of(message, {"tools": [tool(SUM)]})
    async with store.installations.connect(ID) as client:
        await client.list_tools()
        server.forget()
        with pytest.raises(UpstreamError):
            await client.call_tool("add")
        server.answers["tools/list"] = lambda message: result_of(message, {"tools": [tool(TOTAL)]})
        server.answers["tools/call"] = lambda message: structured(message, {"total": 3})

        for _ in range(2):
            assert (await client.call_tool("add")).structured_content == {"total": 3}


@pytest.mark.parametrize("is_before_the_result", [True, False])
async def test_a_tool_is_looked_up_again_when_the_server_says_that_tools_have_changed(
    server: FakeMCPServer, store: MCPStore, is_before_the_result: bool
) -> None:
    changed = {"jsonrpc": "2.0", "method": "notifications/tools/list_changed"}
    server.answers["tools/list"] = lambda message: result_of(message, {"tools": [tool(SUM)]})
    async with store.installations.connect(ID) as client:
        await client.list_tools()
        server.answers["tools/list"] = lambda message: result_of(message, {"tools": [tool(TOTAL)]})
        server.answers["tools/call"] = lambda message: structured(message, {"total": 3})
        result = {**text_result("3"), "structuredContent": {"total": 3}}
        if is_before_the_result:
            server.answers["tools/call"] = lambda message: event_stream(
                changed, {"jsonrpc": "2.0", "id": message["id"], "result": result}
            )
        else:
            server.answers["prompts/list"] = lambda message: event_stream(
                changed, {"jsonrpc": "2.0", "id": message["id"], "result": {"prompts": []}}
            )
            await client.list_prompts()

        assert (await client.call_tool("add")).structured_content == {"total": 3}


CHANGED = {"jsonrpc": "2.0", "method": "notifications/tools/list_changed"}


async def test_a_result_of_a_tool_that_changed_during_the_call_is_given_at_once(
    server: FakeMCPServer, store: MCPStore
) -> None:
    server.answers["tools/list"] = lambda message: result_of(message, {"tools": [tool(SUM)]})
    async with store.installations.connect(ID) as client:
        await client.list_tools()
        server.answers["tools/call"] = lambda message: event_stream(
            CHANGED, {"jsonrpc": "2.0", "id": message["id"], "result": text_result("3")}
        )

        assert text(await client.call_tool("add")) == "3"

    assert [method for method, _ in server.messages[2:]] == ["tools/list", "tools/call"]


async def test_a_list_that_was_requested_before_the_tools_changed_is_not_used(
    server: FakeMCPServer, store: MCPStore
) -> None:
    server.answers["tools/list"] = lambda message: event_stream(
        CHANGED, {"jsonrpc": "2.0", "id": message["id"], "result": {"tools": [tool(SUM)]}}
    )
    async with store.installations.connect(ID) as client:
        await client.list_tools()
        server.answers["tools/list"] = lambda message: result_of(message, {"tools": [tool(TOTAL)]})
        server.answers["tools/call"] = lambda message: structured(message, {"total": 3})

        assert (await client.call_tool("add")).structured_content == {"total": 3}


async def test_a_tool_that_was_redeployed_without_notice_is_looked_up_after_one_refused_result(
    server: FakeMCPServer, store: MCPStore
) -> None:
    server.answers["tools/list"] = lambda message: result_of(message, {"tools": [tool(SUM)]})
    server.answers["tools/call"] = lambda message: structured(message, {"total": 3})
    async with store.installations.connect(ID) as client:
        await client.list_tools()
        server.answers["tools/list"] = lambda message: result_of(message, {"tools": [tool(TOTAL)]})
        with pytest.raises(ResponseDecodeError, match="'sum' is a required property"):
            await client.call_tool("add")

        assert (await client.call_tool("add")).structured_content == {"total": 3}


async def test_of_two_tools_with_one_name_the_first_counts(server: FakeMCPServer, store: MCPStore) -> None:
    server.answers["tools/list"] = lambda message: result_of(message, {"tools": [tool(SUM), tool(TOTAL)]})
    server.answers["tools/call"] = lambda message: structured(message, {"sum": 3})

    async with store.installations.connect(ID) as client:
        assert (await client.call_tool("add")).structured_content == {"sum": 3}


@pytest.mark.parametrize(
    "result", [{"content": [{"type": "hologram"}]}, {"content": 7}, {"structuredContent": {"a": 1}}]
)
async def test_a_result_that_breaks_mcps_own_schema_is_kept_too(
    server: FakeMCPServer, store: MCPStore, result: dict[str, Any]
) -> None:
    server.answers["tools/call"] = lambda message: result_of(message, result)

    async with store.installations.connect(ID) as client:
        with pytest.raises(ResponseDecodeError) as caught:
            await client.call_tool("add")

    assert caught.value.result == result


async def test_a_server_that_does_not_list_its_tools_can_be_called(server: FakeMCPServer, store: MCPStore) -> None:
    server.answers["tools/list"] = lambda message: error_of(message, -32601, "Method not found")

    async with store.installations.connect(ID) as client:
        for _ in range(2):
            assert text(await client.call_tool("add")) == "3"

    assert [method for method, _ in server.messages].count("tools/list") == 1


async def test_the_time_of_a_call_bounds_looking_its_tool_up(
    server: FakeMCPServer, store: MCPStore, stuck: asyncio.Event
) -> None:
    server.answers["tools/list"] = server.answers.pop("tools/call")

    async with store.installations.connect(ID) as client:
        with pytest.raises(APITimeoutError, match="'add' was not called: the server did not list its tools") as caught:
            await client.call_tool("add", {}, 0.05)

    assert not caught.value.is_sent
    assert "tools/call" not in [method for method, _ in server.messages]


@pytest.mark.parametrize(
    "noise", [{"method": "ping"}, {"jsonrpc": "2.0", "method": "x", "params": [1]}, {"type": "ping"}]
)
async def test_events_without_a_message_before_the_response_are_skipped(
    server: FakeMCPServer, store: MCPStore, noise: dict[str, Any]
) -> None:
    server.answers["tools/call"] = lambda message: event_stream(
        noise, {"type": "ping", "error": None}, {"jsonrpc": "2.0", "id": message["id"], "result": text_result("3")}
    )

    async with store.installations.connect(ID) as client:
        assert text(await asyncio.wait_for(client.call_tool("add"), 5)) == "3"


async def test_a_deadline_bounds_looking_a_tool_up(
    server: FakeMCPServer, store: MCPStore, stuck: asyncio.Event
) -> None:
    server.answers["tools/list"] = server.answers.pop("tools/call")

    async with store.with_options(deadline=1).installations.connect(ID) as client:
        with pytest.raises(APITimeoutError, match="deadline"):
            await client.call_tool("add", {}, 30)


async def test_a_tool_that_was_not_found_while_the_tools_changed_is_looked_up_again(
    server: FakeMCPServer, store: MCPStore
) -> None:
    server.answers["tools/list"] = lambda message: event_stream(
        CHANGED, {"jsonrpc": "2.0", "id": message["id"], "result": {"tools": []}}
    )
    async with store.installations.connect(ID) as client:
        for _ in range(2):
            assert text(await client.call_tool("add")) == "3"
        server.answers["tools/list"] = lambda message: result_of(message, {"tools": []})
        for _ in range(2):
            assert text(await client.call_tool("add")) == "3"

    assert [method for method, _ in server.messages].count("tools/list") == 3


@pytest.mark.parametrize("id_of", [str, float])
async def test_a_server_may_write_the_id_in_another_form(
    server: FakeMCPServer, store: MCPStore, id_of: Callable[[int], object]
) -> None:
    server.answers["tools/call"] = lambda message: result_of({"id": id_of(message["id"])}, text_result("3"))

    async with store.installations.connect(ID) as client:
        assert text(await asyncio.wait_for(client.call_tool("add"), 5)) == "3"


async def test_every_call_of_the_client_raises_our_errors(server: FakeMCPServer, store: MCPStore) -> None:
    calls = {
        "set_logging_level": ("info",),
        "subscribe_resource": ("file:///x",),
        "unsubscribe_resource": ("file:///x",),
        "send_ping": (),
        "list_resources": (),
        "get_prompt": ("x",),
    }
    for method in (
        "logging/setLevel",
        "resources/subscribe",
        "resources/unsubscribe",
        "ping",
        "resources/list",
        "prompts/get",
    ):
        server.answers[method] = lambda message: error_of(message, 7, "Not now.")

    async with store.installations.connect(ID) as client:
        for name, arguments in calls.items():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                with pytest.raises(ToolCallError, match=r"Not now\."):
                    await getattr(client, name)(*arguments)


ENDLESS = {"type": "object", "properties": {"x": {"$ref": "#"}}, "anyOf": [{"$ref": "#"}]}
TREE = {"type": "object", "properties": {"x": {"$ref": "#"}, "sum": {"type": "integer"}}}


def tree(levels: int) -> dict[str, Any]:
    content: dict[str, Any] = {"sum": "3"}
    for _ in range(levels):
        content = {"x": content}
    return content


@pytest.mark.parametrize(
    ("schema", "content", "is_refused"),
    [(ENDLESS, {"x": {}}, False), (ENDLESS, {"x": 1}, True), (TREE, tree(20), True), (TREE, tree(60), False)],
)
async def test_a_schema_that_refers_to_itself_is_checked_to_a_depth(
    server: FakeMCPServer, store: MCPStore, schema: object, content: dict[str, Any], is_refused: bool
) -> None:
    server.answers["tools/list"] = lambda message: result_of(message, {"tools": [tool(schema)]})
    server.answers["tools/call"] = lambda message: structured(message, content)

    async with store.installations.connect(ID) as client:
        for _ in range(2):
            if is_refused:
                with pytest.raises(ResponseDecodeError, match="is not of type"):
                    await client.call_tool("add")
            else:
                assert (await client.call_tool("add")).structured_content == content


DEEP: dict[str, Any] = {"x": {}}
for _ in range(300):
    DEEP = {"x": DEEP}


@pytest.mark.parametrize(
    ("schema", "content", "fault"),
    [
        (SUM, None, "it has no structured content"),
        (SUM, {"sum": "3"}, "'3' is not of type 'integer'"),
        (SUM, DEEP, "can't use the MCP server's response"),
        ({"type": "object", "properties": {"sum": {"multipleOf": 0.1}}}, {"sum": int("9" * 400)}, "OverflowError"),
        ({"type": "object", "properties": {"sum": {"multipleOf": 0.1}}}, {"sum": float("nan")}, "ValueError"),
        ({"type": "object", "$id": "http://[", "properties": {"sum": {"$ref": "#/y"}}}, {"sum": 1}, "can't be checked"),
        ({"type": "object", "properties": {"sum": {"$ref": "https://example.com/x"}}}, {"sum": 1}, "can't be checked"),
        ({"type": "object", "properties": {"sum": {"type": "number?"}}}, {"sum": 1}, "UnknownType"),
    ],
)
async def test_whatever_is_wrong_with_a_result_or_its_schema_the_result_is_kept(
    server: FakeMCPServer, store: MCPStore, schema: object, content: object, fault: str
) -> None:
    result = text_result("3") | ({} if content is None else {"structuredContent": content})
    server.answers["tools/list"] = lambda message: result_of(message, {"tools": [tool(schema)]})
    server.answers["tools/call"] = lambda message: httpx.Response(
        200,
        content=json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}).encode(),
        headers={"Content-Type": "application/json"},
    )

    async with store.installations.connect(ID) as client:
        with pytest.raises(ResponseDecodeError, match=fault) as caught:
            await client.call_tool("add")

    assert caught.value.result is not None
    assert caught.value.result["content"] == result["content"]
    pickle.dumps(caught.value)


async def test_references_in_a_schema_are_not_fetched(server: FakeMCPServer, store: MCPStore) -> None:
    async def count(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        visitors.append(1)
        writer.close()

    visitors: list[int] = []
    async with await asyncio.start_server(count, "127.0.0.1", 0) as elsewhere:
        url = f"http://127.0.0.1:{elsewhere.sockets[0].getsockname()[1]}/schema"
        schema = {"type": "object", "properties": {"sum": {"$ref": url}}}
        server.answers["tools/list"] = lambda message: result_of(message, {"tools": [tool(schema)]})
        server.answers["tools/call"] = lambda message: structured(message, {"sum": 3})
        async with store.installations.connect(ID) as client:
            with pytest.raises(ResponseDecodeError, match="can't be checked"):
                await client.call_tool("add")
        await asyncio.sleep(0)

    assert visitors == []


BOMB = {f"a{number}": {"allOf": [{"$ref": f"#/$defs/a{number + 1}"}] * 2} for number in range(40)} | {"a40": False}


@pytest.mark.parametrize(
    ("schema", "content"),
    [
        (SUM, {"sum": 3}),
        ({"type": "object", "properties": {"text": {"pattern": "(a+)+$"}}}, {"text": "a" * 60 + "b"}),
        ({"type": "object", "patternProperties": {"(a+)+$": {}}, "additionalProperties": False}, {"a" * 60 + "b": 1}),
        ({"type": "object", "$defs": BOMB, "anyOf": [{"$ref": "#/$defs/a0"}, True]}, {"x": 1}),
        ({"type": "object", "properties": {"x": {"uniqueItems": True}}}, {"x": [{"i": 1}] * 900}),
        ({"type": "object", "properties": {"x": {"uniqueItems": True}}}, {"x": [1] * 2000}),
        ({"type": "object", "properties": {"x": {"enum": list(range(2000))}}}, {"x": -1}),
        (
            {
                "type": "object",
                "properties": {"x": {"$schema": "https://json-schema.org/draft/2020-12/schema", "pattern": "(a+)+$"}},
            },
            {"x": "a" * 60 + "b"},
        ),
    ],
)
async def test_a_result_is_checked_as_far_as_that_takes_no_time(
    server: FakeMCPServer, store: MCPStore, schema: object, content: dict[str, Any]
) -> None:
    server.answers["tools/list"] = lambda message: result_of(message, {"tools": [tool(schema)]})
    server.answers["tools/call"] = lambda message: structured(message, content)

    async with store.installations.connect(ID) as client:
        for _ in range(2):
            assert (await asyncio.wait_for(client.call_tool("add"), 5)).structured_content == content


async def test_a_small_list_is_checked_for_what_comes_twice(server: FakeMCPServer, store: MCPStore) -> None:
    schema = {"type": "object", "properties": {"x": {"uniqueItems": True}}}
    server.answers["tools/list"] = lambda message: result_of(message, {"tools": [tool(schema)]})
    server.answers["tools/call"] = lambda message: structured(message, {"x": [1, 1]})

    async with store.installations.connect(ID) as client:
        with pytest.raises(ResponseDecodeError, match="non-unique"):
            await client.call_tool("add")


async def test_arguments_that_are_nested_too_deeply_are_named_as_that(server: FakeMCPServer, store: MCPStore) -> None:
    async with store.installations.connect(ID) as client:
        with pytest.raises(ConfigurationError, match="can't be written as JSON: nested too deeply"):
            await client.call_tool("add", {"value": nested(200_000)})

    assert server.messages == HANDSHAKE


async def test_a_prompt_argument_that_is_not_json_is_never_sent(server: FakeMCPServer, store: MCPStore) -> None:
    async with store.installations.connect(ID) as client:
        with pytest.raises(ConfigurationError, match="can't be written as JSON"):
            await client.get_prompt("hello", meta={"x": object()})  # type: ignore[arg-type]

    assert server.messages == HANDSHAKE


GOOD = {"name": "good", "inputSchema": {"type": "object"}}


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ({**GOOD, "name": "bad", "outputSchema": 7}, "'bad' violates"),
        ({"name": "bad"}, "'bad' violates MCP's schema and was left out: tools.0.inputSchema: Field required"),
        ({}, "number 1 violates"),
        (7, "number 1 violates"),
        ({"name": 7, "inputSchema": {"type": "object"}}, "number 1 violates"),
        ({**GOOD, "name": "bad", "inputSchema": {}}, "'bad' violates"),
        ({**GOOD, "name": "bad", "inputSchema": None}, "'bad' violates"),
        ({**GOOD, "name": "bad", "outputSchema": []}, "'bad' violates"),
        ({**GOOD, "name": "bad", "annotations": "destructive"}, "'bad' violates"),
        ({**GOOD, "name": "bad", "description": ["?"]}, "'bad' violates"),
        ({**GOOD, "name": "bad", "outputSchema": {"type": "object", "properties": DEEP}}, "'bad' violates"),
    ],
)
async def test_a_malformed_tool_is_left_out_and_named(
    server: FakeMCPServer, store: MCPStore, bad: object, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    server.answers["tools/list"] = lambda message: result_of(message, {"tools": [bad, GOOD]})

    async with store.installations.connect(ID) as client:
        for _ in range(2):
            assert [tool.name for tool in (await client.list_tools()).tools] == ["good"]
        assert text(await client.call_tool("good")) == "3"

    (record,) = [record for record in caplog.records if record.name.startswith("posthog_mcp_store")]
    assert record.levelname == "WARNING"
    assert f"the MCP server's tool {said}" in record.getMessage()


async def test_a_malformed_tool_that_was_mended_is_there_again(
    server: FakeMCPServer, store: MCPStore, caplog: pytest.LogCaptureFixture
) -> None:
    states = [[{"name": "good"}], [GOOD], [{"name": "good"}]]
    server.answers["tools/list"] = lambda message: result_of(message, {"tools": states.pop(0)})

    async with store.installations.connect(ID) as client:
        listed = [[tool.name for tool in (await client.list_tools()).tools] for _ in range(3)]

    assert listed == [[], ["good"], []]
    assert caplog.text.count("'good' violates MCP's schema") == 2


# Sessions


@with_sessions
@pytest.mark.parametrize(
    "unknown",
    [
        httpx.Response(404, json={"jsonrpc": "2.0", "id": None, "error": {"code": -32001, "message": "What?"}}),
        httpx.Response(404),
        httpx.Response(400, json={"jsonrpc": "2.0", "id": None, "error": {"message": "No valid session ID"}}),
        httpx.Response(400, text="Bad Request: session unknown"),
        httpx.Response(400, json={"error": "Session not found"}),
        httpx.Response(400, json={"detail": "Server not initialized"}),
        httpx.Response(401, text="Unauthorized: Session not found"),
        httpx.Response(404, json={"error": "Session not found"}),
        httpx.Response(410, text="Gone"),
        httpx.Response(422, text="Unexpected message, expect initialize request"),
        httpx.Response(400, json={"statusCode": 400, "error": "Bad Request", "message": "Session not found"}),
        httpx.Response(400, json={"error": "invalid_request", "error_description": "Session not found"}),
        httpx.Response(400, json={"title": "No session", "status": 400}),
        httpx.Response(400, json=[{"jsonrpc": "2.0", "id": None, "error": {"message": "Session not found"}}]),
        httpx.Response(400, json={"errors": [{"message": "Session not found"}]}),
        httpx.Response(401, json={"error": {"code": -1, "message": "No.", "data": "Session not found"}}),
    ],
)
async def test_calls_that_only_read_continue_in_a_new_session(
    server: FakeMCPServer, store: MCPStore, unknown: httpx.Response, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "posthog_mcp_store")
    server.unknown_session = unknown
    async with store.installations.connect(ID) as client:
        server.forget()

        assert len((await client.list_tools()).tools) == 1
        assert text(await client.call_tool("add")) == "3"

    assert server.messages[2:] == [
        ("tools/list", "s-1"),
        ("initialize", None),
        ("notifications/initialized", "s-2"),
        ("tools/list", "s-2"),
        ("tools/call", "s-2"),
    ]
    first, second = (json.loads(r.content)["params"] for r in server.requests if b'"initialize"' in r.content)
    assert first == second
    assert "lost the session" in caplog.text


@with_sessions
async def test_a_tool_call_that_meets_the_loss_raises_and_is_not_repeated(
    server: FakeMCPServer, store: MCPStore
) -> None:
    async with store.installations.connect(ID) as client:
        await client.list_tools()
        server.forget()

        with pytest.raises(UpstreamError, match="404"):
            await client.call_tool("add")
        assert text(await client.call_tool("add")) == "3"

    assert [session for method, session in server.messages if method == "tools/call"] == ["s-1", "s-2"]


@with_sessions
@pytest.mark.parametrize(
    ("code", "words"),
    [
        (-32001, "Session not found"),
        (-32600, "Invalid session"),
        (-32001, "Session ID is unknown"),
        (-32001, "Session has expired"),
        (-32001, "Session s-1 not found"),
        (-32000, "Bad Request: No valid session ID provided"),
        (-32000, "Invalid or expired session"),
        (-32002, "Server not initialized"),
        (-32602, "Received request before initialization was complete"),
    ],
)
@pytest.mark.parametrize("method", ["tools/call", "tools/list"])
async def test_a_loss_that_is_reported_in_a_successful_response_begins_a_new_session_with_the_next_call(
    server: FakeMCPServer, store: MCPStore, method: str, code: int, words: str
) -> None:
    server.unknown_session = httpx.Response(
        200, json={"jsonrpc": "2.0", "id": None, "error": {"code": code, "message": words}}
    )
    async with store.installations.connect(ID) as client:
        await client.list_tools()
        server.forget()

        with pytest.raises(ToolCallError, match=words):
            await (client.call_tool("add") if method == "tools/call" else client.list_tools())
        assert text(await client.call_tool("add")) == "3"

    assert [each for each, session in server.messages if session == "s-1"].count(method) == 1 + (method == "tools/list")
    assert ("tools/call", "s-2") in server.messages


@with_sessions
async def test_a_session_that_can_not_be_sent_back_is_the_servers_fault(server: FakeMCPServer, store: MCPStore) -> None:
    def greet(message: dict[str, Any]) -> httpx.Response:
        answer = result_of(message, GREETING)
        answer.headers["Mcp-Session-Id"] = "a session"
        return answer

    server.answers["initialize"] = greet

    with pytest.raises(ResponseDecodeError, match="Mcp-Session-Id"):
        async with store.installations.connect(ID):
            pytest.fail("it is not connected")
    await until_alone()


@with_sessions
async def test_calls_that_meet_the_loss_together_begin_one_new_session(server: FakeMCPServer, store: MCPStore) -> None:
    async with store.installations.connect(ID) as client:
        server.forget()
        await asyncio.gather(*[client.list_tools() for _ in range(5)])

    assert [method for method, _ in server.messages].count("initialize") == 2


@with_sessions
async def test_a_session_that_can_not_be_started_again_is_tried_again_by_the_next_call(
    server: FakeMCPServer, store: MCPStore
) -> None:
    async with store.installations.connect(ID) as client:
        server.forget()
        server.answers["initialize"] = refusing(httpx.Response(502, json={"error": "Upstream MCP server unreachable"}))
        with pytest.raises(UpstreamError, match="502"):
            await client.list_tools()
        server.answers["initialize"] = lambda message: error_of(message, -32603, "Not now.")
        with pytest.raises(ToolCallError, match=r"Not now\."):
            await client.list_tools()
        del server.answers["initialize"]

        assert len((await client.list_tools()).tools) == 1


@with_sessions
@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(400, json={"jsonrpc": "2.0", "id": None, "error": {"message": "Bad arguments"}}),
        httpx.Response(400, json={"error": {"code": 7}}),
        httpx.Response(400, json=["session"]),
        httpx.Response(400, json={"session": "?"}),
        httpx.Response(500, text="session"),
        httpx.Response(401, text="Unauthorized"),
        httpx.Response(401, json={"error": "Installation needs re-authentication"}),
        httpx.Response(403, text="session"),
        httpx.Response(200, json={"jsonrpc": "2.0", "id": None, "error": {"code": -32001, "message": "Timed out"}}),
        httpx.Response(200, json={"jsonrpc": "2.0", "id": None, "error": {"code": 1, "message": "Session not found"}}),
    ],
)
async def test_other_errors_do_not_end_the_session(
    server: FakeMCPServer, store: MCPStore, answer: httpx.Response
) -> None:
    server.answers["tools/list"] = refusing(answer)
    async with store.installations.connect(ID) as client:
        with pytest.raises(MCPStoreError):
            await client.list_tools()
        del server.answers["tools/list"]
        await client.call_tool("add")

    assert server.messages[-1] == ("tools/call", "s-1")
    assert [method for method, _ in server.messages].count("initialize") == 1


async def test_a_404_without_a_session_is_not_a_loss(server: FakeMCPServer, store: MCPStore) -> None:
    async with store.installations.connect(ID) as client:
        server.forget()
        with pytest.raises(UpstreamError):
            await client.list_tools()

    assert [method for method, _ in server.messages].count("initialize") == 1


# Giving up


@pytest.fixture
def stuck(server: FakeMCPServer) -> asyncio.Event:
    """Set when a tool call is under way, which never ends."""
    reached = asyncio.Event()

    async def hang(_: object) -> httpx.Response:
        reached.set()
        await asyncio.Event().wait()
        raise AssertionError("nobody sets that event")

    server.answers["tools/call"] = hang
    return reached


async def test_a_cancelled_call_is_cancelled_at_the_server(
    server: FakeMCPServer, store: MCPStore, stuck: asyncio.Event
) -> None:
    async with store.installations.connect(ID) as client:
        call = asyncio.create_task(client.call_tool("add"))
        await asyncio.wait_for(stuck.wait(), 5)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(call, 1)
        await server.got("notifications/cancelled")

        assert len((await client.list_tools()).tools) == 1
    await store.aclose()
    await until_alone()


async def test_a_cancellation_that_does_not_arrive_does_no_harm(
    server: FakeMCPServer, store: MCPStore, stuck: asyncio.Event, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "posthog_mcp_store")
    server.answers["notifications/cancelled"] = refusing(httpx.Response(404, text="typecodedetailattr"))
    async with store.installations.connect(ID) as client:
        with pytest.raises(APITimeoutError, match=r"Request 'tools/call' timed out"):
            await client.call_tool("add", read_timeout_seconds=0.1)
        await server.got("notifications/cancelled")
        await client.list_tools()

    assert "a cancellation: 404" in caplog.text


async def test_leaving_ends_calls_under_way(server: FakeMCPServer, store: MCPStore, stuck: asyncio.Event) -> None:
    async with store.installations.connect(ID) as client:
        call = asyncio.create_task(client.call_tool("add"))
        await asyncio.wait_for(stuck.wait(), 5)

    with pytest.raises(APIConnectionError, match="was closed"):
        await asyncio.wait_for(call, 5)
    await store.aclose()
    await until_alone()


async def test_a_deadline_bounds_each_call(server: FakeMCPServer, store: MCPStore, stuck: asyncio.Event) -> None:
    async with store.with_options(deadline=1).installations.connect(ID) as client:
        with pytest.raises(APITimeoutError, match="deadline of 1 s"):
            await asyncio.wait_for(client.call_tool("add"), 5)


async def test_a_closed_connection_says_so(server: FakeMCPServer, store: MCPStore) -> None:
    connection = store.installations.connect(ID)
    async with connection as client:
        pass

    with pytest.raises(ConfigurationError, match="this connection is closed"):
        await client.list_tools()
    with pytest.raises(ConfigurationError, match="only once"):
        await connection.__aenter__()
    await store.installations.connect(ID).__aexit__(None, None, None)


async def test_a_closed_store_says_so(server: FakeMCPServer, store: MCPStore) -> None:
    async with store.installations.connect(ID) as client:
        await store.aclose()
        with pytest.raises(ConfigurationError, match="this MCPStore is closed"):
            await client.list_tools()


async def test_cancelled_while_connecting_leaves_nothing(server: FakeMCPServer, store: MCPStore) -> None:
    reached = asyncio.Event()

    async def hang(_: object) -> httpx.Response:
        reached.set()
        await asyncio.Event().wait()
        raise AssertionError("nobody sets that event")

    server.answers["initialize"] = hang
    connecting = asyncio.ensure_future(store.installations.connect(ID).__aenter__())
    await asyncio.wait_for(reached.wait(), 5)
    connecting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(connecting, 5)
    await store.aclose()
    await until_alone()


async def test_one_task_enters_and_another_leaves(store: MCPStore) -> None:
    connection = store.installations.connect(ID)
    client = await asyncio.create_task(connection.__aenter__())

    tools = (await client.list_tools()).tools
    await asyncio.create_task(connection.__aexit__(None, None, None))

    assert [tool.name for tool in tools] == ["add"]
    await until_alone()


async def test_leaving_under_cancellation_leaves_nothing(store: MCPStore) -> None:
    inside = asyncio.Event()

    async def work() -> None:
        async with store.installations.connect(ID):
            inside.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await asyncio.wait_for(inside.wait(), 5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 5)
    await until_alone()


@pytest.mark.parametrize("value", [0, -1, "9", None, True, float("nan")])
def test_a_stream_timeout_has_to_be_one(value: Any) -> None:
    with pytest.raises(ConfigurationError, match="stream_timeout"):
        MCPStore("phx_key").installations.connect(ID, stream_timeout=value)


@pytest.fixture
def without_mcp(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mcp", None)
    for name in ("connection", "client", "transport"):
        monkeypatch.delitem(sys.modules, f"posthog_mcp_store._mcp.{name}", raising=False)


INSTALL = r'pip install "posthog-mcp-store\[mcp\]"'
OTHER_WAY = r"; connect_all\(\) calls tools without it$"


@pytest.mark.usefixtures("without_mcp")
def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [])

    with pytest.raises(ConfigurationError, match=rf"^connect\(\) needs: {INSTALL}{OTHER_WAY}"):
        MCPStore("phx_key").installations.connect(ID)


@pytest.mark.usefixtures("without_mcp")
@pytest.mark.parametrize(
    ("version", "reason"),
    [
        (
            "1.9.4",
            f"connect\\(\\) needs mcp 2.x, and mcp 1.9.4 is installed: {INSTALL} would replace it, which may break",
        ),
        ("3.0.0", "needs mcp 2.x, and mcp 3.0.0 is installed"),
        ("2.0.1", f"connect\\(\\) can't import mcp 2.0.1 .*needs: {INSTALL}"),
    ],
)
def test_with_another_version_of_the_package_it_names_that(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, version: str, reason: str
) -> None:
    metadata = tmp_path / f"mcp-{version}.dist-info" / "METADATA"
    metadata.parent.mkdir()
    metadata.write_text(f"Metadata-Version: 2.1\nName: mcp\nVersion: {version}\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path)])

    with pytest.raises(ConfigurationError, match=f"{reason}.*{OTHER_WAY}"):
        MCPStore("phx_key").installations.connect(ID)


async def test_of_very_many_malformed_tools_some_are_logged(
    server: FakeMCPServer, store: MCPStore, caplog: pytest.LogCaptureFixture
) -> None:
    tools = [{"name": "good", "inputSchema": {"type": "object"}}, *[{"name": f"bad{number}"} for number in range(5000)]]
    server.answers["tools/list"] = lambda message: result_of(message, {"tools": tools})

    async with store.installations.connect(ID) as client:
        assert [tool.name for tool in (await client.list_tools()).tools] == ["good"]

    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 101
    assert "number 102 and those after it" in warnings[-1]


def test_an_error_that_the_client_made_up_itself_is_ours_too() -> None:
    made_up = mcp.MCPError(-32042, "Open that page first.", {"url": "https://x"})
    error = translate_error(made_up, "https://us.posthog.com/", Redactor.of())

    assert isinstance(error, ToolCallError)
    assert (error.code, error.message, error.data) == (-32042, "Open that page first.", {"url": "https://x"})
