"""The layers of the SDK, and who may import what, read from its imports (docs/architecture.md)."""

import ast
import importlib
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import posthog_mcp_store
import posthog_mcp_store.testing
from posthog_mcp_store._api import __all__ as public_names

PACKAGE = Path(posthog_mcp_store.__file__).parent
NOT_THE_FACADE = ("__main__", "cli", "lowlevel", "testing", "vendor")

LAYERS = [
    {"_core", "_version"},
    {"_transport", "_ratelimit", "_pagination"},
    {"_request"},
    {"_adapter", "_proxy"},
    {"_oauth", "_toolbox"},
    {"_mcp"},
    {"_installations", "_loopback", "_templates"},
    {"_store"},
    {"_api"},
    {"__init__"},
]
"""From the bottom up. A package or module imports from the layers below it only."""

ALSO_ALLOWED = {("_loopback", "_oauth")}
IMPORTERS = {
    "httpx": ("_transport.", "_store"),
    "httpcore": ("_transport.",),
    "aiohttp": ("_transport.aiohttp_",),
    "yarl": ("_transport.aiohttp_",),
    "h11": ("_loopback.",),
    "mcp": ("_mcp.", "_installations"),
    "mcp_types": ("_mcp.", "_installations"),
    "limits": ("_ratelimit.redis_",),
    "redis": ("_ratelimit.redis_",),
}
"""Prefixes of the modules that may import a library. `_store` and `_installations` do so for type checkers only."""
OPTIONAL = {"aiohttp", "httpx2", "jsonschema", "limits", "mcp", "pydantic", "redis", "starlette", "typer", "uvicorn"}
"""Without rich, which httpx loads where click and pygments are installed, too."""
WITHOUT_METHOD: set[str] = set()
"""Operations of the service that no public method calls, on purpose. `store.lowlevel` has them all."""
MOST_ENTRIES = 24
LONGEST_CHAIN = 12
"""Modules, without the package's `__init__`, which loads the rest on first use."""


def modules(root: Path = PACKAGE, *, without: tuple[str, ...] = NOT_THE_FACADE) -> dict[str, Path]:
    """The modules below a folder, by their dotted names."""
    found = {}
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        if parts[0] not in without:
            found[".".join(parts)] = path
    return found


FACADE = modules()


@cache
def imports(name: str, path: Path) -> frozenset[str]:
    """Each module that a module imports, and each name in it: those of the SDK without the leading dots."""
    return frozenset(_imports(name, path))


def _imports(name: str, path: Path) -> Iterator[str]:
    package = name.split(".")[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ["/"]
            target = ".".join([*base, *([node.module] if node.module else [])])
            yield target.removeprefix("/.")
            yield from (f"{target}.{alias.name}".removeprefix("/.").lstrip(".") for alias in node.names)


@cache
def arrows() -> dict[str, set[str]]:
    """The modules of the facade, and which of each other they import."""
    return {name: {target for target in imports(name, path) if target in FACADE} for name, path in FACADE.items()}


def layer(name: str) -> int:
    [found] = [height for height, packages in enumerate(LAYERS) if name.partition(".")[0] in packages]
    return found


def importers(library: str) -> set[str]:
    return {
        name
        for name, path in FACADE.items()
        if any(target == library or target.startswith(f"{library}.") for target in imports(name, path))
    }


def test_every_package_and_module_has_a_layer() -> None:
    assert {name.partition(".")[0] for name in FACADE} == set().union(*LAYERS)


@pytest.mark.parametrize("name", FACADE)
def test_a_module_imports_only_what_is_in_the_layers_below(name: str) -> None:
    package = name.partition(".")[0]
    outside = {target for target in arrows()[name] if target.partition(".")[0] != package}

    wrong = {target for target in outside if layer(target) >= layer(name)}
    assert {target for target in wrong if (package, target.partition(".")[0]) not in ALSO_ALLOWED} == set()


def test_no_modules_import_each_other_in_a_circle() -> None:
    in_order = list(TopologicalSorter(arrows()).static_order())  # a CycleError names the circle

    assert set(in_order) >= set(FACADE)


def test_the_longest_chain_of_imports_stays_short() -> None:
    lengths: dict[str, int] = {}
    for name in TopologicalSorter(arrows()).static_order():
        lengths[name] = 1 + max((lengths[target] for target in arrows()[name]), default=0)
    del lengths["__init__"]

    assert max(lengths.values()) <= LONGEST_CHAIN


def test_the_listing_of_the_package_stays_short() -> None:
    entries = [path.name for path in PACKAGE.iterdir() if path.name != "__pycache__"]

    assert len(entries) <= MOST_ENTRIES


def test_only_the_adapter_imports_the_generated_client() -> None:
    assert importers("lowlevel") == {"_adapter"}


def test_every_operation_is_called_by_a_public_method() -> None:
    """`nox -s typing` runs this, because a new operation is no type error."""
    operations = {path.stem for path in (PACKAGE / "lowlevel" / "api").glob("*/[!_]*.py")}
    called = {
        node.attr
        for name in ("_installations", "_templates")
        for node in ast.walk(ast.parse(FACADE[name].read_text()))
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "self._adapter"
    }
    used = {
        node.id
        for method in ast.walk(ast.parse(FACADE["_adapter"].read_text()))
        if isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef) and method.name in called
        for node in ast.walk(method)
        if isinstance(node, ast.Name)
    }

    todo = "a method in _adapter.py and one in _installations.py or _templates.py, or an entry in WITHOUT_METHOD"
    assert operations - used == WITHOUT_METHOD, todo


@pytest.mark.parametrize("library", IMPORTERS)
def test_a_library_is_imported_where_it_belongs_and_nowhere_else(library: str) -> None:
    assert {name for name in importers(library) if not name.startswith(IMPORTERS[library])} == set()


def test_the_store_and_the_installations_import_libraries_for_type_checkers_only() -> None:
    for name in ("_store", "_installations"):
        at_run_time = {
            target
            for node in ast.parse(FACADE[name].read_text()).body
            if isinstance(node, ast.Import | ast.ImportFrom)
            for target in ([alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module])
        }
        assert at_run_time & {"httpx", "mcp", "mcp_types"} == set()


def test_one_module_sends() -> None:
    def sends(path: Path) -> bool:
        calls = [node.func for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
        return any(ast.unparse(function).endswith("transport.send") for function in calls)

    outside = {name for name, path in FACADE.items() if sends(path) and not name.startswith("_transport.")}
    assert outside == {"_request.sender"}


@pytest.mark.parametrize("part", ["", "cli", "testing", "vendor"])
def test_the_sdk_imports_itself_by_relative_names_only(part: str) -> None:
    for name, path in modules(PACKAGE / part, without=("lowlevel",)).items():
        assert not any(target.partition(".")[0] == "posthog_mcp_store" for target in imports(name, path))


def test_the_sdk_its_testing_kit_and_the_vendoring_tool_do_not_know_each_other() -> None:
    assert importers("testing") == importers("vendor") == importers("cli") == set()
    for part, allowed in (("testing", set[str]()), ("vendor", {"_version"})):
        own = {f"{part}.{name}": path for name, path in modules(PACKAGE / part).items()}
        targets = {target.partition(".")[0] for name, path in own.items() for target in imports(name, path)}
        assert targets & {name.partition(".")[0] for name in FACADE} == allowed


def test_the_command_line_uses_public_names_only() -> None:
    everything = modules(without=())
    own = {name: path for name, path in everything.items() if name == "__main__" or name.startswith("cli.")}
    packages = {name.partition(".")[0] for name in everything} - {"cli"}
    targets = {target for name, path in own.items() for target in imports(name, path)}

    # The testing kit is for `--demo`.
    allowed = {"testing", *(f"testing.{name}" for name in posthog_mcp_store.testing.__all__)}
    assert {target for target in targets if target.partition(".")[0] in packages} == allowed & targets
    assert importers("rich") == importers("typer") == set()


@pytest.mark.parametrize(
    ("statement", "unwanted"),
    [
        ("import posthog_mcp_store", OPTIONAL | {"httpx"}),
        ("from posthog_mcp_store import MCPStore", OPTIONAL),
        ("import posthog_mcp_store.testing.pytest_plugin", OPTIONAL | {"httpx"}),
    ],
)
def test_importing_loads_nothing_optional(statement: str, unwanted: set[str]) -> None:
    program = f"import sys; {statement}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    run = subprocess.run(
        [sys.executable, "-W", "error", "-X", "dev", "-c", program], capture_output=True, text=True, check=True
    )

    assert unwanted & set(run.stdout.split()) == set()


def test_every_public_name_can_be_asked_for() -> None:
    for name in public_names:
        assert getattr(posthog_mcp_store, name) is not None
        assert name in dir(posthog_mcp_store)


@pytest.mark.parametrize("name", ["MCPStor", "_private", "__wrapped__"])
def test_a_name_that_does_not_exist_is_an_attribute_error(name: str) -> None:
    with pytest.raises(AttributeError, match=name):
        getattr(posthog_mcp_store, name)


def test_a_star_import_gives_the_public_names() -> None:
    namespace: dict[str, object] = {}
    exec("from posthog_mcp_store import *", namespace)

    assert set(namespace) - {"__builtins__"} == set(public_names)


def test_a_submodule_can_be_imported_from_the_package() -> None:
    testing = importlib.import_module("posthog_mcp_store.testing")

    assert testing.EmbeddedService is not None
