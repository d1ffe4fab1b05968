"""The example programs do what they show."""

import asyncio
import re
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Literal

import httpx
import pytest

from posthog_mcp_store.testing import EmbeddedService, give_consent

from ..support.oauth_stack import SERVER_URL, OAuthStack, serve_oauth_stack
from ..support.programs import printed, printed_lines, run


@pytest.fixture
def stack() -> Iterator[OAuthStack]:
    with serve_oauth_stack(EmbeddedService(development=True)) as stack:
        yield stack


def worker(stack: OAuthStack, place: Path) -> AbstractAsyncContextManager[Process]:
    settings = {"DATABASE": str(place / "users.sqlite"), "SESSION_SECRET": "secret"}
    return run(stack.service, "-m", "uvicorn", "examples.web_service:app", "--port", "0", environment=settings)


class Visitor:
    """Somebody with a browser, whose pages may come from any worker."""

    def __init__(self, browser: httpx.AsyncClient) -> None:
        self.browser = browser

    async def sends(self, site: str, path: str, **fields: str) -> httpx.Response:
        """Send a form of the service's page."""
        form = (await self.browser.get(f"{site}/")).text
        (token, *_) = re.findall(r'name="token" value="([^"]+)"', form)
        return await self.browser.post(f"{site}{path}", data={"token": token, **fields})


@asynccontextmanager
async def visitors(number: int) -> AsyncIterator[list[Visitor]]:
    async with AsyncExitStack() as stack:
        browsers = [await stack.enter_async_context(httpx.AsyncClient(timeout=40)) for _ in range(number)]
        yield [Visitor(browser) for browser in browsers]


async def test_two_users_of_the_web_service_share_nothing(stack: OAuthStack, tmp_path: Path) -> None:
    keys = [stack.service.api_key, stack.service.add_key(user="somebody-else", scopes=("project:read",)).token]
    async with worker(stack, tmp_path) as one, worker(stack, tmp_path) as other, visitors(2) as (ada, bob):
        starts, notices = [await printed(process, r"running on (http://[0-9.:]+)") for process in (one, other)]
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

        assert (await ada.sends(notices, "/sign-out")).status_code == 303
        assert (await ada.browser.get(tools)).status_code == 401


async def test_the_web_service_takes_no_form_of_another_site_and_keeps_no_wrong_key(
    stack: OAuthStack, tmp_path: Path
) -> None:
    async with worker(stack, tmp_path) as process, visitors(1) as (visitor,):
        site = await printed(process, r"running on (http://[0-9.:]+)")

        assert (await visitor.sends(site, "/sign-in", api_key="phx_wrong")).status_code == 401
        assert (
            await visitor.browser.post(f"{site}/sign-in", data={"api_key": stack.service.api_key})
        ).status_code == 403
        assert (await visitor.sends(site, "/sign-in", api_key=stack.service.api_key)).status_code == 303
        assert (await visitor.browser.post(f"{site}/connect", data={"token": "guessed"})).status_code == 403
        assert (await visitor.browser.get(f"{site}/connect")).status_code == 405
        assert stack.service.installations == []


async def test_the_web_service_says_when_the_installation_was_removed_during_the_flow(
    stack: OAuthStack, tmp_path: Path
) -> None:
    async with worker(stack, tmp_path) as process, visitors(1) as (visitor,):
        site = await printed(process, r"running on (http://[0-9.:]+)")
        await visitor.sends(site, "/sign-in", api_key=stack.service.api_key)
        await visitor.sends(site, "/connect")
        stack.service.installations.clear()

        assert (await visitor.browser.get(f"{site}/status")).json() == {"status": "removed"}


@pytest.mark.parametrize(
    ("allow", "end"), [(True, r"(calendar.example.com/mcp is connected)"), (False, r"(OAuthDeniedError: .*denied)")]
)
async def test_the_desktop_program_takes_the_browsers_return(stack: OAuthStack, allow: bool, end: str) -> None:
    async with run(stack.service, "examples/desktop.py", SERVER_URL) as process:
        page = await printed(process, r"Open this in your browser: (\S+)")

        assert (await give_consent(page, allow=allow)).startswith("http://localhost:")
        assert await printed(process, end)
        assert await asyncio.wait_for(process.wait(), 20) == (0 if allow else 1)


@pytest.mark.parametrize("version", ["2026-04", "2026-09"])
async def test_the_report_names_what_needs_a_person(version: Literal["2026-04", "2026-09"]) -> None:
    service = EmbeddedService(version=version)
    service.add_installation(display_name="Fine", tools={"add": "approved"})
    service.add_installation(display_name="Off", auth_type="oauth", pending_oauth=True, is_enabled=False)
    with serve_oauth_stack(service) as stack:
        async with run(stack.service, "examples/needs_attention.py") as process:
            assert (await printed_lines(process), process.returncode) == ([], 0)

        service.add_installation(display_name="New", auth_type="oauth", pending_oauth=True)
        service.add_installation(display_name="Notes", tools={"add": "approved", "greet": "needs_approval"})
        async with run(stack.service, "examples/needs_attention.py") as process:
            lines, code = await printed_lines(process), process.returncode

    approval = ["Notes: tools that need approval: greet"] if version == "2026-09" else []
    assert (sorted(lines), code) == (["New: its user has not authorized it yet", *approval], 1)
