"""A copy and the code that uses it, as type checkers see them in another team's tree."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from posthog_mcp_store.vendor._parts import PARTS

from ..vendoring.support import vendored
from .support import ROOT, STRICT, errors_of

COPIES = {"acme": "acme.platform._vendor.mcp_store", "globex": "globex.third_party.posthog_mcp_store"}
LESS = {"acme": [], "globex": [argument for part in PARTS for argument in ("--without", part)]}
USERS = {"acme": ("api", "connecting"), "globex": ("api",)}
MISUSE = "\n\nasync def misuse(store: MCPStore) -> None:\n    await store.installations.retrieve(7)\n"
CONNECTING = """

async def connecting(store: MCPStore, id: str) -> None:
    async with store.installations.connect(id) as client:
        await client.call_tool("add", {"a": 1})
"""


def copy_of(trees: Path, team: str) -> Path:
    return trees.joinpath(*COPIES[team].split("."))


@pytest.fixture(scope="module")
def trees(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two teams' trees, of packages and of a namespace package. Each uses the SDK as tests/typing does.

    The second team's copy is without all parts.
    """
    root = tmp_path_factory.mktemp("trees")
    for team, package in COPIES.items():
        vendored(copy_of(root, team), *LESS[team])
        for name in USERS[team]:
            program = re.sub(r"\bposthog_mcp_store\b", package, (ROOT / "tests" / "typing" / f"{name}.py").read_text())
            assert package in program
            (root / team / f"{name}.py").write_text(program)
        (root / team / "misuse.py").write_text(f"from {package} import MCPStore{MISUSE}")
    (root / "globex" / "without_mcp.py").write_text(f"from {COPIES['globex']} import MCPStore{CONNECTING}")
    for package in ("acme", "acme/platform", "acme/platform/_vendor"):
        (root / package / "__init__.py").write_text("")
    return root


@pytest.fixture(params=COPIES)
def team(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def python(team: str, request: pytest.FixtureRequest) -> str:
    """Of the environment that a team's type checkers see."""
    return sys.executable if team == "acme" else str(request.getfixturevalue("bare"))


def test_mypy_finds_nothing_in_a_copy_and_its_users_but_the_misuse(
    trees: Path, team: str, python: str, tmp_path: Path
) -> None:
    # Our own cache knows the packages around already.
    cache = ROOT / ".mypy_cache" if team == "acme" else tmp_path

    errors = errors_of(trees, *STRICT, "--python-executable", python, "--cache-dir", cache, "--package", team)

    assert [error.partition(":")[0] for error in errors] == [f"{team}/misuse.py"]
    assert '"retrieve" of "Installations" has incompatible type "int"' in errors[0]


def test_pyright_finds_nothing_in_a_copy_and_its_users_but_the_misuse(trees: Path, team: str, python: str) -> None:
    files = [trees / "globex"]
    if team == "acme":
        files = [*(trees / "acme").glob("*.py"), *of_parts(copy_of(trees, "acme"), copy_of(trees, "globex"))]

    errors = errors_of(trees, "pyright", "--pythonpath", python, "--pythonversion", "3.11", *files)

    assert [error.partition(":")[0] for error in errors] == [f"{team}/misuse.py"]
    assert '"Literal[7]" cannot be assigned to parameter "id"' in errors[0]


def of_parts(copy: Path, other: Path) -> Iterator[Path]:
    """The modules that another copy does not have, and the one whose types depend on what is installed."""
    for path in copy.rglob("*.py"):
        if path.name == "_installations.py" or not (other / path.relative_to(copy)).exists():
            yield path
