"""The virtual environments that subjects run in, each with only what the subject needs.

What one subject installs would change another: httpx is faster where sniffio happens to be. They are kept between runs,
and made again when what they are made of has changed.
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

STORE, STORE_WITH_MCP = "store", "store-mcp"
"""The environments that hold the SDK, without and with an extra; the others are called as what they hold."""

SDK = {STORE: str(ROOT), STORE_WITH_MCP: f"{ROOT}[mcp]"}
PINNED = {
    # The SDK is measured beside the httpx that it stands on.
    STORE: ("httpx",),
    STORE_WITH_MCP: ("httpx", "httpx2", "mcp"),
    "mcp": ("httpx2", "mcp"),
}
"""Which pins an environment holds, where that is not the one that it is called by."""


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
        """What lies in site-packages, but for bytecode. There is no pip in it."""
        files = (path for path in self.site_packages.rglob("*") if "__pycache__" not in path.parts)
        return sum(path.stat().st_size for path in files if path.is_file())

    def _path_of(self, scheme_key: str) -> str:
        return sysconfig.get_path(scheme_key, "venv", {"base": str(self.folder), "platbase": str(self.folder)})


def pins() -> dict[str, str]:
    """What there is beside the SDK, by name: the group `bench` of pyproject.toml."""
    group = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]["bench"]
    return {re.split(r"[=<>~!\[ ]", pin)[0]: pin for pin in group}


def environment(name: str) -> Environment:
    """The environment of a subject; made, if it is not there or no longer current."""
    requirements = [pins()[pinned] for pinned in PINNED.get(name, (name,))]
    made_of = [sys.version, *requirements]
    if name in SDK:
        requirements.append(SDK[name])
        made_of += [SDK[name], _digest_of_sources()]
    made = Environment(FOLDER / name)
    note = made.folder / "made-of.txt"
    if not note.exists() or note.read_text() != "\n".join(made_of):
        print(f"making the environment of {name} ...", file=sys.stderr)
        venv.create(made.folder, clear=True, symlinks=True)
        pip = [sys.executable, "-m", "pip", "--python", str(made.python), "install", "-qq"]
        subprocess.run([*pip, *requirements], check=True)
        note.write_text("\n".join(made_of))
    return made


def _digest_of_sources() -> str:
    digest = hashlib.sha256()
    for path in sorted(_sources()):
        digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _sources() -> Iterator[Path]:
    yield ROOT / "pyproject.toml"
    yield ROOT / "README.md"
    for folder in ("src", "generated"):
        yield from (ROOT / folder).rglob("*.py")
