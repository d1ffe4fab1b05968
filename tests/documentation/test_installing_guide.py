"""The recipe of docs/guides/installing.md, in the situations that its page does not go through."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from posthog_mcp_store import AlreadyInstalledError, MCPStore
from posthog_mcp_store.testing import EmbeddedService, RecordedRequest

from .test_pages import ROOT, blocks

URL = "https://orders.example.com/mcp"


@pytest.fixture(scope="module")
def recipe() -> SimpleNamespace:
    """The functions of the recipe, which is the last program of the page."""
    *_, program = blocks(Path(ROOT / "docs/guides/installing.md"), "python")
    names: dict[str, Any] = {}
    exec(program.replace("asyncio.run(main())", ""), names)
    return SimpleNamespace(**names)


async def test_processes_that_install_the_same_server_at_once_get_the_same_installation(
    service: EmbeddedService, store: MCPStore, recipe: SimpleNamespace
) -> None:
    found = await asyncio.gather(*(recipe.get_or_install(store, "Orders", URL, "key") for _ in range(5)))

    assert {installation.id for installation in found} == {service.installations[0].id}
    assert len(service.installations) == 1


async def test_a_disabled_installation_stays_disabled(
    service: EmbeddedService, store: MCPStore, recipe: SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    row = service.add_installation(url=URL, display_name="Orders", is_enabled=False)

    found = await recipe.get_or_install(store, "Orders", URL, "key")

    assert (found.id, found.is_enabled) == (row.id, False)
    assert capsys.readouterr().out == "Orders is disabled: ask its user before you enable it\n"


@pytest.mark.parametrize("needs_reauth", [True, False])
async def test_an_installation_that_waits_for_its_user_is_authorized(
    service: EmbeddedService, store: MCPStore, recipe: SimpleNamespace, needs_reauth: bool
) -> None:
    row = service.add_installation(
        url=URL, auth_type="oauth", needs_reauth=needs_reauth, pending_oauth=not needs_reauth
    )

    def consent(request: RecordedRequest) -> None:
        if request.path.endswith(f"/{row.id}/"):
            row.access_token, row.needs_reauth, row.updated_at = "token", False, datetime.now(UTC)

    service.before_each = consent
    async with asyncio.timeout(20):
        found = await recipe.get_or_authorize(store, "Orders", URL)
        again = await recipe.get_or_install(store, "Orders", URL, "key")

    assert found.id == again.id == row.id
    assert not found.pending_oauth
    assert not found.needs_reauth
    assert any("/authorize/" in request.path for request in service.requests)


@pytest.mark.parametrize("user", ["alice", "bob"])
async def test_a_shared_installation_is_not_taken_for_the_users_own(
    service: EmbeddedService, store: MCPStore, recipe: SimpleNamespace, user: str
) -> None:
    own = service.add_installation(url=URL)
    service.add_installation(url=URL, scope="shared", user=user)

    found = await recipe.get_or_install(store, "Orders", URL, "key")

    assert found.id == own.id


async def test_an_installation_that_is_deleted_meanwhile_is_an_error(
    service: EmbeddedService, store: MCPStore, recipe: SimpleNamespace
) -> None:
    service.add_installation(url=URL)

    def delete(request: RecordedRequest) -> None:
        if request.method == "GET":
            service.installations.clear()

    service.before_each = delete

    with pytest.raises(AlreadyInstalledError):
        await recipe.get_or_install(store, "Orders", URL, "key")


async def test_it_works_on_an_instance_of_spring_2026(old_store: MCPStore, recipe: SimpleNamespace) -> None:
    installed = await recipe.get_or_install(old_store, "Orders", URL, "key")
    found = await recipe.get_or_install(old_store, "Orders", URL, "key")

    assert found.id == installed.id
