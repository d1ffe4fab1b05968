"""Reading the contents of a directory."""

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NoReturn

LITTER = re.compile(r".*\.py[co](\.\d+)?|\.DS_Store|(eh)?thumbs\.db|desktop\.ini|\.directory", re.IGNORECASE)
"""Files that Python and desktop environments create automatically."""
APPLE_DOUBLE = b"\x00\x05\x16\x07"
"""The first bytes of the `._` files that macOS creates on file systems without support for its attributes."""


@dataclass(frozen=True)
class Entry:
    """Anything in a directory that is not itself a directory."""

    kind: Literal["file", "link", "other"]
    content: bytes = b""
    """The content of a file, or the target of a link."""
    is_executable: bool = False


Found = dict[str, Entry]
"""Entries by path, with slashes, below the directory."""


def read(directory: Path) -> Found:
    """All entries below a directory, except litter. Links are not followed."""
    found = {path.relative_to(directory).as_posix(): _entry(path) for path in paths(directory)}
    return {path: entry for path, entry in sorted(found.items()) if not _is_litter(path, entry)}


def paths(directory: Path) -> Iterator[Path]:
    """The paths of everything below a directory, except directories."""
    for place, directories, names in os.walk(directory, onerror=_fail):
        links = [name for name in directories if Path(place, name).is_symlink()]
        yield from (Path(place, name) for name in [*names, *links])


def _fail(error: OSError) -> NoReturn:
    raise error


def _entry(path: Path) -> Entry:
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        return Entry("link", os.fsencode(path.readlink()))
    if not stat.S_ISREG(mode):
        return Entry("other")
    return Entry("file", path.read_bytes(), is_executable=bool(mode & 0o111))


def _is_litter(path: str, entry: Entry) -> bool:
    name = path.rpartition("/")[2]
    is_apple_double = name.startswith("._") and entry.content.startswith(APPLE_DOUBLE)
    return entry.kind == "file" and (is_apple_double or LITTER.fullmatch(name) is not None)


def differences(before: Found, after: Found) -> list[str]:
    """The changes in a directory, one line for each entry."""
    told = {path: _difference(before.get(path), after.get(path)) for path in sorted(before.keys() | after.keys())}
    return [f"{difference} {path}" for path, difference in told.items() if difference]


def _difference(before: Entry | None, after: Entry | None) -> str | None:
    if before == after:
        return None
    return "added" if before is None else "removed" if after is None else "changed"
