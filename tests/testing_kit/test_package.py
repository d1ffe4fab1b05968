"""The package as users import it, and its pytest fixture."""

import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from posthog_mcp_store import testing
from posthog_mcp_store.testing import EmbeddedService, pytest_plugin

from .support import ROWS

mcp_store_service = pytest_plugin.mcp_store_service


def test_the_fixture_is_a_served_service(mcp_store_service: EmbeddedService) -> None:
    headers = {"Authorization": f"Bearer {mcp_store_service.api_key}"}
    answer = httpx.get(f"{mcp_store_service.base_url}{ROWS}/", headers=headers, trust_env=False)
    assert answer.status_code == 200


@pytest.mark.parametrize("name", testing.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(testing, name).__name__ == name


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Other'"):
        _ = testing.Other


def test_finding_the_plugin_loads_no_web_framework() -> None:
    script = (
        "import sys, posthog_mcp_store.testing.pytest_plugin;"
        "print(sorted({'starlette', 'uvicorn', 'mcp'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"


def test_the_service_loads_without_the_package_mcp() -> None:
    script = (
        "import sys; from posthog_mcp_store.testing import EmbeddedService, tool_server; print('mcp' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "False"


def without(module: str, program: str) -> str:
    """The last line of a program that fails because a module is not installed."""
    blocked = f"import sys; sys.modules[{module!r}] = None\n{program}"
    run = subprocess.run([sys.executable, "-c", blocked], capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 1
    return run.stderr.strip().splitlines()[-1]


@pytest.mark.parametrize(
    ("module", "program", "what"),
    [
        (
            "starlette",
            "from posthog_mcp_store.testing import EmbeddedService",
            "posthog_mcp_store.testing.EmbeddedService",
        ),
        ("uvicorn", "from posthog_mcp_store.testing import serve_app", "posthog_mcp_store.testing.serve_app"),
        ("starlette", "import posthog_mcp_store.testing as t; t.tool_server", "posthog_mcp_store.testing.tool_server"),
        ("mcp", "from posthog_mcp_store.testing import tool_server; tool_server()", "tool_server()"),
        ("mcp", "from posthog_mcp_store.testing import OAuthProvider; OAuthProvider()", "OAuthProvider"),
        (
            "mcp.server.auth.routes",
            "from posthog_mcp_store.testing import OAuthProvider; OAuthProvider()",
            "OAuthProvider",
        ),
    ],
)
def test_a_missing_extra_names_itself(module: str, program: str, what: str) -> None:
    told = without(module, program)

    assert f'Error: {what} needs: pip install "posthog-mcp-store[testing]" (' in told
    assert module in told


def test_a_missing_extra_keeps_its_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mcp.server", None)

    with pytest.raises(ImportError, match="needs: pip install") as missing:
        testing.tool_server()

    assert missing.value.name == "mcp.server"
    assert isinstance(missing.value.__cause__, ImportError)


def test_the_fixture_names_its_missing_extra(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text("import sys; sys.modules['uvicorn'] = None")
    (tmp_path / "test_it.py").write_text("def test_it(mcp_store_service): pass")
    plugins = [word for name in ("cacheprovider", "hypothesispytest", "schemathesis") for word in ("-p", f"no:{name}")]
    program = [sys.executable, "-m", "pytest", "-q", "--rootdir", str(tmp_path), *plugins, "test_it.py"]
    run = subprocess.run(program, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)

    assert run.returncode == 1
    assert 'the fixture mcp_store_service needs: pip install "posthog-mcp-store[testing]" (' in run.stdout
