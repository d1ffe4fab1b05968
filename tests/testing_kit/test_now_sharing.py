"""`share` and `unshare`."""

import httpx
import pytest

from posthog_mcp_store.testing import EmbeddedService

from .scripted_server import URL
from .support import NOT_FOUND, SITE, forbidden, of


async def test_an_admin_shares_an_own_row(today: EmbeddedService, api: httpx.AsyncClient) -> None:
    today.project().admins.add("alice")
    row = today.add_installation()
    before = row.updated_at
    answer = await api.post(f"/{row.id}/share/")
    assert (answer.status_code, answer.json()) == (200, row.to_json(SITE))
    assert (answer.json()["scope"], row.updated_at == before) == ("shared", False)
    async with of(today, "bob") as bob:
        assert (await bob.get(f"/{row.id}/")).json()["is_owner"] is False
    answer = await api.post(f"/{row.id}/share/")
    assert (answer.status_code, answer.json()) == (400, {"detail": "Only personal installations can be shared."})


async def test_a_member_does_not(today: EmbeddedService, api: httpx.AsyncClient) -> None:
    row = today.add_installation()
    answer = await api.post(f"/{row.id}/share/")
    error = forbidden("Only project admins can share MCP servers with the project.")
    assert (answer.status_code, answer.json(), row.scope) == (403, error, "personal")


async def test_nobody_shares_the_row_of_somebody_else(today: EmbeddedService, api: httpx.AsyncClient) -> None:
    today.project().admins.add("alice")
    row = today.add_installation(user="bob")
    answer = await api.post(f"/{row.id}/share/")
    assert (answer.status_code, answer.json()) == (404, NOT_FOUND)


async def test_a_url_is_shared_once(today: EmbeddedService, api: httpx.AsyncClient) -> None:
    today.project().admins.add("alice")
    today.add_installation(url=URL, user="bob", scope="shared")
    row = today.add_installation(url=URL)
    answer = await api.post(f"/{row.id}/share/")
    detail = "A shared connection for this server already exists in this project."
    assert (answer.status_code, answer.json(), row.scope) == (409, {"detail": detail}, "personal")


@pytest.mark.parametrize(("user", "admins"), [("alice", set()), ("bob", {"bob"})])
async def test_its_owner_and_admins_end_sharing_and_it_stays_the_owners(
    today: EmbeddedService, user: str, admins: set[str]
) -> None:
    today.project().admins |= admins
    row = today.add_installation(scope="shared")
    async with of(today, user) as client:
        answer = await client.post(f"/{row.id}/unshare/")
    assert (answer.status_code, answer.json()) == (200, row.to_json(SITE, user=user))
    assert (row.scope, row.user) == ("personal", "alice")


async def test_other_members_do_not(today: EmbeddedService, api: httpx.AsyncClient) -> None:
    row = today.add_installation(user="bob", scope="shared")
    answer = await api.post(f"/{row.id}/unshare/")
    error = forbidden("Only the credential owner or a project admin can unshare a shared server.")
    assert (answer.status_code, answer.json(), row.scope) == (403, error, "shared")


async def test_only_a_shared_row_can_be_unshared(today: EmbeddedService, api: httpx.AsyncClient) -> None:
    answer = await api.post(f"/{today.add_installation().id}/unshare/")
    assert (answer.status_code, answer.json()) == (400, {"detail": "Only shared installations can be unshared."})


async def test_it_is_not_unshared_if_its_owner_has_another_one(today: EmbeddedService, api: httpx.AsyncClient) -> None:
    today.project().admins.add("alice")
    today.add_installation(url=URL, user="bob")
    row = today.add_installation(url=URL, user="bob", scope="shared")
    answer = await api.post(f"/{row.id}/unshare/")
    detail = "The owner already has a personal installation for this server."
    assert (answer.status_code, answer.json(), row.scope) == (409, {"detail": detail}, "shared")


def test_a_url_can_be_prepared_once_in_each_scope(today: EmbeddedService) -> None:
    for scope in ("personal", "shared"):
        today.add_installation(url=URL, scope=scope)
    with pytest.raises(ValueError, match=rf"bob has {URL} installed already"):
        today.add_installation(url=URL, scope="shared", user="bob")
