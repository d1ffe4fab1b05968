"""Commands about tools."""

import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

import typer

from .. import ConfigurationError, Installation, MCPStore, ToolResult
from ._errors import CommandError, ExitCode
from ._find import find_installation, find_tool, list_tools
from ._rows import tool_data, tool_result_data, tool_result_text, tool_table
from ._screen import Report
from ._session import Session
from ._text import single_line
from ._view import Result


class State(StrEnum):
    APPROVED = "approved"
    NEEDS_APPROVAL = "needs_approval"
    DO_NOT_USE = "do_not_use"


ToolArgument = Annotated[str, typer.Argument(metavar="TOOL", help="The tool's name.")]
InstallationOption = Annotated[
    str | None,
    typer.Option("--installation", "-i", metavar="INSTALLATION", help="The one to use, if several have the tool."),
]


async def tools(
    session: Session,
    installation: Annotated[
        str | None,
        typer.Argument(metavar="INSTALLATION", help="Its name, id, URL, or the beginning of its id. By default, all."),
    ] = None,
    *,
    refresh: Annotated[bool, typer.Option("--refresh", help="Let PostHog read them from the server again.")] = False,
) -> Result:
    """List tools, and whether they may be called."""
    async with session.store() as store:
        if installation is None:
            rows = await store.installations.list().collect()
        else:
            rows = [await find_installation(store, installation)]
        if refresh:
            for row in rows:
                await store.installations.refresh_tools(row)
        found = await list_tools(store, rows)
    return Result([tool_data(row, tool) for row, tool in found], tool_table(found))


async def approve(
    session: Session,
    tool: ToolArgument,
    *,
    installation: InstallationOption = None,
    state: Annotated[State, typer.Option(help="Approve it, let it need approval again, or block it.")] = State.APPROVED,
) -> Result:
    """Approve a tool for calls, or with --state, block it."""
    async with session.store() as store:
        row = await find_tool(store, tool, installation)
        updated = await store.installations.update_tool(row, tool, approval_state=state.value)
    if updated.approval_state != state:
        session.screen.say(f"The project's rules keep {single_line(tool)} at {single_line(updated.approval_state)}.")
    code = ExitCode.DONE if updated.approval_state == state else ExitCode.NOT_ALLOWED
    return Result(tool_data(row, updated), tool_table([(row, updated)]), code)


async def call(
    session: Session,
    tool: ToolArgument,
    arguments: Annotated[
        str, typer.Argument(metavar="JSON", help="The arguments, an object; - reads them from standard input.")
    ] = "{}",
    *,
    installation: InstallationOption = None,
) -> Result:
    """Call a tool: show its progress, and print its result."""
    parsed = parsed_arguments(session.screen.read_input() if arguments == "-" else arguments)
    async with session.store() as store:
        row = await find_tool(store, tool, installation)
        with session.screen.working(f"Calling {single_line(tool)} of {single_line(row.name)}") as report:
            result = await _call(store, row, tool, parsed, report)
    code = ExitCode.TOOL_FAILED if result.is_error else ExitCode.DONE
    return Result(tool_result_data(result), tool_result_text(result.content), code)


def parsed_arguments(text: str) -> dict[str, Any]:
    """The arguments of a call.

    Raises:
        CommandError: They are not a JSON object.
    """
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CommandError(ExitCode.USAGE, f"the arguments are not JSON: {error}") from None
    if not isinstance(parsed, dict):
        raise CommandError(ExitCode.USAGE, """the arguments must be a JSON object, such as '{"a": 1}'""")
    return parsed


async def _call(
    store: MCPStore, row: Installation, tool: str, arguments: Mapping[str, Any], report: Report
) -> ToolResult:
    """Call the tool in an MCP session, which reports progress, or without the extra `mcp`, in one request."""

    async def show(progress: float, total: float | None, message: str | None) -> None:
        report(progress_line(tool, progress, total, message))

    try:
        connection = store.installations.connect(row)
    except ConfigurationError:
        return await store.installations.call_tool(row, tool, arguments)
    async with connection as client:
        result = await client.call_tool(tool, dict(arguments), progress_callback=show)
    content = [each.model_dump(mode="json", by_alias=True, exclude_none=True) for each in result.content]
    return ToolResult(content, bool(result.is_error), result.structured_content)


def progress_line(tool: str, done: float, total: float | None, message: str | None) -> str:
    amount = f"{done:g}" if total is None else f"{done:g} of {total:g}"
    return single_line(f"{tool}: {amount} {message or ''}", limit=60)
