"""The example of a web service keeps its users apart, and survives its visitors."""

import asyncio
import importlib
import re
import sqlite3
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from posthog_mcp_store import AuthorizationRedirect
from posthog_mcp_store.testing import EmbeddedService, Fault, give_consent

from ..support.oauth_stack import SERVER_URL, OAuthStack, serve_oauth_stack
from ..support.programs import printed, printed_lines, run

SECRET = "s" * 32
RUNNING = r"running on (http://[0-9.:]+)"


@pytest.fixture
def stack() -> Iterator[OAuthStack]:
    with serve_oauth_stack(EmbeddedService(development=True)) as stack:
        yield stack


def worker(stack: OAuthStack, place: Path, **environment: str) -> AbstractAsyncContextManager[Process]:
    settings = {"DATABASE": str(place / "users.sqlite"), "SESSION_SECRET": SECRET, **environment}
    return run(stack.service, "-m", "uvicorn", "examples.web_service:app", "--port", "0", environment=settings)


class Visitor:
    """Somebody with a browser, whose pages may come from any worker."""

    def __init__(self, browser: httpx.AsyncClient) -> None:
        self.browser = browser

    async def token(self, site: str) -> str:
        """The token in the forms of the service's page."""
        page = (await self.browser.get(f"{site}/")).text
        return str(re.findall(r'name="token" value="([^"]+)"', page)[0])

    async def sends(self, site: str, path: str, **fields: str) -> httpx.Response:
        """Send a form of the service's page."""
        return await self.browser.post(f"{site}{path}", data={"token": await self.token(site), **fields})


@asynccontextmanager
async def visitors(number: int) -> AsyncIterator[list[Visitor]]:
    async with AsyncExitStack() as stack:
        browsers = [await stack.enter_async_context(httpx.AsyncClient(timeout=40)) for _ in range(number)]
        yield [Visitor(browser) for browser in browsers]


@asynccontextmanager
async def signed_in(stack: OAuthStack, place: Path, **environment: str) -> AsyncIterator[tuple[Visitor, str]]:
    """The default user at a running web service."""
    async with worker(stack, place, **environment) as process, visitors(1) as (visitor,):
        site = await printed(process, RUNNING)
        assert (await visitor.sends(site, "/sign-in", api_key=stack.service.api_key)).status_code == 303
        yield visitor, site


def in_database(place: Path, statement: str, *values: object) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(place / "users.sqlite")) as database, database:
        return database.execute(statement, values).fetchall()


async def test_two_users_share_nothing(stack: OAuthStack, tmp_path: Path) -> None:
    keys = [stack.service.api_key, stack.service.add_key(user="somebody-else", scopes=("project:read",)).token]
    async with worker(stack, tmp_path) as one, worker(stack, tmp_path) as other, visitors(2) as (ada, bob):
        starts, notices = [await printed(process, RUNNING) for process in (one, other)]
        for visitor, key in zip((ada, bob), keys, strict=True):
            assert (await visitor.browser.get(f"{starts}/status")).status_code == 401
            assert (await visitor.sends(starts, "/sign-in", api_key=key)).status_code == 303

        sent = await ada.sends(starts, "/connect")
        waiting = asyncio.create_task(ada.browser.get(f"{notices}/status"))
        await give_consent(sent.headers["Location"])
        connected = (await waiting).json()
        tools = f"{notices}/servers/{connected['id']}/tools"

        assert (connected["status"], connected["name"]) == ("connected", "Calendar")
        assert [tool["name"] for tool in (await ada.browser.get(tools)).json()] == ["add", "greet"]
        assert (await bob.browser.get(tools)).status_code == 404
        assert (await bob.browser.get(f"{starts}/status")).status_code == 404
        assert not any(key.encode() in (tmp_path / "users.sqlite").read_bytes() for key in keys)

        (row,) = stack.service.installations
        tokens = row.access_token
        assert (await ada.sends(notices, "/connect")).json() == connected
        assert row.access_token == tokens

        assert (await ada.sends(notices, "/sign-out")).status_code == 303
        assert (await ada.browser.get(tools)).status_code == 401


@pytest.mark.parametrize("state", ["needs_reauth", "pending_oauth"])
async def test_an_installation_that_waits_for_its_user_keeps_its_tokens_in_a_new_flow(
    stack: OAuthStack, tmp_path: Path, state: str
) -> None:
    stack.service.add_installation(url=SERVER_URL, display_name="Shared", scope="shared", user="somebody-else")
    async with signed_in(stack, tmp_path) as (visitor, site):
        await give_consent((await visitor.sends(site, "/connect")).headers["Location"])
        (row,) = [row for row in stack.service.installations if row.scope == "personal"]
        row.needs_reauth, row.access_token = state == "needs_reauth", "kept" if state == "needs_reauth" else ""
        tokens = row.access_token

        sent = await visitor.sends(site, "/connect")
        assert (sent.status_code, row.access_token) == (303, tokens)

        await give_consent(sent.headers["Location"])
        assert (await visitor.browser.get(f"{site}/status")).json()["status"] == "connected"


async def test_an_installation_whose_registration_was_never_completed_is_installed_again(
    stack: OAuthStack, tmp_path: Path
) -> None:
    row = stack.service.add_installation(url=SERVER_URL, auth_type="oauth", pending_oauth=True)
    row.server = None
    async with signed_in(stack, tmp_path) as (visitor, site):
        await give_consent((await visitor.sends(site, "/connect")).headers["Location"])
        assert (await visitor.browser.get(f"{site}/status")).json()["id"] == str(row.id)


async def test_a_disabled_installation_stays_disabled(stack: OAuthStack, tmp_path: Path) -> None:
    row = stack.service.add_installation(url=SERVER_URL, display_name="Calendar", is_enabled=False)
    async with signed_in(stack, tmp_path) as (visitor, site):
        response = await visitor.sends(site, "/connect")

    assert response.json() == {"status": "disabled", "id": str(row.id), "name": "Calendar"}
    assert not row.is_enabled


async def test_no_form_of_another_site_is_taken_and_no_wrong_key_kept(stack: OAuthStack, tmp_path: Path) -> None:
    async with worker(stack, tmp_path) as process, visitors(1) as (visitor,):
        site = await printed(process, RUNNING)

        assert (
            await visitor.browser.post(f"{site}/sign-in", data={"api_key": stack.service.api_key})
        ).status_code == 403
        for key, status, text in [
            ("phx_wrong", 401, "PostHog does not accept this key"),
            ("", 400, "this is not a valid key or id"),
            ("phx_é", 400, "this is not a valid key or id"),
        ]:
            refused = await visitor.sends(site, "/sign-in", api_key=key)
            assert (refused.status_code, refused.json()) == (status, {"error": text})
        for data in ({}, {"token": ""}, {"token": "guessed"}, {"token": "é"}):
            form = {"api_key": stack.service.api_key, **data}
            assert (await visitor.browser.post(f"{site}/sign-in", data=form)).status_code == 403
        assert in_database(tmp_path, "SELECT * FROM users") == []

        assert (await visitor.sends(site, "/sign-in", api_key=stack.service.api_key)).status_code == 303
        assert (await visitor.browser.post(f"{site}/connect", data={"token": "guessed"})).status_code == 403
        assert (await visitor.browser.get(f"{site}/connect")).status_code == 405
        assert stack.service.installations == []


async def test_a_large_form_is_refused_before_it_is_read(stack: OAuthStack, tmp_path: Path) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"a" * 1024

    async with worker(stack, tmp_path) as process, visitors(1) as (visitor,):
        site = await printed(process, RUNNING)
        token = await visitor.token(site)

        refused = await visitor.browser.post(f"{site}/sign-in", data={"token": token, "api_key": "a" * 5000})
        assert (refused.status_code, refused.text) == (413, "this form is too large")
        for large in ({"data": {"token": token}, "files": {"api_key": b"a" * 5000}}, {"content": endless()}):
            async with asyncio.timeout(20):
                with suppress(httpx.TransportError):  # the connection may be closed before the response can be read
                    refused = await visitor.browser.post(f"{site}/sign-in", **large)
                    assert refused.status_code == 413
        small = await visitor.browser.post(f"{site}/sign-in", data={"token": token}, files={"api_key": b"a"})
        assert small.status_code == 403


async def test_a_user_who_is_gone_is_asked_to_sign_in(stack: OAuthStack, tmp_path: Path) -> None:
    async with signed_in(stack, tmp_path) as (visitor, site):
        assert "/connect" in (await visitor.browser.get(site)).text
        in_database(tmp_path, "DELETE FROM users")

        assert "/sign-in" in (await visitor.browser.get(site)).text
        assert (await visitor.sends(site, "/sign-in", api_key=stack.service.api_key)).status_code == 303


async def test_keys_are_kept_only_while_somebody_is_signed_in(stack: OAuthStack, tmp_path: Path) -> None:
    async with signed_in(stack, tmp_path) as (visitor, site):
        assert (await visitor.sends(site, "/sign-in", api_key=stack.service.api_key)).status_code == 303
        assert len(in_database(tmp_path, "SELECT * FROM users")) == 1

        in_database(tmp_path, "UPDATE users SET created = created - 24 * 3600")
        assert "/sign-in" in (await visitor.browser.get(site)).text
        assert (await visitor.browser.get(f"{site}/status")).status_code == 401

    async with signed_in(stack, tmp_path):
        assert len(in_database(tmp_path, "SELECT * FROM users")) == 1
    assert (tmp_path / "users.sqlite").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("secret", ["", "short"])
async def test_a_secret_that_could_be_guessed_is_refused(stack: OAuthStack, tmp_path: Path, secret: str) -> None:
    async with worker(stack, tmp_path, SESSION_SECRET=secret) as process:
        lines = await printed_lines(process)

    assert lines == ["SESSION_SECRET must have at least 32 characters, chosen at random"]
    assert process.returncode == 1


async def test_the_address_of_a_provider_may_be_long(stack: OAuthStack, tmp_path: Path) -> None:
    def longer(body: Any) -> Any:
        return {"redirect_url": f"{body['redirect_url']}&more={'a' * 5000}"}

    stack.service.inject(Fault(path="/install_custom/", edit=longer))
    async with signed_in(stack, tmp_path, PATIENCE="0.1") as (visitor, site):
        sent = await visitor.sends(site, "/connect")

        assert len(sent.headers["Location"]) > 5000
        assert len(sent.headers.get("Set-Cookie", "")) < 1000  # browsers drop a cookie of more than 4096 bytes
        waiting = await visitor.browser.get(f"{site}/status")
        assert (waiting.status_code, waiting.json()) == (202, {"status": "waiting"})
        await give_consent(sent.headers["Location"])
        assert (await visitor.browser.get(f"{site}/status")).json()["status"] == "connected"


async def test_a_flow_that_nobody_finished_expires(
    stack: OAuthStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SESSION_SECRET", SECRET)
    users = importlib.import_module("examples.web_service").Users(str(tmp_path / "users.sqlite"), SECRET)
    async with signed_in(stack, tmp_path, PATIENCE="0.1") as (visitor, site):
        await visitor.sends(site, "/connect")
        ((user,),) = in_database(tmp_path, "SELECT id FROM users")
        redirect = AuthorizationRedirect.from_json(users.flow_of(user))
        old = AuthorizationRedirect(
            redirect.url,
            SERVER_URL,
            requested_at=redirect.requested_at,
            issued_at=datetime.now(UTC) - timedelta(hours=1),
        )
        users.start_flow(user, old.to_json())

        expired = await visitor.browser.get(f"{site}/status")
        assert (expired.status_code, expired.json()) == (410, {"status": "expired"})
        assert (await visitor.browser.get(f"{site}/status")).json() == {"status": "not started"}

        users.start_flow(user, redirect.to_json())
        users.end_flow(user, old.to_json())
        assert users.flow_of(user) == redirect.to_json()


async def test_an_installation_that_was_removed_during_the_flow_is_reported(stack: OAuthStack, tmp_path: Path) -> None:
    async with signed_in(stack, tmp_path) as (visitor, site):
        await visitor.sends(site, "/connect")
        stack.service.installations.clear()

        assert (await visitor.browser.get(f"{site}/status")).json() == {"status": "removed"}
