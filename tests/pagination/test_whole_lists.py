"""Lists that change while they are read, and services that contradict themselves."""

import asyncio
import itertools
import json
import math
import random
from collections.abc import Callable
from typing import Any
from uuid import UUID

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posthog_mcp_store import Installation, ListUnstableError, MCPStore, Pager, ServerError
from posthog_mcp_store.testing import EmbeddedService, Fault

from ..support.factories import httpx_only
from ..support.racing_list import RacingList, Step
from ..support.wire import BASE, installation


async def numbers(listed: Pager[Installation]) -> list[int]:
    """The rows of an iteration that ends, whatever the service does."""
    async with asyncio.timeout(20):
        return [row.id.int async for row in listed]


class ChangingList:
    """The list endpoint of a service whose rows change before each response. Newest rows come first."""

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
            return await numbers(MCPStore("phx_key", http_client=client).installations.list(**options))


@pytest.mark.parametrize("concurrency", [1, 4, 16])
@pytest.mark.parametrize(
    ("rows", "limit"),
    [
        (0, 10),
        (1, 1),
        (3, 10),
        (9, 10),
        (10, 10),
        (11, 10),
        (19, 10),
        (20, 10),
        (21, 10),
        (30, 10),
        (98, 7),
        (100, 7),
        (99, 1),
    ],
)
async def test_an_unchanged_list_costs_what_plain_paging_costs(rows: int, limit: int, concurrency: int) -> None:
    service = ChangingList(rows)

    assert await service.read(limit=limit, concurrency=concurrency) == list(range(rows, 0, -1))
    assert len(service.requests) == max(1, math.ceil(rows / limit))


@pytest.mark.parametrize(("rows", "requests"), [(99, 1), (100, 1), (101, 2), (200, 2), (201, 3), (1000, 10), (1100, 6)])
async def test_an_unchanged_list_in_pages_of_the_default_size_does_too(rows: int, requests: int) -> None:
    service = ChangingList(rows)

    assert await service.read() == list(range(rows, 0, -1))
    assert len(service.requests) == requests


async def test_each_page_is_requested_with_the_first_row_of_the_next_one() -> None:
    service = ChangingList(250)

    assert await service.read() == list(range(250, 0, -1))
    assert service.requests == [(101, 0), (101, 100), (101, 200)]


async def test_long_lists_come_in_longer_pages_where_no_limit_says_otherwise() -> None:
    service = ChangingList(1001)

    assert await service.read() == list(range(1001, 0, -1))
    assert [limit for limit, _ in service.requests] == [101, 201, 201, 201, 201, 201]
    assert [offset for _, offset in service.requests] == [0, 100, 300, 500, 700, 900]


@pytest.mark.parametrize(("rows", "options"), [(1000, {}), (1001, {"limit": 100})])
async def test_other_lists_keep_to_pages_of_a_hundred(rows: int, options: dict[str, int]) -> None:
    service = ChangingList(rows)

    assert await service.read(**options) == list(range(rows, 0, -1))
    assert {limit for limit, _ in service.requests} == {101}


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


async def test_rows_before_the_one_that_a_list_is_read_from_are_not_given_out() -> None:
    def change(service: ChangingList) -> None:
        if len(service.requests) == 1:
            del service.numbers[10:12]

    service = ChangingList(20, change)

    assert await service.read(offset=10, limit=3, concurrency=1) == list(range(10, 0, -1))


async def test_where_a_list_goes_on_is_unknown_if_all_that_was_read_is_gone_but_not_what_came_before() -> None:
    def change(service: ChangingList) -> None:
        if len(service.requests) == 1:
            del service.numbers[2:5]

    with pytest.raises(ListUnstableError, match="changes faster than it can be read"):
        await ChangingList(10, change).read(offset=2, limit=2, concurrency=1)


changes = st.lists(
    st.lists(st.tuples(st.sampled_from(["add", "remove"]), st.integers(0, 200)), max_size=6),
    max_size=40,
)


@given(rows=st.integers(0, 60), limit=st.integers(1, 20), concurrency=st.integers(1, 6), steps=changes)
@settings(derandomize=True, max_examples=100, deadline=None)
def test_rows_that_stay_come_exactly_once_and_in_order(
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


COUNTED, READ, ADDED = Step("query"), Step("query"), Step("add")


@pytest.mark.parametrize("most", [None, 4])
@pytest.mark.parametrize(
    ("rows", "limit", "steps"),
    [
        (1, 1, [COUNTED, ADDED, READ]),
        (3, 3, [COUNTED, ADDED, READ]),
        (3, 2, [COUNTED, ADDED, READ]),
        (5, 2, [COUNTED, READ, COUNTED, ADDED, READ]),
        (7, 3, [COUNTED, READ, COUNTED, READ, COUNTED, ADDED, ADDED, ADDED, READ]),
    ],
)
async def test_a_full_page_is_not_the_last_though_its_count_is_reached(
    rows: int, limit: int, steps: list[Step], most: int | None
) -> None:
    outcome = await RacingList(rows, most).iterate(steps, limit=limit, concurrency=1)

    assert not outcome.is_unstable
    assert [number for number in outcome.read if number <= rows] == outcome.stayed == list(range(rows, 0, -1))


@pytest.mark.parametrize("limit", [3, 5])
async def test_a_page_fetched_again_is_as_full_as_the_service_makes_any(limit: int) -> None:
    removed_and_fetched_again = [COUNTED, READ, Step("remove"), COUNTED, READ, COUNTED, ADDED, READ]

    outcome = await RacingList(5, most=4).iterate(removed_and_fetched_again, limit=limit, concurrency=1)

    assert not outcome.is_unstable
    assert [number for number in outcome.read if number <= 5] == [5, *outcome.stayed] == [5, 4, 3, 2, 1]


async def test_rows_that_were_removed_after_they_were_counted_are_not_missed() -> None:
    service = RacingList(5)

    outcome = await service.iterate([COUNTED, Step("remove"), Step("remove"), READ], limit=10)

    assert (outcome.read, outcome.is_unstable) == ([3, 2, 1], False)
    assert len(service.requests) == 2


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


async def test_rows_removed_and_as_many_added_where_no_count_shows_it_lose_nothing() -> None:
    def change(service: ChangingList) -> None:
        if len(service.requests) == 4:
            service.numbers[:20] = []
            service.numbers += range(100, 80, -1)

    service = ChangingList(100, change)
    service.numbers = list(range(200, 100, -1))

    read = await service.read(limit=10, concurrency=1)

    assert [number for number in read if number > 100] == list(range(200, 100, -1))


async def test_a_row_added_to_a_long_list_is_searched_for_at_its_top_only() -> None:
    def change(service: ChangingList) -> None:
        if len(service.requests) == 6:
            service.add()

    service = ChangingList(1200, change)

    assert await service.read(concurrency=1) == [*range(1200, 0, -1), 1201]
    assert service.requests[-1] == (101, 0)
    assert len(service.requests) == 8


async def test_rows_of_one_age_in_any_order_are_all_found() -> None:
    rng = random.Random(7)
    service = ChangingList(30, change=lambda rows: rng.shuffle(rows.numbers))

    assert sorted(await service.read(limit=10)) == list(range(1, 31))


async def test_a_row_that_is_counted_and_never_shown_is_an_error() -> None:
    service = ChangingList(5)
    service.numbers[3] = service.numbers[2]

    with pytest.raises(ListUnstableError, match=r"counts 5 rows .* only 4"):
        await service.read(limit=2)


async def test_a_list_that_grows_too_fast_to_find_a_missing_row_in_it_is_an_error() -> None:
    def grow(service: ChangingList) -> None:
        if len(service.requests) == 3:
            service.add(40)

    service = ChangingList(5, grow)
    service.numbers[3] = service.numbers[2]

    with pytest.raises(ListUnstableError, match=r"counts 45 rows .* only 11"):
        await service.read(limit=2, concurrency=1)

    assert service.requests[3:] == [(7, 0)]


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


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("limit", [1, 3, 12])
async def test_over_http_rows_come_and_go_after_they_were_counted(
    service: EmbeddedService, store: MCPStore, limit: int, seed: int
) -> None:
    rng = random.Random(seed)
    rows = [service.add_installation().id for _ in range(12)]
    counted = 0

    def change(_: object) -> None:
        nonlocal counted
        counted = len(service.installations)
        for _ in range(rng.randrange(2)):
            service.add_installation()
        for _ in range(rng.randrange(2)):
            del service.installations[rng.randrange(len(service.installations))]

    def edit(body: dict[str, Any]) -> dict[str, Any]:
        following = int(httpx.URL(body["next"] or "?offset=0").params["offset"])
        return {**body, "count": counted, "next": body["next"] if following < counted else None}

    service.before_each = change
    service.inject(Fault(edit=edit, times=None))
    read = []
    try:
        async for row in store.installations.list(limit=limit):
            read.append(row.id)  # noqa: PERF401  # rows before an error are compared, too
    except ListUnstableError:
        assert len(read) == len(set(read))
        return

    there = {row.id for row in service.installations}
    stayed = [row_id for row_id in reversed(rows) if row_id in there]
    assert len(read) == len(set(read))
    assert [row_id for row_id in read if row_id in stayed] == stayed


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
        (lambda n: page_of([n, n + 100], 4, FOREVER), 4),
        (lambda n: page_of([n], 1, f"{BASE}?offset={n + 1}"), 1),
        (lambda n: page_of([n, n + 1], n, f"{BASE}?offset={n + 1}"), 5),
    ],
)
async def test_a_service_that_contradicts_itself_is_believed_only_for_a_while(
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


@pytest.mark.parametrize("concurrency", [1, 4])
@pytest.mark.parametrize("limit", [1, 2, 3, 10, None])
@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("too_many", [1, 1_000_000])
@pytest.mark.parametrize("reads_offset", [True, False])
async def test_a_count_of_rows_that_are_nowhere_costs_no_more_than_two_requests(
    limit: int | None, concurrency: int, rows: int, too_many: int, reads_offset: bool
) -> None:
    service = ChangingList(rows)

    def lying(request: httpx.Request) -> httpx.Response:
        if not reads_offset:
            service(request)
            return page_of(service.numbers, rows + too_many)
        body = json.loads(service(request).content)
        return httpx.Response(200, json={**body, "count": rows + too_many, "next": None})

    read: list[int] = []

    async def read_all(listed: Pager[Installation]) -> None:
        async with asyncio.timeout(20):
            async for row in listed:
                read.append(row.id.int)  # noqa: PERF401  # rows before the error are compared, too

    async with httpx.AsyncClient(transport=httpx.MockTransport(lying)) as client:
        listed = MCPStore("phx_key", http_client=client).installations.list(limit=limit, concurrency=concurrency)
        with pytest.raises(ListUnstableError, match=f"the service counts {rows + too_many} rows but return"):
            await read_all(listed)

    assert read == list(range(rows, 0, -1))
    assert len(service.requests) <= math.ceil(rows / (limit or 100)) + 2


class EndlessList(ChangingList):
    """However far it is read, there is one more page of rows nobody has seen."""

    def __init__(self, counted: int, grows_by: int, most: int = 1000) -> None:
        super().__init__(0)
        self.counted = counted
        self.grows_by = grows_by
        self.most = most

    def __call__(self, request: httpx.Request) -> httpx.Response:
        limit, offset = int(request.url.params["limit"]), int(request.url.params.get("offset", 0))
        count = self.counted + self.grows_by * len(self.requests)
        self.requests.append((limit, offset))
        end = offset + min(limit, self.most)
        return page_of(list(range(offset + 1, end + 1)), count, f"{BASE}?limit={limit}&offset={end}")


@pytest.mark.parametrize("concurrency", [1, 4, 16])
@pytest.mark.parametrize("grows_by", [0, 1, 1000])
@pytest.mark.parametrize(
    ("counted", "options", "most"),
    [(0, {}, 1000), (5, {"limit": 1}, 1000), (30, {"limit": 10}, 1000), (250, {}, 1000), (2000, {}, 1000), (30, {}, 5)],
)
async def test_a_list_that_grows_as_it_is_read_is_left_when_it_is_about_twice_as_long_as_at_first(
    counted: int, options: dict[str, int], most: int, grows_by: int, concurrency: int
) -> None:
    service = EndlessList(counted, grows_by, most)
    size = min(options.get("limit", 200 if counted > 1000 else 100), most - 1)

    with pytest.raises(ListUnstableError, match=f"grows faster than it is read: of {counted} rows at first"):
        await service.read(concurrency=concurrency, **options)

    # Pages of the first size, those that were fetched ahead, and the first one of a service with short pages.
    assert len(service.requests) <= 2 * (counted / size + 2) + concurrency + 3


async def test_a_list_that_repeats_itself_for_as_long_as_its_count_grows_is_left_too() -> None:
    service = ChangingList(100, change=lambda rows: rows.add(10))

    with pytest.raises(ListUnstableError, match="grows faster than it is read: of 100 rows at first"):
        await service.read(limit=10, concurrency=1)

    assert len(service.requests) <= 2 * (100 / 10 + 2) + 1


async def test_fresh_rows_without_end_in_the_same_places_are_left_too() -> None:
    fresh = itertools.count(2)
    asked: list[int] = []

    def handler(request: httpx.Request) -> httpx.Response:
        # By turns, the list ends with its eleventh and its tenth row, and counts more.
        offset = int(request.url.params.get("offset", 0))
        length = (11 if len(asked) % 2 == 0 else 10) - offset
        asked.append(offset)
        return page_of([1, *itertools.islice(fresh, length - 1)], 20, f"{BASE}?offset=20")

    async with httpx.AsyncClient(transport=httpx.MockTransport(handler)) as client:
        with pytest.raises(ListUnstableError, match="grows faster than it is read: of 20 rows at first"):
            await numbers(MCPStore("phx_key", http_client=client).installations.list(limit=20))

    assert len(asked) <= 30


@pytest.mark.parametrize("options", [{}, {"offset": 50}])
async def test_many_rows_may_be_added_at_once(options: dict[str, int]) -> None:
    def change(service: ChangingList) -> None:
        if len(service.requests) == 4:
            service.add(35)

    first = 200 - options.get("offset", 0)
    read = [row for row in await ChangingList(200, change).read(limit=10, concurrency=1, **options) if row <= 200]

    assert read == list(range(first, 0, -1))


async def test_a_list_that_shrinks_at_its_end_is_over_with_the_first_page_that_shows_it() -> None:
    def change(service: ChangingList) -> None:
        if len(service.requests) in (2, 4):
            service.remove(0)

    service = ChangingList(12, change)

    assert await service.read(limit=5, concurrency=1) == list(range(12, 0, -1))
    # Three pages, the third once more because rows were removed, and a request after its end.
    assert len(service.requests) == 5


async def test_a_list_may_grow_while_it_is_read_as_long_as_it_is_read_faster() -> None:
    service = ChangingList(200, change=lambda rows: rows.add(5))

    read = await service.read(limit=10, concurrency=1)

    assert set(range(1, 201)) <= set(read)
    assert len(read) == len(set(read))


@pytest.mark.parametrize(("limit", "most"), [(2, 9), (10, 3)])
async def test_a_service_that_repeats_a_page_forever_is_left_after_a_few(limit: int, most: int) -> None:
    asked: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.host)
        return page_of([3, 2, 1], 1_000_000, f"{BASE}?offset=2000000")

    async with httpx.AsyncClient(transport=httpx.MockTransport(handler)) as client:
        with pytest.raises(ListUnstableError, match="no new ones"):
            await numbers(MCPStore("phx_key", http_client=client).installations.list(limit=limit))

    assert len(asked) <= most


@pytest.mark.parametrize("rows", [0, 1, 7, 250])
@pytest.mark.parametrize("limit", [3, 7, 10, None])
async def test_a_service_that_gives_all_rows_at_once_is_asked_once(rows: int, limit: int | None) -> None:
    service = ChangingList(rows)

    def unpaged(request: httpx.Request) -> httpx.Response:
        service(request)
        return page_of(service.numbers, rows)

    async with httpx.AsyncClient(transport=httpx.MockTransport(unpaged)) as client:
        read = await MCPStore("phx_key", http_client=client).installations.list(limit=limit).collect()

    assert [row.id.int for row in read] == list(range(rows, 0, -1))
    assert len(service.requests) == 1


@pytest.mark.parametrize("rows", [4, 5, 6, 29, 30, 31])
@pytest.mark.parametrize("limit", [1, 4, 5, 6])
async def test_a_service_with_its_own_page_size_is_read_completely(rows: int, limit: int) -> None:
    service = ChangingList(rows)

    def stubborn(request: httpx.Request) -> httpx.Response:
        return service(httpx.Request("GET", request.url.copy_merge_params({"limit": "5"})))

    async with httpx.AsyncClient(transport=httpx.MockTransport(stubborn)) as client:
        read = await MCPStore("phx_key", http_client=client).installations.list(limit=limit).collect()

    assert [row.id.int for row in read] == list(range(rows, 0, -1))
    assert len(service.requests) <= math.ceil(rows / 4) + 2


@pytest.mark.parametrize(("rows", "most", "options"), [(30, 4, {"limit": 10}), (1201, 100, {}), (1201, 50, {})])
async def test_a_service_with_shorter_pages_than_requested_is_read_completely(
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
    assert set(asked) == {101, 50}


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


@httpx_only
async def test_leaving_the_loop_ends_what_was_fetched_ahead(service: EmbeddedService, store: MCPStore) -> None:
    for _ in range(40):
        service.add_installation()
    service.inject(Fault(skip=1, delay=20.0, times=None))

    async for page in store.installations.list(limit=2).pages():
        assert len(page) == 2
        break
    async with asyncio.timeout(10):
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


@pytest.mark.parametrize(("rows", "empty_pages"), [(0, 1), (1, 0), (40, 0)])
async def test_no_page_is_empty_but_that_of_an_empty_list(rows: int, empty_pages: int) -> None:
    def change(service: ChangingList) -> None:
        if len(service.requests) == 2:
            service.add(20)

    async with httpx.AsyncClient(transport=httpx.MockTransport(ChangingList(rows, change))) as client:
        listed = MCPStore("phx_key", http_client=client).installations.list(limit=10, concurrency=1)
        sizes = [len(page) async for page in listed.pages()]

    assert sizes.count(0) == empty_pages


async def test_pages_say_where_they_are() -> None:
    service = ChangingList(7)
    async with httpx.AsyncClient(transport=httpx.MockTransport(service)) as client:
        listed = MCPStore("phx_key", http_client=client).installations.list(limit=3)
        pages = [page async for page in listed.pages()]

    assert [(page.offset, len(page), page.count, page.has_next) for page in pages] == [
        (0, 3, 7, True),
        (3, 3, 7, True),
        (6, 1, 7, False),
    ]
