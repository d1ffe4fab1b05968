"""install_custom with auth_type api_key, and the checks of its fields."""

import json
from typing import Any
from uuid import UUID

import httpx
import pytest

from posthog_mcp_store.testing import EmbeddedService

from .support import GOOD_INSTALL, SITE, client_of, invalid

INSTALLED = {"detail": "This server URL is already installed."}


async def install(client: httpx.AsyncClient, **fields: object) -> httpx.Response:
    # Not `json=`, which can't write lone surrogates.
    content = json.dumps(GOOD_INSTALL | fields)
    return await client.post("/install_custom/", content=content, headers={"Content-Type": "application/json"})


async def test_an_installation_leads_to_201_with_all_fields_and_no_secret(
    service: EmbeddedService, client: httpx.AsyncClient
) -> None:
    answer = await install(client, api_key="secret", description="Orders and invoices")
    [row] = service.installations
    assert answer.status_code == 201
    assert answer.json() == {
        "id": str(row.id),
        "server_id": None,
        "name": "Orders",
        "display_name": "Orders",
        "url": "https://mcp.example.com/mcp",
        "description": "Orders and invoices",
        "auth_type": "api_key",
        "is_enabled": True,
        "needs_reauth": False,
        "pending_oauth": False,
        "proxy_url": f"{SITE}/api/environments/1/mcp_server_installations/{row.id}/proxy/",
        "created_at": row.created_at.isoformat().replace("+00:00", "Z"),
        "updated_at": row.created_at.isoformat().replace("+00:00", "Z"),
    }
    assert (row.api_key, row.user, row.project_id) == ("secret", "alice", "1")


async def test_the_proxy_url_names_the_numeric_project_under_environments(service: EmbeddedService) -> None:
    async with client_of(service, rows="/api/projects/@current/mcp_server_installations") as client:
        body = (await install(client)).json()
    assert body["proxy_url"] == f"{SITE}/api/environments/1/mcp_server_installations/{body['id']}/proxy/"


async def test_a_missing_key_and_description_are_empty(service: EmbeddedService, client: httpx.AsyncClient) -> None:
    assert (await install(client)).status_code == 201
    assert (service.installations[0].api_key, service.installations[0].description) == ("", "")


async def test_the_same_url_again_leads_to_400(service: EmbeddedService, client: httpx.AsyncClient) -> None:
    await install(client)
    answer = await install(client, name="Another")
    assert (answer.status_code, answer.json()) == (400, INSTALLED)
    assert len(service.installations) == 1


async def test_urls_are_compared_and_kept_as_sent(client: httpx.AsyncClient) -> None:
    for url in ["https://mcp.example.com/mcp", "https://mcp.example.com/mcp/", "https://MCP.example.com/mcp"]:
        answer = await install(client, url=url)
        assert (answer.status_code, answer.json()["url"]) == (201, url)


async def test_two_users_may_install_the_same_url(service: EmbeddedService, client: httpx.AsyncClient) -> None:
    await install(client)
    async with client_of(service, service.add_key(user="bob").token) as bob:
        assert (await install(bob)).status_code == 201


async def test_text_is_stripped_and_numbers_are_taken_for_text(
    service: EmbeddedService, client: httpx.AsyncClient
) -> None:
    fields = {"name": "  Orders ", "url": " https://a.com ", "description": 7, "api_key": " k "}
    assert (await install(client, **fields)).status_code == 201
    [row] = service.installations
    assert (row.display_name, row.url, row.description, row.api_key) == ("Orders", "https://a.com", "7", "k")


async def test_unknown_keys_are_ignored(client: httpx.AsyncClient) -> None:
    answer = await install(client, oauth_provider_kind="x", id="y")
    assert answer.status_code == 201
    assert answer.json()["id"] == str(UUID(answer.json()["id"]))


@pytest.mark.parametrize("field", ["name", "url", "auth_type"])
async def test_a_required_field_must_be_there(client: httpx.AsyncClient, field: str) -> None:
    body = {name: value for name, value in GOOD_INSTALL.items() if name != field}
    answer = await client.post("/install_custom/", json=body)
    assert answer.status_code == 400
    assert answer.json() == invalid("required", "This field is required.", field)


ALL_FIELDS = [
    "name",
    "url",
    "auth_type",
    "api_key",
    "description",
    "install_source",
    "posthog_code_callback_url",
]


@pytest.mark.parametrize("field", ALL_FIELDS)
async def test_no_field_may_be_null(client: httpx.AsyncClient, field: str) -> None:
    answer = await install(client, **{field: None})
    assert answer.status_code == 400
    assert answer.json() == invalid("null", "This field may not be null.", field)


BAD_FIELDS: list[tuple[str, object, str, str]] = [
    ("name", "", "blank", "This field may not be blank."),
    ("name", "   ", "blank", "This field may not be blank."),
    ("name", "x" * 201, "max_length", "Ensure this field has no more than 200 characters."),
    ("name", True, "invalid_input", "Not a valid string."),
    ("name", [], "invalid_input", "Not a valid string."),
    ("name", {}, "invalid_input", "Not a valid string."),
    ("name", "a\x00", "null_characters_not_allowed", "Null characters are not allowed."),
    ("name", "\ud800", "surrogate_characters_not_allowed", "Surrogate characters are not allowed: U+D800."),
    ("url", "", "blank", "This field may not be blank."),
    ("url", "x" * 2049, "max_length", "Ensure this field has no more than 2048 characters."),
    ("url", 5, "invalid_input", "Enter a valid URL."),
    ("url", "http://localhost/", "invalid_input", "URL not allowed: Local/Loopback host not allowed"),
    ("auth_type", "none", "invalid_choice", '"none" is not a valid choice.'),
    ("auth_type", "", "invalid_choice", '"" is not a valid choice.'),
    ("auth_type", True, "invalid_choice", '"True" is not a valid choice.'),
    ("auth_type", "\ud800", "invalid_choice", '"\ud800" is not a valid choice.'),
    ("api_key", [], "invalid_input", "Not a valid string."),
    ("description", {}, "invalid_input", "Not a valid string."),
    ("install_source", "twig", "invalid_choice", '"twig" is not a valid choice.'),
    ("posthog_code_callback_url", "https://a.com/", "invalid_input", "Invalid callback URL"),
    ("posthog_code_callback_url", "posthog-code", "invalid_input", "Invalid callback URL"),
]


@pytest.mark.parametrize(
    ("field", "value", "error"),
    [(field, value, invalid(code, detail, field)) for field, value, code, detail in BAD_FIELDS],
)
async def test_a_bad_value_leads_to_400_and_names_its_field(
    service: EmbeddedService, client: httpx.AsyncClient, field: str, value: object, error: object
) -> None:
    answer = await install(client, **{field: value})
    assert (answer.status_code, answer.json()) == (400, error)
    assert service.installations == []


async def test_a_name_of_200_characters_is_fine(client: httpx.AsyncClient) -> None:
    assert (await install(client, name=" " + "x" * 200)).status_code == 201


async def test_only_the_first_bad_field_is_reported(client: httpx.AsyncClient) -> None:
    answer = await client.post("/install_custom/", json={"auth_type": "none", "url": "x", "name": ""})
    assert answer.json() == invalid("blank", "This field may not be blank.", "name")


@pytest.mark.parametrize("callback", ["posthog-code://oauth/callback", "array://x"])
async def test_a_callback_of_the_desktop_application_is_fine(client: httpx.AsyncClient, callback: str) -> None:
    answer = await install(client, install_source="posthog-code", posthog_code_callback_url=callback)
    assert answer.status_code == 201


async def test_create_leads_to_405_without_body_or_content_type(client: httpx.AsyncClient) -> None:
    answer = await client.post("/", json={"url": "https://a.com"})
    assert (answer.status_code, answer.content) == (405, b"")
    assert "content-type" not in answer.headers
    assert answer.headers["allow"] == "GET, POST, HEAD, OPTIONS"


class TestWhereCreateWorks:
    @pytest.fixture
    def service(self) -> EmbeddedService:
        return EmbeddedService(create_works=True, version="2026-04")

    async def test_it_leads_to_201_with_the_installation(self, service: EmbeddedService) -> None:
        body: dict[str, Any] = {"url": "https://a.com", "display_name": " A ", "is_enabled": False}
        async with client_of(service) as client:
            answer = await client.post("/", json=body)
        assert answer.status_code == 201
        assert answer.json() == service.installations[0].to_json(SITE)
        assert (answer.json()["name"], answer.json()["is_enabled"]) == ("A", False)

    async def test_it_asks_for_the_write_scope(self, service: EmbeddedService) -> None:
        async with client_of(service, service.add_key().token) as client:
            assert (await client.post("/", json={"url": "https://a.com"})).status_code == 403

    async def test_it_links_the_oauth_server_that_is_named(self, service: EmbeddedService) -> None:
        server = service.add_oauth_server(name="Example")
        body = {"url": "https://a.com", "auth_type": "oauth", "server_id": str(server.id)}
        async with client_of(service) as client:
            answer = (await client.post("/", json=body)).json()
        assert (answer["server_id"], answer["name"], answer["pending_oauth"]) == (
            str(server.id),
            "Example",
            True,
        )

    @pytest.mark.parametrize(
        ("body", "error"),
        [
            ({}, invalid("required", "This field is required.", "url")),
            (
                {"url": "https://a.com", "display_name": "x" * 201},
                invalid("max_length", "Ensure this field has no more than 200 characters.", "display_name"),
            ),
            (
                {"url": "https://a.com", "server_id": "x"},
                invalid("invalid_input", "Must be a valid UUID.", "server_id"),
            ),
            (
                {"url": "https://a.com", "server_id": "0195f3a0-0000-7000-8000-000000000001"},
                invalid(
                    "does_not_exist",
                    'Invalid pk "0195f3a0-0000-7000-8000-000000000001" - object does not exist.',
                    "server_id",
                ),
            ),
            ({"url": "https://taken.com"}, INSTALLED),
        ],
    )
    async def test_it_checks_its_fields(self, service: EmbeddedService, body: object, error: object) -> None:
        service.add_installation(url="https://taken.com")
        async with client_of(service) as client:
            answer = await client.post("/", json=body)
        assert (answer.status_code, answer.json()) == (400, error)
