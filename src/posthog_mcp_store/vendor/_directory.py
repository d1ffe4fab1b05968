"""Reading what is in a directory."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from ._release import CACHE

Found = dict[str, bytes]
"""Contents by path, with slashes, below the directory; of a link to no file, where it leads."""

LITTER = re.compile(r".*\.py[co](\.\d+)?|\.DS_Store|(eh)?thumbs\.db|desktop\.ini|\.directory", re.IGNORECASE)
"""What Python and desktops write by themselves."""
APPLE_DOUBLE = b"\x00\x05\x16\x07"
"""How a `._` file begins that macOS leaves on file systems without its attributes."""


def read(directory: Path) -> Found:
    """Every file below a directory but litter."""
    found = {}
    for path in paths(directory):
        name = path.relative_to(directory).as_posix()
        if CACHE in path.relative_to(directory).parts[:-1]:
            continue
        if path.is_file() and not _is_litter(path.name, content := path.read_bytes()):
            found[name] = content
        elif path.is_symlink() and not path.is_file():
            found[name] = os.fsencode(path.readlink())
    return dict(sorted(found.items()))


def paths(directory: Path) -> Iterator[Path]:
    """Everything below a directory that is no directory itself."""
    for place, directories, names in os.walk(directory, onerror=_fail):
        links = [name for name in directories if Path(place, name).is_symlink()]
        yield from (Path(place, name) for name in [*names, *links])


def _fail(error: OSError) -> NoReturn:
    raise error


def _is_litter(name: str, content: bytes) -> bool:
    is_apple_double = name.startswith("._") and content.startswith(APPLE_DOUBLE)
    return is_apple_double or LITTER.fullmatch(name) is not None
