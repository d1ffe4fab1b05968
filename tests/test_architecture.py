"""The three rules of the house, held by reading its imports."""

import ast
import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import posthog_mcp_store
from posthog_mcp_store._api import __all__ as public_names

PACKAGE = Path(posthog_mcp_store.__file__).parent
FACADE = sorted(PACKAGE.glob("*.py"))
TESTING_KIT = sorted((PACKAGE / "testing").glob("*.py"))
VENDOR = sorted((PACKAGE / "vendor").glob("*.py"))
OPTIONAL = {"aiohttp", "httpx2", "limits", "mcp", "pydantic", "redis", "starlette", "uvicorn"}


def imported_names(path: Path) -> Iterator[str]:
    """What a module imports: relative imports start with their dots."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield module
            yield from (f"{module.rstrip('.') + '.' if node.module else module}{alias.name}" for alias in node.names)


def importers(modules: list[Path], prefix: str) -> list[str]:
    return [path.name for path in modules if any(name.startswith(prefix) for name in imported_names(path))]


def test_only_the_seam_imports_the_generated_client() -> None:
    assert importers(FACADE, ".lowlevel") == ["_seam.py"]


def test_only_the_rooms_of_the_transport_import_the_http_library() -> None:
    # The store names the type of `http_client` for the type checker, and imports nothing at run time.
    over_httpx = ["_body.py", "_client_pool.py", "_exchange.py", "_lanes.py", "_route.py", "_transport.py"]
    over_httpx += ["_unread.py"]
    over_aiohttp = ["_aiohttp.py", "_aiohttp_session.py"]
    assert importers(FACADE, "httpx") == sorted([*over_aiohttp, *over_httpx, "_store.py"])
    assert importers(FACADE, "aiohttp") == over_aiohttp
    assert "if TYPE_CHECKING:\n    import httpx" in (PACKAGE / "_store.py").read_text()


def test_only_the_request_path_sends() -> None:
    callers = [path.name for path in FACADE if "transport.send(" in path.read_text()]
    assert callers == ["_request_path.py"]


def test_the_sdk_imports_itself_by_relative_names_only() -> None:
    assert importers([*FACADE, *TESTING_KIT, *VENDOR], "posthog_mcp_store") == []


def test_the_sdk_and_its_testing_kit_do_not_know_each_other() -> None:
    assert importers(FACADE, ".testing") == []
    assert importers(TESTING_KIT, "..") == []


def test_the_tool_that_vendors_knows_nothing_but_the_version() -> None:
    from_the_sdk = {name for path in VENDOR for name in imported_names(path) if name.startswith("..")}

    assert from_the_sdk == {".._version", ".._version.__version__"}
    assert importers([*FACADE, *TESTING_KIT], ".vendor") == []


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
