"""Lists that change while they are read, and services that contradict themselves."""

import asyncio
import math
import random
from collections.abc import Callable
from uuid import UUID

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posthog_mcp_store import ListUnstableError, MCPStore, ServerError
from posthog_mcp_store.testing import EmbeddedService, Fault

from .opening import lanes_only
from .wire import BASE, installation


class ChangingList:
    """The list endpoint of a service whose rows change before each request is answered. Newest rows come first."""

    def __init__(self, rows: int, change: Callable[["ChangingList"], None] = lambda _: None) -> None:
        self.numbers = list(range(rows, 0, -1))
        self.next_number = rows + 1
        self.requests: list[tuple[int, int]] = []
        self.change = change

    def add(self, count: int = 1) -> None:
        for _ in range(count):
            self.numbers.insert(0, self.next_number)
            self.next_number += 1

    def remove(self, position: int) -> None:
        if self.numbers:
            del self.numbers[position % len(self.numbers)]

    def __call__(self, request: httpx.Request) -> httpx.Response:
        params = request.url.params
        limit, offset = int(params.get("limit", 100)), int(params.get("offset", 0))
        if self.requests:
            self.change(self)
        self.requests.append((limit, offset))
        shown = self.numbers[offset : offset + limit]
        following = f"{BASE}?limit={limit}&offset={offset + limit}" if offset + limit < len(self.numbers) else None
        results = [installation(id=str(UUID(int=number))) for number in shown]
        body = {"count": len(self.numbers), "next": following, "previous": None, "results": results}
        return httpx.Response(200, json=body)

    async def read(self, **options: int) -> list[int]:
        async with httpx.AsyncClient(transport=httpx.MockTransport(self)) as client:
            listed = MCPStore("phx_key", http_client=client).installations.list(**options)
            return [row.id.int async for row in listed]


@pytest.mark.parametrize("concurrency", [1, 4, 16])
@pytest.mark.parametrize(("rows", "limit"), [(0, 10), (1, 1), (10, 10), (11, 10), (100, 7), (99, 1)])
async def test_a_list_that_holds_still_costs_what_plain_paging_costs(rows: int, limit: int, concurrency: int) -> None:
    service = ChangingList(rows)

    assert await service.read(limit=limit, concurrency=concurrency) == list(range(rows, 0, -1))
    assert len(service.requests) == max(1, math.ceil(rows / limit))


async def test_without_a_limit_pages_are_as_large_as_the_services_own() -> None:
    service = ChangingList(250)

    assert await service.read() == list(range(250, 0, -1))
    assert [limit for limit, _ in service.requests] == [100, 101, 101]


async def test_long_lists_come_in_longer_pages_where_no_limit_says_otherwise() -> None:
    service = ChangingList(1001)

    assert await service.read() == list(range(1001, 0, -1))
    assert [limit for limit, _ in service.requests] == [100, 201, 201, 201, 201, 201]
    assert [offset for _, offset in service.requests] == [0, 99, 299, 499, 699, 899]


@pytest.mark.parametrize(("rows", "options"), [(1000, {}), (1001, {"limit": 100})])
async def test_other_lists_keep_to_pages_of_a_hundred(rows: int, options: dict[str, int]) -> None:
    service = ChangingList(rows)

    assert await service.read(**options) == list(range(rows, 0, -1))
    assert {limit for limit, _ in service.requests} == {100, 101}


async def test_longer_pages_say_how_long_they_are() -> None:
    async with httpx.AsyncClient(transport=httpx.MockTransport(ChangingList(1250))) as client:
        pages = [page async for page in MCPStore("phx_key", http_client=client).installations.list().pages()]

    assert [(page.offset, len(page), page.limit) for page in pages] == [
        (0, 100, 100),
        *((offset, 200, 200) for offset in range(100, 1100, 200)),
        (1100, 150, 200),
    ]


async def test_a_list_can_be_read_from_further_on() -> None:
    service = ChangingList(20, change=lambda rows: rows.add())

    read = await service.read(offset=5, limit=4)

    assert read == sorted(set(read), reverse=True)
    assert set(range(1, 16)) <= set(read)


changes = st.lists(
    st.lists(st.tuples(st.sampled_from(["add", "remove"]), st.integers(0, 200)), max_size=6),
    max_size=40,
)


@given(rows=st.integers(0, 60), limit=st.integers(1, 20), concurrency=st.integers(1, 6), steps=changes)
@settings(derandomize=True, max_examples=150, deadline=None)
def test_what_is_there_all_the_while_comes_exactly_once_and_in_order(
    rows: int, limit: int, concurrency: int, steps: list[list[tuple[str, int]]]
) -> None:
    planned = iter(steps)
    there_at_first = set(range(1, rows + 1))

    def change(service: ChangingList) -> None:
        for kind, position in next(planned, []):
            if kind == "add":
                service.add()
            else:
                service.remove(position)

    service = ChangingList(rows, change)
    try:
        read = asyncio.run(service.read(limit=limit, concurrency=concurrency))
    except ListUnstableError:
        return
    stayed = there_at_first & set(service.numbers)
    assert len(read) == len(set(read))
    assert stayed <= set(read)
    assert [number for number in read if number in stayed] == sorted(stayed, reverse=True)


@pytest.mark.parametrize("seed", range(20))
async def test_a_list_with_some_traffic_is_read_without_an_error(seed: int) -> None:
    rng = random.Random(seed)

    def change(service: ChangingList) -> None:
        for _ in range(rng.randrange(3)):
            service.add()
        for _ in range(rng.randrange(3)):
            service.remove(rng.randrange(1000))

    service = ChangingList(300, change)
    read = await service.read(limit=20)

    stayed = set(range(1, 301)) & set(service.numbers)
    assert [number for number in read if number in stayed] == sorted(stayed, reverse=True)


async def test_removing_everything_that_was_read_loses_nothing_of_the_rest() -> None:
    def change(service: ChangingList) -> None:
        if len(service.requests) == 1:
            del service.numbers[:10]

    service = ChangingList(30, change)

    assert await service.read(limit=10, concurrency=1) == list(range(30, 0, -1))


async def test_rows_of_one_age_in_any_order_are_all_found() -> None:
    rng = random.Random(7)
    service = ChangingList(30, change=lambda rows: rng.shuffle(rows.numbers))

    assert sorted(await service.read(limit=10)) == list(range(1, 31))


async def test_a_row_that_is_counted_and_never_shown_is_an_error() -> None:
    service = ChangingList(5)
    service.numbers[3] = service.numbers[2]

    with pytest.raises(ListUnstableError, match="the service counts 5 rows, and gives only 4"):
        await service.read(limit=2)


async def test_a_list_that_never_settles_is_an_error() -> None:
    def change(service: ChangingList) -> None:
        del service.numbers[100:200]

    service = ChangingList(5000, change)
    with pytest.raises(ListUnstableError, match="changes faster than it can be read"):
        await service.read(limit=500, concurrency=1)

    assert len(service.requests) <= 5


async def test_over_http_rows_come_and_go_between_the_pages(service: EmbeddedService, store: MCPStore) -> None:
    rows = [service.add_installation() for _ in range(40)]
    stay = [row.id for row in reversed(rows[:35])]

    def change(_: object) -> None:
        if len(service.requests) % 2:
            service.add_installation()
            service.installations.remove(service.installations[-2])

    service.before_each = change
    read = [row.id async for row in store.installations.list(limit=5)]

    there = {row.id for row in service.installations}
    assert [row_id for row_id in read if row_id in there and row_id in stay] == [each for each in stay if each in there]


LINKS: dict[str, Callable[[int, int], str | None]] = {
    "constant": lambda limit, offset: f"{BASE}?limit={limit}&offset={limit}",
    "cyclic": lambda limit, offset: f"{BASE}?limit={limit}&offset={(offset + limit) % (2 * limit)}",
    "growing": lambda limit, offset: f"{BASE}?limit={limit}&offset={offset + 1000}",
    "foreign": lambda limit, offset: f"http://internal:8000/api/?limit={limit}&offset={offset + limit}",
    "relative": lambda limit, offset: f"?limit={limit}&offset={offset + limit}",
    "malformed": lambda limit, offset: "http://[::1/?offset=x",
    "no number": lambda limit, offset: f"{BASE}?offset=many",
    "empty": lambda limit, offset: "",
    "none": lambda limit, offset: None,
}


@pytest.mark.parametrize("kind", LINKS)
@pytest.mark.parametrize("concurrency", [1, 4])
async def test_a_next_link_leads_nowhere_but_to_the_list_or_an_error(
    service: EmbeddedService, store: MCPStore, kind: str, concurrency: int
) -> None:
    rows = [service.add_installation().id for _ in range(7)]

    def edit(body: dict[str, object]) -> dict[str, object]:
        return {**body, "next": LINKS[kind](3, (len(service.requests) - 1) * 3)}

    service.inject(Fault(edit=edit, times=None))

    assert [row.id async for row in store.installations.list(limit=3, concurrency=concurrency)] == rows[::-1]
    assert len(service.requests) <= math.ceil(7 / 3) + 2


def page_of(numbers: list[int], count: int, link: str | None = None) -> httpx.Response:
    results = [installation(id=str(UUID(int=number))) for number in numbers]
    return httpx.Response(200, json={"count": count, "next": link, "previous": None, "results": results})


FOREVER = f"{BASE}?limit=1&offset=1000000"


@pytest.mark.parametrize(
    ("answer", "count"),
    [
        (lambda n: page_of([], 5, FOREVER), 5),
        (lambda n: page_of([], 0, FOREVER), 0),
        (lambda n: page_of([1], 3, FOREVER), 3),
        (lambda n: page_of([1, 1], 3, FOREVER), 3),
        (lambda n: page_of([n], 3, FOREVER), 3),
        (lambda n: page_of([n, n + 100], 3, FOREVER), 3),
        (lambda n: page_of([n], 1, f"{BASE}?offset={n + 1}"), 1),
        (lambda n: page_of([n, n + 1], n, f"{BASE}?offset={n + 1}"), 5),
    ],
)
async def test_a_service_that_contradicts_itself_is_believed_for_so_long_only(
    answer: Callable[[int], httpx.Response], count: int
) -> None:
    asked: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.host)
        return answer(len(asked))

    async with httpx.AsyncClient(transport=httpx.MockTransport(handler)) as client:
        listed = MCPStore("phx_key", http_client=client).installations.list(limit=1, concurrency=1)
        try:
            async with asyncio.timeout(5):
                read = await listed.collect()
        except ListUnstableError:
            read = []

    assert len(asked) <= count + 2
    assert len(read) == len({row.id for row in read})
    assert set(asked) == {"us.posthog.com"}


@pytest.mark.parametrize(("rows", "most", "options"), [(30, 4, {"limit": 10}), (1201, 100, {}), (1201, 50, {})])
async def test_a_service_that_gives_less_than_it_is_asked_for_is_read_whole(
    rows: int, most: int, options: dict[str, int]
) -> None:
    service = ChangingList(rows)

    def capped(request: httpx.Request) -> httpx.Response:
        limit = str(min(most, int(request.url.params.get("limit", 100))))
        return service(httpx.Request("GET", request.url.copy_merge_params({"limit": limit})))

    async with httpx.AsyncClient(transport=httpx.MockTransport(capped)) as client:
        read = await MCPStore("phx_key", http_client=client).installations.list(**options).collect()

    assert [row.id.int for row in read] == list(range(rows, 0, -1))
    # Each page but the first repeats a row, and what was asked for ahead is asked for again once.
    assert len(service.requests) <= math.ceil(rows / (most - 1)) + 4


async def test_a_service_with_short_pages_is_not_asked_for_longer_ones() -> None:
    service = ChangingList(1201)
    asked: list[int] = []

    def capped(request: httpx.Request) -> httpx.Response:
        asked.append(int(request.url.params.get("limit", 100)))
        return service(httpx.Request("GET", request.url.copy_merge_params({"limit": str(min(50, asked[-1]))})))

    async with httpx.AsyncClient(transport=httpx.MockTransport(capped)) as client:
        read = await MCPStore("phx_key", http_client=client).installations.list().collect()

    assert len(read) == 1201
    assert set(asked) == {100, 51, 50}


@pytest.mark.parametrize(("rows", "options"), [(1201, {}), (1201, {"limit": 100})])
async def test_one_short_page_does_not_make_all_the_others_short(rows: int, options: dict[str, int]) -> None:
    service = ChangingList(rows)

    def short_once(request: httpx.Request) -> httpx.Response:
        if len(service.requests) == 1:
            request = httpx.Request("GET", request.url.copy_merge_params({"limit": "2"}))
        return service(request)

    async with httpx.AsyncClient(transport=httpx.MockTransport(short_once)) as client:
        read = await MCPStore("phx_key", http_client=client).installations.list(**options).collect()

    assert [row.id.int for row in read] == list(range(rows, 0, -1))
    # Plain paging, the short page, and what was asked for ahead of it.
    assert len(service.requests) <= math.ceil(rows / 99) + 1 + 4


async def test_pages_are_fetched_ahead_up_to_the_concurrency_asked_for(
    service: EmbeddedService, store: MCPStore
) -> None:
    for _ in range(40):
        service.add_installation()
    service.inject(Fault(delay=0.03, times=None))

    for concurrency in (1, 3):
        service.most_in_flight = 0
        assert len(await store.installations.list(limit=2, concurrency=concurrency).collect()) == 40
        assert service.most_in_flight == concurrency


@lanes_only
async def test_leaving_the_loop_ends_what_was_fetched_ahead(service: EmbeddedService, store: MCPStore) -> None:
    for _ in range(40):
        service.add_installation()
    service.inject(Fault(skip=1, delay=3.0, times=None))

    async for page in store.installations.list(limit=2).pages():
        assert len(page) == 2
        break
    async with asyncio.timeout(2):
        while len(asyncio.all_tasks()) > 1:  # noqa: ASYNC110  # the loop has no better way to say so
            await asyncio.sleep(0)

    assert len(service.requests) <= 5


async def test_an_error_in_a_page_ends_the_iteration_where_that_page_would_come(
    service: EmbeddedService, store: MCPStore
) -> None:
    for _ in range(40):
        service.add_installation()
    service.inject(Fault(skip=3, status=500, times=None))
    read: list[int] = []

    async def read_all() -> None:
        async for page in store.with_options(max_retries=0).installations.list(limit=5).pages():
            read.extend([len(page)])

    with pytest.raises(ServerError):
        await read_all()

    assert read in ([5], [5, 5], [5, 5, 5])


async def test_pages_say_where_they_stand() -> None:
    service = ChangingList(7)
    async with httpx.AsyncClient(transport=httpx.MockTransport(service)) as client:
        listed = MCPStore("phx_key", http_client=client).installations.list(limit=3)
        pages = [page async for page in listed.pages()]

    assert [(page.offset, len(page), page.count, page.has_next) for page in pages] == [
        (0, 3, 7, True),
        (3, 3, 7, True),
        (6, 1, 7, False),
    ]
