"""The wheel, as pip's `vendoring` tool and our own take it."""

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from ..vendoring.support import CALLING, REFUSING, run

ROOT = Path(__file__).parents[2]
# The tool rewrites the imports of all that it vendors. The licences of others come with their wheels.
VENDORED = ["attrs", "h11", "httpx", "sniffio"]
SETTINGS = """
[tool.vendoring]
destination = "acme/_vendor/"
requirements = "acme/_vendor/vendor.txt"
namespace = "acme._vendor"
protected-files = ["__init__.py", "vendor.txt"]

[tool.vendoring.transformations]
drop = ["*.dist-info", "bin/"]
"""
PROGRAM = f"""
REFUSED = {{"attr", "attrs", "h11", "httpx", "posthog_mcp_store", "sniffio"}}
{REFUSING}
{CALLING.replace("import httpx", "from acme._vendor import httpx")}
from acme._vendor import posthog_mcp_store as sdk

for name in sdk.__all__:
    getattr(sdk, name)
print(type(asyncio.run(failed_call(sdk))).__module__)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    dist = tmp_path_factory.mktemp("dist")
    command: list[str | Path] = [sys.executable, "-m", "build", "--wheel", "--outdir", dist, ROOT]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    (found,) = dist.glob("*.whl")
    return found


def test_pips_vendoring_tool_rewrites_what_the_package_imports(wheel: Path, tmp_path: Path) -> None:
    vendor = tmp_path / "acme" / "_vendor"
    vendor.mkdir(parents=True)
    (vendor.parent / "__init__.py").write_text("")
    (vendor / "__init__.py").write_text("")
    (tmp_path / "pyproject.toml").write_text(SETTINGS)
    pinned = [f"{name}=={version(name)}\n" for name in VENDORED]
    (vendor / "vendor.txt").write_text("".join([f"posthog-mcp-store @ {wheel.as_uri()}\n", *pinned]))
    # It calls the `pip` that it finds.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])

    subprocess.run(
        [sys.executable, "-m", "vendoring", "sync"],
        cwd=tmp_path,
        env={**os.environ, "PATH": path},
        check=True,
        capture_output=True,
        timeout=300,
    )

    exchange = vendor / "posthog_mcp_store" / "_transport" / "httpx_exchange.py"
    assert "from acme._vendor import httpx\n" in exchange.read_text()
    assert (vendor / "posthog_mcp_store" / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()
    said = run("-c", PROGRAM, path=tmp_path)
    assert said.stdout.strip() == "acme._vendor.posthog_mcp_store"


def test_a_copy_from_the_wheel_is_one_from_the_checkout(wheel: Path, tmp_path: Path) -> None:
    """And a check from the one finds the other current."""
    run("-m", "posthog_mcp_store.vendor", str(tmp_path / "mcp_store"), path=wheel)

    said = run("-m", "posthog_mcp_store.vendor", "--check", str(tmp_path / "mcp_store"), path=ROOT / "src")

    assert said.stdout.endswith(": current; not edited\n")
