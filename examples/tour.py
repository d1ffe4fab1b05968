"""A tour of the SDK: its main features from end to end, and some of its errors.

python examples/tour.py           against an embedded service, over real HTTP
python examples/tour.py --live    the read-only part, against the host and key in the environment
"""

import argparse
import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from posthog_mcp_store import (
    AuthorizationRedirect,
    Installation,
    MCPStore,
    MCPStoreError,
    NotFoundError,
    PermissionDeniedError,
    ValidationError,
)

TOOLS_URL = "https://tools.example.com/mcp"
OAUTH_URL = "https://calendar.example.com/mcp"


def say(step: str, *lines: str) -> None:
    print(f"\n{step}")
    for line in lines:
        print(f"    {line}")


def described(installation: Installation) -> str:
    state = "enabled" if installation.is_enabled else "disabled"
    if installation.pending_oauth:
        state = "waiting for the user"
    return f"{installation.name:<10} {installation.auth_type:<8} {state:<21} {installation.url}"


async def show_installations(store: MCPStore) -> None:
    async for page in store.installations.list(limit=1).pages():
        if page.count == 0:
            say("Nothing is installed.")
        else:
            say(f"Installation {page.offset + 1} of {page.count}:", *map(described, page))


async def install(store: MCPStore) -> tuple[Installation, AuthorizationRedirect]:
    tools = await store.installations.install_custom(
        name="Tools", url=TOOLS_URL, auth_type="api_key", api_key="the tool server's own key"
    )
    say("Installed a server with an API key of its own:", described(tools))
    redirect = await store.installations.install_custom(name="Calendar", url=OAUTH_URL, auth_type="oauth")
    say("Installed a server that uses OAuth. Send the user's browser to:", f"{redirect}?...", redirect.origin)
    return tools, redirect


async def call_a_tool(store: MCPStore) -> None:
    async with store.installations.connect_all() as toolbox:
        say("Tools behind the proxy:", *(f"{tool.name:<10} {tool.description}" for tool in toolbox.tools))
        say("Without tools:", *(f"{failure.installation.name}: {failure.error}" for failure in toolbox.failures))
        add = next(tool for tool in toolbox.tools if tool.name == "add")
        result = await add.call({"a": 19, "b": 23})
        say("Called `add` with 19 and 23:", str(result.structured_content))


async def meet_errors(store: MCPStore, reader: MCPStore, gone: Installation) -> None:
    try:
        await store.installations.install_custom(
            name="Mine", url="http://localhost:8000/mcp", auth_type="api_key", api_key="key"
        )
    except ValidationError as error:
        say("PostHog refuses a server on this machine:", f"ValidationError in {error.attr}", str(error))
    try:
        await reader.installations.create(url="https://mcp.example.com")
    except PermissionDeniedError as error:
        say("With a read-only key:", f"PermissionDeniedError, it needs {error.required_scope}", str(error))
    try:
        await store.installations.retrieve(gone.id)
    except NotFoundError as error:
        say("The deleted installation is gone:", "NotFoundError", str(error))


async def tour(store: MCPStore, reader: MCPStore) -> None:
    tools, _ = await install(store)
    await show_installations(store)

    await call_a_tool(store)

    disabled = await store.installations.update(tools.id, is_enabled=False)
    say("Disabled it:", described(disabled))

    await store.installations.delete(tools.id)
    say("Deleted it.")
    await meet_errors(store, reader, tools)


@contextmanager
def embedded_service() -> Iterator[tuple[str, str, str]]:
    """Serve an embedded service with a real MCP server behind its proxy: its URL, a key, and a read-only key."""
    from posthog_mcp_store.testing import EmbeddedService, serve_app, tool_server  # noqa: PLC0415

    service = EmbeddedService()
    with serve_app(tool_server(json_response=False, stateless=False)) as tools_host, service.serve() as host:
        service.add_mcp_server(TOOLS_URL, f"{tools_host}/mcp")
        yield host, service.api_key, service.add_key(scopes=["project:read"]).token


async def run_embedded() -> None:
    with embedded_service() as (host, key, reading_key):
        print(f"An embedded service is running at {host}. Everything below was sent over HTTP.")
        async with MCPStore(key, host=host) as store, MCPStore(reading_key, host=host) as reader:
            await tour(store, reader)
    say("That was the tour. Its source is examples/tour.py.")


async def run_live() -> None:
    async with MCPStore() as store:
        print(f"{store}: read-only, nothing is changed.")
        await show_installations(store)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--live", action="store_true", help="read from the host and key in the environment instead")
    live = parser.parse_args().live
    try:
        asyncio.run(run_live() if live else run_embedded())
    except MCPStoreError as error:
        raise SystemExit(f"{type(error).__name__}: {error}") from None


if __name__ == "__main__":
    main()
