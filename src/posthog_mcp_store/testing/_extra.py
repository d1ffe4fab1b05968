"""Import errors that say which extra to install."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def needing_extra(what: str) -> Iterator[None]:
    """Turn an ImportError into one that says what to install."""
    try:
        yield
    except ImportError as error:
        message = f'{what} needs: pip install "posthog-mcp-store[testing]" ({error})'
        raise ImportError(message, name=error.name) from error
