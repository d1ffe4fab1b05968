"""The SDK runs on asyncio alone."""

import asyncio

import sniffio

from .errors import ConfigurationError


def require_asyncio() -> None:
    """Refuse to go on outside of asyncio, where everything else would fail in words of its own.

    Raises:
        ConfigurationError: This is trio, or nothing that runs coroutines.
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
