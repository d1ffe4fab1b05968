"""Prefixes, slashes, methods, and what the framework says about them."""

import httpx
import pytest

from posthog_mcp_store.testing import EmbeddedService

from .support import GOOD_INSTALL, SITE, client_of, framework

CALLS: list[tuple[str, str, object, int]] = [
    ("GET", "", None, 200),
    ("POST", "", {}, 405),
    ("GET", "/{id}", None, 200),
    ("PATCH", "/{id}", {}, 200),
    ("DELETE", "/{id}", None, 204),
    ("GET", "/authorize", None, 400),
    ("POST", "/install_custom", GOOD_INSTALL, 201),
    ("POST", "/{id}/proxy", [], 400),
]


@pytest.mark.parametrize("prefix", ["environments", "projects"])
@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("call", CALLS)
async def test_every_operation_is_available_under_both_prefixes_with_and_without_slash(
    service: EmbeddedService, prefix: str, slash: str, call: tuple[str, str, object, int]
) -> None:
    method, path, body, status = call
    url = f"{SITE}/api/{prefix}/1/mcp_server_installations{path}{slash}"
    async with client_of(service) as client:
        answer = await client.request(method, url.format(id=service.add_installation().id), json=body)
    assert answer.status_code == status


@pytest.mark.parametrize("path", ["/api/environments/1/", "/api/other/1/mcp_server_installations/", "/", "{row}/x/"])
async def test_an_unknown_path_leads_to_404_and_is_recorded(service: EmbeddedService, path: str) -> None:
    row = f"/api/projects/1/mcp_server_installations/{service.add_installation().id}"
    async with client_of(service) as client:
        answer = await client.get(SITE + path.format(row=row))
    assert answer.status_code == 404
    assert answer.json() == framework("invalid_request", "not_found", "Endpoint not found.")
    assert [request.path for request in service.requests] == [path.format(row=row)]


@pytest.mark.parametrize("row_id", ["1", "not-a-uuid", "0195f3a0-0000-7000-8000-000000000001"])
@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
async def test_an_unknown_or_malformed_id_leads_to_404(client: httpx.AsyncClient, method: str, row_id: str) -> None:
    answer = await client.request(method, f"/{row_id}/")
    assert answer.status_code == 404
    assert answer.json() == framework("invalid_request", "not_found", "Not found.")


METHODS = [
    ("/", "GET, POST, HEAD, OPTIONS"),
    ("/{id}/", "GET, PATCH, DELETE, HEAD, OPTIONS"),
    ("/authorize/", "GET, HEAD, OPTIONS"),
    ("/install_custom/", "POST, OPTIONS"),
]


@pytest.mark.parametrize(("path", "allowed"), METHODS)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "FOO"])
async def test_another_method_leads_to_405_and_names_the_ones_there_are(
    service: EmbeddedService, client: httpx.AsyncClient, path: str, allowed: str, method: str
) -> None:
    answer = await client.request(method, path.format(id=service.add_installation().id))
    assert answer.headers["allow"] == allowed
    if method not in allowed:
        assert answer.status_code == 405
        detail = f'Method "{method}" not allowed.'
        assert answer.json() == framework("invalid_request", "method_not_allowed", detail)


async def test_an_unknown_method_without_a_key_leads_to_401(service: EmbeddedService) -> None:
    async with client_of(service, "phx_unknown") as client:
        assert (await client.put("/")).status_code == 401


async def test_head_responds_like_get_without_the_body(client: httpx.AsyncClient) -> None:
    get, head = await client.get("/"), await client.head("/")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers == get.headers


async def test_options_lists_the_methods(client: httpx.AsyncClient) -> None:
    answer = await client.options("/install_custom/")
    assert (answer.status_code, answer.headers["allow"]) == (200, "POST, OPTIONS")
