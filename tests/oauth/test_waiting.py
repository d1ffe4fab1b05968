"""Waiting for the end of an OAuth flow: what counts as its end, and how often to poll."""

import asyncio
import gc
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from time import monotonic
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from posthog_mcp_store import (
    AlreadyInstalledError,
    AuthenticationError,
    AuthorizationProgress,
    AuthorizationRedirect,
    ConfigurationError,
    MCPStore,
    NotFoundError,
    OAuthTimeoutError,
    PermissionDeniedError,
    ResponseInfo,
    ServerError,
)
from posthog_mcp_store._oauth.polling import pauses
from posthog_mcp_store.testing import EmbeddedService, Fault, InstallationRecord

from ..support.arrivals import Arrivals
from ..support.factories import open_store
from ..support.wire import ID, SERVER_ID, Wire, installation, page

Faked = Callable[..., MCPStore]
URL = "https://mcp.example.com/mcp"


def on_poll(number: int, act: Callable[[], object]) -> Callable[[AuthorizationProgress], None]:
    """A progress callback that acts after the poll with this number, as the person in the browser would."""

    def callback(progress: AuthorizationProgress) -> None:
        if progress.polls == number:
            act()

    return callback


def finish(row: InstallationRecord) -> None:
    """Change a row as the service does at the end of its flow."""
    row.access_token, row.needs_reauth, row.updated_at = "new-token", False, datetime.now(UTC)


async def start(store: MCPStore, url: str = URL) -> AuthorizationRedirect:
    return await store.installations.install_custom(name="Orders", url=url, auth_type="oauth")


def paths(service: EmbeddedService) -> list[str]:
    """The paths of the requests, below that of the collection."""
    return [request.path.partition("mcp_server_installations/")[2] for request in service.requests]


# The end of a flow


async def test_the_first_flow_is_over_when_the_installation_is_no_longer_pending(
    service: EmbeddedService, store: MCPStore
) -> None:
    redirect = await start(store)
    seen: list[AuthorizationProgress] = []

    def watch(progress: AuthorizationProgress) -> None:
        seen.append(progress)
        if progress.polls == 2:
            service.installations[0].access_token = "token"

    done = await store.installations.wait_until_authorized(redirect, timeout=20, on_progress=watch)

    assert (done.id, done.pending_oauth) == (service.installations[0].id, False)
    assert [(progress.polls, progress.installation.pending_oauth) for progress in seen] == [
        (1, True),
        (2, True),
        (3, False),
    ]
    assert all(progress.elapsed + progress.remaining == pytest.approx(20) for progress in seen)
    # The response that started the flow has no id, so the first poll lists.
    assert paths(service) == ["install_custom/", "", f"{done.id}/", f"{done.id}/"]


async def test_a_wait_can_do_with_the_id(service: EmbeddedService, store: MCPStore) -> None:
    row = service.add_installation(auth_type="oauth", pending_oauth=True)

    done = await store.installations.wait_until_authorized(
        str(row.id), timeout=20, on_progress=on_poll(1, lambda: finish(row))
    )

    assert done.id == row.id
    assert paths(service) == [f"{row.id}/", f"{row.id}/"]


async def test_a_dead_installation_is_authorized_when_it_needs_it_no_longer(
    service: EmbeddedService, store: MCPStore
) -> None:
    row = service.add_installation(auth_type="oauth", needs_reauth=True)
    redirect = await store.installations.authorize(row.id)

    def revive() -> None:
        row.needs_reauth = False

    done = await store.installations.wait_until_authorized(redirect, timeout=20, on_progress=on_poll(2, revive))

    assert (done.id, done.needs_reauth) == (row.id, False)


async def test_an_id_that_is_usable_ends_the_wait_at_once(service: EmbeddedService, store: MCPStore) -> None:
    row = service.add_installation(auth_type="oauth")
    looks: list[int] = []

    done = await store.installations.wait_until_authorized(
        row.id, timeout=20, on_progress=lambda progress: looks.append(progress.polls)
    )

    assert (done.id, looks) == (row.id, [1])


async def test_an_installation_stands_for_its_id(service: EmbeddedService, store: MCPStore) -> None:
    row = service.add_installation(auth_type="oauth")
    installation = await store.installations.retrieve(row.id)

    assert (await store.installations.wait_until_authorized(installation, timeout=20)).id == row.id


async def test_a_usable_installation_is_not_authorized_again_by_having_been_so_before(
    service: EmbeddedService, store: MCPStore
) -> None:
    row = service.add_installation(auth_type="oauth", url=URL)
    redirect = await start(store)
    looks: list[datetime | None] = []

    def watch(progress: AuthorizationProgress) -> None:
        looks.append(progress.installation.updated_at)
        if progress.polls == 2:
            finish(row)

    done = await store.installations.wait_until_authorized(redirect, timeout=20, on_progress=watch)

    assert len(looks) == 3
    assert looks[0] == looks[1] != looks[2] == done.updated_at


async def test_a_healthy_installation_that_nobody_authorizes_again_is_not_reported(
    service: EmbeddedService, store: MCPStore
) -> None:
    row = service.add_installation(auth_type="oauth")
    redirect = await store.installations.authorize(row.id)

    with pytest.raises(OAuthTimeoutError):
        await store.installations.wait_until_authorized(redirect, timeout=1.5)


@pytest.mark.parametrize("is_healthy", [True, False])
async def test_a_flow_that_ended_before_the_wait_began_is_seen_at_once(
    service: EmbeddedService, store: MCPStore, is_healthy: bool
) -> None:
    row = service.add_installation(auth_type="oauth", needs_reauth=not is_healthy)
    redirect = await store.installations.authorize(row.id)
    finish(row)
    looks: list[int] = []

    await store.installations.wait_until_authorized(redirect, on_progress=lambda progress: looks.append(progress.polls))

    assert looks == [1]


async def test_an_installation_that_the_flow_made_is_authorized_once_it_is_no_longer_pending(
    service: EmbeddedService, store: MCPStore
) -> None:
    redirect = await start(store)
    service.installations[0].access_token = "token"  # and `updated_at` does not change

    done = await store.installations.wait_until_authorized(redirect, timeout=20)

    assert done.pending_oauth is False


@pytest.mark.parametrize(
    "edit",
    [{"display_name": "Other"}, {"description": "other"}, {"is_enabled": False}],
    ids=str,
)
async def test_an_edit_is_not_taken_for_the_end_of_a_flow(
    service: EmbeddedService, store: MCPStore, edit: dict[str, Any]
) -> None:
    row = service.add_installation(auth_type="oauth")
    redirect = await store.installations.authorize(await store.installations.retrieve(row.id))
    looks: list[int] = []

    def change(progress: AuthorizationProgress) -> None:
        looks.append(progress.polls)
        if progress.polls == 1:
            row.updated_at = datetime.now(UTC)
            vars(row).update(edit)
        if progress.polls == 2:
            finish(row)

    await store.installations.wait_until_authorized(redirect, timeout=20, on_progress=change)

    assert looks == [1, 2, 3]


async def test_a_response_without_times_does_not_end_a_flow(wire: Wire, faked: Faked) -> None:
    healthy = installation(auth_type="oauth", updated_at=None, created_at="2026-03-04T09:13:44")  # without a zone
    moved = installation(auth_type="oauth", updated_at="2026-03-04T09:13:44")
    wire.answers(
        httpx.Response(302, headers={"Location": "https://auth.example.com/?state=s"}),
        *[httpx.Response(200, json=page(healthy | {"server_id": SERVER_ID}))],
        *[httpx.Response(200, json=row | {"server_id": SERVER_ID}) for row in (healthy, moved)],
    )
    installations = faked().installations
    redirect = await installations.authorize(server_id=SERVER_ID)

    done = await installations.wait_until_authorized(redirect, timeout=20)

    assert done.updated_at == datetime(2026, 3, 4, 9, 13, 44)  # as it came


@pytest.mark.parametrize("moment", ["9999-12-31T23:59:59.999999-23:59", "0001-01-01T00:00:00+23:59"])
async def test_a_row_of_any_time_is_compared(wire: Wire, faked: Faked, moment: str) -> None:
    row = installation(url=URL, auth_type="oauth", created_at=moment, updated_at=moment)
    wire.answers(
        httpx.Response(200, json={"redirect_url": "https://auth.example.com/?state=s"}),
        httpx.Response(200, json=page(row)),
        httpx.Response(200, json=row | {"updated_at": "2026-01-01T00:00:00Z"}),
    )
    store = faked()

    assert (await store.installations.wait_until_authorized(await start(store), timeout=20)).url == URL


async def test_a_flow_is_for_ones_own_installation(wire: Wire, faked: Faked) -> None:
    shared = installation(id=str(uuid4()), url=URL, is_owner=False)
    own = installation(url=URL, is_owner=True, pending_oauth=True)
    wire.answers(
        httpx.Response(200, json={"redirect_url": "https://auth.example.com/?state=s"}),
        httpx.Response(200, json=page(shared, own)),
        httpx.Response(200, json=own | {"pending_oauth": False}),
    )
    installations = faked().installations

    done = await installations.wait_until_authorized(
        await installations.install_custom(name="a", url=URL, auth_type="oauth"), timeout=20
    )

    assert str(done.id) == ID


async def test_of_several_installations_with_one_server_the_service_takes_the_lowest_id(
    wire: Wire, faked: Faked
) -> None:
    rows = [
        installation(id=str(UUID(int=number)), server_id=server_id, pending_oauth=True)
        for number, server_id in [(3, SERVER_ID), (2, SERVER_ID), (4, SERVER_ID), (1, None)]
    ]
    wire.answers(
        httpx.Response(302, headers={"Location": "https://auth.example.com/?state=s"}),
        httpx.Response(200, json=page(*rows)),
        httpx.Response(200, json=rows[1] | {"pending_oauth": False}),
    )
    installations = faked().installations

    done = await installations.wait_until_authorized(await installations.authorize(server_id=SERVER_ID), timeout=20)

    assert done.id == UUID(int=2)
    assert wire.requests[-1].url.path.endswith(f"{UUID(int=2)}/")


async def test_a_busy_event_loop_does_not_hide_the_end_of_a_flow(service: EmbeddedService, store: MCPStore) -> None:
    def keep_the_loop_busy(_: ResponseInfo) -> None:
        end = monotonic() + 0.5
        while monotonic() < end:
            pass

    redirect = await start(store.with_options(on_response=keep_the_loop_busy))
    service.installations[0].access_token = "token"

    assert (await store.installations.wait_until_authorized(redirect, timeout=5)).url == URL


SPACES = [" ", "\n", "\t", "\r\n", "\x1f", "\x85", "\xa0", "\u2003", "\u3000"]


@pytest.mark.parametrize("space", SPACES, ids=ascii)
async def test_white_space_around_a_url_does_not_matter(service: EmbeddedService, store: MCPStore, space: str) -> None:
    redirect = await start(store, f"{space}{URL}{space}")
    assert redirect.server_url == service.installations[0].url == URL
    service.installations[0].access_token = "token"

    done = await store.installations.wait_until_authorized(redirect, timeout=20)

    assert done.url == URL
    again = AuthorizationRedirect.from_json(json.dumps(json.loads(redirect.to_json()) | {"server_url": f" {URL}\n"}))
    assert again == redirect


async def test_white_space_around_other_text_is_the_services_to_strip(
    service: EmbeddedService, store: MCPStore
) -> None:
    installed = await store.installations.install_custom(
        name=" Orders\n", url=f" {URL}\n", auth_type="api_key", description="\xa0d "
    )

    assert (installed.name, installed.url, installed.description) == ("Orders", URL, "d")
    with pytest.raises(AlreadyInstalledError):
        await store.installations.install_custom(name="Orders", url=f"{URL} ", auth_type="api_key")


# The service's clock


@pytest.mark.parametrize(
    ("ahead", "after_start", "is_over"),
    [
        (timedelta(hours=1), timedelta(seconds=-5), False),
        (timedelta(hours=1), timedelta(seconds=5), True),
        (timedelta(hours=-1), timedelta(seconds=-5), False),
        (timedelta(hours=-1), timedelta(seconds=5), True),
        (timedelta(0), timedelta(seconds=-5), False),
        (timedelta(0), timedelta(seconds=5), True),
    ],
)
async def test_earlier_changes_are_recognized_by_the_services_clock(
    wire: Wire, faked: Faked, ahead: timedelta, after_start: timedelta, is_over: bool
) -> None:
    there = datetime.now(UTC) + ahead
    changed = (there + after_start).isoformat()
    wire.answers(
        httpx.Response(
            302,
            headers={"Location": "https://auth.example.com/?state=s", "Date": f"{there:%a, %d %b %Y %H:%M:%S} GMT"},
        ),
        httpx.Response(200, json=page(installation(server_id=SERVER_ID, updated_at=changed))),
        httpx.Response(200, json=installation(server_id=SERVER_ID, updated_at=changed)),
    )
    installations = faked().installations
    redirect = await installations.authorize(server_id=SERVER_ID)

    assert redirect.expires_at is not None
    assert abs(redirect.expires_at - there - timedelta(minutes=10)) <= timedelta(seconds=4)
    if is_over:
        await installations.wait_until_authorized(redirect, timeout=20)
    else:
        with pytest.raises(OAuthTimeoutError):
            await installations.wait_until_authorized(redirect, timeout=0.8)


@pytest.mark.parametrize("ahead", [timedelta(hours=1), timedelta(0), timedelta(hours=-1)])
async def test_a_flow_that_made_its_installation_and_is_over_is_recognized_by_the_services_clock(
    wire: Wire, faked: Faked, ahead: timedelta
) -> None:
    there = datetime.now(UTC) + ahead
    made = (there + timedelta(milliseconds=200)).isoformat()
    row = installation(url=URL, auth_type="oauth", created_at=made, updated_at=made)
    wire.answers(
        httpx.Response(
            200,
            json={"redirect_url": "https://auth.example.com/?state=s"},
            headers={"Date": f"{there:%a, %d %b %Y %H:%M:%S} GMT"},
        ),
        httpx.Response(200, json=page(row)),
        httpx.Response(200, json=row),
    )
    redirect = await start(faked())

    assert (await faked().installations.wait_until_authorized(redirect, timeout=5)).url == URL


@pytest.mark.parametrize(
    "date",
    [
        "",
        "yesterday",
        "Mon, 99 Foo 2026 25:61:61 GMT",
        "Fri, 31 Dec 9999 23:59:59 GMT",
        "Fri, 31 Dec 9999 23:59:59 -2359",
        "Sat, 01 Jan 2200 00:00:00 GMT",
        "Mon, 01 Jan 1601 00:00:00 +1400",
        f"Thu, 01 Jan {'9' * 30} 00:00:00 GMT",
        f"Thu, 01 Jan 2026 00:00:00 +{'9' * 30}",
    ],
)
async def test_a_date_that_makes_no_sense_is_skipped(wire: Wire, faked: Faked, date: str) -> None:
    installations = faked().installations
    wire.answers(
        httpx.Response(302, headers={"Location": "https://auth.example.com/?state=s", "Date": date}),
        httpx.Response(200, headers={"Date": date}, json={"redirect_url": "https://auth.example.com/?state=s"}),
    )

    for redirect in (
        await installations.authorize(server_id=SERVER_ID),
        await installations.install_custom(name="a", url=URL, auth_type="oauth"),
    ):
        assert redirect.expires_at is not None
        assert abs(redirect.expires_at - datetime.now(UTC) - timedelta(minutes=10)) < timedelta(seconds=5)
        assert AuthorizationRedirect.from_json(redirect.to_json()).expires_at == redirect.expires_at


# Other ends


async def test_a_flow_that_nobody_finishes_ends_the_wait_and_says_how_to_start_again(
    service: EmbeddedService, store: MCPStore
) -> None:
    with pytest.raises(OAuthTimeoutError, match=r"'https://mcp.example.com/mcp'|installation [0-9a-f-]{36}") as over:
        await store.installations.wait_until_authorized(await start(store), timeout=0.2)

    assert "not authorized within 0.2 s: start a new flow, for example with authorize()" in str(over.value)
    assert over.value.__cause__ is None
    assert isinstance(over.value, TimeoutError)


async def test_a_wait_that_saw_nothing_names_what_it_waited_for(service: EmbeddedService, store: MCPStore) -> None:
    redirect = await start(store)
    service.inject(Fault(method="GET", delay=30, times=None))

    server_url = "https://user:password@mcp.example.com/mcp?token=secret"
    with pytest.raises(OAuthTimeoutError, match=r"the installation of 'https://mcp.example.com/mcp' was not"):
        await store.installations.wait_until_authorized(
            AuthorizationRedirect(redirect.url, server_url=server_url), timeout=0.2
        )
    redirect = AuthorizationRedirect(redirect.url, server_id=UUID(SERVER_ID))
    with pytest.raises(OAuthTimeoutError, match=f"the installation of server {SERVER_ID} was not"):
        await store.installations.wait_until_authorized(redirect, timeout=0.2)


@pytest.mark.parametrize("by_id", [True, False])
async def test_an_installation_that_vanishes_ends_the_wait(
    service: EmbeddedService, store: MCPStore, by_id: bool
) -> None:
    redirect = await start(store)

    with pytest.raises(NotFoundError) as gone:
        await store.installations.wait_until_authorized(
            service.installations[0].id if by_id else redirect,
            timeout=20,
            on_progress=on_poll(1, service.installations.clear),
        )

    assert gone.value.detail == "Not found."


async def test_an_installation_that_vanishes_does_not_affect_waits_for_others(
    service: EmbeddedService, store: MCPStore
) -> None:
    rows = [service.add_installation(auth_type="oauth", pending_oauth=True) for _ in range(3)]
    acts = [lambda: service.installations.remove(rows[0]), lambda: finish(rows[1]), lambda: finish(rows[2])]

    gone, *done = await asyncio.gather(
        *[
            store.installations.wait_until_authorized(row.id, timeout=20, on_progress=on_poll(1, act))
            for row, act in zip(rows, acts, strict=True)
        ],
        return_exceptions=True,
    )

    assert isinstance(gone, NotFoundError)
    assert [getattr(each, "id", each) for each in done] == [row.id for row in rows[1:]]


async def test_an_installation_that_was_never_there_is_not_waited_for(
    service: EmbeddedService, store: MCPStore
) -> None:
    redirect = await start(store)
    service.installations.clear()

    with pytest.raises(NotFoundError, match=r"'https://mcp.example.com/mcp' was not found") as missing:
        await store.installations.wait_until_authorized(redirect, timeout=20)

    assert missing.value.status_code == 404
    assert missing.value.url.endswith("/mcp_server_installations/")
    with pytest.raises(NotFoundError, match="404"):
        await store.installations.wait_until_authorized(uuid4(), timeout=20)


async def test_failures_that_pass_do_not_end_a_wait(service: EmbeddedService) -> None:
    async with open_store(service, max_retries=0) as store:
        row = service.add_installation(auth_type="oauth", pending_oauth=True)
        service.inject(Fault(method="GET", status=503, times=1))
        service.inject(Fault(method="GET", reset="before", times=1))

        done = await store.installations.wait_until_authorized(
            row.id, timeout=20, on_progress=on_poll(1, lambda: finish(row))
        )

    assert done.id == row.id
    assert len(service.requests) == 4


@pytest.mark.parametrize("status", [408, 429, 500, 503, 599])
async def test_a_status_that_passes_does_not_end_a_wait_without_retries(service: EmbeddedService, status: int) -> None:
    async with open_store(service, max_retries=0) as store:
        row = service.add_installation(auth_type="oauth", pending_oauth=True)
        service.inject(Fault(method="GET", status=status))

        done = await store.installations.wait_until_authorized(
            row.id, timeout=20, on_progress=on_poll(1, lambda: finish(row))
        )

    assert done.id == row.id
    assert len(service.requests) == 3


async def test_a_list_that_changes_too_fast_does_not_end_a_wait(wire: Wire, faked: Faked) -> None:
    wire.answers(
        httpx.Response(200, json={"redirect_url": "https://auth.example.com/?state=s"}),
        httpx.Response(200, json=page(count=5)),
        httpx.Response(200, json=page(installation(url=URL, pending_oauth=True))),
        httpx.Response(200, json=installation(url=URL, pending_oauth=False)),
    )
    store = faked()

    assert (await store.installations.wait_until_authorized(await start(store), timeout=20)).url == URL


async def test_a_wait_in_which_every_poll_failed_says_why(service: EmbeddedService) -> None:
    async with open_store(service, max_retries=0) as store:
        row = service.add_installation(auth_type="oauth", pending_oauth=True)
        service.inject(Fault(method="GET", status=503, times=None))

        with pytest.raises(OAuthTimeoutError, match=r"start a new flow.*; the last poll failed \(.*503") as over:
            await store.installations.wait_until_authorized(row.id, timeout=1)

    assert isinstance(over.value.__cause__, ServerError)


async def test_a_failure_that_does_not_pass_ends_a_wait_at_once(service: EmbeddedService, store: MCPStore) -> None:
    row = service.add_installation(auth_type="oauth", pending_oauth=True)
    service.inject(Fault(method="GET", status=403))

    with pytest.raises(PermissionDeniedError):
        await store.installations.wait_until_authorized(row.id, timeout=20)

    assert len(service.requests) == 1
    await store.installations.wait_until_authorized(row.id, timeout=20, on_progress=on_poll(1, lambda: finish(row)))


async def test_a_deadline_bounds_a_wait_as_it_does_every_call(service: EmbeddedService, store: MCPStore) -> None:
    row = service.add_installation(auth_type="oauth", pending_oauth=True)

    with pytest.raises(OAuthTimeoutError, match=r"within 0.3 s"):
        await store.with_options(deadline=0.3).installations.wait_until_authorized(row.id, timeout=20)
    with pytest.raises(OAuthTimeoutError, match=r"within 0.2 s"):
        await store.with_options(deadline=20).installations.wait_until_authorized(row.id, timeout=0.2)


async def test_an_error_of_a_progress_callback_ends_the_wait(service: EmbeddedService, store: MCPStore) -> None:
    row = service.add_installation(auth_type="oauth", pending_oauth=True)

    def fail(_: AuthorizationProgress) -> None:
        raise TimeoutError("my own")

    with pytest.raises(TimeoutError, match="my own"):
        await store.installations.wait_until_authorized(row.id, on_progress=fail)
    assert len(asyncio.all_tasks()) == 1


async def test_a_closed_store_ends_a_wait(service: EmbeddedService) -> None:
    async with open_store(service) as store:
        row = service.add_installation(auth_type="oauth", pending_oauth=True)
        waiting = asyncio.create_task(store.installations.wait_until_authorized(row.id, timeout=20))
        await store.installations.retrieve(row.id)

    with pytest.raises(ConfigurationError, match="closed"):
        await asyncio.wait_for(waiting, 10)


@pytest.mark.parametrize(
    ("target", "options", "fault"),
    [
        ("no id", {}, "target must be a UUID"),
        (None, {}, "target must be a UUID"),
        (AuthorizationRedirect("https://auth.example.com/?state=s"), {}, "names no server"),
        (ID, {"timeout": 0}, "timeout must be a number of seconds"),
        (ID, {"timeout": float("nan")}, "timeout must be a number of seconds"),
        (ID, {"timeout": None}, "timeout must be a number of seconds"),
        (ID, {"on_progress": 1}, "on_progress must be a plain function"),
        (ID, {"on_progress": asyncio.sleep}, "on_progress must be a plain function"),
    ],
)
async def test_a_wait_that_makes_no_sense_is_refused_at_once(
    wire: Wire, faked: Faked, target: Any, options: dict[str, Any], fault: str
) -> None:
    with pytest.raises(ConfigurationError, match=fault):
        await faked().installations.wait_until_authorized(target, **options)

    assert wire.requests == []


# Gently


async def test_polls_are_frequent_at_first_and_some_seconds_apart_in_the_end() -> None:
    lengths = list(islice(pauses(), 20))

    assert lengths[0] == 0.5
    assert lengths == sorted(lengths)
    assert lengths[-1] == 5
    assert sum(lengths[:7]) < 20


async def test_some_waits_at_once_are_as_quick_as_one(service: EmbeddedService, store: MCPStore) -> None:
    rows = [service.add_installation(auth_type="oauth", pending_oauth=True) for _ in range(5)]
    looks = [0] * len(rows)

    def watch(number: int) -> Callable[[AuthorizationProgress], None]:
        def count(progress: AuthorizationProgress) -> None:
            looks[number] = progress.polls
            if progress.polls == 3:
                finish(rows[number])

        return count

    began = monotonic()
    done = await asyncio.gather(
        *[
            store.installations.wait_until_authorized(row.id, timeout=20, on_progress=watch(number))
            for number, row in enumerate(rows)
        ]
    )

    assert [each.id for each in done] == [row.id for row in rows]
    assert looks == [4] * 5
    assert monotonic() - began < 5


async def test_hundreds_of_waits_take_hardly_more_requests_than_one(service: EmbeddedService, store: MCPStore) -> None:
    rows = [service.add_installation(auth_type="oauth", pending_oauth=True) for _ in range(200)]
    finished: list[int] = []

    def finish_all(progress: AuthorizationProgress) -> None:
        if progress.polls == 2 and not finished:
            finished.extend(map(len, [rows]))
            for row in rows:
                finish(row)

    began = monotonic()
    done = await asyncio.gather(
        *[
            # Views share, too: the service counts by key.
            store.with_options().installations.wait_until_authorized(row.id, timeout=20, on_progress=finish_all)
            for row in rows
        ]
    )

    assert [each.id for each in done] == [row.id for row in rows]
    assert monotonic() - began < 10
    # One each for the few that began before there were many, and then one for all.
    assert len(service.requests) < 12


async def test_a_poll_that_fails_does_not_affect_other_waits(service: EmbeddedService, store: MCPStore) -> None:
    rows = [service.add_installation(auth_type="oauth", pending_oauth=True) for _ in range(6)]
    hasty = [store.with_options(deadline=0.05, max_retries=0) for _ in range(3)]
    service.inject(Fault(delay=0.5, times=4))

    ends = await asyncio.gather(
        *[
            view.installations.wait_until_authorized(row.id, timeout=10, on_progress=on_poll(1, partial(finish, row)))
            for view, row in zip([*hasty, store, store, store], rows, strict=True)
        ],
        return_exceptions=True,
    )

    assert {type(end) for end in ends[:3]} == {OAuthTimeoutError}
    assert [end.id for end in ends[3:] if not isinstance(end, BaseException)] == [row.id for row in rows[3:]]


async def test_one_of_many_that_vanishes_says_so(service: EmbeddedService, store: MCPStore) -> None:
    rows = [service.add_installation(auth_type="oauth", pending_oauth=True) for _ in range(6)]
    events = [*[partial(finish, row) for row in rows[:5]], partial(service.installations.remove, rows[5])]

    ends = await asyncio.gather(
        *[
            store.installations.wait_until_authorized(row.id, timeout=10, on_progress=on_poll(1, event))
            for row, event in zip(rows, events, strict=True)
        ],
        return_exceptions=True,
    )

    assert isinstance(ends[5], NotFoundError)
    assert [end.id for end in ends[:5] if not isinstance(end, BaseException)] == [row.id for row in rows[:5]]


async def test_a_long_list_is_one_request(service: EmbeddedService, store: MCPStore) -> None:
    redirect = await start(store)
    row = service.installations[-1]
    for _ in range(250):
        service.add_installation()
    service.requests.clear()

    await store.installations.wait_until_authorized(redirect, timeout=20, on_progress=on_poll(2, lambda: finish(row)))

    assert paths(service) == ["", f"{row.id}/", f"{row.id}/"]


# Each wait for itself


async def test_each_wait_polls_with_the_settings_of_its_own_view(service: EmbeddedService, store: MCPStore) -> None:
    other = service.add_project()
    rows = [
        service.add_installation(auth_type="oauth", pending_oauth=True, project_id=project)
        for project in (service.project_id, service.project_id, other)
    ]
    told: list[list[str]] = [[] for _ in rows]
    views = [
        store.with_options(
            project_id=row.project_id,
            headers={"X-Waiter": str(number)},
            on_response=lambda info, number=number: told[number].append(info.headers["X-Seen"]),  # type: ignore[misc]
        )
        for number, row in enumerate(rows)
    ]
    service.inject(Fault(method="GET", headers={"X-Seen": "yes"}, times=None))

    done = await asyncio.gather(
        *[
            view.installations.wait_until_authorized(
                row.id,
                timeout=20,
                on_progress=on_poll(2, lambda row=row: finish(row)),  # type: ignore[misc]
            )
            for view, row in zip(views, rows, strict=True)
        ]
    )

    assert [each.id for each in done] == [row.id for row in rows]
    assert sorted(request.headers["x-waiter"] for request in service.requests) == list("000111222")
    assert [len(each) for each in told] == [3, 3, 3]


@pytest.mark.parametrize(
    "haste",
    [{"deadline": 0.05}, {"timeout": 0.05, "max_retries": 0}, {"max_retries": 0}],
    ids=["deadline", "timeout", "max_retries"],
)
@pytest.mark.parametrize("stays", [True, False])
async def test_a_hasty_wait_does_not_make_a_patient_one_fail(
    service: EmbeddedService, store: MCPStore, haste: dict[str, Any], stays: bool
) -> None:
    row = service.add_installation(auth_type="oauth", pending_oauth=True)
    service.inject(Fault(method="GET", delay=0.2, times=None))
    hasty = asyncio.ensure_future(
        store.with_options(**haste).installations.wait_until_authorized(row.id, timeout=20 if stays else 0.3)
    )
    await asyncio.sleep(0)

    seen: list[int] = []

    def watch(progress: AuthorizationProgress) -> None:
        seen.append(progress.polls)
        if progress.polls == 2:
            finish(row)

    done = await store.installations.wait_until_authorized(row.id, timeout=20, on_progress=watch)

    assert done.id == row.id
    assert seen == [1, 2, 3]
    hasty.cancel()
    await asyncio.wait([hasty])


# Leaving


async def test_a_cancelled_wait_leaves_no_task_and_disturbs_no_other(service: EmbeddedService, store: MCPStore) -> None:
    rows = [service.add_installation(auth_type="oauth", pending_oauth=True) for _ in range(2)]
    looked = [asyncio.Event() for _ in rows]
    waits = [
        asyncio.create_task(
            store.installations.wait_until_authorized(row.id, timeout=20, on_progress=on_poll(1, event.set))
        )
        for row, event in zip(rows, looked, strict=True)
    ]
    for event in looked:
        await asyncio.wait_for(event.wait(), 10)

    waits[0].cancel()
    with pytest.raises(asyncio.CancelledError):
        await waits[0]
    finish(rows[1])

    assert (await asyncio.wait_for(waits[1], 10)).id == rows[1].id
    assert len(asyncio.all_tasks()) == 1


async def test_a_wait_cancelled_during_a_poll_leaves_no_task(service: EmbeddedService, store: MCPStore) -> None:
    row = service.add_installation(auth_type="oauth", pending_oauth=True)
    arrivals = Arrivals(service)
    service.inject(Fault(delay=30))
    waiting = asyncio.create_task(store.installations.wait_until_authorized(row.id))
    await arrivals.wait_for(1)

    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(waiting, 5)

    # The connection is closed in a separate task.
    if others := asyncio.all_tasks() - {asyncio.current_task()}:
        _, left = await asyncio.wait(others, timeout=5)
        assert left == set()


def test_a_store_waits_in_one_event_loop_after_another(service: EmbeddedService) -> None:
    store = open_store(service)
    row = service.add_installation(auth_type="oauth", pending_oauth=True)

    async def wait(number: int) -> None:
        await store.installations.wait_until_authorized(row.id, timeout=number)

    for _ in range(2):
        with pytest.raises(OAuthTimeoutError):
            asyncio.run(wait(1))
    gc.collect()
    asyncio.run(store.aclose())


# Another process


async def test_a_redirect_goes_through_json(service: EmbeddedService, store: MCPStore) -> None:
    redirect = await start(store)
    text = redirect.to_json()

    assert AuthorizationRedirect.from_json(text) == redirect
    assert AuthorizationRedirect.from_json(text.encode()).expires_at == redirect.expires_at
    by_hand = AuthorizationRedirect("https://auth.example.com/?state=s", server_id=UUID(SERVER_ID))
    assert AuthorizationRedirect.from_json(by_hand.to_json()) == by_hand
    assert by_hand.expires_at is None


@pytest.mark.parametrize(
    "changes",
    [
        {"url": 1},
        {"server_url": 1},
        {"server_id": "x"},
        {"server_id": 1},
        {"requested_at": "yesterday"},
        {"issued_at": ""},
        {"issued_at": 5},
        {"issued_at": "9999-12-31T23:59:59.999999+00:00"},
        {"issued_at": "9999-12-31T23:59:59-23:59"},
        {"issued_at": "9999-12-31T24:00:00"},
        {"requested_at": "0001-01-01T00:00:00+23:59"},
    ],
)
async def test_json_of_something_else_is_refused(store: MCPStore, changes: dict[str, object]) -> None:
    fields = json.loads((await start(store)).to_json())

    for text in (json.dumps(fields | changes), json.dumps([]), "{}", "", "{", "null", b"\xff"):
        with pytest.raises(ConfigurationError, match=r"AuthorizationRedirect\.to_json") as refused:
            AuthorizationRedirect.from_json(text)
        assert refused.value.__cause__ is None


async def test_another_process_waits_with_the_redirect(service: EmbeddedService, store: MCPStore) -> None:
    service.add_installation(auth_type="oauth", url=URL)
    redirect = await start(store)
    finish(service.installations[0])
    script = (
        "import asyncio, sys\n"
        "from posthog_mcp_store import AuthorizationRedirect, MCPStore\n"
        "async def main():\n"
        "    async with MCPStore(sys.argv[1], host=sys.argv[2]) as store:\n"
        "        redirect = AuthorizationRedirect.from_json(sys.stdin.read())\n"
        "        print((await store.installations.wait_until_authorized(redirect, timeout=20)).id)\n"
        "asyncio.run(main())\n"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, service.api_key, service.base_url, stdin=-1, stdout=-1
    )

    out, _ = await asyncio.wait_for(process.communicate(redirect.to_json().encode()), 60)

    assert out.decode().strip() == str(service.installations[0].id)


async def test_a_wrong_key_ends_a_wait(service: EmbeddedService) -> None:
    row = service.add_installation(auth_type="oauth", pending_oauth=True)
    async with MCPStore("phx_wrong", host=service.base_url) as store:
        with pytest.raises(AuthenticationError):
            await store.installations.wait_until_authorized(row.id)
