"""Preparing and inspecting the service from Python."""

from datetime import UTC, datetime, timedelta, timezone

import httpx
import pytest

from posthog_mcp_store.testing import EmbeddedService

from .support import GOOD_INSTALL, ROWS, SITE, client_of


async def test_every_request_is_recorded_as_it_arrived(service: EmbeddedService, client: httpx.AsyncClient) -> None:
    await client.get("/?limit=5&a=1&a=2", headers={"X-Trace": "t"})
    await client.post("/install_custom", json=GOOD_INSTALL)
    first, second = service.requests
    assert (first.method, first.path, first.query, first.body) == (
        "GET",
        f"{ROWS}/",
        {"limit": "5", "a": "2"},
        b"",
    )
    assert first.headers["authorization"] == f"Bearer {service.api_key}"
    assert first.headers["x-trace"] == "t"
    assert (second.method, second.path, second.json()) == ("POST", f"{ROWS}/install_custom", GOOD_INSTALL)


async def test_refused_requests_are_recorded_too(service: EmbeddedService) -> None:
    async with client_of(service, "phx_unknown") as client:
        await client.get("/")
    assert len(service.requests) == 1


async def test_rows_that_tests_change_are_served_changed(service: EmbeddedService, client: httpx.AsyncClient) -> None:
    row = service.add_installation()
    row.auth_type = "none"
    row.updated_at = None
    body = (await client.get(f"/{row.id}/")).json()
    assert (body["auth_type"], body["updated_at"]) == ("none", None)
    service.installations.clear()
    assert (await client.get("/")).json()["count"] == 0


def test_timestamps_are_utc_with_a_z(service: EmbeddedService) -> None:
    row = service.add_installation()
    row.created_at = datetime(2026, 3, 4, 10, 13, 44, 123456, tzinfo=timezone(timedelta(hours=1)))
    assert row.to_json(SITE)["created_at"] == "2026-03-04T09:13:44.123456Z"


def test_every_row_has_its_own_time(service: EmbeddedService) -> None:
    times = [service.add_installation().created_at for _ in range(100)]
    assert times == sorted(set(times))
    assert abs(times[-1] - datetime.now(UTC)) < timedelta(seconds=10)


def test_rows_are_usable_by_default(service: EmbeddedService) -> None:
    rows = [service.add_installation(), service.add_installation(auth_type="oauth")]
    assert [(row.is_enabled, row.needs_reauth, row.pending_oauth) for row in rows] == [(True, False, False)] * 2
    assert all(row.credential for row in rows)
    assert len({row.url for row in rows}) == 2


def test_a_row_may_be_added_with_a_server_that_is_there(service: EmbeddedService) -> None:
    server = service.add_oauth_server()
    assert service.add_installation(auth_type="oauth", server=server).server is server
    assert service.oauth_servers == [server]


def test_the_same_url_twice_is_refused(service: EmbeddedService) -> None:
    service.add_installation(url="https://a.com")
    with pytest.raises(ValueError, match=r"alice has https://a\.com installed already"):
        service.add_installation(url="https://a.com")
    assert service.add_installation(url="https://a.com", user="bob") in service.installations


@pytest.mark.parametrize("flag", ["needs_reauth", "pending_oauth"])
def test_oauth_flags_on_a_key_installation_are_refused(service: EmbeddedService, flag: str) -> None:
    with pytest.raises(ValueError, match="needs_reauth and pending_oauth"):
        service.add_installation(**{flag: True})  # type: ignore[arg-type]


def test_a_project_that_is_not_there_is_refused(service: EmbeddedService) -> None:
    with pytest.raises(ValueError, match="no project '7'"):
        service.add_key(projects=["7"])
    with pytest.raises(ValueError, match="no project '7'"):
        service.add_installation(project_id="7")


def test_a_local_url_for_an_mcp_server_is_refused_with_the_way_out(service: EmbeddedService) -> None:
    with pytest.raises(ValueError, match=r"Local/Loopback host not allowed.*`target`"):
        service.add_mcp_server("http://127.0.0.1:1/mcp", "http://127.0.0.1:1/mcp")


def test_a_key_shows_its_scopes_and_hides_its_token(service: EmbeddedService) -> None:
    project = service.add_project()
    key = service.add_key(user="bob", scopes=["project:read"], projects=[project])
    assert (key.user, key.scopes, key.projects) == ("bob", ("project:read",), (project,))
    assert key.token.startswith("phx_")
    assert key.token not in repr(key)


async def test_reprs_show_no_secret(service: EmbeddedService, client: httpx.AsyncClient) -> None:
    row = service.add_installation(api_key="the-secret")
    await client.post("/install_custom/", json=GOOD_INSTALL | {"api_key": "the-secret"})
    shown = repr([row, service.installations, service.requests])
    assert "the-secret" not in shown
    assert service.api_key not in shown


async def test_services_share_nothing() -> None:
    one, other = EmbeddedService(), EmbeddedService()
    one.add_installation()
    async with client_of(other, one.api_key) as client:
        assert (await client.get("/")).status_code == 401
    assert (other.installations, one.requests) == ([], [])
