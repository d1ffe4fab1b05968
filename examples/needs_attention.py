"""Report which installations need a person, a line for each; the exit code is 1 if there are any.

    POSTHOG_PERSONAL_API_KEY=phx_... python examples/needs_attention.py

Run it from a scheduler that sends its output to the owner of the key. It only reads.
"""

import asyncio
import sys
from collections.abc import AsyncIterator

from posthog_mcp_store import Installation, MCPStore, MCPStoreError, NotFoundError


async def reasons(store: MCPStore, installation: Installation) -> AsyncIterator[str]:
    """What only a person can do for an installation."""
    if installation.pending_oauth:
        yield "its user has not authorized it yet"
    elif installation.needs_reauth:
        yield "its user has to authorize it again"
    if installation.last_sync_error:
        yield f"PostHog could not read its tools: {installation.last_sync_error}"
    try:
        tools = await store.installations.tools(installation)
    except NotFoundError:
        return  # it was deleted meanwhile, or the instance of PostHog has no approval of tools
    except MCPStoreError as error:
        yield f"its tools are not in this report: {error}"
        return
    if waiting := [tool.tool_name for tool in tools if tool.approval_state == "needs_approval"]:
        yield f"tools that need approval: {', '.join(waiting)}"


def line(text: str) -> str:
    """A text of servers and users on one line, without anything that a terminal would act on."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


async def report() -> bool:
    """Print the report; whether there was anything to print."""
    found = False
    async with MCPStore() as store:
        async for installation in store.installations.list():
            if not (installation.is_enabled and installation.is_owner):
                continue
            async for reason in reasons(store, installation):
                print(line(f"{installation.name or installation.url}: {reason}"))
                found = True
    return found


def main() -> int:
    try:
        return int(asyncio.run(report()))
    except MCPStoreError as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
