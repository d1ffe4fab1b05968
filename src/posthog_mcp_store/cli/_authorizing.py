"""OAuth flows on the user's own machine."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

from .. import AuthorizationRedirect, Installation, MCPStore, MCPStoreError, OAuthTimeoutError, open_in_browser
from ._errors import CommandError, ExitCode
from ._screen import Screen
from ._session import Session
from ._text import command, single_line

CLEANING_SECONDS = 10.0


async def authorize_in_browser(
    session: Session,
    store: MCPStore,
    redirect: AuthorizationRedirect,
    *,
    opens_browser: bool,
    consents: bool,
    timeout: float,
) -> Installation:
    """Lead the user to the provider's page, and wait until they have allowed the access.

    Raises:
        CommandError: They did not, within `timeout` seconds.
    """
    wait = partial(store.installations.wait_until_authorized, redirect, timeout=timeout)
    try:
        if consents and session.demo:
            installation, _ = await asyncio.gather(wait(), session.demo.give_consent(redirect.url))
            return installation
        with session.screen.working("Waiting for you. Ctrl-C stops waiting."):
            await _show_page(session.screen, redirect, opens_browser=opens_browser)
            return await wait()
    except OAuthTimeoutError:
        message = f"the access was not allowed within {timeout:g} s"
        raise CommandError(ExitCode.NEEDS_AUTHORIZATION, message, "run the command again") from None


async def _show_page(screen: Screen, redirect: AuthorizationRedirect, *, opens_browser: bool) -> None:
    if opens_browser and screen.is_interactive and await asyncio.to_thread(open_in_browser, redirect):
        screen.say(f"Allow the access at {redirect.origin}, in the browser that has opened.")
    else:
        screen.say("Allow the access on this page, in a browser that is logged in to PostHog:")
        screen.say(redirect.url)


def check_consent(session: Session, *, consents: bool) -> None:
    """Refuse `--yes` where there is a real provider.

    Raises:
        CommandError: It is given without `--demo`.
    """
    if consents and session.demo is None:
        message = "--yes works with --demo only: a real provider asks you in your browser"
        raise CommandError(ExitCode.USAGE, message)


def check_provider(session: Session, url: str) -> None:
    """Refuse a server that has no provider.

    Raises:
        CommandError: It is none of the demo's own.
    """
    if session.demo and url.strip() not in session.demo.oauth_servers:
        message = f"the demo has no OAuth provider for {single_line(url)}, only for its own servers"
        raise CommandError(ExitCode.USAGE, message, command("install", "Tracker"))


@asynccontextmanager
async def all_or_nothing(
    store: MCPStore, screen: Screen, is_meant: Callable[[Installation], bool]
) -> AsyncIterator[None]:
    """Delete the installation that was added meanwhile, if anything fails or Ctrl-C is pressed.

    The service adds it when a flow begins, and returns no id of it.
    """
    before = {each.id async for each in store.installations.list()}
    try:
        yield
    except BaseException:
        view = store.with_options(deadline=CLEANING_SECONDS)
        try:
            added = [each async for each in view.installations.list() if each.id not in before and each.is_owner]
            for each in filter(is_meant, added):
                await view.installations.delete(each)
                screen.say(f"Deleted the unfinished installation {single_line(each.name)}.")
        except MCPStoreError:
            screen.say(f"An unfinished installation may be left. See: {command('list')}")
        raise
