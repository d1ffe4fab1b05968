"""A tour of the SDK: from the catalogue through OAuth and approval to a tool's result, and some errors.

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
    Tool,
    ToolApprovalRequiredError,
    ValidationError,
)

CALCULATOR_URL = "https://calculator.example.com/mcp"


def say(step: str, *lines: str) -> None:
    print(f"\n{step}")
    for line in lines:
        print(f"    {line}")


def described(installation: Installation) -> str:
    state = "enabled" if installation.is_enabled else "disabled"
    if installation.pending_oauth:
        state = "waiting for the user"
    tools = "" if installation.tool_count is None else f"{installation.tool_count} tools"
    return f"{installation.name:<12} {installation.auth_type:<8} {state:<21} {tools}".rstrip()


def with_state(tool: Tool) -> str:
    return f"{tool.tool_name:<12} {tool.approval_state:<15} {tool.description}"


async def show_catalogue(store: MCPStore) -> None:
    try:
        templates = await store.templates.list()
    except NotFoundError:
        say("This instance has no catalogue.")
        return
    say(
        "The catalogue:" if templates else "The catalogue is empty.",
        *(f"{each.name:<12} {each.auth_type:<8} {each.description}" for each in templates),
    )


async def show_installations(store: MCPStore) -> None:
    installations = await store.installations.list().collect()
    say("Installations:" if installations else "Nothing is installed.", *map(described, installations))


async def install_from_catalogue(store: MCPStore) -> Installation:
    template = next(each for each in await store.templates.list() if each.name == "Calculator")
    redirect = await store.installations.install_template(template)
    if isinstance(redirect, Installation):
        return redirect  # a server with an API key needs nobody's consent
    say("Installing Calculator needs its user. Send the user's browser to:", f"{redirect}?...")

    await allow(redirect)
    installation = await store.installations.wait_until_authorized(redirect, timeout=60)
    say("The user has pressed `Allow`:", described(installation))
    return installation


async def allow(redirect: AuthorizationRedirect) -> None:
    """Play the user. In an application, `open_in_browser(redirect)` or a link on a web page leads the user there."""
    from posthog_mcp_store.testing import give_consent  # noqa: PLC0415

    await give_consent(redirect.url)


async def approve_and_call(store: MCPStore, installation: Installation) -> None:
    tools = await store.installations.tools(installation)
    say("Its tools, which nobody may call yet:", *map(with_state, tools))
    try:
        await store.installations.call_tool(installation, "add", {"a": 19, "b": 23})
    except ToolApprovalRequiredError as error:
        say("Calling `add` raises ToolApprovalRequiredError:", str(error))

    tool = await store.installations.update_tool(installation, "add", approval_state="approved")
    say("Approved it:", with_state(tool))

    result = await store.installations.call_tool(installation, "add", {"a": 19, "b": 23})
    say("Called `add` with 19 and 23, in one request:", str(result.structured_content))

    async with store.installations.connect(installation) as client:
        in_session = await client.call_tool("add", {"a": 19, "b": 23})
        say("Called it in an MCP session, with a connected `mcp.Client`:", str(in_session.structured_content))


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
        await store.installations.retrieve(gone)
    except NotFoundError as error:
        say("The deleted installation is gone:", "NotFoundError", str(error))


async def tour(store: MCPStore, reader: MCPStore) -> None:
    await show_catalogue(store)
    installation = await install_from_catalogue(store)
    await approve_and_call(store, installation)

    disabled = await store.installations.update(installation, is_enabled=False)
    say("Disabled it:", described(disabled))
    await store.installations.delete(installation)
    say("Deleted it.")
    await meet_errors(store, reader, installation)


@contextmanager
def embedded_service() -> Iterator[tuple[str, str, str]]:
    """Serve an embedded service, a real MCP server and an OAuth provider: the URL, a key, and a read-only key."""
    from posthog_mcp_store.testing import EmbeddedService, OAuthProvider, serve_app, tool_server  # noqa: PLC0415

    service, provider = EmbeddedService(), OAuthProvider()
    service.add_template(name="Calculator", url=CALCULATOR_URL, auth_type="oauth", description="Adds and greets")
    service.add_template(
        name="Orders", url="https://orders.example.com/mcp", auth_type="api_key", description="Orders and invoices"
    )
    with (
        provider.serve(),
        serve_app(tool_server(provider, CALCULATOR_URL, json_response=False, stateless=False)) as tools_host,
        service.serve() as host,
    ):
        service.add_mcp_server(CALCULATOR_URL, f"{tools_host}/mcp")
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
        await show_catalogue(store)
        await show_installations(store)
        async for installation in store.installations.list():
            try:
                tools = await store.installations.tools(installation)
            except MCPStoreError as error:
                say(f"The tools of {installation.name} can't be listed:", f"{type(error).__name__}: {error}")
            else:
                say(f"The tools of {installation.name}:", *map(with_state, tools))


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
