"""Turning a coroutine function into a command with the options that every command has."""

import asyncio
import inspect
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Annotated, Any

import typer

from .. import MCPStoreError
from ._errors import CommandError, ExitCode, Failure, failure_of
from ._screen import Screen
from ._session import Options, Region, open_session
from ._text import common_words
from ._view import Result

Command = Callable[..., Coroutine[Any, Any, Result]]


def common_options(
    *,
    host: Annotated[
        str | None,
        typer.Option("--host", metavar="URL", help="The service. By default POSTHOG_HOST, or else PostHog Cloud US."),
    ] = None,
    region: Annotated[
        Region | None, typer.Option("--region", help="PostHog Cloud US or EU, instead of --host.")
    ] = None,
    project: Annotated[
        str | None,
        typer.Option(
            "--project", metavar="ID", help="The project. By default POSTHOG_PROJECT_ID, or else your current project."
        ),
    ] = None,
    demo: Annotated[bool, typer.Option("--demo", help="Use an embedded service with some installations.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> Options:
    """These options may be given before the command or after it."""
    return Options(host=host, region=region, project=project, demo=demo, as_json=as_json)


def _parameters(function: Callable[..., Any]) -> list[inspect.Parameter]:
    return list(inspect.signature(function, eval_str=True).parameters.values())


CONTEXT = inspect.Parameter("context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)
COMMON = _parameters(common_options)


def as_command(function: Command) -> Callable[..., None]:
    """The function as typer calls it: with the common options instead of the session."""
    own = _parameters(function)[1:]

    @wraps(function)
    def command(context: typer.Context, **values: Any) -> None:
        common = common_options(**{each.name: values.pop(each.name) for each in COMMON})
        raise typer.Exit(run(function, common.over(context.obj), values))

    return _with_parameters(command, [CONTEXT, *own, *COMMON])


def as_group(function: Callable[..., None]) -> Callable[..., None]:
    """The function that typer calls before each command, with the common options, which it leaves to the command."""
    own = _parameters(function)

    @wraps(function)
    def callback(context: typer.Context, **values: Any) -> None:
        context.obj = common_options(**{each.name: values.pop(each.name) for each in COMMON})
        function(**values)

    return _with_parameters(callback, [CONTEXT, *own, *COMMON])


def _with_parameters(function: Callable[..., None], parameters: list[inspect.Parameter]) -> Callable[..., None]:
    """The function with this signature, from which typer makes arguments and options."""
    named = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in parameters]
    function.__signature__ = inspect.Signature(named)  # type: ignore[attr-defined]
    function.__annotations__ = {each.name: each.annotation for each in named}
    return function


def run(function: Command, options: Options, arguments: dict[str, Any]) -> int:
    """Run the command and show its result, or why there is none. Return its exit code."""
    common_words.set(options.words())
    screen = Screen.open(as_json=options.as_json)
    try:
        result = asyncio.run(_run(function, options, screen, arguments))
        screen.show(result)
    except (KeyboardInterrupt, typer.Abort):
        screen.fail(Failure(ExitCode.INTERRUPTED, "interrupted"))
        return ExitCode.INTERRUPTED
    except (CommandError, MCPStoreError) as error:
        failure = failure_of(error)
        screen.fail(failure)
        return failure.code
    return result.exit_code


async def _run(function: Command, options: Options, screen: Screen, arguments: dict[str, Any]) -> Result:
    async with open_session(options, screen) as session:
        return await function(session, **arguments)
