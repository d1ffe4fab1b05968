"""The example programs do what they show."""

import asyncio
import os
import re
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import httpx
import pytest

from posthog_mcp_store.testing import EmbeddedService, give_consent

from ..support.oauth_stack import SERVER_URL, OAuthStack, serve_oauth_stack

ROOT = Path(__file__).parents[2]


@pytest.fixture
def stack() -> Iterator[OAuthStack]:
    with serve_oauth_stack(EmbeddedService(development=True)) as stack:
        yield stack


@asynccontextmanager
async def run(stack: OAuthStack, *command: str) -> AsyncIterator[Process]:
    """A program in a separate process, without a screen."""
    environment = {name: value for name, value in os.environ.items() if not name.endswith(("DISPLAY", "BROWSER"))} | {
        "POSTHOG_PERSONAL_API_KEY": stack.service.api_key,
        "POSTHOG_HOST": stack.service.base_url,
        "SESSION_SECRET": "secret",
        "PYTHONUNBUFFERED": "1",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-W", "error", *command, cwd=ROOT, env=environment, stdout=PIPE, stderr=STDOUT
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await asyncio.wait_for(process.communicate(), 20)


async def printed(process: Process, pattern: str) -> str:
    """The part of a program's output that the pattern's group matches."""
    assert process.stdout is not None
    lines = []
    while line := (await asyncio.wait_for(process.stdout.readline(), 60)).decode():
        lines.append(line)
        if found := re.search(pattern, line):
            return found[1]
    raise AssertionError("".join(lines))


def worker(stack: OAuthStack) -> AbstractAsyncContextManager[Process]:
    return run(stack, "-m", "uvicorn", "examples.web_service:app", "--port", "0")


async def test_one_worker_of_the_web_service_starts_a_flow_and_another_notices_its_end(stack: OAuthStack) -> None:
    async with worker(stack) as one, worker(stack) as other, httpx.AsyncClient(timeout=40) as browser:
        starts, notices = [await printed(process, r"running on (http://[0-9.:]+)") for process in (one, other)]
        assert (await browser.get(f"{notices}/status")).status_code == 404
        assert (await browser.get(f"{notices}/tools")).status_code == 409

        sent = await browser.get(f"{starts}/connect")
        waiting = asyncio.create_task(browser.get(f"{notices}/status"))
        await give_consent(sent.headers["Location"])

        assert (await waiting).json() == {"status": "connected", "name": "Calendar"}
        assert (await browser.get(f"{starts}/tools")).json() == ["add", "greet"]
        stack.service.installations.clear()
        assert (await browser.get(f"{notices}/tools")).status_code == 502


async def test_the_web_service_says_when_the_installation_was_removed_during_the_flow(stack: OAuthStack) -> None:
    async with worker(stack) as process, httpx.AsyncClient(timeout=40) as browser:
        site = await printed(process, r"running on (http://[0-9.:]+)")
        await browser.get(f"{site}/connect")
        stack.service.installations.clear()

        assert (await browser.get(f"{site}/status")).json() == {"status": "removed"}


@pytest.mark.parametrize(
    ("allow", "end"), [(True, r"(calendar.example.com/mcp is connected)"), (False, r"(OAuthDeniedError: .*denied)")]
)
async def test_the_desktop_program_takes_the_browsers_return(stack: OAuthStack, allow: bool, end: str) -> None:
    async with run(stack, "examples/desktop.py", SERVER_URL) as process:
        page = await printed(process, r"Open this in your browser: (\S+)")

        assert (await give_consent(page, allow=allow)).startswith("http://localhost:")
        assert await printed(process, end)
        assert await asyncio.wait_for(process.wait(), 20) == (0 if allow else 1)
