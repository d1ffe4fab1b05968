"""Copies of the SDK, releases to update them from, and programs that use them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import posthog_mcp_store
from posthog_mcp_store.vendor._commands import main

SOURCE = Path(posthog_mcp_store.__file__).parent
REFUSING = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in REFUSED:
            raise ModuleNotFoundError(f"{name} is refused", name=name)

sys.meta_path.insert(0, Refuse())
"""
"""For programs that have to do without some packages: they set REFUSED before."""
CALLING = """
import asyncio
import httpx

async def failed_call(sdk, *, on_request=lambda request: None):
    def answer(request):
        on_request(request)
        return httpx.Response(404, json={"detail": "Not found."})

    async with (
        httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client,
        sdk.MCPStore("phx_key", http_client=client) as store,
    ):
        try:
            await store.installations.retrieve("0195f3a0-0000-7000-8000-000000000001")
        except sdk.NotFoundError as error:
            return error
"""


def vendored(destination: Path, *arguments: str) -> Path:
    """A copy that the tool has written."""
    assert main([str(destination), *arguments]) == 0
    return destination


def run(
    *arguments: str, path: Path | None = None, status: int = 0, timeout: float = 120
) -> subprocess.CompletedProcess[str]:
    """Run Python on a path of packages, where it must end with this status within the timeout, in seconds."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    if path is not None:
        environment["PYTHONPATH"] = str(path)
    run = subprocess.run(
        [sys.executable, *arguments], env=environment, capture_output=True, text=True, check=False, timeout=timeout
    )
    assert run.returncode == status, run.stdout + run.stderr
    return run


def next_release(directory: Path) -> Path:
    """A path of packages with the SDK as a later version could be: other numbers, and one name fewer."""
    package = directory / "posthog_mcp_store"
    shutil.copytree(SOURCE, package, ignore=shutil.ignore_patterns("__pycache__"))
    changes = {
        "_version.py": (f'"{posthog_mcp_store.__version__}"', '"7.7.7"'),
        "lowlevel/__init__.py": ("DOCUMENT_VERSION = ", 'DOCUMENT_VERSION = "8.8.8"  # '),
        "_core/redacting_filter.py": (
            "class RedactingFilter",
            "class Renamed(logging.Filter): ...\n\n\nclass RedactingFilter",
        ),
    }
    for name, (old, new) in changes.items():
        text = (package / name).read_text()
        assert old in text
        (package / name).write_text(text.replace(old, new))
    return directory


SMALL = {
    "*.py",
    "LICENSE",
    "py.typed",
    "_core/*.py",
    "_ratelimit/*.py",
    "lowlevel/__init__.py",
    "testing/*.py",
    "testing/_model/*.py",
    "vendor/*.py",
}


def small_release(directory: Path) -> Path:
    """A path of packages with what an update goes through of the SDK, and less of it: files, folders, parts."""
    for pattern in SMALL:
        for file in SOURCE.glob(pattern):
            place = directory / "posthog_mcp_store" / file.relative_to(SOURCE)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, place)
    return directory
