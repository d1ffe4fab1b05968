"""The virtual environments of the subjects, each with only the packages that the subject needs.

Packages of one subject could affect another: httpx is faster if sniffio is installed. Environments are kept between
runs, and rebuilt when their requirements or the SDK have changed.
"""

import hashlib
import importlib.metadata
import re
import subprocess
import sys
import sysconfig
import tomllib
import venv
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / ".nox" / ".cache" / "bench" / f"{sys.version_info.major}.{sys.version_info.minor}"

SDK, SDK_WITH_MCP, SDK_WITH_AIOHTTP, SDK_WITH_BOTH = "sdk", "sdk-mcp", "sdk-aiohttp", "sdk-aiohttp-mcp"
"""The environments of the SDK, without and with extras; the others have the name of their package."""

REQUIREMENTS = {
    SDK: str(ROOT),
    SDK_WITH_MCP: f"{ROOT}[mcp]",
    SDK_WITH_AIOHTTP: f"{ROOT}[aiohttp]",
    SDK_WITH_BOTH: f"{ROOT}[aiohttp,mcp]",
}
PINNED = {
    # The SDK is compared with the same version of httpx as it uses.
    SDK: ("httpx",),
    SDK_WITH_MCP: ("httpx", "httpx2", "mcp"),
    SDK_WITH_AIOHTTP: ("aiohttp", "httpx"),
    SDK_WITH_BOTH: ("aiohttp", "httpx", "httpx2", "mcp"),
    "mcp": ("httpx2", "mcp"),
}
"""The pinned packages of an environment, unless it is only the one of its name."""


@dataclass(frozen=True)
class Environment:
    folder: Path

    @cached_property
    def python(self) -> Path:
        return Path(self._path_of("scripts")) / "python"

    @cached_property
    def site_packages(self) -> Path:
        return Path(self._path_of("purelib"))

    def versions(self) -> dict[str, str]:
        found = importlib.metadata.distributions(path=[str(self.site_packages)])
        return dict(sorted((each.name.lower(), each.version) for each in found))

    def installed_bytes(self) -> int:
        """The size of site-packages without bytecode. It does not contain pip."""
        files = (path for path in self.site_packages.rglob("*") if "__pycache__" not in path.parts)
        return sum(path.stat().st_size for path in files if path.is_file())

    def _path_of(self, scheme_key: str) -> str:
        return sysconfig.get_path(scheme_key, "venv", {"base": str(self.folder), "platbase": str(self.folder)})


def pins() -> dict[str, str]:
    """The pinned requirements by package: the group `bench` of pyproject.toml."""
    group = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]["bench"]
    return {re.split(r"[=<>~!\[ ]", pin)[0]: pin for pin in group}


def environment(name: str) -> Environment:
    """The environment of that name, built if it is missing or out of date."""
    requirements = [pins()[pinned] for pinned in PINNED.get(name, (name,))]
    inputs = [sys.version, *requirements]
    if name in REQUIREMENTS:
        requirements.append(REQUIREMENTS[name])
        inputs += [REQUIREMENTS[name], _source_digest()]
    built = Environment(FOLDER / name)
    record = built.folder / "inputs.txt"
    if not record.exists() or record.read_text() != "\n".join(inputs):
        print(f"building the environment {name} ...", file=sys.stderr)
        venv.create(built.folder, clear=True, symlinks=True)
        pip = [sys.executable, "-m", "pip", "--python", str(built.python), "install", "-qq"]
        subprocess.run([*pip, *requirements], check=True)
        record.write_text("\n".join(inputs))
    return built


def _source_digest() -> str:
    digest = hashlib.sha256()
    for path in sorted(_sources()):
        digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _sources() -> Iterator[Path]:
    yield ROOT / "pyproject.toml"
    yield ROOT / "README.md"
    for folder in ("src", "generated"):
        yield from (ROOT / folder).rglob("*.py")
