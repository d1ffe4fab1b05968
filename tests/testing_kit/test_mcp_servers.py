"""Real MCP servers behind the proxy: the testing kit's own, and the one of these tests."""

import asyncio
import json
import logging
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp

from posthog_mcp_store.testing import EmbeddedService, serve_app, tool_server

from ..support.mcp_servers import EverythingServer
from .support import eventually

URL = "https://mcp.example.com/mcp"
CLIENT = {"capabilities": {"elicitation": {}}, "clientInfo": {"name": "tests", "version": "1"}}
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 0,
    "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", **CLIENT},
}
INITIALIZED = {"jsonrpc": "2.0", "method": "notifications/initialized"}
WITH_SESSIONS = [{"json_response": json_response, "stateless": False} for json_response in (True, False)]
WITHOUT_SESSIONS = [{"json_response": json_response, "stateless": True} for json_response in (True, False)]

Message = dict[str, Any]


def request(method: str, id: int = 1, **params: Any) -> Message:
    return {"jsonrpc": "2.0", "id": id, "method": method, "params": params}


def tool(name: str, id: int = 1, **arguments: Any) -> Message:
    return request("tools/call", id, name=name, arguments=arguments, _meta={"progressToken": f"token-{id}"})


class Caller:
    """A client of one MCP server, through the proxy."""

    def __init__(self, http: httpx.AsyncClient, service: EmbeddedService, target: str, api_key: str) -> None:
        service.add_mcp_server(URL, target)
        self._http = http
        self._path = f"/{service.add_installation(url=URL, api_key=api_key).id}/proxy/"
        self._headers: dict[str, str] = {}

    async def initialize(self) -> str | None:
        """Begin a session if the server has such."""
        self._headers.clear()
        answer = await self.post(INITIALIZE)
        assert answer.status_code == 200, answer.text
        session_id: str | None = answer.headers.get("mcp-session-id")
        if session_id:
            self._headers["Mcp-Session-Id"] = session_id
        assert (await self.post(INITIALIZED)).status_code == 202
        return session_id

    async def post(self, message: Message) -> httpx.Response:
        return await self._http.post(self._path, json=message, headers=self._headers)

    async def messages(self, message: Message) -> list[Message]:
        async with self.stream(message) as messages:
            return [each async for each in messages]

    async def result(self, message: Message) -> Any:
        return (await self.messages(message))[-1]["result"]

    @asynccontextmanager
    async def stream(self, message: Message) -> AsyncIterator[AsyncIterator[Message]]:
        async with self._http.stream("POST", self._path, json=message, headers=self._headers) as answer:
            assert answer.status_code == 200
            yield read_messages(answer)


Calling = Callable[..., AbstractContextManager[Caller]]


async def read_messages(answer: httpx.Response) -> AsyncIterator[Message]:
    is_stream = answer.headers["content-type"].startswith("text/event-stream")
    async for line in answer.aiter_lines():
        data = line.removeprefix("data: ") if line.startswith("data: ") or not is_stream else ""
        if data:
            yield json.loads(data)


@pytest.fixture
def caller(remote: httpx.AsyncClient, service: EmbeddedService) -> Calling:
    """Serves a server, with a caller of it."""

    @contextmanager
    def calling(app: ASGIApp, *, api_key: str = "upstream-key") -> Iterator[Caller]:
        with serve_app(app) as host:
            yield Caller(remote, service, f"{host}/mcp", api_key)

    return calling


class TestToolServer:
    @pytest.mark.parametrize("options", WITH_SESSIONS + WITHOUT_SESSIONS)
    async def test_responds_as_configured(self, caller: Calling, options: dict[str, Any]) -> None:
        with caller(tool_server(**options)) as client:
            assert (await client.initialize() is None) is options["stateless"]
            assert await client.result(tool("add", a=1, b=2)) == {
                "content": [{"type": "text", "text": "3"}],
                "structuredContent": {"result": 3},
                "isError": False,
            }
            listed = await client.post(request("tools/list"))
        is_stream = listed.headers["content-type"].startswith("text/event-stream")
        assert is_stream is not options["json_response"]

    async def test_responds_in_json_and_keeps_no_sessions_by_default(self, caller: Calling) -> None:
        with caller(tool_server()) as client:
            answer = await client.post(INITIALIZE)
        assert answer.headers["content-type"] == "application/json"
        assert "mcp-session-id" not in answer.headers

    def test_leaves_the_logging_of_the_process_to_the_application(self) -> None:
        program = """
import logging
from posthog_mcp_store.testing import serve_app, tool_server

with serve_app(tool_server()):
    print(logging.root.handlers, logging.root.level)
logging.basicConfig(level=logging.INFO, format="as configured: %(message)s")
logging.info("hello")
"""

        run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)

        assert run.stdout == f"[] {logging.WARNING}\n"
        assert run.stderr == "as configured: hello\n"

    @pytest.mark.parametrize("options", WITH_SESSIONS)
    async def test_with_sessions_requests_without_one_are_refused(
        self, caller: Calling, options: dict[str, Any]
    ) -> None:
        with caller(tool_server(**options)) as client:
            assert (await client.post(request("tools/list"))).status_code == 400


EVERY_KIND = pytest.mark.parametrize("options", WITH_SESSIONS + WITHOUT_SESSIONS)


class TestEverythingServer:
    @EVERY_KIND
    async def test_has_a_tool_for_everything(self, caller: Calling, options: dict[str, Any]) -> None:
        mcp_server = EverythingServer(**options)
        with caller(mcp_server) as client:
            await client.initialize()
            tools = [each["name"] for each in (await client.result(request("tools/list")))["tools"]]
            assert (await client.result(tool("add", a=1, b=2)))["structuredContent"] == {"result": 3}
            assert (await client.result(tool("echo", text="Säge 锯子")))["structuredContent"] == {"result": "Säge 锯子"}
            assert len((await client.result(tool("recite", length=70_000)))["structuredContent"]["result"]) == 70_000
            failed = await client.result(tool("fail", reason="no wood"))
            drawn = await client.result(tool("draw"))
        assert tools == ["add", "echo", "recite", "fail", "tally", "draw", "count", "hold", "announce", "ask"]
        assert (failed["isError"], "no wood" in failed["content"][0]["text"]) == (True, True)
        assert (drawn["content"][0]["type"], drawn["content"][0]["mimeType"]) == ("image", "image/png")
        assert mcp_server.calls == ["add", "echo", "recite", "fail", "draw"]

    @EVERY_KIND
    async def test_has_a_resource_and_a_prompt(self, caller: Calling, options: dict[str, Any]) -> None:
        with caller(EverythingServer(**options)) as client:
            await client.initialize()
            resources = (await client.result(request("resources/list")))["resources"]
            read = await client.result(request("resources/read", uri="everything://manual"))
            prompt = await client.result(request("prompts/get", name="brief", arguments={"topic": "saws"}))
        assert [resource["uri"] for resource in resources] == ["everything://manual"]
        assert read["contents"][0]["text"] == "Mind the saw. Vorsicht, Säge. 小心锯子。"
        assert prompt["messages"][0]["content"]["text"] == "Write briefly about saws."

    @EVERY_KIND
    async def test_tallies_its_calls(self, caller: Calling, options: dict[str, Any]) -> None:
        mcp_server = EverythingServer(**options)
        with caller(mcp_server) as client:
            await client.initialize()
            counts = [(await client.result(tool("tally")))["structuredContent"]["result"] for _ in range(3)]
        assert (counts, mcp_server.calls) == ([1, 2, 3], ["tally"] * 3)

    @pytest.mark.parametrize("stateless", [False, True])
    async def test_reports_progress_while_it_counts(self, caller: Calling, stateless: bool) -> None:
        with caller(EverythingServer(stateless=stateless)) as client:
            await client.initialize()
            *told, answer = await client.messages(tool("count", 7, to=2))
        assert [each["method"].removeprefix("notifications/") for each in told] == ["progress", "message"] * 2
        assert told[0]["params"] == {"progressToken": "token-7", "progress": 1.0, "total": 2.0, "message": "at 1"}
        assert told[3]["params"] == {"level": "info", "data": "counted 2"}
        assert (answer["id"], answer["result"]["structuredContent"]) == (7, {"result": 2})

    @pytest.mark.parametrize("stateless", [False, True])
    async def test_notifies_during_a_call(self, caller: Calling, stateless: bool) -> None:
        with caller(EverythingServer(stateless=stateless)) as client:
            await client.initialize()
            told, answer = await client.messages(tool("announce"))
        assert told["method"] == "notifications/tools/list_changed"
        assert answer["result"]["structuredContent"] == {"result": "announced"}

    @pytest.mark.parametrize("stateless", [False, True])
    async def test_says_at_once_that_it_holds_a_call(self, caller: Calling, stateless: bool) -> None:
        mcp_server = EverythingServer(stateless=stateless)
        with caller(mcp_server) as client:
            await client.initialize()
            async with client.stream(tool("hold")) as messages:
                assert (await anext(messages))["params"]["message"] == "held"
                assert (await anext(messages))["params"]["data"] == "held"
                await mcp_server.gate.reached()
                assert mcp_server.open_requests == 1
                mcp_server.gate.open()
                assert (await anext(messages))["result"]["structuredContent"] == {"result": "released"}
            await mcp_server.gate.left()
            await eventually(lambda: mcp_server.open_requests == 0)

    async def test_asks_during_a_call(self, caller: Calling) -> None:
        with caller(EverythingServer()) as client:
            await client.initialize()
            async with client.stream(tool("ask", question="Which saw?")) as messages:
                asked = await anext(messages)
                assert (asked["method"], asked["params"]["message"]) == ("elicitation/create", "Which saw?")
                answer = {"jsonrpc": "2.0", "id": asked["id"]}
                reply = answer | {"result": {"action": "accept", "content": {"text": "the big one"}}}
                assert (await client.post(reply)).status_code == 202
                assert (await anext(messages))["result"]["structuredContent"] == {"result": "the big one"}

    @pytest.mark.parametrize(("api_key", "status"), [("the-token", 200), ("another", 401)])
    async def test_may_let_in_one_token_only(self, caller: Calling, api_key: str, status: int) -> None:
        with caller(EverythingServer(token="the-token"), api_key=api_key) as client:
            assert (await client.post(INITIALIZE)).status_code == status

    @pytest.mark.parametrize("options", WITH_SESSIONS)
    async def test_loses_its_sessions_when_it_is_restarted(self, caller: Calling, options: dict[str, Any]) -> None:
        mcp_server = EverythingServer(**options)
        with caller(mcp_server) as client:
            first = await client.initialize()
            assert (await client.result(tool("tally")))["structuredContent"] == {"result": 1}
            await mcp_server.restart()
            lost = await client.post(tool("tally"))
            assert (lost.status_code, lost.json()["error"]["message"]) == (404, "Session not found")
            assert await client.initialize() != first
            assert (await client.result(tool("tally")))["structuredContent"] == {"result": 2}

    async def test_truncates_its_streams_when_it_is_restarted(self, caller: Calling) -> None:
        mcp_server = EverythingServer()
        with caller(mcp_server) as client:
            await client.initialize()
            async with client.stream(tool("hold")) as messages:
                await anext(messages)
                await mcp_server.gate.reached()
                await mcp_server.restart()
                assert [each async for each in messages if "result" in each] == []
            await mcp_server.gate.left()
            await client.initialize()
            assert (await client.result(tool("add", a=1, b=2)))["structuredContent"] == {"result": 3}
        assert mcp_server.calls == ["hold", "add"]

    async def test_sends_no_response_when_it_is_restarted_before(self, caller: Calling) -> None:
        mcp_server = EverythingServer(json_response=True)
        with caller(mcp_server) as client:
            await client.initialize()
            call = asyncio.create_task(client.post(tool("hold")))
            await mcp_server.gate.reached()
            await mcp_server.restart()
            answer = await call
        assert (answer.status_code, answer.text) == (500, "typecodedetailattrerror_event_id")

    @pytest.mark.parametrize("options", WITH_SESSIONS)
    async def test_keeps_its_sessions_when_its_connections_are_dropped(
        self, caller: Calling, options: dict[str, Any]
    ) -> None:
        mcp_server = EverythingServer(**options)
        with caller(mcp_server) as client:
            await client.initialize()
            call = asyncio.create_task(client.post(tool("hold")))
            await mcp_server.gate.reached()
            await mcp_server.drop_connections()
            answer = await call
            assert answer.status_code == (500 if options["json_response"] else 200)
            assert "released" not in answer.text
            mcp_server.gate.open()
            assert (await client.result(tool("tally", 2)))["structuredContent"] == {"result": 1}
