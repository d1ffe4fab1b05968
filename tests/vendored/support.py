"""Environments that have only what a copy requires, and type checkers in them."""

import json
import subprocess
import sys
import venv
from itertools import chain
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
STRICT = ("mypy", "--strict", "--config-file", str(ROOT / "pyproject.toml"))
"""mypy with our own settings; --strict is among them."""


def required(copy: Path) -> list[str]:
    """The packages that the manifest of a copy lists."""
    manifest: dict[str, Any] = json.loads((copy / "MANIFEST.json").read_text())
    return sorted({*manifest["requires"], *chain.from_iterable(manifest["optional_requires"].values())})


def environment_with(packages: list[str], directory: Path) -> str:
    """The Python of a new environment that has these packages, and no others."""
    venv.create(directory, symlinks=True)
    python = str(directory / "bin" / "python")
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, *packages], check=True, timeout=300)
    return python


def errors_of(tree: Path, *command: str | Path) -> list[str]:
    """The errors that a type checker finds in a tree, sorted."""
    run = subprocess.run(
        [sys.executable, "-m", *command], cwd=tree, capture_output=True, text=True, check=False, timeout=300
    )
    assert run.returncode in {0, 1}, run.stdout + run.stderr
    errors = sorted(
        line.replace(f"{tree}/", "").strip()
        for line in run.stdout.splitlines()
        if " error: " in line or " - error" in line
    )
    assert bool(errors) == bool(run.returncode), run.stdout + run.stderr
    return errors
