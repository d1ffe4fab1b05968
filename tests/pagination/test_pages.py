"""Lists, one page at a time."""

import copy
import json
import pickle
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from posthog_mcp_store import ConfigurationError, ListUnstableError, MCPStore
from posthog_mcp_store.testing import EmbeddedService

from ..support.wire import BASE, ID, SERVER_ID, Wire, installation, page


@pytest.fixture
def names(service: EmbeddedService) -> list[str]:
    """The names of seven installations, in the order of the list: newest first."""
    rows = [service.add_installation(display_name=f"server {number}") for number in range(7)]
    return [row.display_name for row in reversed(rows)]


async def test_awaiting_a_list_gives_its_first_page(store: MCPStore, names: list[str]) -> None:
    page = await store.installations.list(limit=3)

    assert [each.name for each in page] == names[:3]
    assert (len(page), page.count, page.limit, page.offset, page.has_next) == (3, 7, 3, 0, True)
    assert page.items == list(page)


async def test_a_page_is_used_like_a_list(store: MCPStore, names: list[str]) -> None:
    page = await store.installations.list(limit=3)

    assert page[0].name == names[0]
    assert [each.name for each in page[1:]] == names[1:3]
    assert [each.name for each in reversed(page)] == names[2::-1]
    assert page
    assert not await store.installations.list(offset=7)
    with pytest.raises(IndexError):
        page[3]


async def test_a_page_becomes_json(store: MCPStore, names: list[str]) -> None:
    page = await store.installations.list(limit=3, offset=2)

    written = json.loads(json.dumps(page.to_dict()))

    assert [row["name"] for row in written.pop("items")] == names[2:5]
    assert written == {"count": 7, "limit": 3, "offset": 2, "has_next": True}


def test_a_list_that_was_not_awaited_says_so(store: MCPStore) -> None:
    assert "`await` it" in repr(store.installations.list())


async def test_a_page_leads_to_the_next_until_the_last(store: MCPStore, names: list[str]) -> None:
    first = await store.installations.list(limit=3, offset=2)
    second = await first.next()

    assert second is not None
    assert [each.name for each in second] == names[5:]
    assert (second.offset, second.has_next) == (5, False)
    assert await second.next() is None


async def test_iterating_gives_every_installation_in_order(store: MCPStore, names: list[str]) -> None:
    assert [each.name async for each in store.installations.list(limit=2)] == names


async def test_pages_come_one_by_one(store: MCPStore, names: list[str]) -> None:
    sizes = [len(page) async for page in store.installations.list(limit=3).pages()]

    assert sizes == [3, 3, 1]


async def test_a_list_can_be_read_twice(store: MCPStore, names: list[str]) -> None:
    listed = store.installations.list(limit=4)

    assert [each.name for each in await listed.collect()] == names
    assert [each.name for each in await listed.collect()] == names


async def test_without_a_limit_none_is_sent_and_a_page_holds_a_hundred(
    wire: Wire, faked: Callable[..., MCPStore]
) -> None:
    wire.answers(httpx.Response(200, json=page()))

    first = await faked().installations.list()

    assert str(wire.request.url) == BASE
    assert (first.limit, first.has_next) == (100, False)


async def test_a_next_link_is_never_dereferenced(wire: Wire, faked: Callable[..., MCPStore]) -> None:
    elsewhere = "http://internal:8000/api/environments/1/mcp_server_installations/?limit=1&offset=1"
    wire.answers(
        httpx.Response(200, json=page(installation(), count=2, next=elsewhere)),
        httpx.Response(200, json=page(installation(id=SERVER_ID), count=2)),
    )

    first = await faked().installations.list(limit=1)
    await first.next()

    assert [str(request.url) for request in wire.requests] == [f"{BASE}?limit=1", f"{BASE}?limit=1&offset=1"]


async def test_a_short_page_is_followed_by_the_row_after_its_last(wire: Wire, faked: Callable[..., MCPStore]) -> None:
    wire.answers(
        httpx.Response(200, json=page(installation(), count=3, next=f"{BASE}?limit=2&offset=2")),
        httpx.Response(200, json=page(installation(), installation(), count=3)),
    )

    first = await faked().installations.list(limit=2)
    await first.next()

    assert [request.url.params.get("offset") for request in wire.requests] == [None, "1"]


async def test_the_service_says_whether_a_page_has_a_next_and_iterating_checks_itself(
    wire: Wire, faked: Callable[..., MCPStore]
) -> None:
    wire.answers(
        httpx.Response(200, json=page(installation(), count=1)),
        httpx.Response(200, json=page(installation(), installation(id=SERVER_ID), count=1)),
        httpx.Response(200, json=page(installation(id=SERVER_ID), count=2)),
    )

    first = await faked().installations.list(limit=1)
    assert (first.has_next, await first.next()) == (False, None)

    assert [str(row.id) for row in await faked().installations.list(limit=1).collect()] == [ID, SERVER_ID]


async def test_an_empty_page_is_the_last_whatever_its_next_says(wire: Wire, faked: Callable[..., MCPStore]) -> None:
    wire.answers(httpx.Response(200, json=page(count=5, next=f"{BASE}?offset=100")))

    first = await faked().installations.list()

    assert (first.items, first.has_next, await first.next()) == ([], False, None)


async def test_a_page_without_the_rows_it_counts_is_not_a_list(wire: Wire, faked: Callable[..., MCPStore]) -> None:
    wire.answers(httpx.Response(200, json=page(count=5)))

    with pytest.raises(ListUnstableError, match=r"counts 5 rows .* only 0"):
        await faked().installations.list().collect()


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
async def test_a_page_pickles_without_its_store(
    service: EmbeddedService, store: MCPStore, names: list[str], protocol: int
) -> None:
    first = await store.installations.list(limit=4)
    (middle, last) = [each async for each in store.installations.list(limit=4).pages()]

    for each in (first, middle, last):
        pickled = pickle.dumps(each, protocol)
        assert service.api_key.encode() not in pickled
        assert pickle.loads(pickled) == each
    assert await pickle.loads(pickle.dumps(last, protocol)).next() is None
    with pytest.raises(ConfigurationError, match=r"list\(offset=page.offset \+ len\(page\)\)"):
        await pickle.loads(pickle.dumps(first, protocol)).next()


async def test_a_copied_page_leads_on(store: MCPStore, names: list[str]) -> None:
    second = await copy.copy(await store.installations.list(limit=4)).next()

    assert second is not None
    assert [each.name for each in second] == names[4:]


async def test_a_list_that_was_pickled_says_why_it_can_not_be_read(store: MCPStore) -> None:
    listed = pickle.loads(pickle.dumps(store.installations.list()))

    with pytest.raises(ConfigurationError, match="has no store"):
        await listed.collect()


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
async def test_a_copy_of_a_list_can_be_read(
    service: EmbeddedService, store: MCPStore, copied: Callable[[Any], Any]
) -> None:
    service.add_installation()

    assert len(await copied(store.installations.list()).collect()) == 1
