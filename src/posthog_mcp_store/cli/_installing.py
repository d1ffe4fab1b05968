"""Commands that install and authorize servers."""

from enum import StrEnum
from typing import Annotated, Any

import typer

from .. import AuthorizationRedirect, Installation, MCPStore, Template
from ._authorizing import all_or_nothing, authorize_in_browser, check_consent, check_provider
from ._errors import CommandError, ExitCode
from ._find import find_installation, find_template
from ._managing import InstallationArgument
from ._rows import installation_fields
from ._session import Session
from ._text import single_line
from ._view import Result

SERVER_KEY_VARIABLE = "MCP_SERVER_API_KEY"


class Authentication(StrEnum):
    OAUTH = "oauth"
    API_KEY = "api_key"


BrowserOption = Annotated[
    bool, typer.Option("--browser/--no-browser", help="Open the provider's page in a browser, or print its URL.")
]
ConsentOption = Annotated[bool, typer.Option("--yes", "-y", help="With --demo: allow the access without a browser.")]
TimeoutOption = Annotated[float, typer.Option("--timeout", min=1, metavar="SECONDS", help="How long to wait for you.")]


async def install(
    session: Session,
    name: Annotated[str, typer.Argument(metavar="NAME", help="A server of the catalogue, or with --url, any name.")],
    *,
    url: Annotated[
        str | None, typer.Option("--url", metavar="URL", help="The MCP server, if it is not in the catalogue.")
    ] = None,
    auth: Annotated[Authentication, typer.Option(help="With --url: how the server knows you.")] = Authentication.OAUTH,
    description: Annotated[str, typer.Option("--description", metavar="TEXT", help="With --url: a description.")] = "",
    shared: Annotated[bool, typer.Option("--shared", help="Install it for the whole project.")] = False,
    browser: BrowserOption = True,
    yes: ConsentOption = False,
    timeout: TimeoutOption = 600.0,
) -> Result:
    """Install a server of the catalogue, or with --url, any other.

    The server's own API key, if it has one, is read from MCP_SERVER_API_KEY, or asked for.
    """
    check_consent(session, consents=yes)
    if url is not None and auth == Authentication.OAUTH:
        check_provider(session, url)
    options: dict[str, Any] = {"scope": "shared"} if shared else {}
    async with session.store() as store:
        template = await find_template(store, name) if url is None else None
        if (template.auth_type if template else auth) == Authentication.API_KEY:
            options["api_key"] = session.screen.ask_secret(
                "API key of the MCP server", SERVER_KEY_VARIABLE, f"set {SERVER_KEY_VARIABLE}"
            )
        if description and url is not None:
            options["description"] = description

        def is_meant(row: Installation) -> bool:
            return row.template_id == template.id if template else row.url == (url or "").strip()

        async with all_or_nothing(store, session.screen, is_meant):
            outcome = await _start(store, template, {"name": name, "url": url, "auth_type": str(auth), **options})
            installation = (
                outcome
                if isinstance(outcome, Installation)
                else await authorize_in_browser(
                    session, store, outcome, opens_browser=browser, consents=yes, timeout=timeout
                )
            )
    return _shown(installation)


async def _start(
    store: MCPStore, template: Template | None, options: dict[str, Any]
) -> Installation | AuthorizationRedirect:
    if template is None:
        outcome: Installation | AuthorizationRedirect = await store.installations.install_custom(**options)
        return outcome
    known = {name: options[name] for name in ("api_key", "scope") if name in options}
    return await store.installations.install_template(template, **known)


async def authorize(
    session: Session,
    installation: InstallationArgument,
    *,
    browser: BrowserOption = True,
    yes: ConsentOption = False,
    timeout: TimeoutOption = 600.0,
) -> Result:
    """Authorize an installation in your browser, for the first time or again."""
    check_consent(session, consents=yes)
    async with session.store() as store:
        row = await find_installation(store, installation)
        if row.auth_type == Authentication.API_KEY:
            message = (
                f"{single_line(row.name)} uses an API key: to change it, delete the installation and install it again"
            )
            raise CommandError(ExitCode.USAGE, message)
        redirect = await store.installations.authorize(row)
        authorized = await authorize_in_browser(
            session, store, redirect, opens_browser=browser, consents=yes, timeout=timeout
        )
    return _shown(authorized)


def _shown(installation: Installation) -> Result:
    return Result(installation.to_dict(), installation_fields(installation))
