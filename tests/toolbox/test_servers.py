"""`connect_all()`: the tools of all installations, and those that failed."""

import asyncio
import sys
from collections.abc import AsyncIterator
from itertools import count
from typing import Any
from uuid import UUID

import httpx
import pytest

from posthog_mcp_store import (
    ConfigurationError,
    ListUnstableError,
    MCPStore,
    ReauthenticationRequiredError,
    ResponseDecodeError,
    UpstreamError,
)

from ..support.event_loop import loop_rounds
from ..support.fake_mcp import Answer, FakeMCPServer, result_of, text_result
from ..support.wire import installation, page


class Project:
    """Installations with a fake MCP server for each, on an instance of spring 2026, which lists no tools itself."""

    def __init__(self) -> None:
        self.servers: dict[str, FakeMCPServer] = {}
        self.rows: list[dict[str, object]] = []

    def add(self, name: str, **changes: object) -> FakeMCPServer:
        id = str(UUID(int=len(self.rows)))
        self.rows.append(installation(id=id, name=name, **changes))
        self.servers[id] = FakeMCPServer()
        return self.servers[id]

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/available_tools/"):
            return httpx.Response(404, json={"detail": "Not found."})
        if request.method == "GET":
            return httpx.Response(200, json=page(*self.rows))
        return await self.servers[request.url.path.split("/")[-3]](request)


def named(name: str) -> dict[str, Any]:
    return {"name": name, "inputSchema": {"type": "object"}}


def refusal(status: int, error: str) -> httpx.Response:
    return httpx.Response(status, json={"error": error})


@pytest.fixture
def project() -> Project:
    return Project()


@pytest.fixture
async def store(project: Project) -> AsyncIterator[MCPStore]:
    async with httpx.AsyncClient(transport=httpx.MockTransport(project)) as client:
        yield MCPStore("phx_key", http_client=client, max_retries=0)


async def test_tools_of_all_installations_are_listed_and_one_is_called(project: Project, store: MCPStore) -> None:
    orders, mail = project.add("Orders"), project.add("Mail")
    mail.answers["tools/call"] = lambda message: result_of(message, text_result("sent"))

    async with store.installations.connect_all() as toolbox:
        assert [(tool.installation.name, tool.name, tool.description) for tool in toolbox.tools] == [
            ("Orders", "add", "Add."),
            ("Mail", "add", "Add."),
        ]
        assert toolbox.failures == []
        result = await toolbox.tools[1].call({"to": "Ada"})

    assert "sent" in repr(result.content)
    assert "tools/call" not in [method for method, _ in orders.messages]
    with pytest.raises(ConfigurationError, match="this toolbox is closed"):
        await toolbox.tools[0].call()


async def test_those_that_fail_are_reported_and_fail_no_others(project: Project, store: MCPStore) -> None:
    project.add("Orders")
    project.add("Dead").answers["initialize"] = lambda _: httpx.Response(
        401, json={"error": "No credentials configured"}
    )
    project.add("Down").answers["tools/list"] = lambda _: httpx.Response(
        502, json={"error": "Upstream MCP server timed out"}
    )
    cursors, names = count(), count()
    project.add("Endless").answers["tools/list"] = lambda message: result_of(
        message, {"tools": [named(f"t{next(names)}")], "nextCursor": str(next(cursors))}
    )
    project.add("Switched off", is_enabled=False)

    async with store.installations.connect_all() as toolbox:
        assert [tool.installation.name for tool in toolbox.tools] == ["Orders", *["Endless"] * 50]

    failures = {failure.installation.name: failure.error for failure in toolbox.failures}
    assert list(failures) == ["Dead", "Down", "Endless"]
    assert isinstance(failures["Dead"], ReauthenticationRequiredError)
    assert isinstance(failures["Down"], UpstreamError)
    assert "the list of tools did not end within 50 pages" in str(failures["Endless"])


def paged(pages: dict[str | None, tuple[list[str], str | None]], asked: list[str | None]) -> Answer:
    """Answers `tools/list` with pages: the tools of each, and the cursor that follows."""

    def answer(message: dict[str, Any]) -> httpx.Response:
        cursor = message.get("params", {}).get("cursor")
        asked.append(cursor)
        names, following = pages[cursor]
        tools = [named(name) for name in names]
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
    project: Project,
    store: MCPStore,
    pages: dict[str | None, tuple[list[str], str | None]],
    tools: list[str],
    requests: int,
) -> None:
    asked: list[str | None] = []
    project.add("Orders").answers["tools/list"] = paged(pages, asked)

    async with store.installations.connect_all() as toolbox:
        assert [tool.name for tool in toolbox.tools] == tools
        await toolbox.tools[0].call()
        (failure,) = toolbox.failures

    assert isinstance(failure.error, ListUnstableError)
    assert f"no new ones after {len(tools)} tools" in str(failure.error)
    assert len(asked) == requests


async def test_an_empty_cursor_ends_the_list(project: Project, store: MCPStore) -> None:
    asked: list[str | None] = []
    project.add("Orders").answers["tools/list"] = paged({None: (["a"], "x"), "x": (["b", "b"], "")}, asked)

    async with store.installations.connect_all() as toolbox:
        assert [tool.name for tool in toolbox.tools] == ["a", "b"]
        assert toolbox.failures == []

    assert asked == [None, "x"]


async def test_a_list_that_breaks_off_keeps_what_was_read(project: Project, store: MCPStore) -> None:
    asked: list[str | None] = []
    first = paged({None: (["a"], "x")}, asked)
    project.add("Orders").answers["tools/list"] = lambda message: (
        refusal(502, "Upstream MCP server timed out") if asked else first(message)
    )

    async with store.installations.connect_all() as toolbox:
        assert [tool.name for tool in toolbox.tools] == ["a"]
        assert [type(failure.error) for failure in toolbox.failures] == [UpstreamError]


@pytest.mark.parametrize("cursor", [False, 0, {}, None])
async def test_a_cursor_that_is_not_a_string_ends_the_list(project: Project, store: MCPStore, cursor: object) -> None:
    project.add("Orders").answers["tools/list"] = lambda message: result_of(
        message, {"tools": [named("a")], "nextCursor": cursor}
    )

    async with store.installations.connect_all() as toolbox:
        assert [tool.name for tool in toolbox.tools] == ["a"]
        assert toolbox.failures == []


async def test_of_very_many_malformed_tools_some_are_named(project: Project, store: MCPStore) -> None:
    project.add("Orders").answers["tools/list"] = lambda message: result_of(
        message, {"tools": [named("good"), *[{"name": f"bad{number}"} for number in range(5000)]]}
    )

    async with store.installations.connect_all() as toolbox:
        assert [tool.name for tool in toolbox.tools] == ["good"]

    assert len(toolbox.failures) == 101
    assert "the tool number 102 and those after it" in str(toolbox.failures[-1].error)


async def test_a_malformed_tool_is_reported_and_costs_no_other(project: Project, store: MCPStore) -> None:
    tools = [{"name": "bad", "inputSchema": []}, {"name": "good", "inputSchema": {"type": "object"}}]
    project.add("Orders").answers["tools/list"] = lambda message: result_of(message, {"tools": tools})
    project.add("Mail")

    async with store.installations.connect_all() as toolbox:
        assert [tool.name for tool in toolbox.tools] == ["good", "add"]
        await toolbox.tools[0].call()
        (failure,) = toolbox.failures

    assert failure.installation.name == "Orders"
    assert isinstance(failure.error, ResponseDecodeError)
    assert "the tool 'bad' violates MCP's schema and was left out" in str(failure.error)


async def test_no_more_are_connected_to_at_once_than_asked_for(project: Project, store: MCPStore) -> None:
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

    async with store.installations.connect_all(concurrency=3):
        assert most == 3
    with pytest.raises(ConfigurationError, match="concurrency"):
        async with store.installations.connect_all(concurrency=0):
            pass


async def test_an_error_raised_inside_is_not_wrapped_and_nothing_is_left(project: Project, store: MCPStore) -> None:
    project.add("Orders")

    with pytest.raises(LookupError):
        async with store.installations.connect_all():
            raise LookupError

    others = asyncio.all_tasks() - {asyncio.current_task()}
    if others:
        _, left = await asyncio.wait(others, timeout=5)
        assert left == set()


async def test_cancelled_while_connecting_leaves_nothing(project: Project, store: MCPStore) -> None:
    project.add("Orders")
    stuck = project.add("Stuck")
    reached = asyncio.Event()

    async def hang(_: object) -> httpx.Response:
        reached.set()
        await asyncio.Event().wait()
        raise AssertionError("nobody sets that event")

    stuck.answers["initialize"] = hang
    connecting = asyncio.ensure_future(store.installations.connect_all().__aenter__())
    await asyncio.wait_for(reached.wait(), 5)
    connecting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(connecting, 5)
    await store.aclose()

    others = asyncio.all_tasks() - {asyncio.current_task()}
    if others:
        _, left = await asyncio.wait(others, timeout=5)
        assert left == set()


async def test_without_the_package_it_says_what_to_install_before_anything_is_sent(
    project: Project, store: MCPStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mcp", None)
    for name in ("connection", "client", "transport"):
        monkeypatch.delitem(sys.modules, f"posthog_mcp_store._mcp.{name}", raising=False)

    with pytest.raises(ConfigurationError, match=r'pip install "posthog-mcp-store\[mcp\]"'):
        async with store.installations.connect_all():
            pytest.fail("there is nothing to connect with")


async def raise_inside(error: Exception, store: MCPStore) -> None:
    async with store.installations.connect_all():
        raise error


async def test_an_exception_inside_does_not_carry_that_the_service_lists_no_tools(
    project: Project, store: MCPStore
) -> None:
    project.add("Orders")

    with pytest.raises(KeyError) as caught:
        await raise_inside(KeyError("mine"), store)

    assert caught.value.__context__ is None
