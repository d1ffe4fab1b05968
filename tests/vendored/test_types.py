"""A copy and the code that uses it, as type checkers see them in another team's tree."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from posthog_mcp_store.vendor._parts import PARTS

from ..vendoring.support import vendored

ROOT = Path(__file__).parents[2]
USERS = (ROOT / "tests" / "typing" / "api.py").read_text()
COPIES = {"acme": "acme.platform._vendor.mcp_store", "globex": "globex.third_party.posthog_mcp_store"}
LESS = {"acme": [], "globex": [argument for part in PARTS for argument in ("--without", part)]}
MISUSE = "\n\nasync def misuse(store: MCPStore) -> None:\n    await store.installations.retrieve(7)\n"


@pytest.fixture(scope="module")
def trees(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two teams' trees, of packages and of a namespace package. Each uses the SDK as tests/typing/api.py does."""
    root = tmp_path_factory.mktemp("trees")
    for team, package in COPIES.items():
        vendored(root.joinpath(*package.split(".")), *LESS[team])
        program = re.sub(r"\bposthog_mcp_store\b", package, USERS)
        assert package in program
        (root / team / "service.py").write_text(program)
        (root / team / "misuse.py").write_text(f"from {package} import MCPStore{MISUSE}")
    for package in ("acme", "acme/platform", "acme/platform/_vendor"):
        (root / package / "__init__.py").write_text("")
    return root


def errors_of(trees: Path, *command: str | Path) -> list[str]:
    run = subprocess.run(
        [sys.executable, "-m", *command], cwd=trees, capture_output=True, text=True, check=False, timeout=300
    )
    assert run.returncode == 1, run.stdout + run.stderr
    return sorted(
        line.replace(f"{trees}/", "").strip()
        for line in run.stdout.splitlines()
        if " error: " in line or " - error" in line
    )


def test_mypy_finds_nothing_in_the_copies_and_their_users_but_the_misuse(trees: Path) -> None:
    packages = [argument for team in COPIES for argument in ("--package", team)]

    # With our own settings and cache, which knows the packages around already; --strict is among them.
    settings = ("--strict", "--config-file", ROOT / "pyproject.toml", "--cache-dir", ROOT / ".mypy_cache")

    errors = errors_of(trees, "mypy", *settings, *packages)

    assert [error.partition(":")[0] for error in errors] == ["acme/misuse.py", "globex/misuse.py"]
    assert all('"retrieve" of "Installations" has incompatible type "int"' in error for error in errors)


def test_pyright_finds_nothing_in_the_copies_and_their_users_but_the_misuse(trees: Path) -> None:
    # Of the second copy what its users need of it: all of it is in the first one.
    files = ("acme", "globex/service.py", "globex/misuse.py")

    errors = errors_of(trees, "pyright", "--pythonpath", sys.executable, "--pythonversion", "3.11", *files)

    assert [error.partition(":")[0] for error in errors] == ["acme/misuse.py", "globex/misuse.py"]
    assert all('"Literal[7]" cannot be assigned to parameter "id"' in error for error in errors)
