"""The manifest of a copy: what it is, and what its files were when they were written."""

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from ._errors import VendorError
from ._parts import PARTS, without
from ._release import NAME, REQUIRES, REQUIRES_PYTHON, VERSION, Files, document_version

MANIFEST = "MANIFEST.json"
ABOUT = "A copy of the package named below. Edits are lost when it is updated."


@dataclass(frozen=True)
class Manifest:
    version: str
    document_version: str
    without: tuple[str, ...]
    files: Mapping[str, str]
    """SHA-256 by path."""

    def __str__(self) -> str:
        less = f", without {', '.join(self.without)}" if self.without else ""
        return f"{NAME} {self.version} (document {self.document_version}{less})"

    def to_json(self) -> str:
        fields = {
            "about": ABOUT,
            "name": NAME,
            "version": self.version,
            "document_version": self.document_version,
            "requires_python": REQUIRES_PYTHON,
            "requires": REQUIRES,
            "without": self.without,
            "files": self.files,
        }
        return json.dumps(fields, indent=2) + "\n"


def make_copy(files: Files, parts: Collection[str]) -> tuple[Manifest, Files]:
    """A copy without `parts`: its manifest, and its files with the manifest among them."""
    kept = without(parts, files)
    digests = {path: _digest(content) for path, content in sorted(kept.items())}
    manifest = Manifest(VERSION, document_version(files), tuple(sorted(parts)), digests)
    return manifest, {**kept, MANIFEST: manifest.to_json().encode()}


def read_manifest(content: bytes) -> Manifest:
    """A manifest, of this version or another.

    Raises:
        VendorError: It is none of ours.
    """
    try:
        return _from_fields(json.loads(content))
    except (AttributeError, KeyError, TypeError, ValueError):
        raise VendorError(f"its {MANIFEST} can't be read: restore it, or delete the copy and write it anew") from None


def _from_fields(fields: dict[str, Any]) -> Manifest:
    if fields["name"] != NAME:
        raise ValueError("name")
    if not isinstance(fields["without"], list) or not all(isinstance(part, str) for part in fields["without"]):
        raise TypeError("without")
    return Manifest(fields["version"], fields["document_version"], tuple(fields["without"]), dict(fields["files"]))


def edits(manifest: Manifest, found: Files) -> list[str]:
    """What differs between the files of a copy and its manifest. Line ends may be those of another system."""
    paths = sorted(manifest.files.keys() | found.keys())
    told = {path: _edit(manifest.files.get(path), found.get(path)) for path in paths if path != MANIFEST}
    return [f"{edit} {path}" for path, edit in told.items() if edit]


def _edit(digest: str | None, content: bytes | None) -> str | None:
    if digest is None:
        return "added"
    if content is None:
        return "removed"
    return None if digest in {_digest(content), _digest(content.replace(b"\r\n", b"\n"))} else "changed"


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def known_parts(manifest: Manifest) -> tuple[str, ...]:
    """The parts that a copy was made without, less those that this version no longer has."""
    return tuple(part for part in manifest.without if part in PARTS)
