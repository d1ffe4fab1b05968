"""The command line: `mcp-store`, or `python -m posthog_mcp_store`. It requires the extra `cli`; see docs/cli.md."""

import logging
import sys

PACKAGES = {"rich", "typer"}


def main(program: str = "mcp-store") -> None:
    """Run the command in `sys.argv`, and exit with its exit code."""
    # Without any handler, Python prints warnings. What they are about is in the error that the command prints.
    logging.getLogger().addHandler(logging.NullHandler())
    try:
        from ._app import app  # noqa: PLC0415  # it imports the extra
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in PACKAGES:
            raise
        sys.stderr.write(f'{program} needs: pip install "posthog-mcp-store[cli]"\n')
        sys.exit(2)
    app(prog_name=program)
