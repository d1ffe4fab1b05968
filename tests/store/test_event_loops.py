"""A store is for one event loop: in another one, whatever needs its connections says so at once."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from time import monotonic
from typing import Any

import httpx
import pytest

from posthog_mcp_store import ConfigurationError, MCPStore, RateLimitError
from posthog_mcp_store.lowlevel.api.mcp_store import mcp_server_installations_list
from posthog_mcp_store.testing import EmbeddedService, Fault

from ..support.factories import open_store
from ..support.stream_server import serve_streams
from ..support.wire import ID

PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
LINE = "this MCPStore was used in another event loop, where its connections belong: create one store per loop"


async def elsewhere(work: Callable[[], Awaitable[object]]) -> str:
    """What it raises in an event loop of another thread, where it must not wait."""

    async def refused() -> str:
        began = monotonic()
        with pytest.raises(ConfigurationError) as caught:
            async with asyncio.timeout(5):
                await work()
        # Cancelling a call that hangs may end in the same error.
        assert monotonic() - began < 4
        return str(caught.value)

    async with asyncio.timeout(10):
        return await asyncio.to_thread(asyncio.run, refused())


async def entered(manager: AbstractAsyncContextManager[object]) -> None:
    async with manager:
        pytest.fail("it was entered")


async def first(items: AsyncIterator[object]) -> object:
    return await anext(items)


USES: dict[str, Callable[[MCPStore], Awaitable[object]]] = {
    "call": lambda store: store.installations.retrieve(ID),
    "view": lambda store: store.with_options(api_key="phx_other", deadline=3).installations.retrieve(ID),
    "page": lambda store: store.installations.list().page_at(0),
    "pages": lambda store: first(store.installations.list().pages()),
    "rows": lambda store: store.installations.list().collect(),
    "templates": lambda store: store.templates.list(),
    "lowlevel": lambda store: mcp_server_installations_list.asyncio_detailed("@current", client=store.lowlevel),
    "reply": lambda store: store.installations.proxy(ID, PING).open(),
    "stream": lambda store: entered(store.installations.proxy(ID, PING)),
    "wait": lambda store: store.installations.wait_until_authorized(ID, timeout=3),
    "connect": lambda store: entered(store.installations.connect(ID)),
    "connect_all": lambda store: entered(store.installations.connect_all()),
    "close": lambda store: store.aclose(),
}


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("own", [False, True])
async def test_every_use_in_another_event_loop_raises_the_same_line(
    service: EmbeddedService, use: str, own: bool
) -> None:
    async with httpx.AsyncClient() as client, open_store(service, http_client=client if own else None) as store:
        await store.installations.list()

        assert await elsewhere(lambda: USES[use](store)) == LINE
        assert (await store.installations.list()).count == 0


@pytest.mark.parametrize("use", ["call", "stream"])
async def test_it_is_refused_before_it_waits_for_a_cool_down(
    service: EmbeddedService, store: MCPStore, use: str
) -> None:
    for _ in range(2):
        service.inject(Fault(status=429, headers={"Retry-After": "30"}))
    view = store.with_options(max_retries=0)
    for refused in (view.installations.retrieve(ID), view.installations.proxy(ID, PING)):
        with pytest.raises(RateLimitError):
            await refused

    assert await elsewhere(lambda: USES[use](store)) == LINE


@pytest.fixture
def tools(service: EmbeddedService, tools_url: str) -> str:
    """The id of an installation with a real MCP server."""
    service.add_mcp_server("https://tools.example.com/mcp", tools_url)
    return str(service.add_installation(display_name="Tools", url="https://tools.example.com/mcp").id)


CLIENT_CALLS: dict[str, Callable[[Any], Awaitable[object]]] = {
    "list_tools": lambda client: client.list_tools(),
    "call_tool": lambda client: client.call_tool("add", {"a": 1, "b": 2}),
    "list_resources": lambda client: client.list_resources(),
    "list_prompts": lambda client: client.list_prompts(),
}


@pytest.mark.parametrize("call", CLIENT_CALLS)
async def test_a_connected_client_raises_that_line_and_stays_usable(store: MCPStore, tools: str, call: str) -> None:
    async with store.installations.connect(tools) as client:
        await client.list_tools()

        assert await elsewhere(lambda: CLIENT_CALLS[call](client)) == LINE
        async with asyncio.timeout(5):
            assert (await client.list_tools()).tools


async def test_a_connection_is_left_in_its_own_event_loop(store: MCPStore, tools: str) -> None:
    connection = store.installations.connect(tools)
    client = await connection.__aenter__()

    assert await elsewhere(lambda: connection.__aexit__(None, None, None)) == LINE
    async with asyncio.timeout(5):
        assert (await client.list_tools()).tools
        await connection.__aexit__(None, None, None)


async def test_a_stream_is_read_and_closed_in_its_own_event_loop(store: MCPStore, tools: str) -> None:
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    async with store.installations.proxy(tools, message) as stream:
        assert await elsewhere(stream.__anext__) == LINE
        assert await elsewhere(stream.aclose) == LINE
        async with asyncio.timeout(5):
            assert (await anext(stream))["id"] == 1


async def test_a_stream_does_not_wait_in_another_event_loop() -> None:
    with serve_streams(first=b'data: {"jsonrpc": "2.0", "method": "notifications/progress"}\n\n') as (_, host):
        async with (
            MCPStore("phx_key", host=host) as store,
            store.installations.proxy(ID, PING) as stream,
            asyncio.timeout(10),
        ):
            await anext(stream)
            assert await elsewhere(stream.__anext__) == LINE


@pytest.mark.parametrize("rows", [2, 40])
async def test_an_iteration_goes_on_in_its_own_event_loop_only(
    service: EmbeddedService, store: MCPStore, rows: int
) -> None:
    for _ in range(rows):
        service.add_installation()
    pages = store.installations.list(limit=2).pages()
    await anext(pages)

    assert await elsewhere(pages.__anext__) == LINE
    async with asyncio.timeout(5):
        assert len(await store.installations.list(limit=2).collect()) == rows
