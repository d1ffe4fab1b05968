"""What to do where an extra is not installed, or a vendored copy was made without a part. This module needs neither."""

from .errors import ConfigurationError

SDK = __name__.removesuffix("._core.extras")
"""The package's name, in a vendored copy too."""


def missing_extra(error: ImportError, needed_by: str, extra: str) -> ConfigurationError:
    """The error where what an extra needs can't be imported. The part of a copy has the name of the extra."""
    if is_left_out(error):
        return ConfigurationError(
            f"this copy of posthog-mcp-store was made without {extra}, which {needed_by} needs: "
            "update the copy, and choose with --without what to leave out"
        )
    return ConfigurationError(f"{needed_by} needs: {_to_install(extra)}")


def missing_mcp(error: ImportError) -> ConfigurationError:
    """The error where the package `mcp`, 2.x, can't be imported."""
    found = None if is_left_out(error) else _installed_mcp()
    if found is None:
        reason = str(missing_extra(error, "connect()", "mcp"))
    elif found.startswith("2."):
        reason = f"connect() can't import mcp {found} ({error}), and needs: {_to_install('mcp')}"
    else:
        reason = (
            f"connect() needs mcp 2.x, and mcp {found} is installed: {_to_install('mcp')} would replace it, "
            "which may break other packages"
        )
    return ConfigurationError(f"{reason}; connect_all() calls tools without it")


def is_left_out(error: ImportError) -> bool:
    """Whether a module of the SDK itself is missing."""
    return isinstance(error, ModuleNotFoundError) and (error.name or "").startswith(f"{SDK}.")


def _to_install(extra: str) -> str:
    """What to install for an extra, or for the part of a vendored copy that has its name."""
    listed = f"the packages that MANIFEST.json of {SDK} lists for {extra}"
    return f'pip install "posthog-mcp-store[{extra}]"' if SDK == "posthog_mcp_store" else listed


def _installed_mcp() -> str | None:
    from importlib import metadata  # noqa: PLC0415  # takes milliseconds, for this message only

    try:
        return metadata.version("mcp")
    except metadata.PackageNotFoundError:
        return None
