"""Redirects are followed within the origin of the service only."""

import gc
import logging
import tracemalloc
from collections.abc import Callable

import httpx
import pytest

from posthog_mcp_store import (
    APIStatusError,
    ConfigurationError,
    MCPStore,
    OAuthCallback,
    OAuthError,
    ResponseDecodeError,
    UnsafeRedirectError,
)
from posthog_mcp_store.testing import EmbeddedService, Fault

from ..support.factories import open_store
from ..support.wire import BASE, ID, SERVER_ID, Wire, installation, page

Faked = Callable[..., MCPStore]


@pytest.mark.parametrize("is_own", [False, True])
async def test_a_service_that_has_moved_is_followed(service: EmbeddedService, is_own: bool) -> None:
    row = service.add_installation()
    service.environments = "redirected"

    async with httpx.AsyncClient() as client:
        own = client if is_own else None
        async with open_store(service, http_client=own, api_prefix="environments") as store:
            await store.installations.retrieve(row.id)
            changed = await store.installations.update(row.id, display_name="New")
            await store.installations.install_custom(name="a", url="https://a.example.com/mcp", auth_type="api_key")
            await store.installations.delete(row.id)

    assert changed.display_name == "New"
    assert [request.path.split("/")[2] for request in service.requests] == ["environments", "projects"] * 4
    assert {request.headers["authorization"] for request in service.requests} == {f"Bearer {service.api_key}"}
    assert service.requests[2].body == service.requests[3].body


@pytest.mark.parametrize("status", [307, 308])
@pytest.mark.parametrize(
    ("location", "url"),
    [
        (f"/api/projects/1/{ID}/", f"https://us.posthog.com/api/projects/1/{ID}/"),
        ("../there/", f"{BASE}there/"),
        ("https://us.posthog.com:443/x?a=b#part", "https://us.posthog.com/x?a=b"),
        ("//us.posthog.com/x", "https://us.posthog.com/x"),
        ("?page=2", f"{BASE}{ID}/?page=2"),
    ],
)
async def test_the_target_is_read_as_browsers_read_it(
    wire: Wire, faked: Faked, status: int, location: str, url: str
) -> None:
    wire.answers(httpx.Response(status, headers={"Location": location}), httpx.Response(200, json=installation()))

    await faked().installations.retrieve(ID)

    assert str(wire.requests[1].url) == url
    assert wire.requests[1].headers["Authorization"] == "Bearer phx_key"


ELSEWHERE = [
    "https://evil.example/",
    "http://us.posthog.com/x",
    "https://us.posthog.com:8443/x",
    "https://user@us.posthog.com/x",
    "https://us.posthog.com.evil.example/",
    "https://us.posthog.com@evil.example/",
    "//evil.example/",
    "\\\\evil.example/",
    "/\\evil.example/",
    "https:\\\\evil.example",
    "ftp://us.posthog.com/",
    "javascript:alert(1)",
    "https://[::1",
    "https://us.posthog.com:port/",
    "/with space",
    "/" + "x" * 9000,
    "",
]


@pytest.mark.parametrize("status", [307, 308])
@pytest.mark.parametrize("location", ELSEWHERE)
async def test_the_key_goes_nowhere_else(wire: Wire, faked: Faked, status: int, location: str) -> None:
    wire.answers(httpx.Response(status, headers={"Location": location}))

    with pytest.raises(APIStatusError) as caught:
        await faked().installations.retrieve(ID)

    assert caught.value.status_code == status
    assert len(wire.requests) == 1


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304])
async def test_other_redirects_are_errors_that_name_their_target(wire: Wire, faked: Faked, status: int) -> None:
    wire.answers(httpx.Response(status, headers={"Location": "https://us.posthog.com/login?next=secret"}))

    with pytest.raises(APIStatusError, match=r"redirected to https://us\.posthog\.com/login, which is not") as caught:
        await faked().installations.retrieve(ID)

    assert "secret" not in str(caught.value)


async def test_redirects_in_a_circle_end(service: EmbeddedService, store: MCPStore) -> None:
    service.inject(Fault(status=307, headers={"Location": "/api/environments/"}, times=None))

    with pytest.raises(APIStatusError, match="redirected to /api/environments/"):
        await store.installations.retrieve(ID)

    assert len(service.requests) == 6


async def test_the_provider_is_never_called(service: EmbeddedService, store: MCPStore) -> None:
    row = service.add_installation(
        server=service.add_oauth_server(authorization_endpoint="https://auth.example.com/authorize")
    )

    redirect = await store.installations.authorize(row.id, install_source="posthog")

    assert redirect.origin == "https://auth.example.com"
    assert len(service.requests) == 1


async def test_a_transport_that_follows_redirects_by_itself_makes_no_success_of_the_providers_page(wire: Wire) -> None:
    """Some transports do (pyreqwest's, for one), and then the response to authorize is the provider's."""
    page = httpx.Response(200, html="<html>Allow?</html>")
    wire.answers(page)
    async with httpx.AsyncClient(transport=httpx.MockTransport(wire)) as client:
        with pytest.raises(ResponseDecodeError, match="not JSON"):
            await MCPStore("phx_key", http_client=client).installations.authorize(server_id=SERVER_ID)


async def test_the_prefix_is_a_setting(service: EmbeddedService) -> None:
    row = service.add_installation()
    templates: list[str] = []

    async with open_store(service, api_prefix="projects") as store:
        view = store.with_options(on_response=lambda info: templates.append(info.path_template))
        await view.installations.retrieve(row.id)
        await view.installations.list()

    assert {request.path.split("/")[2] for request in service.requests} == {"projects"}
    assert templates[0] == "/api/projects/{project_id}/mcp_server_installations/{id}/"


@pytest.mark.parametrize("prefix", ["project", "", "../x"])
def test_a_prefix_the_service_does_not_have_is_refused(prefix: str) -> None:
    with pytest.raises(ConfigurationError, match="api_prefix must be 'environments' or 'projects'"):
        MCPStore("phx_key", api_prefix=prefix)  # type: ignore[arg-type]


async def test_the_end_of_a_path_is_warned_of_once(service: EmbeddedService, caplog: pytest.LogCaptureFixture) -> None:
    async with open_store(service, api_prefix="environments") as store:
        for view in (store, store, store.with_options(timeout=5)):
            await view.installations.list()

    (record,) = (each for each in caplog.records if each.levelno == logging.WARNING)
    assert "/api/environments/{project_id}/mcp_server_installations/" in record.getMessage()
    assert "Sunset" in record.getMessage()


async def test_an_announced_end_of_the_api_is_one_line(
    wire: Wire, faked: Faked, caplog: pytest.LogCaptureFixture
) -> None:
    wire.answers(httpx.Response(200, json=installation(), headers={"Sunset": "x" * 9999}))

    await faked().installations.retrieve(ID)

    (record,) = caplog.records
    assert len(record.getMessage()) < 400


async def test_urls_of_responses_are_not_kept() -> None:
    """`urlsplit` remembers what it split."""
    answered = 0

    def answer(request: httpx.Request) -> httpx.Response:
        nonlocal answered
        answered += 1
        long = f"https://us.posthog.com/{answered}/{'a' * 250_000}?state=s&offset={answered}"
        if request.method == "POST":
            return httpx.Response(200, json={"redirect_url": long})
        if "authorize" in request.url.path:
            return httpx.Response(302, headers={"Location": long})
        if request.url.path.endswith(f"{ID}/"):
            return httpx.Response(307, headers={"Location": long})
        return httpx.Response(200, json=page(installation(), count=1, next=long))

    async def call_each(store: MCPStore) -> None:
        with pytest.raises(UnsafeRedirectError, match="too long"):
            await store.installations.authorize(server_id=SERVER_ID)
        with pytest.raises(UnsafeRedirectError, match="too long"):
            await store.installations.install_custom(name="a", url="https://a.example.com", auth_type="oauth")
        with pytest.raises(APIStatusError, match="redirected to an address that can't be read"):
            await store.installations.retrieve(ID)
        assert len(await store.installations.list().collect()) == 1
        with pytest.raises(OAuthError, match="can't be read"):
            OAuthCallback.parse(f"https://us.posthog.com/{answered}/{'a' * 250_000}?status=success")

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
        store = MCPStore("phx_key", http_client=client, max_retries=0)
        await call_each(store)
        gc.collect()
        tracemalloc.start()
        try:
            for _ in range(10):
                await call_each(store)
            gc.collect()
            kept, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

    assert kept < 1_000_000
