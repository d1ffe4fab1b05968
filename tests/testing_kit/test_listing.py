"""The list and its pages."""

from typing import Any

import httpx
import pytest

from posthog_mcp_store.testing import EmbeddedService

from .support import ROWS, SITE, client_of


def link(query: str, path: str = f"{ROWS}/") -> str:
    return f"{SITE}{path}?{query}"


async def page(client: httpx.AsyncClient, query: str = "") -> Any:
    answer = await client.get(f"/{query}")
    assert answer.status_code == 200
    return answer.json()


async def test_an_empty_list_is_one_empty_page(client: httpx.AsyncClient) -> None:
    assert await page(client) == {"count": 0, "next": None, "previous": None, "results": []}


async def test_the_newest_row_comes_first(service: EmbeddedService, client: httpx.AsyncClient) -> None:
    rows = [service.add_installation() for _ in range(3)]
    listed = await page(client)
    assert [each["id"] for each in listed["results"]] == [str(row.id) for row in reversed(rows)]


async def test_a_page_holds_100_rows_by_default(service: EmbeddedService, client: httpx.AsyncClient) -> None:
    for _ in range(101):
        service.add_installation()
    listed = await page(client)
    assert (listed["count"], len(listed["results"])) == (101, 100)
    assert listed["next"] == link("limit=100&offset=100")
    assert listed["previous"] is None


async def test_there_is_no_maximum(service: EmbeddedService, client: httpx.AsyncClient) -> None:
    for _ in range(130):
        service.add_installation()
    listed = await page(client, "?limit=1000")
    assert (len(listed["results"]), listed["next"]) == (130, None)


async def test_the_links_lead_through_all_pages_and_back(service: EmbeddedService, client: httpx.AsyncClient) -> None:
    rows = [service.add_installation() for _ in range(5)]
    first = await page(client, "?limit=2")
    second = (await client.get(first["next"])).json()
    third = (await client.get(second["next"])).json()
    seen = [each["id"] for each in first["results"] + second["results"] + third["results"]]
    assert seen == [str(row.id) for row in reversed(rows)]
    assert third["next"] is None
    assert third["previous"] == second["next"].replace("offset=4", "offset=2")
    assert second["previous"] == link("limit=2")
    assert (await client.get(second["previous"])).json() == first


@pytest.mark.parametrize("limit", ["0", "-1", "x", "", "1.5"])
async def test_an_unusable_limit_counts_as_100(service: EmbeddedService, client: httpx.AsyncClient, limit: str) -> None:
    for _ in range(101):
        service.add_installation()
    listed = await page(client, f"?limit={limit}")
    assert len(listed["results"]) == 100
    assert listed["next"] == link("limit=100&offset=100")


@pytest.mark.parametrize("offset", ["-1", "x", ""])
async def test_an_unusable_offset_counts_as_0(service: EmbeddedService, client: httpx.AsyncClient, offset: str) -> None:
    service.add_installation()
    listed = await page(client, f"?offset={offset}")
    assert (len(listed["results"]), listed["previous"]) == (1, None)


@pytest.mark.parametrize("offset", [3, 50])
async def test_an_offset_past_the_end_is_an_empty_page(
    service: EmbeddedService, client: httpx.AsyncClient, offset: int
) -> None:
    for _ in range(3):
        service.add_installation()
    listed = await page(client, f"?limit=2&offset={offset}")
    assert (listed["count"], listed["results"], listed["next"]) == (3, [], None)
    assert listed["previous"] == link(f"limit=2&offset={offset - 2}")


async def test_links_keep_other_parameters_in_sorted_order(service: EmbeddedService, client: httpx.AsyncClient) -> None:
    for _ in range(3):
        service.add_installation()
    listed = await page(client, "?z=1&limit=1&offset=1&a=&z=2")
    assert listed["next"] == link("a=&limit=1&offset=2&z=1&z=2")
    assert listed["previous"] == link("a=&limit=1&z=1&z=2")


@pytest.mark.parametrize("path", [ROWS, f"{ROWS}/", "/api/projects/@current/mcp_server_installations"])
async def test_links_keep_the_path_that_was_used(service: EmbeddedService, path: str) -> None:
    for _ in range(2):
        service.add_installation()
    async with client_of(service) as client:
        listed = (await client.get(f"{SITE}{path}?limit=1")).json()
    assert listed["next"] == link("limit=1&offset=1", path)
