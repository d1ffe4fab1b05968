"""The commands, and what typer makes of them."""

from collections.abc import Callable
from typing import Annotated

import typer

from .. import __version__
from . import _doctor, _installing, _managing, _tools
from ._options import Command, as_command, as_group

COMMANDS: dict[str, Command] = {
    "list": _managing.list_installations,
    "show": _managing.show,
    "templates": _managing.templates,
    "install": _installing.install,
    "authorize": _installing.authorize,
    "tools": _tools.tools,
    "approve": _tools.approve,
    "call": _tools.call,
    "enable": _managing.enable,
    "disable": _managing.disable,
    "delete": _managing.delete,
    "doctor": _doctor.doctor,
}

# Plain help fits any width. Tracebacks of typer's own can show local variables, which hold keys.
app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False)


def _print_version(wanted: bool) -> None:  # noqa: FBT001  # typer calls it
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


def _group(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Install MCP servers through PostHog, authorize them, and call their tools.

    The API key is read from POSTHOG_PERSONAL_API_KEY, or asked for.
    """


def _register(name: str, command: Command) -> None:
    # By itself, typer cuts it short.
    summary = (command.__doc__ or "").partition("\n")[0]
    register: Callable[[Callable[..., None]], object] = app.command(name, short_help=summary)
    register(as_command(command))


app.callback()(as_group(_group))
for _name, _command in COMMANDS.items():
    _register(_name, _command)
