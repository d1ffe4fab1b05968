"""The check that the SDK runs under asyncio."""

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
            f"posthog_mcp_store runs on asyncio, and this is {_library()}: call it below asyncio.run(), or below "
            'anyio.run() with backend="asyncio"'
        )


def _library() -> str:
    try:
        return sniffio.current_async_library()
    except sniffio.AsyncLibraryNotFoundError:
        return "no task of an event loop"
