"""The documentation site in a real browser, as its readers see it: light and dark, narrow and wide."""

import functools
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Literal

import pytest
from playwright.async_api import Browser, Page, expect

from .conftest import SCREENSHOTS

ROOT = Path(__file__).parents[2]

Scheme = Literal["light", "dark"]


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """A line for each request would hide what the test says."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the site, built from this checkout."""
    place = tmp_path_factory.mktemp("site")
    for name in ("docs", "src"):
        shutil.copytree(ROOT / name, place / name, symlinks=False)
    for name in ("zensical.toml", "CHANGELOG.md"):
        shutil.copy(ROOT / name, place)
    build = [sys.executable, "-m", "zensical", "build", "--strict"]
    subprocess.run(build, cwd=place, check=True, capture_output=True, timeout=120)
    handler = functools.partial(Quiet, directory=str(place / ".nox" / "site"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


LOOKS: list[tuple[Scheme, int]] = [("light", 1280), ("light", 390), ("dark", 1280), ("dark", 390)]
"""Colour schemes and widths."""


async def open_page(browser: Browser, scheme: Scheme, width: int) -> Page:
    context = await browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 900})
    page = await context.new_page()
    page.set_default_timeout(20_000)
    return page


@pytest.mark.parametrize(
    ("path", "heading", "text"),
    [
        ("/", "posthog-mcp-store", "An installation belongs to the owner of the API key"),
        ("/guides/oauth/", "OAuth", "PostHog sends no callback"),
        ("/reference/store/", "The store", "max_concurrency"),
        ("/changelog/", "Changelog", "Unreleased"),
    ],
)
async def test_a_page_is_readable(site: str, browser: Browser, path: str, heading: str, text: str) -> None:
    for scheme, width in LOOKS:
        page = await open_page(browser, scheme, width)
        problems = watched(page)

        await page.goto(site + path, wait_until="domcontentloaded")

        await expect(page.locator("h1")).to_contain_text(heading)
        await expect(page.locator("article")).to_contain_text(text)
        # Only code and tables may be wider than the window: they scroll on their own.
        assert await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        assert await contrast(page) >= 4.5
        assert problems == []
        await page.screenshot(path=SCREENSHOTS / f"site{path.replace('/', '-')}{scheme}-{width}.png")
        await page.context.close()


async def test_search_finds_a_method(site: str, browser: Browser) -> None:
    page = await open_page(browser, "light", 1280)
    # Before its scripts run, the page takes no keys.
    await page.goto(site, wait_until="networkidle")

    await page.keyboard.press("/")
    await page.keyboard.type("wait_until_authorized")

    found = page.locator("a[href*='reference/store']:has-text('wait_until_authorized')").first
    await expect(found).to_be_visible(timeout=20_000)
    await page.screenshot(path=SCREENSHOTS / "site-search.png")
    await page.context.close()


def watched(page: Page) -> list[str]:
    """The errors of scripts, and the requests that failed, from now on."""
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("requestfailed", lambda request: problems.append(request.url))
    return problems


async def contrast(page: Page) -> float:
    """The contrast of the text with its background (WCAG 2.2, section 1.4.3: at least 4.5)."""
    ratio: float = await page.evaluate(
        """() => {
            const luminance = color => {
                const [r, g, b] = color.match(/[\\d.]+/g).slice(0, 3).map(Number).map(part => {
                    const value = part / 255
                    return value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4
                })
                return 0.2126 * r + 0.7152 * g + 0.0722 * b
            }
            const text = getComputedStyle(document.querySelector("article p")).color
            const background = getComputedStyle(document.body).backgroundColor
            const [dark, light] = [luminance(text), luminance(background)].sort((a, b) => a - b)
            return (light + 0.05) / (dark + 0.05)
        }"""
    )
    return ratio
