"""Finding installations, templates and tools by what people call them."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar
from uuid import UUID

from .. import Installation, MCPStore, Template, Tool
from ._errors import CommandError, ExitCode
from ._text import command, single_line

Named = TypeVar("Named", Installation, Template)
SHORTEST_ID = 6
"""How many characters of an id stand for all of them."""


async def find_installation(store: MCPStore, text: str) -> Installation:
    """The installation with this id, beginning of an id, name or URL.

    Raises:
        CommandError: There is none, or there are several.
    """
    if (id := _uuid(text)) is not None:
        return await store.installations.retrieve(id)
    return the_one(await store.installations.list().collect(), text, "there is no installation", command("list"))


async def find_template(store: MCPStore, text: str) -> Template:
    """The template with this name, id or URL.

    Raises:
        CommandError: There is none, or there are several.
    """
    return the_one(await store.templates.list(), text, "the catalogue has no server", command("templates"))


async def find_tool(store: MCPStore, name: str, installation: str | None) -> Installation:
    """The installation that has this tool, which must be the only one unless the installation is given.

    Raises:
        CommandError: There is none, or there are several.
    """
    if installation is not None:
        return await find_installation(store, installation)
    tools = await list_tools(store, await store.installations.list().collect())
    found = [row for row, tool in tools if tool.tool_name == name]
    if not found:
        raise CommandError(ExitCode.NOT_FOUND, f"no installation has the tool {single_line(name)}", command("tools"))
    if len(found) > 1:
        message = f"several installations have the tool {single_line(name)}: choose one with --installation"
        raise CommandError(ExitCode.USAGE, f"{message}, {_listed(found)}")
    return found[0]


async def list_tools(store: MCPStore, installations: Iterable[Installation]) -> list[tuple[Installation, Tool]]:
    """The tools of all these installations."""
    rows = list(installations)
    lists = await asyncio.gather(*(store.installations.tools(row) for row in rows))
    return [(row, tool) for row, tools in zip(rows, lists, strict=True) for tool in tools]


def the_one(candidates: Sequence[Named], text: str, missing: str, listing: str) -> Named:
    """The one candidate that the text stands for.

    Raises:
        CommandError: There is none, or there are several.
    """
    tests: list[Callable[[Named], bool]] = [
        lambda each: text in {each.name, each.url, str(each.id)},
        lambda each: each.name.casefold() == text.casefold(),
        lambda each: len(text) >= SHORTEST_ID and str(each.id).startswith(text.lower()),
    ]
    found = next((some for test in tests if (some := [each for each in candidates if test(each)])), [])
    if not found:
        raise CommandError(ExitCode.NOT_FOUND, f"{missing} {single_line(text)!r}", listing)
    if len(found) > 1:
        raise CommandError(ExitCode.USAGE, f"several are called {single_line(text)!r}: use the id, {_listed(found)}")
    return found[0]


def _listed(rows: Sequence[Named]) -> str:
    return " or ".join(f"{row.id} ({single_line(row.name, limit=40)})" for row in rows)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
