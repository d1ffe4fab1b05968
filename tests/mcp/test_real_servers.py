"""`connect()` to real MCP servers, through the embedded service, over HTTP."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from time import thread_time

import mcp
import pytest
from mcp import types

from posthog_mcp_store import (
    APITimeoutError,
    MCPStore,
    MCPStoreError,
    ReauthenticationRequiredError,
    ResponseDecodeError,
    ServerError,
    ToolApprovalRequiredError,
    ToolDisabledError,
    ToolNotFoundError,
    UpstreamError,
)
from posthog_mcp_store.testing import EmbeddedService, InstallationRecord, serve_app

from ..support.event_loop import until_alone
from ..support.factories import open_store
from ..support.mcp_servers import EverythingServer

URL = "https://mcp.example.com/mcp"
KINDS = {
    "streaming, with sessions": {"json_response": False, "stateless": False},
    "streaming, without": {"json_response": False, "stateless": True},
    "JSON, with sessions": {"json_response": True, "stateless": False},
    "JSON, without": {"json_response": True, "stateless": True},
}
any_kind = pytest.mark.parametrize("mcp_server", KINDS, indirect=True)


@pytest.fixture
def mcp_server(request: pytest.FixtureRequest, service: EmbeddedService) -> Iterator[EverythingServer]:
    """A server that streams and keeps sessions, unless the test asks for another kind."""
    mcp_server = EverythingServer(**KINDS[getattr(request, "param", "streaming, with sessions")], token="upstream-key")
    with serve_app(mcp_server) as host:
        service.add_mcp_server(URL, f"{host}/mcp")
        yield mcp_server


@pytest.fixture
def row(service: EmbeddedService, mcp_server: EverythingServer) -> InstallationRecord:
    return service.add_installation(url=URL)


@pytest.fixture
async def client(store: MCPStore, row: InstallationRecord) -> AsyncIterator[mcp.Client]:
    async with store.installations.connect(row.id) as client:
        yield client


def text(result: types.CallToolResult) -> str:
    (content,) = result.content
    assert isinstance(content, types.TextContent)
    return content.text


@any_kind
async def test_tools_are_listed_and_called_on_servers_of_any_kind(
    mcp_server: EverythingServer, client: mcp.Client, service: EmbeddedService, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    caplog.clear()

    names = {tool.name for tool in (await client.list_tools()).tools}
    added = await client.call_tool("add", {"a": 19, "b": 23})
    failed = await client.call_tool("fail", {"reason": "too hot"})

    assert {"add", "fail", "count"} <= names
    assert (added.structured_content, added.is_error) == ({"result": 42}, False)
    assert failed.is_error
    assert "too hot" in text(failed)
    assert mcp_server.calls == ["add", "fail"]
    assert {request.method for request in service.requests} == {"POST"}
    noise = [record for record in caplog.records if record.name.startswith(("mcp.client", "posthog_mcp_store."))]
    assert [record for record in noise if "testing" not in record.name] == []


@any_kind
async def test_resources_prompts_and_images_come_through(mcp_server: EverythingServer, client: mcp.Client) -> None:
    (resource,) = (await client.list_resources()).resources
    assert (await client.read_resource(str(resource.uri))).contents
    (prompt,) = (await client.list_prompts()).prompts
    assert (await client.get_prompt(prompt.name, {"topic": "tea"})).messages
    (image,) = (await client.call_tool("draw")).content
    assert isinstance(image, types.ImageContent)


async def test_an_oauth_installation_is_connected_to_the_same_way(service: EmbeddedService, store: MCPStore) -> None:
    with serve_app(EverythingServer(token="upstream-token")) as host:
        service.add_mcp_server(URL, f"{host}/mcp")
        row = service.add_installation(url=URL, auth_type="oauth")
        async with store.installations.connect(row.id) as client:
            assert text(await client.call_tool("echo", {"text": "é漢🙂"})) == "é漢🙂"

        row.access_token = "revoked"
        with pytest.raises(UpstreamError, match="401"):
            async with store.installations.connect(row.id):
                pass
        row.needs_reauth = True
        with pytest.raises(ReauthenticationRequiredError):
            async with store.installations.connect(row.id):
                pass


async def test_progress_and_logs_arrive_while_the_tool_works(
    mcp_server: EverythingServer, store: MCPStore, row: InstallationRecord
) -> None:
    held = asyncio.Event()
    logs: list[object] = []

    async def log(params: types.LoggingMessageNotificationParams) -> None:
        logs.append(params.data)

    async def tell(progress: float, total: float | None, message: str | None) -> None:
        held.set()

    async with store.installations.connect(row.id, logging_callback=log) as client:
        call = asyncio.create_task(client.call_tool("hold", progress_callback=tell))
        await asyncio.wait_for(held.wait(), 10)
        assert not call.done()
        mcp_server.gate.open()
        await asyncio.wait_for(call, 10)

    assert logs == ["held"]


async def test_the_server_may_change_its_tools_and_ask_during_a_call(store: MCPStore, row: InstallationRecord) -> None:
    seen: list[str] = []

    async def handle(message: object) -> None:
        seen.append(type(message).__name__)

    async def answer(context: object, params: types.ElicitRequestParams) -> types.ElicitResult:
        return types.ElicitResult(action="accept", content={"text": "blue"})

    async with store.installations.connect(row.id, message_handler=handle, elicitation_callback=answer) as client:
        await client.call_tool("announce")
        assert "blue" in text(await asyncio.wait_for(client.call_tool("ask", {"question": "Which colour?"}), 10))

    assert "ToolListChangedNotification" in seen


async def test_a_tool_may_be_silent_for_as_long_as_stream_timeout_says(
    mcp_server: EverythingServer, store: MCPStore, row: InstallationRecord
) -> None:
    view = store.with_options(timeout=0.3)
    async with view.installations.connect(row.id) as client:
        call = asyncio.create_task(client.call_tool("hold"))
        await mcp_server.gate.reached()
        async with view.installations.connect(row.id, stream_timeout=2) as impatient:
            with pytest.raises(APITimeoutError, match="timeout 2 s"):
                await asyncio.wait_for(impatient.call_tool("hold"), 10)
        assert not call.done()
        mcp_server.gate.open()
        await asyncio.wait_for(call, 10)


async def test_refused_tools_raise_our_errors(row: InstallationRecord, client: mcp.Client) -> None:
    row.tools = {"add": "approved", "echo": "needs_approval", "draw": "disabled"}

    assert (await client.call_tool("add", {"a": 1, "b": 2})).structured_content == {"result": 3}
    with pytest.raises(ToolApprovalRequiredError, match="Tool 'echo' requires approval"):
        await client.call_tool("echo", {"text": "x"})
    with pytest.raises(ToolDisabledError, match="Tool 'draw' is blocked by team policy"):
        await client.call_tool("draw")
    with pytest.raises(ToolNotFoundError, match="Tool 'tally' is not registered for this installation"):
        await client.call_tool("tally")


@any_kind
async def test_after_a_restart_reading_goes_on_and_so_do_later_calls(
    mcp_server: EverythingServer, client: mcp.Client
) -> None:
    await client.call_tool("add", {"a": 1, "b": 2})
    await mcp_server.restart()

    assert (await client.list_tools()).tools
    assert (await client.call_tool("add", {"a": 1, "b": 2})).structured_content == {"result": 3}


@pytest.mark.parametrize("mcp_server", [kind for kind in KINDS if "with sessions" in kind], indirect=True)
async def test_a_call_that_meets_a_restart_raises_and_the_next_one_works(
    mcp_server: EverythingServer, client: mcp.Client
) -> None:
    await client.list_tools()
    await mcp_server.restart()

    with pytest.raises(UpstreamError, match="404"):
        await client.call_tool("add", {"a": 1, "b": 2})
    assert (await client.call_tool("add", {"a": 1, "b": 2})).structured_content == {"result": 3}
    assert mcp_server.calls == ["add"]


@any_kind
async def test_a_call_under_way_during_a_restart_is_seen_once(mcp_server: EverythingServer, client: mcp.Client) -> None:
    await client.list_tools()
    call = asyncio.create_task(client.call_tool("hold"))
    await mcp_server.gate.reached()

    await mcp_server.restart()

    with pytest.raises((ResponseDecodeError, ServerError)):
        await asyncio.wait_for(call, 10)
    assert (await client.list_tools()).tools
    assert mcp_server.calls == ["hold"]


async def test_two_sessions_of_one_store_do_not_meet(
    mcp_server: EverythingServer, service: EmbeddedService, store: MCPStore, row: InstallationRecord
) -> None:
    other = EverythingServer(token="upstream-key")
    with serve_app(other) as host:
        service.add_mcp_server("https://other.example.com/mcp", f"{host}/mcp")
        second = service.add_installation(url="https://other.example.com/mcp")
        async with (
            store.installations.connect(row.id) as one,
            store.installations.connect(second.id) as two,
            store.installations.connect(row.id) as three,
        ):
            calls = [
                client.call_tool("add", {"a": number, "b": 0}) for number, client in enumerate([one, two, three] * 5)
            ]
            results = [result.structured_content for result in await asyncio.gather(*calls)]

    assert results == [{"result": number} for number in range(15)]
    assert (len(mcp_server.calls), len(other.calls)) == (10, 5)


async def test_cancelling_a_call_frees_its_connection_and_ends_the_tool(
    mcp_server: EverythingServer, client: mcp.Client, service: EmbeddedService
) -> None:
    call = asyncio.create_task(client.call_tool("hold"))
    await mcp_server.gate.reached()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(call, 1)

    await mcp_server.gate.left()
    assert (await client.call_tool("add", {"a": 1, "b": 2})).structured_content == {"result": 3}


async def test_closing_from_another_task_after_the_server_failed_leaves_nothing_running(
    service: EmbeddedService, caplog: pytest.LogCaptureFixture
) -> None:
    mcp_server = EverythingServer()
    store = open_store(service)
    with serve_app(mcp_server) as host:
        service.add_mcp_server(URL, f"{host}/mcp")
        connection = store.installations.connect(service.add_installation(url=URL).id)
        client = await asyncio.create_task(connection.__aenter__())
        calls = [asyncio.create_task(client.call_tool("hold")) for _ in range(3)]
        await mcp_server.gate.reached(3)
        calls[0].cancel()
        await mcp_server.drop_connections()
        outcomes = await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), 10)
    with pytest.raises(MCPStoreError):
        await client.list_tools()

    await asyncio.create_task(connection.__aexit__(None, None, None))
    await store.aclose()

    assert [isinstance(outcome, MCPStoreError) for outcome in outcomes] == [False, True, True]
    await until_alone()
    began = thread_time()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.Event().wait(), 1)
    assert thread_time() - began < 0.05
    assert "cancel scope" not in caplog.text
