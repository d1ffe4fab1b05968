"""What to do where the package `mcp` is missing, or is another version. This module does not need it."""

from .._core.errors import ConfigurationError


def missing_extra(error: ImportError) -> ConfigurationError:
    """The error where the package `mcp`, 2.x, can't be imported."""
    return ConfigurationError(f"{_reason(error)}; connect_all() calls tools without it")


def _reason(error: ImportError) -> str:
    from importlib import metadata  # noqa: PLC0415  # takes milliseconds, for this message only

    install = 'pip install "posthog-mcp-store[mcp]"'
    try:
        found = metadata.version("mcp")
    except metadata.PackageNotFoundError:
        return f"connect() needs: {install}"
    if found.startswith("2."):
        return f"connect() can't import mcp {found} ({error}): {install}"
    return (
        f"connect() needs mcp 2.x, and mcp {found} is installed: {install} replaces it, which may break other packages"
    )
