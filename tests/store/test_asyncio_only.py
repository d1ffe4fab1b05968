"""Outside of asyncio, each call raises one line that says it needs asyncio."""

import asyncio
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Any

import httpx
import pytest
import trio

from posthog_mcp_store import ConfigurationError, LoopbackReceiver, MCPStore
from posthog_mcp_store.lowlevel.api.mcp_store import mcp_server_installations_list

from ..support.certificates import NO_CERTIFICATES
from ..support.wire import ID

PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
WORDS = (
    r"^posthog_mcp_store needs asyncio, but was called {}: "
    r"call it inside asyncio\.run\(\), or inside anyio\.run\(\)"
)


async def enter(manager: Any) -> None:
    async with manager:
        pytest.fail("it was entered")


async def iterate(items: AsyncIterator[object]) -> None:
    async for _ in items:
        pytest.fail("it gave something")


async def first_page(store: MCPStore) -> None:
    await store.installations.list()


async def pages(store: MCPStore) -> None:
    async with aclosing(store.installations.list().pages()) as pages:
        await iterate(pages)


async def lowlevel(store: MCPStore) -> None:
    await mcp_server_installations_list.asyncio_detailed("@current", client=store.lowlevel)


async def awaited(store: MCPStore) -> None:
    await store.installations.proxy(ID, PING)


CALLS: dict[str, Callable[[MCPStore], Awaitable[object]]] = {
    "retrieve": lambda store: store.installations.retrieve(ID),
    "delete": lambda store: store.installations.delete(ID),
    "a deadline": lambda store: store.with_options(deadline=1).installations.retrieve(ID),
    "authorize": lambda store: store.installations.authorize(ID),
    "the first page": first_page,
    "all pages": pages,
    "collect": lambda store: store.installations.list().collect(),
    "the generated client": lowlevel,
    "proxy awaited": awaited,
    "proxy entered": lambda store: enter(store.installations.proxy(ID, PING)),
    "connect": lambda store: enter(store.installations.connect(ID)),
    "connect_all": lambda store: enter(store.installations.connect_all()),
    "wait_until_authorized": lambda store: store.installations.wait_until_authorized(ID),
    "a receiver": lambda _: enter(LoopbackReceiver()),
}


@pytest.mark.parametrize("kind", ["httpx", "client", "aiohttp"])
@pytest.mark.parametrize("call", CALLS)
def test_under_trio_each_call_says_that_it_needs_asyncio(kind: str, call: str) -> None:
    async def main() -> None:
        client = httpx.AsyncClient(verify=NO_CERTIFICATES)
        options: dict[str, Any] = {"http_client": client} if kind == "client" else {"transport": kind}
        async with client, MCPStore("phx_the_secret_key", **options) as store:
            with pytest.raises(ConfigurationError, match=WORDS.format("in trio")) as caught:
                await CALLS[call](store)
        assert "phx_the_secret_key" not in "".join(traceback.format_exception(caught.value))

    trio.run(main)


@pytest.mark.parametrize("call", CALLS)
def test_outside_of_any_event_loop_too(call: str) -> None:
    async def main() -> None:
        await CALLS[call](MCPStore("phx_key"))

    with pytest.raises(ConfigurationError, match=WORDS.format("outside of an event loop's tasks")):
        main().send(None)


def test_a_store_can_be_made_and_closed_under_trio() -> None:
    async def main() -> None:
        async with MCPStore("phx_key") as store:
            assert store.with_options(timeout=5).installations is not None

    trio.run(main)


async def test_in_a_callback_of_asyncio_there_is_no_task() -> None:
    """As in trio's guest mode, whose tasks run in callbacks of another event loop."""
    raised: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()

    def callback() -> None:
        try:
            MCPStore("phx_key").installations.retrieve(ID).send(None)
        except ConfigurationError as error:
            raised.set_result(error)

    asyncio.get_running_loop().call_soon(callback)

    assert "needs asyncio" in str(await raised)
