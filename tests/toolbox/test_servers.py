"""`connect_all()` where the SDK asks each MCP server itself: on instances of spring 2026."""

import asyncio
import json
import logging
from itertools import count
from typing import Any

import httpx
import pytest

from posthog_mcp_store import (
    APITimeoutError,
    ConfigurationError,
    ListUnstableError,
    MCPStore,
    MCPStoreError,
    ReauthenticationRequiredError,
    ResponseDecodeError,
    ResponseInfo,
    ToolApprovalRequiredError,
    ToolCallError,
    ToolDisabledError,
    ToolNotFoundError,
    ToolResult,
    UpstreamError,
)

from ..support.event_loop import loop_rounds
from ..support.fake_mcp import Answer, FakeMCPServer, error_of, result_of, text_result
from ..support.fake_project import FakeProject, mcp_tool

HANDSHAKE = [("initialize", None), ("notifications/initialized", "s-1")]


@pytest.fixture
def project() -> FakeProject:
    return FakeProject(is_old=True)


def refusal(status: int, error: str) -> httpx.Response:
    return httpx.Response(status, json={"error": error})


async def hang(_: object) -> httpx.Response:
    await asyncio.Event().wait()
    raise AssertionError("nobody sets that event")


def listing(*tools: object, **more: object) -> Answer:
    return lambda message: result_of(message, {"tools": list(tools), **more})


def event_stream(*messages: object) -> httpx.Response:
    content = "".join(f"data: {json.dumps(message)}\n\n" for message in messages)
    return httpx.Response(200, content=content.encode(), headers={"Content-Type": "text/event-stream"})


async def test_tools_of_all_installations_are_listed_and_one_is_called(
    project: FakeProject, project_store: MCPStore
) -> None:
    mail, orders = project.add("Mail"), project.add("Orders")
    mail.answers["tools/call"] = lambda message: result_of(message, text_result("sent"))

    async with project_store.installations.connect_all() as toolbox:
        assert [
            (tool.installation.name, tool.name, tool.description, tool.approval_state) for tool in toolbox.tools
        ] == [
            ("Orders", "add", "Add.", None),
            ("Mail", "add", "Add.", None),
        ]
        assert toolbox.failures == []
        assert await toolbox.tools[1].call({"to": "Ada"}) == ToolResult(text_result("sent")["content"], False)

    assert "tools/call" not in [method for method, _ in orders.messages]
    assert [method for method, _ in mail.messages] == [
        "initialize",
        "notifications/initialized",
        "tools/list",
        "tools/call",
    ]
    assert json.loads(mail.requests[-1].content)["params"] == {"name": "add", "arguments": {"to": "Ada"}}


async def test_those_that_fail_are_reported_and_fail_no_others(project: FakeProject, project_store: MCPStore) -> None:
    project.add("Switched off", is_enabled=False)
    cursors, names = count(), count()
    project.add("Endless").answers["tools/list"] = lambda message: result_of(
        message, {"tools": [mcp_tool(f"t{next(names)}")], "nextCursor": str(next(cursors))}
    )
    project.add("Down").answers["tools/list"] = lambda _: refusal(502, "Upstream MCP server timed out")
    project.add("Dead").answers["initialize"] = lambda _: refusal(401, "No credentials configured")
    project.add("Old").answers["tools/list"] = lambda message: error_of(message, -32601, "Method not found")
    project.add("Orders")

    async with project_store.installations.connect_all() as toolbox:
        assert [tool.installation.name for tool in toolbox.tools] == ["Orders", *["Endless"] * 50]

    failures = {failure.installation.name: failure.error for failure in toolbox.failures}
    assert [(name, type(error)) for name, error in failures.items()] == [
        ("Old", ToolCallError),
        ("Dead", ReauthenticationRequiredError),
        ("Down", UpstreamError),
        ("Endless", ListUnstableError),
    ]
    assert "the list of tools did not end within 50 pages" in str(failures["Endless"])


def paged(pages: dict[str | None, tuple[list[str], str | None]], asked: list[str | None]) -> Answer:
    """Answers `tools/list` with pages: the tools of each, and the cursor that follows."""

    def answer(message: dict[str, Any]) -> httpx.Response:
        cursor = message.get("params", {}).get("cursor")
        asked.append(cursor)
        names, following = pages[cursor]
        tools = [mcp_tool(name) for name in names]
        return result_of(message, {"tools": tools} if following is None else {"tools": tools, "nextCursor": following})

    return answer


@pytest.mark.parametrize(
    ("pages", "tools", "requests"),
    [
        ({None: (["a"], "x"), "x": (["b"], "x")}, ["a", "b"], 2),
        ({None: (["a"], "x"), "x": (["a"], "y")}, ["a"], 2),
        ({None: (["a"], "x"), "x": (["b"], "y"), "y": (["c"], "x")}, ["a", "b", "c"], 3),
        ({None: (["a"], "x"), "x": ([], "y"), "y": (["a", "b"], "x")}, ["a", "b"], 3),
        ({None: (["a"], "x"), "x": ([], "y"), "y": ([], "z")}, ["a"], 3),
    ],
)
async def test_a_list_that_starts_again_keeps_what_was_read_and_says_so(
    project: FakeProject,
    project_store: MCPStore,
    pages: dict[str | None, tuple[list[str], str | None]],
    tools: list[str],
    requests: int,
) -> None:
    asked: list[str | None] = []
    project.add("Orders").answers["tools/list"] = paged(pages, asked)

    async with project_store.installations.connect_all() as toolbox:
        assert [tool.name for tool in toolbox.tools] == tools
        await toolbox.tools[0].call()
        (failure,) = toolbox.failures

    assert isinstance(failure.error, ListUnstableError)
    assert f"no new ones after {len(tools)} tools" in str(failure.error)
    assert len(asked) == requests


async def test_an_empty_cursor_ends_the_list(project: FakeProject, project_store: MCPStore) -> None:
    asked: list[str | None] = []
    project.add("Orders").answers["tools/list"] = paged({None: (["a"], "x"), "x": (["b", "b"], "")}, asked)

    async with project_store.installations.connect_all() as toolbox:
        assert [tool.name for tool in toolbox.tools] == ["a", "b"]
        assert toolbox.failures == []

    assert asked == [None, "x"]


async def test_a_list_that_breaks_off_keeps_what_was_read(project: FakeProject, project_store: MCPStore) -> None:
    asked: list[str | None] = []
    first = paged({None: (["a"], "x")}, asked)
    project.add("Orders").answers["tools/list"] = lambda message: (
        refusal(502, "Upstream MCP server timed out") if asked else first(message)
    )

    async with project_store.installations.connect_all() as toolbox:
        assert [tool.name for tool in toolbox.tools] == ["a"]
        assert [type(failure.error) for failure in toolbox.failures] == [UpstreamError]


@pytest.mark.parametrize("cursor", [False, 0, {}, None])
async def test_a_cursor_that_is_not_a_string_ends_the_list(
    project: FakeProject, project_store: MCPStore, cursor: object
) -> None:
    project.add("Orders").answers["tools/list"] = lambda message: result_of(
        message, {"tools": [mcp_tool("a")], "nextCursor": cursor}
    )

    async with project_store.installations.connect_all() as toolbox:
        assert [tool.name for tool in toolbox.tools] == ["a"]
        assert toolbox.failures == []


async def test_of_very_many_malformed_tools_some_are_named(project: FakeProject, project_store: MCPStore) -> None:
    bad = [{"name": f"bad{number}"} for number in range(5000)]
    project.add("Orders").answers["tools/list"] = listing(*bad, mcp_tool("good"))

    async with project_store.installations.connect_all() as toolbox:
        assert [tool.name for tool in toolbox.tools] == ["good"]

    assert len(toolbox.failures) == 101
    assert "the tool 'bad99' violates" in str(toolbox.failures[99].error)
    assert "4900 more tools violate MCP's schema" in str(toolbox.failures[-1].error)


DEEP: dict[str, Any] = {"type": "object"}
for _ in range(120):
    DEEP = {"type": "object", "properties": {"a": DEEP}}
WIDE = {"type": "object", "properties": {f"p{number}": {"type": "string"} for number in range(30_000)}}


@pytest.mark.parametrize(
    ("bad", "label", "fault"),
    [
        (7, "number 1", "it is not an object"),
        ({"inputSchema": {}}, "number 1", "its name is not text"),
        (mcp_tool(7), "number 1", "its name is not text"),
        (mcp_tool(""), "''", "its name is not text"),
        (mcp_tool("\ud800"), "'\\ud800'", "its name is not text"),
        (mcp_tool("x" * 201), "'xxx", "its name is longer than 200 characters"),
        (mcp_tool("bad", description=7), "'bad'", "its description is not text"),
        (mcp_tool("bad", annotations=[]), "'bad'", "its annotations are not an object"),
        (mcp_tool("bad", inputSchema=None), "'bad'", "its inputSchema is not an object"),
        (mcp_tool("bad", inputSchema=[]), "'bad'", "its inputSchema is not an object"),
        (mcp_tool("bad", inputSchema=True), "'bad'", "its inputSchema is not an object"),
        (mcp_tool("bad", inputSchema={"type": "array"}), "'bad'", "its inputSchema describes no object"),
        (mcp_tool("bad", inputSchema={"type": ["null"]}), "'bad'", "its inputSchema describes no object"),
        (mcp_tool("bad", inputSchema={"type": {}}), "'bad'", "its inputSchema describes no object"),
        (mcp_tool("bad", inputSchema={"properties": []}), "'bad'", "properties of its inputSchema are not an object"),
        (mcp_tool("bad", inputSchema=DEEP), "'bad'", "nested over 100 levels deep"),
        (mcp_tool("bad", inputSchema=WIDE), "'bad'", "larger than 100000 characters"),
        (mcp_tool("bad", inputSchema={"description": "x" * 100_000}), "'bad'", "larger than 100000 characters"),
        (mcp_tool("bad", inputSchema={"enum": [[0] * 100_000]}), "'bad'", "larger than 100000 characters"),
    ],
    ids=range(19),
)
async def test_a_malformed_tool_is_reported_and_costs_no_other(
    project: FakeProject, project_store: MCPStore, bad: object, label: str, fault: str
) -> None:
    project.add("Mail")
    tools = json.dumps({"tools": [bad, mcp_tool("good")]})
    project.add("Orders").answers["tools/list"] = lambda message: httpx.Response(
        200,
        content=f'{{"jsonrpc":"2.0","id":{message["id"]},"result":{tools}}}'.encode(),
        headers={"Content-Type": "application/json"},
    )

    async with project_store.installations.connect_all() as toolbox:
        assert [tool.name for tool in toolbox.tools] == ["good", "add"]
        assert await toolbox["good"].run() == "3"
        (failure,) = toolbox.failures

    assert failure.installation.name == "Orders"
    assert isinstance(failure.error, ResponseDecodeError)
    assert str(failure.error).startswith(f"the tool {label}")
    assert "violates MCP's schema and was left out: " in str(failure.error)
    assert fault in str(failure.error)
    assert (failure.error.method, failure.error.url.split("/")[-2]) == ("POST", "proxy")


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({}, {"type": "object", "properties": {}}),
        ({"type": ["object", "null"]}, {"type": "object", "properties": {}}),
        ({"properties": {"a": True}, "anyOf": []}, {"type": "object", "properties": {"a": True}, "anyOf": []}),
        ({"type": "object", "x": 1}, {"type": "object", "properties": {}, "x": 1}),
    ],
)
async def test_the_schema_of_the_arguments_is_always_that_of_an_object(
    project: FakeProject, project_store: MCPStore, schema: object, expected: object
) -> None:
    project.add("Orders").answers["tools/list"] = listing(mcp_tool(inputSchema=schema))

    async with project_store.installations.connect_all() as toolbox:
        assert toolbox["add"].input_schema == expected


async def test_a_long_description_is_cut(project: FakeProject, project_store: MCPStore) -> None:
    project.add("Orders").answers["tools/list"] = listing(
        mcp_tool("a", description="x" * 10_000),
        mcp_tool("b", description="y" * 10_001),
        mcp_tool("c", description=None),
    )

    async with project_store.installations.connect_all() as toolbox:
        a, b, c = (tool.description for tool in toolbox.tools)

    assert (a, b, c) == ("x" * 10_000, "y" * 9_999 + "…", "")


async def test_of_more_tools_than_any_model_can_use_some_are_left_out(
    project: FakeProject, project_store: MCPStore
) -> None:
    asked: list[str | None] = []
    half = [f"t{number}" for number in range(6_000)]
    other = [f"u{number}" for number in range(6_000)]
    pages = {None: (half, "x"), "x": (other, "y"), "y": (["z"], None)}
    project.add("Orders").answers["tools/list"] = paged(pages, asked)

    async with project_store.installations.connect_all() as toolbox:
        assert len(toolbox.tools) == 10_000
        (failure,) = toolbox.failures

    assert "more than 10000 tools" in str(failure.error)
    assert asked == [None, "x"]


async def test_a_fault_on_several_pages_is_reported_once(project: FakeProject, project_store: MCPStore) -> None:
    cursors = iter(["x", "y", None])
    names = iter("abc")
    project.add("Orders").answers["tools/list"] = lambda message: result_of(
        message, {"tools": [mcp_tool(next(names)), {"name": "bad"}], "nextCursor": next(cursors)}
    )

    async with project_store.installations.connect_all() as toolbox:
        assert [tool.name for tool in toolbox.tools] == ["a", "b", "c"]
        assert len(toolbox.failures) == 1


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (lambda message: result_of(message, {}), "its result has no list of tools"),
        (lambda message: result_of(message, {"tools": {}}), "its result has no list of tools"),
        (lambda message: result_of(message, []), "its result is not an object"),
        (lambda message: result_of(message, None), "its result is not an object"),
        (lambda _: httpx.Response(200, text="<p>Hello</p>", headers={"Content-Type": "text/html"}), "text/html"),
        (lambda message: result_of({"id": 99}, {"tools": []}), "ended without a response to request"),
        (lambda _: event_stream(), "ended without a response to request"),
    ],
)
async def test_a_response_that_is_no_list_of_tools_is_a_failure(
    project: FakeProject, project_store: MCPStore, answer: Answer, fault: str
) -> None:
    project.add("Orders").answers["tools/list"] = answer

    async with project_store.installations.connect_all() as toolbox:
        assert toolbox.tools == []
        (failure,) = toolbox.failures

    assert isinstance(failure.error, ResponseDecodeError)
    assert fault in str(failure.error)


async def test_no_more_are_connected_to_at_once_than_asked_for(project: FakeProject, project_store: MCPStore) -> None:
    under_way, most = 0, 0

    async def slow(message: dict[str, object]) -> httpx.Response:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await loop_rounds(20)
        under_way -= 1
        return result_of(message, {"tools": []})

    for number in range(9):
        project.add(str(number)).answers["tools/list"] = slow

    async with project_store.installations.connect_all(concurrency=3):
        assert most == 3
    with pytest.raises(ConfigurationError, match="concurrency"):
        project_store.installations.connect_all(concurrency=0)


async def test_an_error_raised_inside_is_not_wrapped_and_nothing_is_left(
    project: FakeProject, project_store: MCPStore
) -> None:
    project.add("Orders")

    with pytest.raises(LookupError):
        async with project_store.installations.connect_all():
            raise LookupError

    others = asyncio.all_tasks() - {asyncio.current_task()}
    if others:
        _, left = await asyncio.wait(others, timeout=5)
        assert left == set()


async def test_cancelled_while_connecting_leaves_nothing(project: FakeProject, project_store: MCPStore) -> None:
    project.add("Orders")
    stuck = project.add("Stuck")
    reached = asyncio.Event()

    async def reach_and_hang(message: dict[str, Any]) -> httpx.Response:
        reached.set()
        return await hang(message)

    stuck.answers["initialize"] = reach_and_hang
    connecting = asyncio.ensure_future(project_store.installations.connect_all().__aenter__())
    await asyncio.wait_for(reached.wait(), 5)
    connecting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(connecting, 5)
    await project_store.aclose()

    others = asyncio.all_tasks() - {asyncio.current_task()}
    if others:
        _, left = await asyncio.wait(others, timeout=5)
        assert left == set()


async def test_an_unexpected_failure_of_one_leaves_no_other_running(
    project: FakeProject, project_store: MCPStore
) -> None:
    project.add("Stuck")
    project.add("Orders")
    first = project.rows[0]["id"]

    def fail(info: ResponseInfo) -> None:
        if info.path_template.endswith("/proxy/"):
            raise LookupError("mine")

    project.mcp_servers[first].answers["initialize"] = lambda message: result_of(message, {})
    stuck = project.mcp_servers[project.rows[1]["id"]]
    stuck.answers["initialize"] = hang
    with pytest.raises(LookupError, match="mine"):
        async with project_store.with_options(on_response=fail).installations.connect_all():
            pytest.fail("it was entered")

    names = [getattr(task.get_coro(), "__qualname__", "") for task in asyncio.all_tasks()]
    assert [name for name in names if "listed" in name] == []
    await project_store.aclose()


async def raise_inside(error: Exception, store: MCPStore) -> None:
    async with store.installations.connect_all():
        raise error


async def test_an_exception_inside_does_not_carry_that_the_service_lists_no_tools(
    project: FakeProject, project_store: MCPStore
) -> None:
    project.add("Orders")

    with pytest.raises(KeyError) as caught:
        await raise_inside(KeyError("mine"), project_store)

    assert caught.value.__context__ is None


async def test_a_handshake_that_fails_is_tried_again_by_the_next_call(
    project: FakeProject, project_store: MCPStore
) -> None:
    orders = project.add("Orders")
    async with project_store.installations.connect_all() as toolbox:
        pass
    begun = orders.answers["notifications/initialized"] = lambda _: refusal(502, "Upstream MCP server unreachable")
    assert begun is not None

    async with project_store.installations.connect_all() as failed:
        assert (failed.tools, [type(each.error) for each in failed.failures]) == ([], [UpstreamError])
    del orders.answers["notifications/initialized"]
    async with project_store.installations.connect_all() as toolbox:
        assert await toolbox["add"].run() == "3"


async def test_calls_at_the_same_time_share_one_session(project: FakeProject, project_store: MCPStore) -> None:
    """Also where the service lists tools: a session then begins with the first calls that need one."""
    project.is_old = False
    project.add("Orders", mcp_tool(" add", input_schema={}, description="", annotations={}, approval_state="approved"))
    orders = project.mcp_servers[project.rows[0]["id"]]

    async with project_store.installations.connect_all() as toolbox:
        project.gate = asyncio.Event()
        given_up, *waiting = (asyncio.ensure_future(toolbox["_add"].run()) for _ in range(4))
        await loop_rounds(20)
        given_up.cancel()
        await loop_rounds(5)
        project.gate.set()
        assert await asyncio.wait_for(asyncio.gather(*waiting), 5) == ["3"] * 3

    assert given_up.cancelled()
    methods = [method for method, _ in orders.messages]
    assert methods.count("notifications/initialized") == 1
    assert methods.count("tools/call") == 3


def with_sessions(project: FakeProject, name: str) -> FakeMCPServer:
    project.add(name)
    server = project.mcp_servers[project.rows[0]["id"]] = FakeMCPServer(is_stateful=True)
    return server


async def test_a_call_that_meets_the_loss_of_the_session_raises_and_the_next_begins_a_new_one(
    project: FakeProject, project_store: MCPStore, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "posthog_mcp_store._proxy")
    orders = with_sessions(project, "Orders")

    async with project_store.installations.connect_all() as toolbox:
        assert await toolbox["add"].run() == "3"
        assert caplog.messages == []
        orders.forget()
        with pytest.raises(UpstreamError):
            await toolbox["add"].call()
        assert await toolbox["add"].run() == "3"

    assert caplog.messages == ["the MCP server had lost the session: started a new one"]
    assert orders.messages == [
        *HANDSHAKE,
        ("tools/list", "s-1"),
        ("tools/call", "s-1"),
        ("tools/call", "s-1"),
        ("initialize", None),
        ("notifications/initialized", "s-2"),
        ("tools/call", "s-2"),
    ]


async def test_a_loss_that_is_reported_in_a_successful_response_is_noticed_too(
    project: FakeProject, project_store: MCPStore
) -> None:
    orders = with_sessions(project, "Orders")

    async with project_store.installations.connect_all() as toolbox:
        orders.answers["tools/call"] = lambda message: error_of(message, -32000, "Session not found")
        with pytest.raises(ToolCallError, match="Session not found"):
            await toolbox["add"].call()
        del orders.answers["tools/call"]
        assert await toolbox["add"].run() == "3"

    assert orders.messages[-1] == ("tools/call", "s-2")


async def test_a_list_that_meets_the_loss_is_requested_again(project: FakeProject, project_store: MCPStore) -> None:
    orders = with_sessions(project, "Orders")
    pages = iter([("a", "x"), ("b", None)])

    def page(message: dict[str, Any]) -> httpx.Response:
        name, cursor = next(pages)
        del orders.answers["tools/list"]
        orders.forget()
        orders.answers["notifications/initialized"] = restored
        return result_of(message, {"tools": [mcp_tool(name)], "nextCursor": cursor})

    def restored(message: dict[str, Any]) -> httpx.Response:
        orders.answers["tools/list"] = page
        return httpx.Response(202)

    orders.answers["tools/list"] = page

    async with project_store.installations.connect_all() as toolbox:
        assert [tool.name for tool in toolbox.tools] == ["a", "b"]
        assert toolbox.failures == []


@pytest.mark.parametrize(
    ("code", "text", "kind"),
    [
        (-32001, "Tool 'add' requires approval before it can be called", ToolApprovalRequiredError),
        (-32002, "Tool 'add' has been disabled by the user", ToolDisabledError),
        (-32601, "Tool 'add' is not registered for this installation", ToolNotFoundError),
        (-32602, "a is missing", ToolCallError),
    ],
)
async def test_refusals_have_the_classes_of_call_tool(
    project: FakeProject, project_store: MCPStore, code: int, text: str, kind: type[MCPStoreError]
) -> None:
    project.add("Orders").answers["tools/call"] = lambda message: error_of(message, code, text)

    async with project_store.installations.connect_all() as toolbox:
        with pytest.raises(ToolCallError) as caught:
            await toolbox["add"].call()

    assert type(caught.value) is kind


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ({"content": [{"type": "text"}, 7]}, ToolResult([{"type": "text"}], False)),
        ({"content": 7, "isError": True}, ToolResult([], True)),
        ({"structuredContent": {"a": 1}, "_meta": {}}, ToolResult([], False, {"a": 1}, {"_meta": {}})),
        ({"structuredContent": None, "isError": None}, ToolResult([], False)),
        ({"structuredContent": [1]}, ToolResult([], False, None, {"structuredContent": [1]})),
    ],
)
async def test_a_result_is_read_as_that_of_call_tool(
    project: FakeProject, project_store: MCPStore, sent: object, expected: ToolResult
) -> None:
    project.add("Orders").answers["tools/call"] = lambda message: result_of(message, sent)

    async with project_store.installations.connect_all() as toolbox:
        assert await toolbox["add"].call() == expected


async def test_messages_around_a_response_are_answered_or_ignored(
    project: FakeProject, project_store: MCPStore
) -> None:
    orders = project.add("Orders")
    responses: list[dict[str, Any]] = []

    def respond(message: dict[str, Any]) -> httpx.Response:
        responses.append(message)
        return httpx.Response(202) if len(responses) < 3 else refusal(502, "Upstream MCP server unreachable")

    orders.answers["answer"] = respond
    orders.answers["tools/call"] = lambda message: event_stream(
        {"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progress": 1}},
        {"jsonrpc": "2.0", "id": 1, "method": "ping"},
        {"jsonrpc": "2.0", "id": "e", "method": "elicitation/create", "params": {}},
        {"jsonrpc": "2.0", "id": 2, "method": "ping"},
        {"jsonrpc": "2.0", "id": 99, "result": text_result("another's")},
        {"jsonrpc": "2.0", "id": str(message["id"]), "result": text_result("mine")},
        {"jsonrpc": "2.0", "id": 98, "result": text_result("another's")},
    )

    async with project_store.installations.connect_all() as toolbox:
        assert await asyncio.wait_for(toolbox["add"].run(), 5) == "mine"

    assert responses == [
        {"jsonrpc": "2.0", "id": 1, "result": {}},
        {"jsonrpc": "2.0", "id": "e", "error": {"code": -32601, "message": "this client only calls tools"}},
        {"jsonrpc": "2.0", "id": 2, "result": {}},
    ]


async def test_an_error_without_an_id_is_the_response(project: FakeProject, project_store: MCPStore) -> None:
    project.add("Orders").answers["tools/call"] = lambda _: error_of({"id": None}, -32700, "Parse error")

    async with project_store.installations.connect_all() as toolbox:
        with pytest.raises(ToolCallError, match="Parse error"):
            await toolbox["add"].call()


async def test_a_deadline_bounds_a_call_together_with_the_handshake(
    project: FakeProject, project_store: MCPStore
) -> None:
    project.add("Orders")
    store = project_store.with_options(deadline=1)

    async with store.installations.connect_all() as toolbox:
        project.gate = asyncio.Event()
        with pytest.raises(APITimeoutError, match="the call of 'add': did not finish within its deadline of 1 s"):
            await asyncio.wait_for(toolbox["add"].call(), 5)
        project.gate.set()


async def test_a_server_that_is_silent_for_too_long_is_a_timeout_of_its_own(
    project: FakeProject, project_store: MCPStore
) -> None:
    def late(_: object) -> httpx.Response:
        raise httpx.ReadTimeout("late")

    orders = project.add("Orders")
    orders.answers["tools/call"] = late

    async with project_store.installations.connect_all(stream_timeout=7) as toolbox:
        with pytest.raises(APITimeoutError):
            await toolbox["add"].call()

    assert {request.extensions["timeout"]["read"] for request in orders.requests} == {7}


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"concurrency": 0}, "concurrency"),
        ({"stream_timeout": 0}, "stream_timeout"),
        ({"max_text_length": 99}, "max_text"),
    ],
)
async def test_wrong_arguments_are_refused_before_anything_is_sent(
    project: FakeProject, project_store: MCPStore, options: dict[str, Any], name: str
) -> None:
    with pytest.raises(ConfigurationError, match=name):
        async with project_store.installations.connect_all(**options):
            pytest.fail("it was entered")

    assert project.requests == []
