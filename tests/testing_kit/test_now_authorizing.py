"""`authorize` of today's service: every row of its table in docs/service.md, sections 2.2 and 5."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from posthog_mcp_store.testing import EmbeddedService

from .scripted_server import URL
from .support import forbidden, invalid
from .test_now_templates import fixed_client

UNKNOWN = "0195f3a0-0000-7000-8000-000000000001"
EXACTLY_ONE = invalid("invalid_input", "Pass exactly one of template_id or installation_id")
NO_INSTALLATION = {"detail": "Installation not found"}
NO_TEMPLATE = {"detail": "Template not found"}
NO_CLIENT = {"detail": "Installation is missing OAuth state — reinstall the server"}
OFF = forbidden("This server is disabled for your team.")


async def authorize(api: httpx.AsyncClient, **query: Any) -> tuple[int, Any]:
    answer = await api.get("/authorize/", params={name: str(value) for name, value in query.items()})
    if answer.status_code == 302:
        assert (answer.content, answer.headers["content-type"]) == (b"", "text/html; charset=utf-8")
        return 302, answer.headers["location"]
    return answer.status_code, answer.json()


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ({}, EXACTLY_ONE),
        ({"server_id": UNKNOWN}, EXACTLY_ONE),
        ({"installation_id": "", "template_id": ""}, EXACTLY_ONE),
        ({"installation_id": UNKNOWN, "template_id": UNKNOWN}, EXACTLY_ONE),
        ({"installation_id": "x"}, invalid("invalid_input", "Must be a valid UUID.", "installation_id")),
        ({"template_id": "x"}, invalid("invalid_input", "Must be a valid UUID.", "template_id")),
        (
            {"installation_id": UNKNOWN, "install_source": "x"},
            invalid("invalid_choice", '"x" is not a valid choice.', "install_source"),
        ),
        ({"installation_id": UNKNOWN, "posthog_code_callback_url": "https://x"}, {"detail": "Invalid callback URL"}),
    ],
)
async def test_what_it_is_asked_is_checked(api: httpx.AsyncClient, query: dict[str, str], error: object) -> None:
    assert await authorize(api, **query) == (400, error)


async def test_server_id_is_ignored_next_to_another_id(today: EmbeddedService, api: httpx.AsyncClient) -> None:
    row = today.add_installation(auth_type="oauth")
    assert (await authorize(api, installation_id=row.id, server_id="anything"))[0] == 302


async def test_an_own_row_is_authorized_and_keeps_its_tokens(today: EmbeddedService, api: httpx.AsyncClient) -> None:
    row = today.add_installation(auth_type="oauth")
    before = row.updated_at
    status, location = await authorize(api, installation_id=row.id)
    query = parse_qs(urlsplit(location).query)
    assert (status, query["resource"], query["code_challenge_method"]) == (302, [row.url], ["S256"])
    assert (row.access_token, row.updated_at) == ("upstream-token", before)


async def test_the_desktop_application_gets_json(today: EmbeddedService, api: httpx.AsyncClient) -> None:
    row = today.add_installation(auth_type="oauth", scope="shared")
    status, body = await authorize(api, installation_id=row.id, install_source="posthog-code")
    assert (status, list(body)) == (200, ["redirect_url"])


@pytest.mark.parametrize("scope", ["personal", "shared"])
async def test_rows_of_others_are_not_found(today: EmbeddedService, api: httpx.AsyncClient, scope: Any) -> None:
    row = today.add_installation(user="bob", auth_type="oauth", scope=scope)
    assert await authorize(api, installation_id=row.id) == (404, NO_INSTALLATION)
    assert await authorize(api, installation_id=UNKNOWN) == (404, NO_INSTALLATION)


async def test_a_row_that_never_registered_a_client_has_to_be_installed_again(
    today: EmbeddedService, api: httpx.AsyncClient
) -> None:
    assert await authorize(api, installation_id=today.add_installation().id) == (400, NO_CLIENT)
    pending = today.add_installation(auth_type="oauth", pending_oauth=True)
    pending.server = None
    assert await authorize(api, installation_id=pending.id) == (400, NO_CLIENT)


async def test_a_server_that_is_off_is_not_authorized_even_by_admins(
    today: EmbeddedService, api: httpx.AsyncClient
) -> None:
    today.project().admins.add("alice")
    row = today.add_installation(auth_type="oauth")
    template = today.add_template(name="Linear", url=URL, server=fixed_client())
    today.project().servers = {row.url: False, URL: False}
    assert await authorize(api, installation_id=row.id) == (403, OFF)
    assert await authorize(api, template_id=template.id) == (403, OFF)
    today.project().servers, today.project().servers_start_enabled = {}, False
    assert await authorize(api, installation_id=row.id) == (403, OFF)
    assert [each.url for each in today.installations] == [row.url]


async def test_a_url_that_is_refused_by_now_is_not_contacted(today: EmbeddedService, api: httpx.AsyncClient) -> None:
    row = today.add_installation(auth_type="oauth", url="https://10.0.0.1/mcp")
    error = {"detail": "Server URL blocked by security policy"}
    assert await authorize(api, installation_id=row.id) == (400, error)


@pytest.mark.parametrize("endpoint", ["http://auth.example.com/", ""])
async def test_a_providers_page_must_use_https(today: EmbeddedService, api: httpx.AsyncClient, endpoint: str) -> None:
    server = today.add_oauth_server(authorization_endpoint=endpoint)
    row = today.add_installation(auth_type="oauth", server=server)
    error = {"detail": "Authorization endpoint must use HTTPS"}
    assert await authorize(api, installation_id=row.id) == (400, error)


async def test_a_template_is_installed_by_authorizing_it(today: EmbeddedService, api: httpx.AsyncClient) -> None:
    template = today.add_template(name="Linear", url=URL, description="Issues", server=fixed_client())
    status, location = await authorize(api, template_id=template.id)
    assert (status, location.startswith("https://auth.example.com/authorize?client_id=posthog&")) == (302, True)
    [row] = today.installations
    assert (row.user, row.scope, row.url, row.template) == ("alice", "personal", URL, template)
    assert (row.name, row.description, row.auth_type, row.pending_oauth) == ("Linear", "Issues", "oauth", True)
    assert today.project().servers == {URL: True}
    assert (await authorize(api, template_id=template.id))[0] == 302
    assert today.installations == [row]


async def test_a_row_of_a_template_is_authorized_by_the_template(
    today: EmbeddedService, api: httpx.AsyncClient
) -> None:
    template = today.add_template(name="Linear", url=URL, server=fixed_client())
    row = today.add_installation(url=URL, auth_type="oauth", template=template)
    _, location = await authorize(api, installation_id=row.id)
    assert parse_qs(urlsplit(location).query)["client_id"] == ["posthog"]
    template.is_active = False
    assert await authorize(api, installation_id=row.id) == (404, NO_TEMPLATE)


async def test_a_row_of_the_templates_url_is_linked_to_it(today: EmbeddedService, api: httpx.AsyncClient) -> None:
    row = today.add_installation(url=URL, auth_type="oauth")
    template = today.add_template(name="Linear", url=URL, server=fixed_client())
    assert (await authorize(api, template_id=template.id))[0] == 302
    assert (row.template, row.display_name) == (template, "Example server")


async def test_a_template_that_is_not_open_to_the_project_is_not_found(
    today: EmbeddedService, api: httpx.AsyncClient
) -> None:
    template = today.add_template(name="Linear", url=URL, server=fixed_client())
    template.projects = ("2",)
    assert await authorize(api, template_id=template.id) == (404, NO_TEMPLATE)
    assert await authorize(api, template_id=UNKNOWN) == (404, NO_TEMPLATE)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"authorization_endpoint": ""}, "Template missing OAuth metadata"),
        ({"client_id": ""}, "Template OAuth client is not configured"),
        ({"authorization_endpoint": "http://auth.example.com/"}, "Could not build OAuth authorize URL"),
    ],
)
async def test_the_row_stays_if_the_template_has_a_fault(
    today: EmbeddedService, api: httpx.AsyncClient, fault: dict[str, str], error: str
) -> None:
    template = today.add_template(name="Linear", url=URL, server=fixed_client(**fault))
    assert await authorize(api, template_id=template.id) == (400, {"detail": error})
    assert len(today.installations) == 1


async def test_a_template_with_a_key_has_nothing_to_authorize(today: EmbeddedService, api: httpx.AsyncClient) -> None:
    template = today.add_template(name="Keys", url=URL, auth_type="api_key")
    assert await authorize(api, template_id=template.id) == (400, {"detail": "Template missing OAuth metadata"})


async def test_a_template_that_registers_clients_has_to_be_installed_first(
    today: EmbeddedService, api: httpx.AsyncClient
) -> None:
    template = today.add_template(name="Linear", url=URL)
    assert await authorize(api, template_id=template.id) == (400, NO_CLIENT)
    [row] = today.installations
    assert (await api.post("/install_template/", json={"template_id": str(template.id)})).status_code == 200
    assert row.server is not None
    _, location = await authorize(api, template_id=template.id)
    assert parse_qs(urlsplit(location).query)["client_id"] == [row.server.client_id]
