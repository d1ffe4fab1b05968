"""What a command works with: the service and the screen."""

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from enum import StrEnum
from importlib import import_module

from attrs import field, frozen

from .. import MCPStore
from ._errors import CommandError, ExitCode
from ._screen import Screen

KEY_VARIABLE = "POSTHOG_PERSONAL_API_KEY"
HOST_VARIABLE = "POSTHOG_HOST"
PROJECT_VARIABLE = "POSTHOG_PROJECT_ID"
OTHER_KEY_VARIABLE = "POSTHOG_API_KEY"
"""PostHog's own SDKs read a project token from it."""


class Region(StrEnum):
    US = "us"
    EU = "eu"

    @property
    def host(self) -> str:
        return f"https://{self}.posthog.com"


@frozen
class Demo:
    """An embedded service that serves one command."""

    host: str
    api_key: str = field(repr=False)
    give_consent: Callable[[str], Awaitable[object]]
    """Plays the user who allows the access on the provider's page."""
    oauth_servers: Collection[str]
    """The URLs of the MCP servers that have a provider."""


@frozen(kw_only=True)
class Options:
    """The options that every command has."""

    host: str | None = None
    region: Region | None = None
    project: str | None = None
    demo: bool = False
    as_json: bool = False

    def over(self, other: "Options") -> "Options":
        """These options, and for those that are not given, the other ones."""
        return Options(
            host=self.host or other.host,
            region=self.region or other.region,
            project=self.project or other.project,
            demo=self.demo or other.demo,
            as_json=self.as_json or other.as_json,
        )

    def words(self) -> list[str]:
        """The options that choose the service and the project, as they are typed."""
        named = {"--host": self.host, "--region": self.region, "--project": self.project}
        return [word for name, value in named.items() if value for word in (name, value)] + ["--demo"] * self.demo


@frozen
class Session:
    host: str
    project: str
    screen: Screen
    demo: Demo | None = None

    def api_key(self) -> str:
        """The key from the environment, or as somebody types it.

        Raises:
            CommandError: There is none, and nobody to ask.
        """
        if self.demo:
            return self.demo.api_key
        return self.screen.ask_secret("PostHog personal API key", KEY_VARIABLE, missing_key())

    @asynccontextmanager
    async def store(self) -> AsyncIterator[MCPStore]:
        async with MCPStore(self.api_key(), host=self.host, project_id=self.project) as store:
            yield store


def missing_key() -> str:
    """What to do where there is no key."""
    unread = f" ({OTHER_KEY_VARIABLE} is set, but is not read: it usually is a project token)"
    return f"set {KEY_VARIABLE}{unread if OTHER_KEY_VARIABLE in os.environ else ''}"


@asynccontextmanager
async def open_session(options: Options, screen: Screen) -> AsyncIterator[Session]:
    """The session that the options ask for.

    Raises:
        CommandError: They contradict each other, or the embedded service is not installed.
    """
    given = [name for name, value in (("--host", options.host), ("--region", options.region)) if value]
    if len(given) > 1 or (options.demo and given):
        names = " and ".join([*given, *["--demo"] * options.demo])
        raise CommandError(ExitCode.USAGE, f"{names} can't be used together")
    if options.demo:
        async with AsyncExitStack() as servers:
            try:
                demo = await servers.enter_async_context(_demo_service())
            except ImportError as error:
                raise CommandError(ExitCode.USAGE, _missing_demo(error)) from None
            yield Session(demo.host, options.project or "@current", screen, demo)
        return
    host = options.host or (options.region.host if options.region else os.environ.get(HOST_VARIABLE))
    project = options.project or os.environ.get(PROJECT_VARIABLE)
    yield Session(host or Region.US.host, project or "@current", screen)


def _missing_demo(error: ImportError) -> str:
    if isinstance(error, ModuleNotFoundError) and error.name == f"{__package__}._demo":
        return "--demo needs the testing kit, which this copy of posthog-mcp-store was made without"
    return '--demo needs: pip install "posthog-mcp-store[testing]"'


def _demo_service() -> AbstractAsyncContextManager[Demo]:
    # By its name, because a vendored copy may have no testing kit.
    start: Callable[[], AbstractAsyncContextManager[Demo]] = import_module("._demo", __package__).demo_service
    return start()
