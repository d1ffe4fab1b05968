"""What is missing where the extra `testing` is not installed, or not in its versions."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def needing_extra(what: str) -> Iterator[None]:
    """Make an import that fails say what to install."""
    try:
        yield
    except ImportError as error:
        message = f'{what} needs: pip install "posthog-mcp-store[testing]" ({error})'
        raise ImportError(message, name=error.name) from error
