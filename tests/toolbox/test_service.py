"""`connect_all()` where the service lists and calls tools itself."""

import asyncio
from typing import Any

import httpx
import pytest

from posthog_mcp_store import (
    APIConnectionError,
    ConfigurationError,
    MCPStore,
    MCPStoreError,
    NotFoundError,
    ReauthenticationRequiredError,
    ResponseDecodeError,
    ToolApprovalRequiredError,
    ToolCallError,
    ToolResult,
    UpstreamError,
)

from ..support.event_loop import loop_rounds, until_alone
from ..support.fake_mcp import result_of, text_result
from ..support.fake_project import FakeProject, mcp_tool, tool

LISTED = ["GET mcp_server_installations", "GET available_tools"]


async def test_the_tools_come_from_the_service_with_their_states(project: FakeProject, project_store: MCPStore) -> None:
    project.add("Mail", tool("send", description="", input_schema=None))
    project.add("Off", tool(), is_enabled=False)
    project.add("Orders", tool(annotations={"readOnlyHint": True}), tool("drop", approval_state="needs_approval"))

    async with project_store.installations.connect_all() as toolbox:
        assert toolbox.failures == []
        assert [(each.installation.name, each.name, each.approval_state) for each in toolbox.tools] == [
            ("Orders", "add", "approved"),
            ("Orders", "drop", "needs_approval"),
            ("Mail", "send", "approved"),
        ]
        add, _, send = toolbox.tools
        assert (add.description, add.annotations) == ("Add.", {"readOnlyHint": True})
        assert add.input_schema == {"type": "object", "properties": {"a": {"type": "integer"}}}
        assert (send.description, send.annotations) == ("", {})
        assert send.input_schema == {"type": "object", "properties": {}}
        assert "Add." not in repr(add)

    assert project.requests == LISTED


async def test_a_tool_call_is_one_request(project: FakeProject, project_store: MCPStore) -> None:
    project.add("Orders", tool(), tool("sub"))
    body = {"content": [], "is_error": False, "structured_content": {"sum": 3}}
    project.answer = httpx.Response(200, json=body)

    async with project_store.installations.connect_all() as toolbox:
        assert await toolbox["add"].call({"a": 1}) == ToolResult([], False, {"sum": 3})
        await toolbox["sub"].call()

    assert project.calls == [{"tool_name": "add", "arguments": {"a": 1}}, {"tool_name": "sub"}]
    assert project.requests == [*LISTED, "POST call_tool", "POST call_tool"]


async def test_a_tool_is_found_by_its_unique_name(project: FakeProject, project_store: MCPStore) -> None:
    project.add("Orders", tool(), tool("sub"))

    async with project_store.installations.connect_all() as toolbox:
        assert toolbox["sub"] is toolbox.tools[1]
        assert ("sub" in toolbox, "drop" in toolbox, None in toolbox) == (True, False, False)
        assert list(toolbox) == toolbox.tools
        assert set(toolbox.tools) == {toolbox["add"], toolbox["sub"]}
        with pytest.raises(KeyError, match="drop"):
            toolbox["drop"]


@pytest.mark.parametrize("project", ["autumn", "spring"], indirect=True)
async def test_arguments_that_are_not_json_are_refused_before_anything_is_sent(
    project: FakeProject, project_store: MCPStore
) -> None:
    project.add("Orders", tool())
    wrong: list[Any] = [{"a": float("nan")}, {"a": b"x"}, {1: 2}, [], "a", {"a": "\ud800"}]

    async with project_store.installations.connect_all() as toolbox:
        before = len(project.requests)
        for arguments in wrong:
            with pytest.raises(ConfigurationError, match=r"arguments|JSON"):
                await toolbox["add"].call(arguments)

    assert len(project.requests) == before


@pytest.mark.parametrize("project", ["autumn", "spring"], indirect=True)
async def test_after_the_toolbox_no_tool_can_be_called(project: FakeProject, project_store: MCPStore) -> None:
    project.add("Orders", tool())

    async with project_store.installations.connect_all() as toolbox:
        before = len(project.requests)

    for calling in (toolbox["add"].call(), toolbox["add"].run()):
        with pytest.raises(ConfigurationError, match="this toolbox is closed"):
            await calling
    with pytest.raises(ConfigurationError, match="this toolbox is closed"):
        await asyncio.to_thread(toolbox["add"].run_sync)
    assert len(project.requests) == before


@pytest.mark.parametrize("project", ["autumn", "spring"], indirect=True)
async def test_a_toolbox_that_is_left_during_a_call_ends_it(project: FakeProject, project_store: MCPStore) -> None:
    project.add("Orders", tool())

    async with asyncio.timeout(10), project_store.installations.connect_all() as toolbox:
        project.gate = asyncio.Event()
        calling = [asyncio.ensure_future(toolbox["add"].call()) for _ in range(3)]
        texts = asyncio.ensure_future(toolbox["add"].run())
        await loop_rounds(20)

    for call in (*calling, texts):
        assert call.done()
        with pytest.raises(APIConnectionError, match="the toolbox was closed during the call: the tool may have run"):
            await call
    # An attempt over a client of the user's own outlives its caller until its response begins.
    project.gate.set()
    await until_alone()


@pytest.mark.parametrize("rounds", range(12))
async def test_a_call_that_is_cancelled_as_the_toolbox_is_left_is_cancelled(
    project: FakeProject, project_store: MCPStore, rounds: int
) -> None:
    project.add("Orders", tool())
    project.gate = asyncio.Event()
    manager = project_store.installations.connect_all()
    toolbox = await manager.__aenter__()
    calling = asyncio.ensure_future(toolbox["add"].call())
    await loop_rounds(20)

    leaving = asyncio.ensure_future(manager.__aexit__(None, None, None))
    await loop_rounds(rounds)
    is_in_time = calling.cancel()
    await asyncio.wait([leaving, calling], timeout=5)

    assert calling.cancelled() == is_in_time
    if not is_in_time:
        assert isinstance(calling.exception(), APIConnectionError)


async def test_an_ended_call_does_not_let_a_later_close_leave_others_behind(
    project: FakeProject, project_store: MCPStore
) -> None:
    project.add("Orders", tool())

    async with asyncio.timeout(10), project_store.installations.connect_all() as toolbox:
        await toolbox["add"].call()
        project.gate = asyncio.Event()
        calling = asyncio.ensure_future(toolbox["add"].call())
        await loop_rounds(20)

    assert calling.done()
    assert isinstance(calling.exception(), APIConnectionError)


async def leave_with(error: Exception, store: MCPStore) -> None:
    async with store.installations.connect_all() as toolbox:
        await toolbox["add"].call()
        raise error


async def test_what_is_raised_inside_comes_out_as_it_is(project: FakeProject, project_store: MCPStore) -> None:
    project.add("Orders", tool())

    with pytest.raises(KeyError, match="mine"):
        await leave_with(KeyError("mine"), project_store)


@pytest.mark.parametrize(
    ("row", "kind", "text"),
    [
        (
            {"needs_reauth": True},
            ReauthenticationRequiredError,
            r"'Orders' must be authorized by its user: .* authorize\(\)",
        ),
        ({"pending_oauth": True}, ReauthenticationRequiredError, "'Orders' must be authorized by its user"),
        ({"last_sync_error": "Upstream\ntimed out"}, UpstreamError, "read the tools of 'Orders': Upstream timed out"),
        ({"tool_count": 3}, MCPStoreError, "none of the 3 tools of 'Orders' can be called"),
        ({"tool_count": 0}, MCPStoreError, "PostHog knows no tools of 'Orders'"),
        ({"tool_count": 0, "display_name": ""}, MCPStoreError, "call refresh_tools"),
    ],
)
async def test_an_installation_that_the_service_leaves_out_is_a_failure_that_says_why(
    project: FakeProject, project_store: MCPStore, row: dict[str, Any], kind: type[MCPStoreError], text: str
) -> None:
    project.add("Mail", tool())
    project.add("Orders", is_listed=False, **row)

    async with project_store.installations.connect_all() as toolbox:
        assert [each.installation.name for each in toolbox.tools] == ["Mail"]
        [failure] = toolbox.failures

    assert type(failure.error) is kind
    with pytest.raises(MCPStoreError, match=text):
        raise failure.error


async def test_an_installation_that_just_has_no_tools_is_no_failure(
    project: FakeProject, project_store: MCPStore
) -> None:
    project.add("Orders", is_listed=False, last_synced_at="2026-09-18T09:13:44Z")

    async with project_store.installations.connect_all() as toolbox:
        assert (toolbox.tools, toolbox.failures) == ([], [])


async def test_a_tool_that_breaks_mcps_schema_is_left_out_and_named(
    project: FakeProject, project_store: MCPStore
) -> None:
    project.add("Orders", tool("bad", input_schema={"type": "string"}), tool(), tool(description="A second one."))

    async with project_store.installations.connect_all() as toolbox:
        assert [(each.name, each.description) for each in toolbox.tools] == [("add", "Add.")]
        [failure] = toolbox.failures

    assert isinstance(failure.error, ResponseDecodeError)
    assert "the tool 'bad' violates MCP's schema and was left out: its inputSchema" in str(failure.error)
    assert (failure.error.method, failure.error.url.split("/")[-2]) == ("GET", "available_tools")


async def test_an_installation_without_a_name_is_known_by_its_url(
    project: FakeProject, project_store: MCPStore
) -> None:
    project.add("", is_listed=False, tool_count=0)

    async with project_store.installations.connect_all() as toolbox:
        [failure] = toolbox.failures

    assert "https://mcp.custom.com" in str(failure.error)


@pytest.mark.parametrize("bad", [{"input_schema": []}, {"annotations": "x"}, {"approval_state": None}, {"name": 5}])
async def test_one_malformed_entry_makes_the_servers_be_asked(
    project: FakeProject, project_store: MCPStore, bad: dict[str, object]
) -> None:
    project.add("Orders", tool())
    project.add("Mail", tool("bad", **bad) if "name" not in bad else {**tool(), **bad})

    async with project_store.installations.connect_all() as toolbox:
        assert [(each.installation.name, each.name, each.approval_state) for each in toolbox.tools] == [
            ("Mail", "add", None),
            ("Orders", "add", None),
        ]
        assert await toolbox["add"].run() == "3"

    assert project.calls == []


async def test_only_its_owner_can_authorize_a_shared_installation(
    project: FakeProject, project_store: MCPStore
) -> None:
    project.add("Orders", is_listed=False, needs_reauth=True, is_owner=False, scope="shared")

    async with project_store.installations.connect_all() as toolbox:
        [failure] = toolbox.failures

    assert "only its owner can do that" in str(failure.error)


@pytest.mark.parametrize("project", ["autumn", "spring"], indirect=True)
async def test_a_key_that_a_server_quotes_is_in_no_failure(project: FakeProject, project_store: MCPStore) -> None:
    project.add("Orders", is_listed=False, last_sync_error="401 for phx_the_secret_key")
    server = project.add("Mail", tool("phx_the_secret_key", input_schema={"type": "string"}))
    bad = mcp_tool("phx_the_secret_key", inputSchema="phx_the_secret_key")
    server.answers["tools/list"] = lambda message: result_of(message, {"tools": [bad]})

    async with project_store.installations.connect_all() as toolbox:
        errors = [failure.error for failure in toolbox.failures]

    assert len(errors) == (1 if project.is_old else 2)
    assert "phx_the_secret_key" not in repr([(str(error), vars(error)) for error in errors])


async def test_without_installations_nothing_more_is_asked(project: FakeProject, project_store: MCPStore) -> None:
    async with project_store.installations.connect_all() as toolbox:
        assert (toolbox.tools, toolbox.failures) == ([], [])

    assert project.requests == LISTED[:1]


async def test_a_refusal_is_the_typed_error_of_call_tool(project: FakeProject, project_store: MCPStore) -> None:
    project.add("Orders", tool())
    project.answer = httpx.Response(403, json={"detail": "It requires approval.", "reason": "needs_approval"})

    async with project_store.installations.connect_all() as toolbox:
        with pytest.raises(ToolApprovalRequiredError, match="update_tool"):
            await toolbox["add"].call()


NO_ENDPOINT = {"type": "invalid_request", "code": "not_found", "detail": "Endpoint not found.", "attr": None}


async def test_where_the_service_lists_tools_but_calls_none_a_session_does(
    project: FakeProject, project_store: MCPStore
) -> None:
    server = project.add("Orders", tool())
    project.answer = httpx.Response(404, json=NO_ENDPOINT)
    server.answers["tools/call"] = lambda message: result_of(message, text_result(str(message["params"])))

    async with project_store.installations.connect_all() as toolbox:
        for number in (1, 2):
            result = await toolbox["add"].call({"a": number})
            assert result.content == text_result(f"{{'name': 'add', 'arguments': {{'a': {number}}}}}")["content"]

    assert project.requests.count("POST call_tool") == 1
    assert [method for method, _ in server.messages].count("initialize") == 1


async def test_an_installation_that_was_deleted_is_no_reason_for_a_session(
    project: FakeProject, project_store: MCPStore
) -> None:
    server = project.add("Orders", tool())
    project.answer = httpx.Response(404, json={**NO_ENDPOINT, "detail": "Not found."})

    async with project_store.installations.connect_all() as toolbox:
        with pytest.raises(NotFoundError):
            await toolbox["add"].call()

    assert server.messages == []


async def test_a_tool_whose_name_the_service_would_strip_is_called_in_a_session(
    project: FakeProject, project_store: MCPStore
) -> None:
    server = project.add("Orders", tool(" add"), tool("add"))
    server.answers["tools/call"] = lambda message: result_of(message, text_result(message["params"]["name"]))

    async with project_store.installations.connect_all() as toolbox:
        spaced, add = toolbox.tools
        assert await spaced.run() == " add"
        assert await add.run() == "42"

    assert project.calls == [{"tool_name": "add", "arguments": {}}]


FAILED = "The upstream MCP server could not run 'add': "


@pytest.mark.parametrize(
    ("detail", "code", "message"),
    [
        (
            "Upstream tools/call returned error: {'code': -32602, 'message': 'a is \"missing\"'}",
            -32602,
            'a is "missing"',
        ),
        (FAILED + "Upstream tools/call returned error: {'code': -32602, 'message': 'no\\na'}", -32602, "no\na"),
        (FAILED + "Upstream tools/call returned error: {'code': -32602, 'mess", 0, "{'code': -32602, 'mess"),
        (FAILED + "Upstream tools/call returned error: no", 0, "no"),
        (FAILED + "Upstream tools/call returned error: " + "[" * 9999, 0, "[" * 9999),
        (
            FAILED + "Upstream tools/call returned error: " + "{'a': '" + "a" * 20_000 + "'}",
            0,
            "{'a': '" + "a" * 20_000 + "'}",
        ),
    ],
    ids=range(6),
)
async def test_an_error_object_of_the_server_is_a_tool_call_error_as_through_the_proxy(
    project: FakeProject, project_store: MCPStore, detail: str, code: int, message: str
) -> None:
    project.add("Orders", tool())
    project.answer = httpx.Response(502, json={"detail": detail, "reason": "upstream_error"})

    async with project_store.installations.connect_all() as toolbox:
        with pytest.raises(ToolCallError) as caught:
            await toolbox["add"].call()

    assert type(caught.value) is ToolCallError
    assert (caught.value.code, caught.value.message) == (code, message)


@pytest.mark.parametrize(
    "detail",
    [
        FAILED + "Upstream MCP server timed out",
        FAILED + "Upstream initialize returned error: {'code': -32602, 'message': 'no'}",
        "A page said: Upstream tools/call returned error: no",
    ],
)
async def test_other_failures_of_the_server_are_upstream_errors(
    project: FakeProject, project_store: MCPStore, detail: str
) -> None:
    project.add("Orders", tool())
    project.answer = httpx.Response(502, json={"detail": detail, "reason": "upstream_error"})

    async with project_store.installations.connect_all() as toolbox:
        with pytest.raises(UpstreamError):
            await toolbox["add"].call()
