"""Checks that the SDK runs under asyncio, and in the right event loop."""

import asyncio

import sniffio

from .errors import ConfigurationError


def require_asyncio() -> None:
    """Raise a clear error outside asyncio, where the SDK would fail later with an unrelated one.

    Raises:
        ConfigurationError: This is trio, or not a task of any event loop.
    """
    try:
        task = asyncio.current_task()
    except RuntimeError:
        task = None
    if task is None:
        raise ConfigurationError(
            f"posthog_mcp_store needs asyncio, but was called {_where()}: call it inside asyncio.run(), or inside "
            'anyio.run() with backend="asyncio"'
        )


def require_loop(loop: asyncio.AbstractEventLoop) -> None:
    """Raise a clear error in any other event loop, where waiting for what belongs to this one could never end.

    Raises:
        ConfigurationError: Another event loop is running, or this is not asyncio.
    """
    require_asyncio()
    if asyncio.get_running_loop() is not loop:
        raise ConfigurationError(
            "this MCPStore was used in another event loop, where its connections belong: create one store per loop"
        )


def _where() -> str:
    try:
        return f"in {sniffio.current_async_library()}"
    except sniffio.AsyncLibraryNotFoundError:
        return "outside of an event loop's tasks"
