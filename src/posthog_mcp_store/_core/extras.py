"""What to do where an extra is not installed, or a vendored copy was made without a part. This module needs neither."""

from .errors import ConfigurationError

SDK = __name__.removesuffix("_core.extras")
"""The beginning of the names of the SDK's own modules, in a vendored copy too."""


def missing_extra(error: ImportError, needed_by: str, extra: str) -> ConfigurationError:
    """The error where what an extra needs can't be imported. The part of a copy has the name of the extra."""
    if is_left_out(error):
        return ConfigurationError(
            f"this copy of posthog-mcp-store was made without {extra}, which {needed_by} needs: "
            "update the copy, and choose with --without what to leave out"
        )
    return ConfigurationError(f"{needed_by} needs: {_install(extra)}")


def missing_mcp(error: ImportError) -> ConfigurationError:
    """The error where the package `mcp`, 2.x, can't be imported."""
    found = None if is_left_out(error) else _installed_mcp()
    if found is None:
        reason = str(missing_extra(error, "connect()", "mcp"))
    elif found.startswith("2."):
        reason = f"connect() can't import mcp {found} ({error}): {_install('mcp')}"
    else:
        reason = (
            f"connect() needs mcp 2.x, and mcp {found} is installed: {_install('mcp')} replaces it, "
            "which may break other packages"
        )
    return ConfigurationError(f"{reason}; connect_all() calls tools without it")


def is_left_out(error: ImportError) -> bool:
    """Whether a module of the SDK itself is missing."""
    return isinstance(error, ModuleNotFoundError) and (error.name or "").startswith(SDK)


def _install(extra: str) -> str:
    return f'pip install "posthog-mcp-store[{extra}]"'


def _installed_mcp() -> str | None:
    from importlib import metadata  # noqa: PLC0415  # takes milliseconds, for this message only

    try:
        return metadata.version("mcp")
    except metadata.PackageNotFoundError:
        return None
