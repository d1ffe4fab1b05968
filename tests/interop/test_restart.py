"""The reference server crashes and comes back, in the middle of things."""

import asyncio
import logging

import mcp
import pytest
from mcp import types

from posthog_mcp_store import MCPStore, ProxyStream, ResponseDecodeError, UpstreamError
from posthog_mcp_store.testing import EmbeddedService, InstallationRecord

from .everything import EverythingServer

LONG = ("trigger-long-running-operation", {"duration": 60, "steps": 600})


def text(result: types.CallToolResult) -> str:
    (content,) = result.content
    assert isinstance(content, types.TextContent)
    return content.text


def calls(service: EmbeddedService) -> int:
    """The number of `tools/call` that reached the proxy."""
    return sum(b'"tools/call"' in request.body for request in service.requests)


def sessions(service: EmbeddedService) -> list[str]:
    """The sessions that requests were sent in, each once, in their order."""
    named = [request.headers.get("mcp-session-id") for request in service.requests]
    return list(dict.fromkeys(id for id in named if id))


async def test_reading_continues_in_a_new_session(
    everything: EverythingServer, client: mcp.Client, service: EmbeddedService
) -> None:
    await client.list_tools()
    await asyncio.to_thread(everything.restart)

    # All of them meet the loss, and one new session is begun.
    prompts, resources, (text_,), completed = await asyncio.gather(
        client.list_prompts(),
        client.list_resources(),
        _contents(client, "demo://resource/dynamic/text/1"),
        client.complete(types.PromptReference(name="completable-prompt"), {"name": "department", "value": "E"}),
    )

    assert (len(prompts.prompts), len(resources.resources)) == (4, 7)
    assert text_.startswith("Resource 1: ")
    assert completed.completion.values == ["Engineering"]
    assert len(sessions(service)) == 2


async def _contents(client: mcp.Client, uri: str) -> list[str]:
    contents = (await client.read_resource(uri)).contents
    return [content.text for content in contents if isinstance(content, types.TextResourceContents)]


async def test_a_call_that_meets_the_loss_raises_and_the_next_one_works(
    everything: EverythingServer, client: mcp.Client, service: EmbeddedService
) -> None:
    await client.list_tools()
    await asyncio.to_thread(everything.restart)

    with pytest.raises(UpstreamError, match=r"400.*No valid session ID provided"):
        await client.call_tool("echo", {"message": "lost"})
    assert calls(service) == 1
    assert text(await client.call_tool("echo", {"message": "found"})) == "Echo: found"
    assert (calls(service), len(sessions(service))) == (2, 2)


async def test_a_call_under_way_raises_and_is_not_sent_again(
    everything: EverythingServer, client: mcp.Client, service: EmbeddedService
) -> None:
    began = asyncio.Event()

    async def note(progress: float, total: float | None, message: str | None) -> None:
        began.set()

    call = asyncio.create_task(client.call_tool(*LONG, progress_callback=note))
    await asyncio.wait_for(began.wait(), 10)
    await asyncio.to_thread(everything.kill)

    with pytest.raises(ResponseDecodeError, match="it ended without a response"):
        await asyncio.wait_for(call, 10)
    with pytest.raises(UpstreamError, match="Upstream MCP server unreachable"):
        await client.list_prompts()
    await asyncio.to_thread(everything.start)
    assert len((await client.list_prompts()).prompts) == 4
    assert text(await client.call_tool("echo", {"message": "back"})) == "Echo: back"
    assert calls(service) == 2


async def test_a_stream_says_that_its_end_came_too_early(
    everything: EverythingServer, store: MCPStore, row: InstallationRecord
) -> None:
    name, arguments = LONG
    greeting = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "tests", "version": "1"}}
    hello = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": greeting}
    session_id = (await store.installations.proxy(row.id, hello)).session_id
    params = {"name": name, "arguments": arguments, "_meta": {"progressToken": 1}}
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}

    async with store.installations.proxy(row.id, call, session_id=session_id) as stream:
        assert (await anext(stream))["method"] == "notifications/progress"
        await asyncio.to_thread(everything.kill)
        with pytest.raises(ResponseDecodeError, match="it ended without a response to request 1"):
            await _read_on(stream)


async def _read_on(stream: ProxyStream) -> None:
    async for message in stream:
        assert message["method"] == "notifications/progress"


async def test_it_is_left_silently_when_the_server_is_gone(
    everything: EverythingServer, store: MCPStore, row: InstallationRecord, caplog: pytest.LogCaptureFixture
) -> None:
    async with store.installations.connect(row.id) as client:
        await client.list_tools()
        await asyncio.to_thread(everything.kill)

    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == []
