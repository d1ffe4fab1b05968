"""Faults: which requests they apply to, and their effect on the response."""

import json
from typing import Any

import httpx
import pytest

from posthog_mcp_store.testing import EmbeddedService, Fault

from .support import GOOD_INSTALL, served


async def statuses(client: httpx.AsyncClient, times: int, path: str = "/") -> list[int]:
    return [(await client.get(path)).status_code for _ in range(times)]


async def test_a_fault_happens_once_and_then_all_is_well(service: EmbeddedService, client: httpx.AsyncClient) -> None:
    fault = service.inject(Fault(status=500))
    assert await statuses(client, 3) == [500, 200, 200]
    assert (fault.hits, service.faults) == (1, [fault])


async def test_a_fault_lets_requests_pass_before_it_happens(
    service: EmbeddedService, client: httpx.AsyncClient
) -> None:
    fault = service.inject(Fault(status=500, skip=2, times=2))
    assert await statuses(client, 6) == [200, 200, 500, 500, 200, 200]
    assert fault.hits == 2


async def test_a_fault_may_happen_forever(service: EmbeddedService, client: httpx.AsyncClient) -> None:
    fault = service.inject(Fault(status=500, times=None, skip=1))
    assert await statuses(client, 5) == [200, 500, 500, 500, 500]
    service.faults.clear()
    assert await statuses(client, 1) == [200]
    assert fault.hits == 4


async def test_the_first_fault_that_fits_and_is_not_used_up_wins(
    service: EmbeddedService, client: httpx.AsyncClient
) -> None:
    for fault in (Fault(status=500), Fault(status=501, method="PUT"), Fault(status=502, skip=1), Fault(status=503)):
        service.inject(fault)
    assert await statuses(client, 4) == [500, 503, 502, 200]


@pytest.mark.parametrize(("method", "hits"), [("GET", 1), ("PATCH", 0), (None, 1)])
async def test_a_fault_may_be_limited_to_a_method(
    service: EmbeddedService, client: httpx.AsyncClient, method: str | None, hits: int
) -> None:
    fault = service.inject(Fault(status=500, method=method))
    await client.get("/")
    assert fault.hits == hits


@pytest.mark.parametrize(
    ("path", "asked", "hits"),
    [
        ("", "/", 1),
        ("/mcp_server_installations", "/", 1),
        ("/mcp_server_installations/", "", 1),
        ("/mcp_server_installations", "/install_custom/", 0),
        ("/install_custom", "/install_custom/", 1),
        ("/install_custom/", "/install_custom", 1),
        ("/proxy", "/1/proxy/", 1),
        ("/proxy", "/1/proxy/?path=/x", 1),
        ("/proxy", "/1/", 0),
        ("/proxy", "/1/?path=/proxy", 0),
        ("/1", "/1//", 0),
    ],
)
async def test_a_fault_may_be_limited_to_the_end_of_a_path(
    service: EmbeddedService, client: httpx.AsyncClient, path: str, asked: str, hits: int
) -> None:
    fault = service.inject(Fault(status=500, path=path))
    await client.get(asked)
    assert fault.hits == hits


async def test_a_request_that_goes_wrong_is_recorded_too(service: EmbeddedService, client: httpx.AsyncClient) -> None:
    service.inject(Fault(status=500))
    await client.post("/install_custom/", json=GOOD_INSTALL)
    assert service.requests[0].json() == GOOD_INSTALL


def test_a_response_may_have_any_status(service: EmbeddedService) -> None:
    statuses = [200, 299, 302, 418, 429, 499, 503, 520, 599, 600, 999]
    headers = {"Retry-After": "7", "Content-Type": "text/html"}
    for status in statuses:
        service.inject(Fault(status=status, headers=headers, body="<b>é</b>"))
    with served(service) as client:
        answers = [client.get("/") for _ in statuses]
    assert [answer.status_code for answer in answers] == statuses
    assert {answer.text for answer in answers} == {"<b>é</b>"}
    for name, value in {**headers, "Content-Length": "9"}.items():
        assert {answer.headers[name] for answer in answers} == {value}


@pytest.mark.parametrize("status", [204, 304, 503])
def test_a_response_without_a_body_has_no_content_type(service: EmbeddedService, status: int) -> None:
    service.inject(Fault(status=status))
    with served(service) as client:
        answer = client.get("/")
        assert client.get("/").status_code == 200
    assert (answer.status_code, answer.content) == (status, b"")
    assert "content-type" not in answer.headers


@pytest.mark.parametrize("body", ["", "{", b"\xff\x00"])
async def test_a_body_without_a_status_is_a_200(
    service: EmbeddedService, client: httpx.AsyncClient, body: bytes | str
) -> None:
    service.inject(Fault(body=body))
    answer = await client.delete(f"/{service.add_installation().id}/")
    assert (answer.status_code, answer.content) == (200, body.encode() if isinstance(body, str) else body)
    assert len(service.installations) == 1


@pytest.mark.parametrize(("takes_effect", "rows"), [(False, 0), (True, 1)])
async def test_the_service_acts_on_a_request_whose_response_is_replaced_where_the_fault_says_so(
    service: EmbeddedService, client: httpx.AsyncClient, takes_effect: bool, rows: int
) -> None:
    service.inject(Fault(status=504, takes_effect=takes_effect))
    answer = await client.post("/install_custom/", json=GOOD_INSTALL)
    assert (answer.status_code, answer.content) == (504, b"")
    assert len(service.installations) == rows


async def test_headers_are_added_to_the_services_own_response(
    service: EmbeddedService, client: httpx.AsyncClient
) -> None:
    service.inject(Fault(headers={"Deprecation": "@1780272000", "content-type": "text/html"}))
    usual, answer = [await client.get("/") for _ in range(2)][::-1]
    assert (answer.status_code, answer.content) == (200, usual.content)
    assert answer.headers.get_list("content-type") == ["text/html"]
    assert {**answer.headers, "content-type": "application/json"} == {**usual.headers, "deprecation": "@1780272000"}


async def test_headers_are_added_to_a_response_to_head(service: EmbeddedService, client: httpx.AsyncClient) -> None:
    service.inject(Fault(headers={"X-Trace": "t"}))
    faulted, usual = await client.head("/"), await client.head("/")
    assert faulted.headers.pop("x-trace") == "t"
    assert faulted.headers == usual.headers


def test_the_services_own_response_may_be_edited(service: EmbeddedService) -> None:
    row = service.add_installation()

    def with_a_foreign_link(page: Any) -> Any:
        return {**page, "next": "https://elsewhere.example.com/é?offset=1", "count": 7}

    service.inject(Fault(method="GET", edit=with_a_foreign_link))
    with served(service) as client:
        answer = client.get("/")
    assert answer.json()["next"] == "https://elsewhere.example.com/é?offset=1"
    assert (answer.json()["count"], answer.json()["results"][0]["id"]) == (7, str(row.id))
    assert answer.headers["content-length"] == str(len(answer.content))


@pytest.mark.parametrize("value", [None, [], "text", 5])
async def test_an_edit_may_return_anything(service: EmbeddedService, client: httpx.AsyncClient, value: object) -> None:
    service.inject(Fault(edit=lambda _: value))
    answer = await client.post("/install_custom/", json=GOOD_INSTALL)
    assert (answer.status_code, answer.json()) == (201, value)


async def test_an_edit_of_a_response_that_is_not_json_says_so(
    service: EmbeddedService, client: httpx.AsyncClient
) -> None:
    service.inject(Fault(edit=lambda page: page))
    with pytest.raises(json.JSONDecodeError):
        await client.post("/")


@pytest.mark.parametrize("status", [-1, 0, 100, 199, 1000])
def test_a_status_that_http_can_not_carry_is_refused(status: int) -> None:
    with pytest.raises(ValueError, match="200 to 999"):
        Fault(status=status)


@pytest.mark.parametrize("status", [204, 304])
def test_a_body_where_none_can_be_is_refused(status: int) -> None:
    with pytest.raises(ValueError, match="has no body"):
        Fault(status=status, body="x")


@pytest.mark.parametrize("fields", [{"status": 200}, {"body": ""}])
def test_an_edit_of_a_replaced_response_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="`edit` is for the service's own response"):
        Fault(edit=lambda page: page, **fields)


async def test_services_share_no_faults(client: httpx.AsyncClient) -> None:
    EmbeddedService().inject(Fault(status=500))
    assert await statuses(client, 1) == [200]
