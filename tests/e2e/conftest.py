"""A real browser: Debian's Chromium, headless, driven by Playwright."""

import os
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright

from posthog_mcp_store import MCPStore
from posthog_mcp_store.testing import EmbeddedService

from ..support.factories import open_store
from ..support.oauth_stack import OAuthStack, serve_oauth_stack

SCREENSHOTS = Path(__file__).parent.parent.parent / "screenshots"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests use one browser, which belongs to one event loop."""
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest.fixture
def stack(request: pytest.FixtureRequest) -> Iterator[OAuthStack]:
    """Everything for an OAuth flow; `parametrize` it indirectly with the service to use."""
    make: Callable[[], EmbeddedService] = getattr(request, "param", EmbeddedService)
    with serve_oauth_stack(make()) as stack:
        yield stack


@pytest_asyncio.fixture(loop_scope="session")
async def store(stack: OAuthStack) -> AsyncIterator[MCPStore]:
    async with open_store(stack.service) as store:
        yield store


class Person:
    """The person at the browser."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self.asked: set[str] = set()
        """The hosts that the browser sent requests to."""
        page.on("request", lambda request: self.asked.add(urlsplit(request.url).hostname or request.url))

    async def opens(self, url: str) -> None:
        await self._page.goto(url)

    async def presses(self, button: str) -> None:
        async with self._page.expect_navigation():
            await self._page.get_by_role("button", name=button).click()

    async def sees(self, name: str) -> str:
        """The text of the page; a screenshot of it is saved in the screenshots' folder under `name`."""
        await self._page.screenshot(path=SCREENSHOTS / f"{name}.png")
        return await self._page.locator("body").inner_text()

    @property
    def address(self) -> str:
        return self._page.url


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    chromium = shutil.which("chromium")
    assert chromium, "Chromium is missing: `nox -s e2e` installs it"
    # Chromium's sandbox does not work for root.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=arguments)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(params=[True, False], ids=["scripts", "no-scripts"], loop_scope="session")
async def person(request: pytest.FixtureRequest, browser: Browser) -> AsyncIterator[Person]:
    """A person whose browser has no cookies, with JavaScript and without."""
    page = await browser.new_page(java_script_enabled=request.param, viewport={"width": 800, "height": 600})
    page.set_default_timeout(20_000)
    yield Person(page)
    await page.close()
