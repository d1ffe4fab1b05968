"""The layers of the testing kit, read from its imports: also those inside functions and for type checkers."""

import ast
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from importlib.util import resolve_name
from pathlib import Path

import pytest

from posthog_mcp_store import testing

ROOT = testing.__name__
SDK = ROOT.partition(".")[0]
KIT = Path(testing.__file__).parent

LAYERS: dict[str, set[str]] = {
    "_extra": set(),
    "_certificates": set(),
    "_model": set(),
    "_asgi": {"_model"},
    "_framework": {"_model"},
    "_provider": {"_asgi", "_certificates", "_extra", "_model"},
    "_outbound": {"_asgi", "_certificates", "_framework", "_model"},
    "_api": {"_asgi", "_framework", "_model", "_outbound"},
    "_service": {"_api", "_asgi", "_model"},
    "pytest_plugin": {"_asgi", "_extra", "_service"},
    "__init__": {"_asgi", "_extra", "_model", "_provider", "_service"},
}
"""The imports of each entry of the kit's folder among the others. All of these are above it."""

LIBRARIES: dict[str, set[str]] = {
    "_extra": set(),
    "_certificates": {"httpx"},
    "_model": {"anyio", "starlette"},
    "_asgi": {"anyio", "httpx", "starlette", "uvicorn"},
    "_framework": {"starlette"},
    "_provider": {"httpx", "mcp", "pydantic", "starlette"},
    "_outbound": {"anyio", "httpx", "starlette"},
    "_api": {"httpx", "starlette"},
    "_service": set(),
    "pytest_plugin": {"pytest"},
    "__init__": set(),
}
"""Their imports besides the standard library."""

IMPORTERS = {
    "mcp": {"_provider.authorization_server", "_provider.provider", "_provider.tools"},
    "pydantic": {"_provider.authorization_server"},
    "uvicorn": {"_asgi.client_connection", "_asgi.server"},
}
"""The only modules that import these libraries."""

MOST_ENTRIES = 12


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(KIT).with_suffix("").parts)


MODULES = {module_name(path): path for path in sorted(KIT.rglob("*.py"))}


def imported(module: str) -> Iterator[str]:
    """The full names of the modules that a module of the kit imports."""
    package = ".".join([ROOT, *module.split(".")[:-1]])
    for node in ast.walk(ast.parse(MODULES[module].read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = resolve_name("." * node.level + (node.module or ""), package) if node.level else node.module or ""
            for alias in node.names:
                submodule = f"{base}.{alias.name}"
                yield submodule if submodule.removeprefix(f"{ROOT}.") in MODULES else base


def of_the_kit(module: str) -> set[str]:
    """The modules of the kit among them."""
    return {name.removeprefix(f"{ROOT}.") for name in imported(module) if name.startswith(f"{ROOT}.")}


def libraries(module: str) -> set[str]:
    """The distributions among them, each by its top-level package."""
    packages = {name.partition(".")[0] for name in imported(module)}
    return packages - sys.stdlib_module_names - {SDK}


def entry(module: str) -> str:
    """The entry of the kit's folder that a module is, or is in."""
    return module.partition(".")[0]


def inside(name: str) -> list[str]:
    return [module for module in MODULES if entry(module) == name]


def test_the_folder_of_the_kit_is_small_enough_to_take_in_at_a_glance() -> None:
    entries = {path.name for path in KIT.iterdir() if path.name != "__pycache__"}
    assert {name.removesuffix(".py") for name in entries} == LAYERS.keys()
    assert len(entries) <= MOST_ENTRIES


@pytest.mark.parametrize("name", LAYERS)
def test_each_layer_imports_those_below_it_and_no_other(name: str) -> None:
    others = {entry(other) for module in inside(name) for other in of_the_kit(module)} - {name}
    assert others == LAYERS[name]


@pytest.mark.parametrize("name", LIBRARIES)
def test_each_layer_imports_the_libraries_of_its_concern(name: str) -> None:
    assert {library for module in inside(name) for library in libraries(module)} == LIBRARIES[name]


@pytest.mark.parametrize("library", IMPORTERS)
def test_heavy_libraries_are_imported_in_few_places(library: str) -> None:
    assert {module for module in MODULES if library in libraries(module)} == IMPORTERS[library]


def test_the_layers_have_no_circle() -> None:
    assert list(TopologicalSorter(LAYERS).static_order())


def test_the_modules_have_no_circle() -> None:
    assert list(TopologicalSorter({module: of_the_kit(module) for module in MODULES}).static_order())


@pytest.mark.parametrize("module", MODULES)
def test_no_module_imports_the_sdk_around_the_kit(module: str) -> None:
    assert [name for name in imported(module) if name.startswith(SDK) and not name.startswith(ROOT)] == []


def test_modules_import_each_other_by_relative_names() -> None:
    nodes = [node for path in MODULES.values() for node in ast.walk(ast.parse(path.read_text()))]
    absolute = [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom) and not node.level]
    absolute += [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    assert [name for name in absolute if name.partition(".")[0] == SDK] == []


def test_packages_hold_nothing_themselves() -> None:
    packages = [module for module in MODULES if module.endswith(".__init__")]
    assert [module for module in packages if MODULES[module].read_text()] == []


def test_no_two_classes_share_a_name_nor_does_one_with_the_sdk() -> None:
    apart = {"lowlevel", "testing", "vendor"}
    of_the_sdk = [path for path in KIT.parent.rglob("*.py") if path.relative_to(KIT.parent).parts[0] not in apart]
    names = [name for path in MODULES.values() for name in classes(path)]
    assert sorted(name for name in set(names) if names.count(name) > 1) == []
    assert set(names) & {name for path in of_the_sdk for name in classes(path)} == set()


def classes(path: Path) -> list[str]:
    return [node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ClassDef)]
