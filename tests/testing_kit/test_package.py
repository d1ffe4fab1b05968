"""The package as users import it, and its pytest fixture."""

import subprocess
import sys

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
