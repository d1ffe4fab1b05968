"""Copies without some of the SDK."""

import ast
import json
import sys
from collections.abc import Iterator
from functools import cache
from importlib.metadata import distribution
from itertools import chain, combinations
from pathlib import Path, PurePosixPath

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from posthog_mcp_store._api import __all__ as public_names
from posthog_mcp_store.vendor._manifest import make_copy
from posthog_mcp_store.vendor._parts import PARTS
from posthog_mcp_store.vendor._release import Files, package_files

from ..test_architecture import OPTIONAL
from .support import CALLING, REFUSING, run, vendored

FILES = package_files()
CHOICES = list(chain.from_iterable(combinations(PARTS, size) for size in range(len(PARTS) + 1)))
GONE = {"loopback": {"LoopbackReceiver"}, "redis": {"RedisRateLimiter"}}
"""The names a user misses."""


def listed(files: Files) -> list[str]:
    """The public names that a copy lists."""
    for node in ast.parse(files["_api.py"]).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            names: list[str] = ast.literal_eval(node.value)
    return names


@cache
def import_statements(content: bytes) -> list[ast.Import | ast.ImportFrom]:
    return [node for node in ast.walk(ast.parse(content)) if isinstance(node, ast.Import | ast.ImportFrom)]


def imports(path: str, content: bytes) -> Iterator[tuple[PurePosixPath, str]]:
    """The modules, as paths without their ending, that a module imports from the copy, and the name from each."""
    for node in import_statements(content):
        if isinstance(node, ast.ImportFrom) and node.level:
            module = PurePosixPath(path).parents[node.level - 1].joinpath(*(node.module or "").split("."))
            yield from ((module, alias.name) for alias in node.names)


def packages_of(content: bytes) -> Iterator[str]:
    """The packages of others that a module imports, for type checkers too."""
    for node in import_statements(content):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif not node.level:
            yield (node.module or "").partition(".")[0]


@cache
def installed_by(requirement: str) -> frozenset[str]:
    """The packages that can be imported where a requirement is installed, without extras and other markers."""
    names = [canonicalize_name(Requirement(requirement).name)]
    packages = set()
    for name in names:
        found = distribution(name)
        packages |= {file.parts[0].removesuffix(".py") for file in found.files or ()}
        needed = [Requirement(each) for each in found.requires or ()]
        names += sorted({canonicalize_name(each.name) for each in needed if not each.marker} - {*names})
    return frozenset(packages)


def is_there(files: Files, module: PurePosixPath, name: str) -> bool:
    if module == PurePosixPath():
        return name in listed(files) or f"{name}.py" in files or f"{name}/__init__.py" in files or name == "__version__"
    return any(f"{place}{end}" in files for place in (module, module / name) for end in (".py", "/__init__.py"))


@pytest.mark.parametrize("parts", CHOICES, ids="-".join)
def test_without_some_parts_everything_that_is_left_finds_what_it_imports(parts: tuple[str, ...]) -> None:
    _, files = make_copy(FILES, parts)

    missing = [
        (path, module, name)
        for path, content in files.items()
        if path.endswith(".py")
        for module, name in imports(path, content)
        if not is_there(files, module, name)
    ]

    assert missing == []


@pytest.mark.parametrize("parts", CHOICES, ids="-".join)
def test_without_some_parts_all_other_names_are_listed(parts: tuple[str, ...]) -> None:
    _, files = make_copy(FILES, parts)

    gone = set().union(*(GONE.get(part, set()) for part in parts))
    assert listed(files) == [name for name in public_names if name not in gone]


@pytest.mark.parametrize("parts", CHOICES, ids="-".join)
def test_with_any_choice_of_parts_a_copy_imports_only_packages_that_its_manifest_lists(parts: tuple[str, ...]) -> None:
    _, files = make_copy(FILES, parts)
    manifest = json.loads(files["MANIFEST.json"])

    listed = {*manifest["requires"], *chain.from_iterable(manifest["optional_requires"].values())}
    # Type checkers bring typing_extensions, and what uses it at run time requires a package that requires it.
    packages = sys.stdlib_module_names.union({"typing_extensions"}, *map(installed_by, listed))
    missing = {
        package: path
        for path, content in files.items()
        if path.endswith(".py")
        for package in packages_of(content)
        if package not in packages
    }

    # For type checkers, which ignore that they are missing.
    assert {package for package, path in missing.items() if path != "_installations.py"} == set()
    assert missing.keys() == ({"mcp", "mcp_types"} if {"mcp", "testing"} <= {*parts} else set())


@pytest.mark.parametrize("part", PARTS)
def test_leaving_a_part_out_leaves_files_out_and_changes_the_list_of_names_at_most(part: str) -> None:
    manifest, files = make_copy(FILES, [part])
    whole, _ = make_copy(FILES, ())

    left_out = whole.files.keys() - manifest.files.keys()
    assert left_out
    assert all(path.startswith(PARTS[part]) for path in left_out)
    changed = {path for path, digest in manifest.files.items() if whole.files[path] != digest}
    assert changed <= {"_api.py"}
    assert files.keys() - {"MANIFEST.json"} == manifest.files.keys()


def test_a_copy_without_all_parts_works_where_only_the_dependencies_are(tmp_path: Path) -> None:
    everything = [argument for part in PARTS for argument in ("--without", part)]
    vendored(tmp_path / "acme" / "mcp_store", *everything)

    said = run("-W", "error", "-X", "dev", "-c", ALONE, path=tmp_path)

    assert said.stderr == ""
    assert said.stdout.startswith("404 from GET ")


ID = "0195f3a0-0000-7000-8000-000000000001"
LEFT_OUT = (
    "this copy of posthog-mcp-store was made without {}, which {} needs: "
    "update the copy, and choose with --without what to leave out"
)
USING = """
import asyncio
from acme import mcp_store

async def main():
    async with mcp_store.MCPStore("phx_key", transport="aiohttp", host="http://127.0.0.1:9") as store:
        {use}

try:
    asyncio.run(main(), debug=False)
except mcp_store.ConfigurationError as error:
    print(f"{{type(error).__module__}} {{type(error).__name__}}: {{error}}")
"""

ALONE = f"""
REFUSED = {OPTIONAL | {"posthog_mcp_store"}!r}
{REFUSING}
{CALLING}
from acme import mcp_store

for name in ("LoopbackReceiver", "RedisRateLimiter"):
    try:
        getattr(mcp_store, name)
    except AttributeError as error:
        assert str(error) == f"module 'acme.mcp_store' has no attribute {{name!r}}", error
    else:
        raise SystemExit(f"{{name}} is there")
for name in mcp_store.__all__:
    getattr(mcp_store, name)
print(asyncio.run(failed_call(mcp_store), debug=False))
"""


@pytest.mark.parametrize(
    ("part", "use", "said"),
    [
        (
            "mcp",
            f"store.installations.connect({ID!r})",
            f"{LEFT_OUT.format('mcp', 'connect()')}; connect_all() calls tools without it",
        ),
        ("aiohttp", f"await store.installations.retrieve({ID!r})", LEFT_OUT.format("aiohttp", 'transport="aiohttp"')),
    ],
    ids=["mcp", "aiohttp"],
)
def test_a_part_that_was_left_out_is_named_even_where_its_packages_are(
    tmp_path: Path, part: str, use: str, said: str
) -> None:
    vendored(tmp_path / "acme" / "mcp_store", "--without", part)

    ran = run("-W", "error", "-X", "dev", "-c", USING.format(use=use), path=tmp_path)

    assert (ran.stdout, ran.stderr) == (f"acme.mcp_store ConfigurationError: {said}\n", "")


def test_the_command_line_of_a_copy_without_the_testing_kit_says_that_it_has_no_demo(tmp_path: Path) -> None:
    vendored(tmp_path / "acme" / "mcp_store", "--without", "testing")

    ran = run("-m", "acme.mcp_store", "--demo", "list", path=tmp_path, status=2)

    said = "--demo needs the testing kit, which this copy of posthog-mcp-store was made without"
    assert ran.stderr == f"mcp-store: {said}\n"


def test_the_manifest_lists_the_packages_of_the_parts_that_are_there(tmp_path: Path) -> None:
    copy = vendored(tmp_path / "mcp_store", "--without", "mcp", "--without", "testing")

    told = json.loads((copy / "MANIFEST.json").read_text())["optional_requires"]
    assert {part: len(packages) for part, packages in told.items()} == {"aiohttp": 1, "cli": 2, "redis": 2}


def test_the_manifest_says_what_was_left_out(tmp_path: Path) -> None:
    copy = vendored(tmp_path / "mcp_store", "--without", "testing", "--without", "loopback", "--without", "testing")

    assert json.loads((copy / "MANIFEST.json").read_text())["without"] == ["loopback", "testing"]
