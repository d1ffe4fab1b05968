"""`store.lowlevel`: the generated client on the store's request path."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import httpx
import pytest

from posthog_mcp_store import ConfigurationError, MCPStore, NotFoundError, ResponseInfo
from posthog_mcp_store.lowlevel import AuthenticatedClient
from posthog_mcp_store.lowlevel.api.mcp_store import mcp_server_installations_list, mcp_server_installations_retrieve
from posthog_mcp_store.testing import EmbeddedService

from ..support.wire import BASE, ID, Wire, installation


async def test_generated_functions_take_it(store: MCPStore, service: EmbeddedService) -> None:
    row = service.add_installation()

    page = await mcp_server_installations_list.asyncio("@current", client=store.lowlevel, limit=1)

    assert isinstance(store.lowlevel, AuthenticatedClient)
    assert [each.id for each in getattr(page, "results", [])] == [row.id]


async def test_errors_are_the_sdks_own(store: MCPStore) -> None:
    with pytest.raises(NotFoundError):
        await mcp_server_installations_retrieve.asyncio("@current", UUID(ID), client=store.lowlevel)


async def test_options_of_its_store_hold_for_it(wire: Wire, faked: Callable[..., MCPStore]) -> None:
    seen: list[ResponseInfo] = []
    view = faked().with_options(headers={"X-Trace": "a"}, on_response=seen.append)
    client = view.lowlevel.with_headers({"X-More": "b"})

    response = await mcp_server_installations_retrieve.asyncio_detailed("@current", UUID(ID), client=client)

    assert response.status_code == 200
    assert response.parsed is not None
    assert response.parsed.to_dict().items() >= (
        installation(
            created_at="2026-03-04T09:13:44.123456+00:00", updated_at="2026-03-04T09:13:44.123470+00:00"
        ).items()
    )
    assert str(wire.request.url) == f"{BASE}{ID}/"
    assert (wire.request.headers["X-Trace"], wire.request.headers["X-More"]) == ("a", "b")
    assert len(seen) == 1


async def test_segments_that_would_leave_the_path_are_refused(wire: Wire, faked: Callable[..., MCPStore]) -> None:
    for segment in ("..", ".", ""):
        with pytest.raises(ValueError, match="segment"):
            await mcp_server_installations_retrieve.asyncio(segment, UUID(ID), client=faked().lowlevel)
    assert wire.requests == []


@pytest.mark.parametrize(
    ("name", "argument"),
    [
        ("with_timeout", httpx.Timeout(1)),
        ("with_cookies", {"a": "b"}),
        ("set_async_httpx_client", None),
        ("get_async_httpx_client", None),
    ],
)
def test_its_connections_are_the_stores_affair(faked: Callable[..., MCPStore], name: str, argument: Any) -> None:
    method = getattr(faked().lowlevel, name)

    with pytest.raises(ConfigurationError, match="with_options"):
        method(*[argument] if argument is not None else [])
