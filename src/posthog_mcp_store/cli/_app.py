"""The commands, and what typer makes of them."""

import sys
from collections.abc import Callable, Sequence
from itertools import takewhile
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from .. import __version__
from . import _doctor, _installing, _managing, _tools
from ._errors import ExitCode, Failure
from ._options import Command, as_command, as_group
from ._screen import Screen
from ._text import single_line

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

# typer exports no other class of these.
UsageError: type[Exception] = typer.BadParameter.__mro__[1]


class CommandLine(TyperGroup):
    """All commands. Wrong arguments are a failure like any other."""

    def main(self, args: Sequence[str] | None = None, *others: Any, **options: Any) -> Any:
        given = sys.argv[1:] if args is None else args
        try:
            code = super().main(args, *others, **{**options, "standalone_mode": False})
        except UsageError as error:
            code = ExitCode.USAGE
            _report(error, given)
        sys.exit(code)


def _report(error: Any, arguments: Sequence[str]) -> None:
    if not arguments:  # the message is the help
        typer.echo(error.format_message(), err=True)
        return
    # They could not be parsed, so it is not known which of them are options.
    as_json = "--json" in takewhile(lambda argument: argument != "--", arguments)
    Screen.open(as_json=as_json).fail(usage_failure(error))


def usage_failure(error: Any) -> Failure:
    # Some versions of typer show how pydantic begins the message of a ValueError.
    message = single_line(error.format_message()).replace("Value error, ", "").removesuffix(".")
    return Failure(ExitCode.USAGE, message, f"{error.ctx.command_path} --help" if error.ctx else None)


# Plain help fits any width. Tracebacks of typer's own can show local variables, which hold keys.
app = typer.Typer(cls=CommandLine, no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False)


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
