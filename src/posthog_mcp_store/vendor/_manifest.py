"""The manifest of a copy: its version, and the hashes of its files when they were written."""

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ._directory import Entry, Found
from ._errors import VendorError
from ._parts import PARTS, without
from ._release import NAME, OPTIONAL_REQUIRES, REQUIRES, REQUIRES_PYTHON, VERSION, Files, document_version

MANIFEST = "MANIFEST.json"
ABOUT = "A copy of the package named below. Edits are lost when it is updated."


@dataclass(frozen=True)
class Manifest:
    version: str
    document_version: str
    without: tuple[str, ...]
    files: Mapping[str, str]
    """SHA-256 by path."""
    added: tuple[str, ...] = field(default=(), compare=False)
    """Keys that somebody has added to it."""

    def __str__(self) -> str:
        less = f", without {', '.join(self.without)}" if self.without else ""
        return f"{NAME} {self.version} (document {self.document_version}{less})"

    def fields(self) -> dict[str, object]:
        return {
            "about": ABOUT,
            "name": NAME,
            "version": self.version,
            "document_version": self.document_version,
            "requires_python": REQUIRES_PYTHON,
            "requires": REQUIRES,
            "optional_requires": {
                part: packages for part, packages in OPTIONAL_REQUIRES.items() if part not in self.without
            },
            "without": self.without,
            "files": self.files,
        }

    def to_json(self) -> str:
        return json.dumps(self.fields(), indent=2) + "\n"


def make_copy(files: Files, parts: Collection[str]) -> tuple[Manifest, Files]:
    """A copy without `parts`: its manifest, and its files including the manifest."""
    kept = without(parts, files)
    digests = {path: _digest(content) for path, content in sorted(kept.items())}
    manifest = Manifest(VERSION, document_version(files), tuple(sorted(parts)), digests)
    return manifest, {**kept, MANIFEST: manifest.to_json().encode()}


def read_manifest(content: bytes) -> Manifest:
    """Read a manifest of this version or another.

    Raises:
        VendorError: It is not one of our manifests.
    """
    try:
        return _from_fields(json.loads(content))
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError):
        raise VendorError(f"its {MANIFEST} can't be read: restore it, or delete the copy and create it again") from None


def _from_fields(fields: dict[str, Any]) -> Manifest:
    version, document_version, files, without = (
        fields[name] for name in ("version", "document_version", "files", "without")
    )
    texts = [version, document_version, *files.values(), *without]
    if fields["name"] != NAME or not isinstance(without, list) or not all(isinstance(text, str) for text in texts):
        raise ValueError(fields["name"])
    manifest = Manifest(version, document_version, tuple(without), files)
    return replace(manifest, added=tuple(sorted(fields.keys() - manifest.fields().keys())))


def edits(manifest: Manifest, found: Found) -> list[str]:
    """The differences between a copy and its manifest. Line endings may be those of another system."""
    digests = {**manifest.files, MANIFEST: _digest(found[MANIFEST].content) if MANIFEST in found else ""}
    # Some file systems have no modes, and report everything as executable.
    has_modes = not all(entry.is_executable for entry in found.values() if entry.kind == "file")
    told = [
        _edit(path, digests.get(path), found.get(path), has_modes=has_modes)
        for path in sorted(digests.keys() | found.keys())
    ]
    return [*filter(None, told), *(f"added {MANIFEST}: {name}" for name in manifest.added)]


def _edit(path: str, digest: str | None, entry: Entry | None, *, has_modes: bool) -> str | None:
    if digest is None:
        return f"added {path}"
    if entry is None:
        return f"removed {path}"
    if entry.kind != "file":
        return f"changed {path}: no longer a regular file"
    if digest not in {_digest(entry.content), _digest(entry.content.replace(b"\r\n", b"\n"))}:
        return f"changed {path}"
    return f"changed {path}: now executable" if has_modes and entry.is_executable else None


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def known_parts(manifest: Manifest) -> tuple[str, ...]:
    """The parts that a copy was made without, except those that this version no longer has."""
    return tuple(part for part in manifest.without if part in PARTS)
