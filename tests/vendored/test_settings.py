"""The settings of the guide, in another team's tree."""

import subprocess
import sys
from pathlib import Path

from posthog_mcp_store.vendor._commands import main

from .support import errors_of


def test_a_formatter_leaves_the_copy_alone(guided: Path) -> None:
    for arguments in (("format",), ("check", "--select", "ALL", "--fix-only", "--unsafe-fixes")):
        subprocess.run([sys.executable, "-m", "ruff", *arguments, "."], cwd=guided, check=True, capture_output=True)

    assert main(["--check", str(guided / "acme" / "_vendor" / "mcp_store")]) == 0


def test_mypy_reports_the_users_errors_only_where_no_optional_package_is(
    guided: Path, bare: str, tmp_path: Path
) -> None:
    settings = ("--strict", "--python-executable", bare, "--cache-dir", tmp_path / "cache")

    [error] = errors_of(guided, "mypy", *settings, "acme")

    assert error.startswith("acme/service.py:5: error: ")
    assert 'to "retrieve" of "Installations" has incompatible type "int"' in error
