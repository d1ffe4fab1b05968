"""Access tokens that expire: refreshes inside the proxy call."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs

import anyio
import httpx
import pytest
from starlette.types import Receive, Scope, Send

from posthog_mcp_store.testing import EmbeddedService, InstallationRecord, OAuthProvider, give_consent, serve_app
from posthog_mcp_store.testing._outbound.tokens import is_refresh_due

from ..support.certificates import NO_CERTIFICATES
from .support import OAUTH_INSTALL, VERSIONS, SharedServers, Version, call_tools, client_of, eventually, start
from .test_discovery import Fake

FAILED = (401, "Authentication failed")
NEEDS_REAUTH = (401, "Installation needs re-authentication")
NOW = datetime(2026, 3, 4, tzinfo=UTC)


@pytest.fixture(params=VERSIONS)
def service(request: pytest.FixtureRequest) -> EmbeddedService:
    """One of each version."""
    return EmbeddedService(version=request.param)


async def connected(service: EmbeddedService, caller: httpx.AsyncClient) -> InstallationRecord:
    """A row whose flow was finished."""
    url = await start(caller)
    async with httpx.AsyncClient(trust_env=False, verify=NO_CERTIFICATES) as browser:
        await browser.get(service.login_url())
        assert (await give_consent(url, client=browser)).endswith("?oauth_complete=true")
    return service.installations[0]


def is_spring(service: EmbeddedService) -> bool:
    return service._state.version == "2026-04"


@pytest.mark.parametrize(
    ("version", "age", "is_due"),
    [
        ("2026-04", 0, False),
        ("2026-04", 3539, False),
        ("2026-04", 3540, True),
        ("2026-04", 3700, True),
        ("2026-09", 0, False),
        ("2026-09", 1799, False),
        ("2026-09", 1800, True),
        ("2026-09", 3700, True),
    ],
)
def test_an_hours_token_is_refreshed_a_minute_early_or_after_half_its_life(
    version: Version, age: int, is_due: bool
) -> None:
    assert is_refresh_due(row_of_an_hour(), NOW + timedelta(seconds=age), version=version) is is_due


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "change",
    [
        lambda row: setattr(row, "expires_at", None),
        lambda row: setattr(row, "auth_type", "api_key"),
    ],
)
def test_a_row_without_a_token_that_runs_out_is_never_refreshed(
    version: Version, change: Callable[[InstallationRecord], None]
) -> None:
    row = row_of_an_hour()
    change(row)
    assert not is_refresh_due(row, NOW + timedelta(days=1), version=version)


@pytest.mark.parametrize(("age", "is_due"), [(3539, False), (3540, True)])
def test_a_token_of_unknown_age_is_refreshed_a_minute_early(age: int, is_due: bool) -> None:
    row = row_of_an_hour()
    row.token_received_at = None
    assert is_refresh_due(row, NOW + timedelta(seconds=age), version="2026-09") is is_due


def row_of_an_hour() -> InstallationRecord:
    return InstallationRecord(
        url="https://mcp.example.com/mcp",
        user="alice",
        project_id="1",
        created_at=NOW,
        updated_at=NOW,
        auth_type="oauth",
        access_token="t",
        token_received_at=NOW,
        expires_at=NOW + timedelta(hours=1),
    )


async def test_the_proxy_refreshes_a_token_in_time(
    service: EmbeddedService, caller: httpx.AsyncClient, provider: OAuthProvider
) -> None:
    row = await connected(service, caller)
    first, moved_at = row.access_token, row.updated_at
    service.advance(3500 if is_spring(service) else 1700)
    assert await call_tools(caller, row) == (200, None)
    assert (row.access_token, row.updated_at) == (first, moved_at)
    service.advance(100)
    row.display_name = "Kept"
    assert await call_tools(caller, row) == (200, None)
    assert provider.is_valid(row.access_token)
    assert provider.token_requests == ["authorization_code", "refresh_token"]
    assert (row.access_token != first, row.display_name) == (True, "Kept")
    assert row.updated_at is not None
    assert moved_at is not None
    assert row.updated_at > moved_at
    assert await call_tools(caller, row) == (200, None)
    assert len(provider.token_requests) == 2


async def test_a_refused_refresh_kills_the_installation_in_version_2026_09(
    service: EmbeddedService, caller: httpx.AsyncClient, provider: OAuthProvider
) -> None:
    row = await connected(service, caller)
    provider.refuses_refreshes = True
    service.advance(3590)
    before = row.updated_at
    assert await call_tools(caller, row) == (FAILED if is_spring(service) else NEEDS_REAUTH)
    assert (row.needs_reauth, row.updated_at == before) == ((False, True) if is_spring(service) else (True, False))
    provider.refuses_refreshes = False
    assert await call_tools(caller, row) == ((200, None) if is_spring(service) else NEEDS_REAUTH)


async def test_a_new_flow_mends_an_installation(
    service: EmbeddedService, caller: httpx.AsyncClient, provider: OAuthProvider
) -> None:
    row = await connected(service, caller)
    row.needs_reauth = True
    assert await call_tools(caller, row) == NEEDS_REAUTH
    assert await connected(service, caller) is row
    assert (row.needs_reauth, row.pending_oauth) == (False, False)
    assert await call_tools(caller, row) == (200, None)


async def test_a_successful_refresh_clears_the_flag(service: EmbeddedService, caller: httpx.AsyncClient) -> None:
    row = await connected(service, caller)
    service.advance(3590)
    fake = Fake()

    async def target(scope: Scope, receive: Receive, send: Send) -> None:
        # Set while the refresh is on its way, for a flagged row is not refreshed.
        row.needs_reauth = scope["type"] == "http"
        await fake(scope, receive, send)

    fake.answers["/token"] = {"access_token": "fresh"}
    with serve_app(target) as host:
        assert row.server is not None
        row.server.token_endpoint = f"{host}/token"
        await call_tools(caller, row)
    assert (row.access_token, row.needs_reauth) == ("fresh", False)


async def test_a_provider_that_is_away_is_a_passing_failure(
    servers: SharedServers, service: EmbeddedService, provider: OAuthProvider
) -> None:
    with servers.protected(service, provider) as caller:
        async with caller:
            row = await connected(service, caller)
    service.advance(3590)
    row.server = service.add_oauth_server()  # nobody is asked who is not on this machine
    async with client_of(service) as client:
        assert await call_tools(client, row) == FAILED
    with serve_app(Fake()) as gone:
        row.server.token_endpoint = f"{gone}/token"
    async with client_of(service) as client:
        assert await call_tools(client, row) == FAILED
    assert row.needs_reauth is False


@pytest.mark.parametrize("status", [200, 302, 500])
async def test_so_is_one_that_responds_with_something_else(
    service: EmbeddedService, caller: httpx.AsyncClient, status: int
) -> None:
    row = await connected(service, caller)
    service.advance(3590)
    fake = Fake()
    fake.answers["/token"], fake.statuses["/token"] = {"access_token": ""}, status
    with serve_app(fake) as host:
        assert row.server is not None
        row.server.token_endpoint = f"{host}/token"
        assert await call_tools(caller, row) == FAILED
    assert row.needs_reauth is False


async def test_without_a_refresh_token_an_installation_works_until_a_refresh_is_due(
    servers: SharedServers, service: EmbeddedService
) -> None:
    provider = OAuthProvider(gives_refresh_tokens=False)
    with servers.protected(service, provider) as caller:
        async with caller:
            row = await connected(service, caller)
            service.advance(3590 if is_spring(service) else 1790)
            assert await call_tools(caller, row) == (200, None)
            service.advance(10)
            assert await call_tools(caller, row) == (FAILED if is_spring(service) else NEEDS_REAUTH)
    assert row.needs_reauth is not is_spring(service)
    assert provider.token_requests == ["authorization_code"]


async def test_a_row_without_a_server_can_not_be_refreshed(service: EmbeddedService) -> None:
    row = service.add_installation(auth_type="oauth")
    row.server, row.refresh_token, row.expires_at = None, "r", NOW
    async with client_of(service) as client:
        assert await call_tools(client, row) == (FAILED if is_spring(service) else NEEDS_REAUTH)


async def test_the_refresh_comes_before_the_url_is_checked(service: EmbeddedService) -> None:
    row = service.add_installation(auth_type="oauth", url="http://127.0.0.1/")
    row.expires_at = NOW
    async with client_of(service) as client:
        assert (await call_tools(client, row))[0] == 401


async def test_a_provider_may_leave_out_what_is_optional(service: EmbeddedService, caller: httpx.AsyncClient) -> None:
    row = await connected(service, caller)
    kept = row.refresh_token
    service.advance(3590)
    fake = Fake()
    with serve_app(fake) as host:
        assert row.server is not None
        row.server.token_endpoint = f"{host}/token"
        await call_tools(caller, row)
        service.advance(10_000_000)
        await call_tools(caller, row)
    assert (row.access_token, row.refresh_token, row.expires_at) == ("the-token", kept, None)
    [(_, body)] = fake.requests
    assert parse_qs(body) == {
        "grant_type": ["refresh_token"],
        "refresh_token": [kept],
        "client_id": [row.server.client_id],
    }


async def test_calls_at_once_refresh_once(
    service: EmbeddedService, caller: httpx.AsyncClient, provider: OAuthProvider
) -> None:
    row = await connected(service, caller)
    service.advance(3590)
    answers: list[tuple[int, object]] = []

    async def call() -> None:
        answers.append(await call_tools(caller, row))

    # Another holder keeps the lock until all of them wait for it.
    async with anyio.create_task_group() as group, service._state.refresh_lock.hold(row.id):
        for _ in range(5):
            group.start_soon(call)
        await eventually(lambda: service.in_flight == 5)
        for _ in range(20):
            assert (await caller.get("/")).status_code == 200
        assert answers == []
    assert answers == [(200, None)] * 5
    assert provider.token_requests == ["authorization_code", "refresh_token"]


async def test_a_token_set_manually_never_expires(service: EmbeddedService) -> None:
    row = service.add_installation(auth_type="oauth", pending_oauth=True, url=OAUTH_INSTALL["url"])
    row.access_token = "by-hand"
    service.advance(10_000_000)
    async with client_of(service) as client:
        assert await call_tools(client, row) == (502, "Upstream MCP server unreachable")


async def test_no_token_is_shown(service: EmbeddedService, caller: httpx.AsyncClient) -> None:
    row = await connected(service, caller)
    assert row.access_token
    assert row.refresh_token
    for token in (row.access_token, row.refresh_token):
        assert token not in repr(row)
