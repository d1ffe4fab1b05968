"""Copies without some of the SDK."""

import ast
import json
from collections.abc import Iterator
from itertools import chain, combinations
from pathlib import Path, PurePosixPath

import pytest

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


def imports(path: str, content: bytes) -> Iterator[tuple[PurePosixPath, str]]:
    """The modules, as paths without their ending, that a module imports from the copy, and the name from each."""
    for node in ast.walk(ast.parse(content)):
        if isinstance(node, ast.ImportFrom) and node.level:
            module = PurePosixPath(path).parents[node.level - 1].joinpath(*(node.module or "").split("."))
            yield from ((module, alias.name) for alias in node.names)


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


ALONE = f"""
REFUSED = {OPTIONAL | {"posthog_mcp_store"}!r}
{REFUSING}
{CALLING}
from acme import mcp_store

try:
    mcp_store.LoopbackReceiver
except AttributeError as error:
    assert str(error) == "module 'acme.mcp_store' has no attribute 'LoopbackReceiver'", error
else:
    raise SystemExit("LoopbackReceiver is there")
for name in mcp_store.__all__:
    getattr(mcp_store, name)
print(asyncio.run(failed_call(mcp_store), debug=False))
"""


def test_the_manifest_says_what_was_left_out(tmp_path: Path) -> None:
    copy = vendored(tmp_path / "mcp_store", "--without", "testing", "--without", "loopback", "--without", "testing")

    assert json.loads((copy / "MANIFEST.json").read_text())["without"] == ["loopback", "testing"]
