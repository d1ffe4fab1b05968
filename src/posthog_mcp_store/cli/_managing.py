"""Commands that show and change installations."""

from typing import Annotated

import typer

from ._find import find_installation
from ._rows import installation_fields, installation_table, template_table
from ._session import Session
from ._text import command, single_line
from ._view import Result

InstallationArgument = Annotated[
    str, typer.Argument(metavar="INSTALLATION", help="Its name, id, URL, or the beginning of its id.")
]


async def list_installations(session: Session) -> Result:
    """List the installations in the project."""
    async with session.store() as store:
        installations = await store.installations.list().collect()
    return Result([each.to_dict() for each in installations], installation_table(installations))


async def show(session: Session, installation: InstallationArgument) -> Result:
    """Show one installation."""
    async with session.store() as store:
        row = await find_installation(store, installation)
    return Result(row.to_dict(), installation_fields(row))


async def templates(session: Session) -> Result:
    """List the servers of the catalogue."""
    async with session.store() as store:
        found = await store.templates.list()
    return Result([each.to_dict() for each in found], template_table(found))


async def enable(session: Session, installation: InstallationArgument) -> Result:
    """Enable an installation."""
    return await _switch(session, installation, is_enabled=True)


async def disable(session: Session, installation: InstallationArgument) -> Result:
    """Disable an installation: its tools can't be called."""
    return await _switch(session, installation, is_enabled=False)


async def _switch(session: Session, installation: str, *, is_enabled: bool) -> Result:
    async with session.store() as store:
        row = await find_installation(store, installation)
        row = await store.installations.update(row, is_enabled=is_enabled)
    return Result(row.to_dict(), installation_fields(row))


async def delete(
    session: Session,
    installation: InstallationArgument,
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask for confirmation.")] = False,
) -> Result:
    """Delete an installation and its credentials, after asking."""
    async with session.store() as store:
        row = await find_installation(store, installation)
        name = single_line(row.name)
        if not yes:
            question = f"Delete {name} ({single_line(row.url)}) and its credentials?"
            session.screen.confirm(question, command("delete", installation, "--yes"))
        await store.installations.delete(row)
    return Result({"id": str(row.id), "deleted": True}, f"Deleted {name}.")
