"""Accept headers, content types and bodies that are not JSON."""

import httpx
import pytest

from posthog_mcp_store.testing import EmbeddedService

from .support import client_of, framework, invalid


@pytest.mark.parametrize("accept", ["text/event-stream", "", "text/html, text/plain", "garbage"])
async def test_an_accept_header_without_json_leads_to_406(client: httpx.AsyncClient, accept: str) -> None:
    answer = await client.get("/", headers={"Accept": accept})
    assert answer.status_code == 406
    detail = "Could not satisfy the request Accept header."
    assert answer.json() == framework("invalid_request", "not_acceptable", detail)


@pytest.mark.parametrize(
    "accept", ["*/*", "application/*", "APPLICATION/JSON", "text/html, application/json;q=0.5", "*/*;q=0"]
)
async def test_an_accept_header_with_json_is_fine(client: httpx.AsyncClient, accept: str) -> None:
    assert (await client.get("/", headers={"Accept": accept})).status_code == 200


async def test_no_accept_header_is_fine(client: httpx.AsyncClient) -> None:
    del client.headers["accept"]
    assert (await client.get("/")).status_code == 200


async def test_the_accept_header_is_checked_before_the_key(service: EmbeddedService) -> None:
    async with client_of(service, "phx_unknown") as client:
        assert (await client.get("/", headers={"Accept": "text/html"})).status_code == 406


@pytest.mark.parametrize(("format_", "status"), [("json", 200), ("", 200), ("xml", 404)])
async def test_only_the_format_json_is_known(client: httpx.AsyncClient, format_: str, status: int) -> None:
    assert (await client.get("/", params={"format": format_})).status_code == status


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", ""])
async def test_a_body_of_another_content_type_leads_to_415(client: httpx.AsyncClient, content_type: str) -> None:
    answer = await client.post("/install_custom/", content=b"{}", headers={"Content-Type": content_type})
    assert answer.status_code == 415
    detail = f'Unsupported media type "{content_type}" in request.'
    assert answer.json() == framework("invalid_request", "unsupported_media_type", detail)


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "APPLICATION/JSON"])
async def test_parameters_and_case_of_the_content_type_do_not_matter(
    client: httpx.AsyncClient, content_type: str
) -> None:
    answer = await client.post("/install_custom/", content=b"{}", headers={"Content-Type": content_type})
    assert answer.json()["code"] == "required"


async def test_no_body_counts_as_an_empty_object_whatever_its_type(client: httpx.AsyncClient) -> None:
    answer = await client.post("/install_custom/", headers={"Content-Type": "text/plain"})
    assert answer.json() == invalid("required", "This field is required.", "name")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"{", "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
        (b"server_id=string", "Expecting value: line 1 column 1 (char 0)"),
        (b'{"name": NaN}', "Out of range float values are not JSON compliant: 'NaN'"),
        (b"\xff", "'utf-8' codec can't decode byte 0xff in position 0: invalid start byte"),
    ],
)
async def test_a_body_that_is_not_json_leads_to_400(client: httpx.AsyncClient, body: bytes, reason: str) -> None:
    answer = await client.post("/install_custom/", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert answer.json() == framework("invalid_request", "parse_error", f"JSON parse error - {reason}")


@pytest.mark.parametrize(
    ("body", "found"),
    [("[]", "list"), ('[{"name": 1}]', "list"), ('"x"', "str"), ("5", "int"), ("true", "bool")],
)
async def test_a_body_that_is_not_an_object_leads_to_400(client: httpx.AsyncClient, body: str, found: str) -> None:
    answer = await client.post("/install_custom/", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    detail = f"Invalid data. Expected a dictionary, but got {found}."
    assert answer.json() == invalid("invalid_input", detail)


async def test_a_null_body_leads_to_400(client: httpx.AsyncClient) -> None:
    answer = await client.post("/install_custom/", content="null", headers={"Content-Type": "application/json"})
    assert answer.json() == invalid("null", "No data provided")


async def test_what_the_service_does_not_expect_leads_to_500(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    headers = {"Content-Type": "application/json"}
    answer = await client.post("/install_custom/", content=b"[" * 100_000, headers=headers)
    assert answer.status_code == 500
    body = answer.json()
    assert body.pop("error_event_id")
    assert body == framework("server_error", "error", "A server error occurred.")
    assert "RecursionError" in caplog.text
