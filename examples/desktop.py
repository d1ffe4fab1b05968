r"""Connect an MCP server from a program on the user's own machine, with a development instance of PostHog.

    POSTHOG_PERSONAL_API_KEY=phx_... POSTHOG_HOST=http://localhost:8010 \
        python examples/desktop.py https://mcp.example.com/mcp

The browser returns to this program. PostHog Cloud sends it to one of its own pages instead: do without the receiver
there.
"""

import asyncio
import sys

from posthog_mcp_store import (
    AuthorizationProgress,
    AuthorizationRedirect,
    LoopbackReceiver,
    MCPStore,
    MCPStoreError,
    open_in_browser,
)


async def connect(url: str) -> None:
    async with MCPStore() as store, LoopbackReceiver() as receiver:
        redirect = await start(store, url, receiver.url)
        if redirect is None:
            print("It is connected already.")
            return
        print(f"{redirect.origin} will ask you for access.")
        if not await asyncio.to_thread(open_in_browser, redirect):
            print("Open this in your browser:", redirect.url, flush=True)
        callback = await receiver.wait(timeout=600)
        callback.raise_for_error()
        # Anybody on this machine could have sent the callback, so check with the service.
        installation = await store.installations.wait_until_authorized(redirect, timeout=30, on_progress=show)
        print(f"{installation.name} is connected.")


async def start(store: MCPStore, url: str, callback_url: str) -> AuthorizationRedirect | None:
    """Start a flow, unless the server is connected: `install_custom` would drop its tokens."""
    rows = await store.installations.list().collect()
    found = next((row for row in rows if row.url == url and row.scope == "personal"), None)
    if found is None:
        return await store.installations.install_custom(
            name=url.partition("://")[2],
            url=url,
            auth_type="oauth",
            install_source="posthog-code",
            posthog_code_callback_url=callback_url,
        )
    if found.pending_oauth or found.needs_reauth:
        return await store.installations.authorize(
            found, install_source="posthog-code", posthog_code_callback_url=callback_url
        )
    return None


def show(progress: AuthorizationProgress) -> None:
    if progress.polls > 1:
        print(f"Still waiting, {progress.remaining:.0f} s left.")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    try:
        asyncio.run(connect(sys.argv[1]))
    except MCPStoreError as error:
        sys.exit(f"{type(error).__name__}: {error}")
