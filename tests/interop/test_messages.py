"""`proxy()` to the reference server of the protocol's makers, awaited and as a stream."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import pytest

from posthog_mcp_store import MCPStore, ToolCallError, UpstreamError
from posthog_mcp_store.testing import InstallationRecord

Messages = list[dict[str, Any]]
GREETING = {
    "protocolVersion": "2025-11-25",
    "capabilities": {"sampling": {}, "elicitation": {"form": {}}},
    "clientInfo": {"name": "tests", "version": "1"},
}


class Talk:
    """A session whose messages the test sends itself."""

    def __init__(self, store: MCPStore, row: InstallationRecord) -> None:
        self._store = store
        self._row = row
        self._numbers = itertools.count(1)
        self.session_id: str | None = None

    async def begin(self) -> None:
        reply = await self.post(self.request("initialize", GREETING))
        assert reply.result()["serverInfo"]["name"] == "mcp-servers/everything"
        self.session_id = reply.session_id
        assert (await self.post({"jsonrpc": "2.0", "method": "notifications/initialized"})).messages == []

    def request(self, method: str, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
        return {"jsonrpc": "2.0", "id": next(self._numbers), "method": method, "params": dict(params or {})}

    def call(self, name: str, arguments: Mapping[str, Any], **params: Any) -> dict[str, Any]:
        return self.request("tools/call", {"name": name, "arguments": dict(arguments), **params})

    def post(self, message: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> Any:
        return self._store.installations.proxy(self._row.id, message, session_id=self.session_id)

    async def awaited(self, message: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> Messages:
        reply = await self.post(message)
        messages: Messages = reply.messages
        return messages

    async def streamed(self, message: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> Messages:
        async with self.post(message) as stream:
            return [answer async for answer in stream]


Way = Callable[[Talk, Any], Awaitable[Messages]]
both_ways = pytest.mark.parametrize("way", [Talk.awaited, Talk.streamed], ids=["awaited", "streamed"])


@pytest.fixture
async def talk(store: MCPStore, row: InstallationRecord) -> Talk:
    talk = Talk(store, row)
    await talk.begin()
    return talk


def text(message: Mapping[str, Any]) -> str:
    text: str = message["result"]["content"][0]["text"]
    return text


@both_ways
async def test_a_request_gets_a_response(talk: Talk, way: Way) -> None:
    (listed,) = await way(talk, talk.request("tools/list"))
    (echoed,) = await way(talk, talk.call("echo", {"message": "é漢🙂\u2028"}))
    (image,) = await way(talk, talk.call("get-tiny-image", {}))

    assert {"echo", "get-sum"} < {tool["name"] for tool in listed["result"]["tools"]}
    assert text(echoed) == "Echo: é漢🙂\u2028"
    assert [block["type"] for block in image["result"]["content"]] == ["text", "image", "text"]


@both_ways
async def test_every_message_of_a_batch_gets_a_response(talk: Talk, way: Way) -> None:
    calls = [talk.call("get-sum", {"a": number, "b": 0}) for number in range(4)]
    slow = talk.call("trigger-long-running-operation", {"duration": 0.8, "steps": 1})
    note = {"jsonrpc": "2.0", "method": "notifications/roots/list_changed"}

    *quick, last = await way(talk, [*calls[:2], slow, note, *calls[2:]])

    answers = {answer["id"]: answer for answer in quick}
    assert [text(answers[call["id"]]) for call in calls] == [f"The sum of {n} and 0 is {n}." for n in range(4)]
    assert last["id"] == slow["id"]


@both_ways
async def test_progress_comes_before_the_result(talk: Talk, way: Way) -> None:
    arguments = {"duration": 0.4, "steps": 4}
    call = talk.call("trigger-long-running-operation", arguments, _meta={"progressToken": "work"})

    *progress, result = await way(talk, call)

    assert [(one["method"], one["params"]["progressToken"]) for one in progress] == [
        ("notifications/progress", "work")
    ] * 4
    assert [one["params"]["progress"] for one in progress] == [1, 2, 3, 4]
    assert result["id"] == call["id"]


async def test_a_stream_gives_progress_while_the_operation_goes_on(talk: Talk) -> None:
    began = asyncio.Event()
    arguments = {"duration": 1.5, "steps": 3}
    call = talk.call("trigger-long-running-operation", arguments, _meta={"progressToken": "work"})

    async def read() -> int:
        count = 0
        async with talk.post(call) as stream:
            async for _ in stream:
                count += 1
                began.set()
        return count

    reading = asyncio.create_task(read())
    await asyncio.wait_for(began.wait(), 10)
    # Another call fits in between: what was held back until the end would come too late for that.
    await talk.awaited(talk.call("echo", {"message": "meanwhile"}))
    assert not reading.done()

    assert await asyncio.wait_for(reading, 10) == 4


async def test_the_server_gets_its_response_while_its_stream_is_read(talk: Talk) -> None:
    content = {"type": "text", "text": "Seventeen."}
    sampled = {"role": "assistant", "content": content, "model": "tests"}
    seen: list[str | None] = []

    async with talk.post(talk.call("trigger-sampling-request", {"prompt": "A number?"})) as stream:
        async for message in stream:
            seen.append(message.get("method"))
            if "method" in message:
                reply = await talk.post({"jsonrpc": "2.0", "id": message["id"], "result": sampled})
                assert reply.messages == []

    assert seen == ["sampling/createMessage", None]
    assert "Seventeen." in text(message)


async def test_a_task_is_started_asked_about_and_fetched(talk: Talk) -> None:
    """The server's tasks are of MCP 2025-11-25; `mcp.Client` 2.x has none of it."""
    call = talk.call("simulate-research-query", {"topic": "python", "ambiguous": True}, task={"ttl": 60_000})
    task = (await talk.post(call)).result()["task"]
    about = {"taskId": task["taskId"]}
    assert (await talk.post(talk.request("tasks/get", about))).result()["status"] == "working"

    answer = {"action": "accept", "content": {"interpretation": "snake"}}
    async with asyncio.timeout(20), talk.post(talk.request("tasks/result", about)) as stream:
        async for message in stream:
            if message.get("method") == "elicitation/create":
                await talk.post({"jsonrpc": "2.0", "id": message["id"], "result": answer})

    assert "# Research Report: python (snake)" in text(message)
    assert (await talk.post(talk.request("tasks/get", about))).result()["status"] == "completed"


async def test_errors_of_the_server_become_ours(talk: Talk) -> None:
    with pytest.raises(ToolCallError, match="Method not found") as unknown:
        (await talk.post(talk.request("no/such/method"))).result()
    # The service's own refusals have a class; the server's code -32601 is the server's.
    assert (type(unknown.value), unknown.value.code) == (ToolCallError, -32601)
    with pytest.raises(ToolCallError, match="Prompt no-such-prompt not found") as caught:
        (await talk.post(talk.request("prompts/get", {"name": "no-such-prompt"}))).result()
    assert caught.value.code == -32602


@both_ways
@pytest.mark.parametrize(
    ("session_id", "method", "reason"),
    [
        (None, "tools/list", "Bad Request: Server not initialized"),
        # The protocol wants 404 (MCP 2025-11-25, session management).
        ("lost", "tools/list", "Bad Request: No valid session ID provided"),
        ("own", "initialize", "Invalid Request: Server already initialized"),
    ],
)
async def test_a_wrong_session_is_refused(
    talk: Talk, way: Way, session_id: str | None, method: str, reason: str
) -> None:
    if session_id != "own":
        talk.session_id = session_id

    with pytest.raises(UpstreamError, match=reason) as caught:
        await way(talk, talk.request(method, GREETING))

    assert caught.value.status_code == 400
