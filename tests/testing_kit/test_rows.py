"""Reading, changing and deleting one installation."""

import httpx
import pytest

from posthog_mcp_store.testing import EmbeddedService

from .support import SITE, framework, invalid


async def test_retrieve_returns_the_row(service: EmbeddedService, client: httpx.AsyncClient) -> None:
    row = service.add_installation()
    answer = await client.get(f"/{row.id}/")
    assert (answer.status_code, answer.json()) == (200, row.to_json(SITE))


async def test_a_delete_leads_to_204_and_the_row_is_gone(service: EmbeddedService, client: httpx.AsyncClient) -> None:
    row, other = service.add_installation(), service.add_installation()
    answer = await client.delete(f"/{row.id}/")
    assert (answer.status_code, answer.content) == (204, b"")
    assert service.installations == [other]
    assert (await client.get(f"/{row.id}/")).status_code == 404


async def test_a_second_delete_leads_to_404(service: EmbeddedService, client: httpx.AsyncClient) -> None:
    row = service.add_installation()
    await client.delete(f"/{row.id}/")
    answer = await client.delete(f"/{row.id}/")
    assert answer.status_code == 404
    assert answer.json() == framework("invalid_request", "not_found", "Not found.")


async def test_an_update_changes_what_was_sent_and_nothing_else(
    service: EmbeddedService, client: httpx.AsyncClient
) -> None:
    row = service.add_installation(display_name="Before", description="kept")
    before = row.to_json(SITE)
    answer = await client.patch(f"/{row.id}/", json={"display_name": " After ", "is_enabled": False})
    changed = {"display_name": "After", "name": "After", "is_enabled": False}
    assert answer.status_code == 200
    assert answer.json() == before | changed | {"updated_at": answer.json()["updated_at"]}
    assert (row.display_name, row.is_enabled, row.description) == ("After", False, "kept")


@pytest.mark.parametrize("body", [{}, {"url": "https://other.com", "auth_type": "oauth", "id": None}])
async def test_an_update_of_nothing_still_moves_updated_at(
    service: EmbeddedService, client: httpx.AsyncClient, body: object
) -> None:
    row = service.add_installation()
    before = row.to_json(SITE)
    answer = await client.patch(f"/{row.id}/", json=body)
    assert answer.status_code == 200
    assert answer.json()["updated_at"] > before["updated_at"]
    assert answer.json() == before | {"updated_at": answer.json()["updated_at"]}


@pytest.mark.parametrize("value", [True, "yes", " YES ", "1", 1, 1.0, "t", "on"])
async def test_many_texts_count_as_true(service: EmbeddedService, client: httpx.AsyncClient, value: object) -> None:
    row = service.add_installation(is_enabled=False)
    await client.patch(f"/{row.id}/", json={"is_enabled": value})
    assert row.is_enabled is True


@pytest.mark.parametrize("value", [False, "no", "Off", "0", 0, "f"])
async def test_many_texts_count_as_false(service: EmbeddedService, client: httpx.AsyncClient, value: object) -> None:
    row = service.add_installation()
    await client.patch(f"/{row.id}/", json={"is_enabled": value})
    assert row.is_enabled is False


@pytest.mark.parametrize("value", [2, "", "maybe", [], {}])
async def test_a_value_that_is_not_a_boolean_leads_to_400(
    service: EmbeddedService, client: httpx.AsyncClient, value: object
) -> None:
    answer = await client.patch(f"/{service.add_installation().id}/", json={"is_enabled": value})
    assert answer.status_code == 400
    assert answer.json() == invalid("invalid_input", "Must be a valid boolean.", "is_enabled")


@pytest.mark.parametrize("field", ["display_name", "description", "is_enabled"])
async def test_null_leads_to_400(service: EmbeddedService, client: httpx.AsyncClient, field: str) -> None:
    answer = await client.patch(f"/{service.add_installation().id}/", json={field: None})
    assert answer.status_code == 400
    assert answer.json() == invalid("null", "This field may not be null.", field)


@pytest.mark.parametrize("field", ["display_name", "description"])
async def test_a_value_that_is_not_a_string_leads_to_400(
    service: EmbeddedService, client: httpx.AsyncClient, field: str
) -> None:
    answer = await client.patch(f"/{service.add_installation().id}/", json={field: ["x"]})
    assert answer.json() == invalid("invalid_input", "Not a valid string.", field)


async def test_a_body_that_is_not_an_object_leads_to_400(service: EmbeddedService, client: httpx.AsyncClient) -> None:
    answer = await client.patch(f"/{service.add_installation().id}/", json=[])
    assert answer.json() == invalid("invalid_input", "Invalid data. Expected a dictionary, but got list.")


async def test_an_unknown_row_is_reported_before_a_bad_body(client: httpx.AsyncClient) -> None:
    assert (await client.patch("/unknown/", content=b"{")).status_code == 404


async def test_a_display_name_too_long_for_its_column_leads_to_500(
    service: EmbeddedService, client: httpx.AsyncClient
) -> None:
    row = service.add_installation(display_name="Before")
    answer = await client.patch(f"/{row.id}/", json={"display_name": "x" * 201})
    assert (answer.status_code, answer.json()["type"]) == (500, "server_error")
    assert row.display_name == "Before"


async def test_a_cleared_display_name_falls_back_to_the_servers_name(
    service: EmbeddedService, client: httpx.AsyncClient
) -> None:
    server = service.add_oauth_server(name="Example issuer")
    with_server = service.add_installation(auth_type="oauth", server=server)
    without = service.add_installation()
    for row, name in [(with_server, "Example issuer"), (without, "")]:
        answer = (await client.patch(f"/{row.id}/", json={"display_name": ""})).json()
        assert (answer["display_name"], answer["name"]) == ("", name)
