"""Opening and closing stores."""

import asyncio
from collections.abc import AsyncIterator, Callable

import httpx
import pytest
import respx

from posthog_mcp_store import APIConnectionError, ConfigurationError, MCPStore
from posthog_mcp_store.testing import EmbeddedService

from ..support.factories import open_store
from ..support.wire import BASE, ID, Wire, installation


def test_a_store_can_be_made_outside_an_event_loop() -> None:
    assert MCPStore("phx_key").installations is not None


async def test_a_closed_store_says_so(service: EmbeddedService) -> None:
    async with open_store(service) as store:
        await store.installations.list()

    with pytest.raises(ConfigurationError, match="this MCPStore is closed"):
        await store.installations.list()


async def test_closing_twice_or_unused_is_fine() -> None:
    store = MCPStore("phx_key")

    for _ in range(2):
        await store.aclose()

        with pytest.raises(ConfigurationError, match="this MCPStore is closed"):
            await store.installations.list()


async def test_closing_a_view_closes_nothing(service: EmbeddedService) -> None:
    row = service.add_installation()
    async with open_store(service) as store:
        async with store.with_options(timeout=5) as view:
            await view.installations.retrieve(row.id)

        assert (await view.installations.retrieve(row.id)).id == row.id
        assert (await store.installations.retrieve(row.id)).id == row.id


async def test_a_view_is_closed_with_its_store() -> None:
    store = MCPStore("phx_key")
    view = store.with_options(timeout=5)
    await store.aclose()

    with pytest.raises(ConfigurationError, match="this MCPStore is closed"):
        await view.installations.list()


async def test_a_client_that_its_owner_closed_is_named(wire: Wire) -> None:
    client = httpx.AsyncClient(transport=httpx.MockTransport(wire))
    await client.aclose()

    with pytest.raises(ConfigurationError, match="http_client of this MCPStore has been closed"):
        await MCPStore("phx_key", http_client=client).installations.retrieve(ID)


async def test_users_can_fake_the_service_with_respx(respx_mock: respx.MockRouter) -> None:
    route = respx_mock.get(f"{BASE}{ID}/").respond(json=installation())

    async with MCPStore("phx_key") as store:
        assert (await store.installations.retrieve(ID)).name == "My API Server"

    assert route.calls.last.request.headers["Authorization"] == "Bearer phx_key"


class EndlessBody(httpx.AsyncByteStream):
    """A body that never comes, and records that it was closed."""

    def __init__(self) -> None:
        self.is_read = asyncio.Event()
        self.is_closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self.is_read.set()
        await asyncio.Event().wait()
        yield b""

    async def aclose(self) -> None:
        self.is_closed = True


async def test_a_call_that_is_cancelled_lets_go_of_its_response(wire: Wire, faked: Callable[..., MCPStore]) -> None:
    body = EndlessBody()
    wire.answers(httpx.Response(200, stream=body))
    call = asyncio.create_task(faked().installations.retrieve(ID))
    async with asyncio.timeout(10):
        await body.is_read.wait()

        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call

    assert body.is_closed


async def test_a_host_that_is_not_there_is_named() -> None:
    async with MCPStore("phx_key", host="http://127.0.0.1:1") as store:
        with pytest.raises(APIConnectionError, match=r"http://127\.0\.0\.1:1/api/.*ConnectError"):
            await store.installations.list()
