import re
from pathlib import Path

import pytest

from posthog_mcp_store.vendor._parts import PARTS

from ..vendoring.support import vendored
from .support import ROOT, environment_with, required

SERVICE = """from acme._vendor.mcp_store import MCPStore


async def installation_name(store: MCPStore) -> str:
    return (await store.installations.retrieve(7)).name
"""


@pytest.fixture(scope="session")
def bare(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The Python of an environment that has only what a copy without all parts requires."""
    everything = [word for part in PARTS for word in ("--without", part)]
    copy = vendored(tmp_path_factory.mktemp("bare") / "mcp_store", *everything)
    return environment_with(required(copy), tmp_path_factory.mktemp("environment"))


@pytest.fixture
def guided(tmp_path: Path) -> Path:
    """A team's tree that has a whole copy, code with an error, and the settings of the guide."""
    tree = tmp_path / "tree"
    vendored(tree / "acme" / "_vendor" / "mcp_store")
    for package in ("acme", "acme/_vendor"):
        (tree / package / "__init__.py").write_text("")
    (tree / "acme" / "service.py").write_text(SERVICE)
    guide = (ROOT / "docs" / "guides" / "vendoring.md").read_text()
    [settings] = re.findall(r"^```toml\n(.*?)^```", guide, re.DOTALL | re.MULTILINE)
    (tree / "pyproject.toml").write_text(settings)
    return tree
