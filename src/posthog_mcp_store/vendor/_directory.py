"""Reading a directory, and putting one in its place whole."""

import ctypes
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from ._release import CACHE, Files

Swap = Callable[[Path, Path], bool]

AT_FDCWD = -100
RENAME_EXCHANGE = 2


def read(directory: Path) -> Files:
    """Every file below a directory but what Python itself puts there; of a link to no file, where it leads."""
    found = {}
    for place, directories, names in os.walk(directory, onerror=_fail):
        paths = [Path(place) / name for name in [*names, *directories]]
        directories[:] = [name for name in directories if name != CACHE]
        for path in paths:
            if path.is_file():
                found[path.relative_to(directory).as_posix()] = path.read_bytes()
            elif path.is_symlink():
                found[path.relative_to(directory).as_posix()] = os.fsencode(path.readlink())
    return dict(sorted(found.items()))


def _fail(error: OSError) -> NoReturn:
    raise error


def swap(one: Path, other: Path) -> bool:
    """Exchange two directories in one step (renameat2(2)); False where the system can't, and nothing was done."""
    exchange = getattr(ctypes.CDLL(None), "renameat2", None) if sys.platform == "linux" else None
    paths = os.fsencode(one), os.fsencode(other)
    return exchange is not None and exchange(AT_FDCWD, paths[0], AT_FDCWD, paths[1], RENAME_EXCHANGE) == 0


def replace(directory: Path, files: Files, swap: Swap = swap) -> None:
    """Write a directory anew, in the place of the one that may be there.

    Whenever it is interrupted, the old one or the new one is there, whole. Where the system can't swap two directories,
    there is a moment with none: an error in it brings the old one back, a kill leaves it in a hidden directory beside.
    """
    directory.parent.mkdir(parents=True, exist_ok=True)
    # What can't be tidied up afterwards is no failure: the new one is in its place.
    with tempfile.TemporaryDirectory(
        prefix=f".{directory.name}.", dir=directory.parent, ignore_cleanup_errors=True
    ) as scratch:
        fresh = Path(scratch) / "new"
        _write(fresh, files)
        if not directory.exists():
            fresh.rename(directory)
        elif not swap(fresh, directory):
            _swap_in_two_steps(fresh, directory, Path(scratch) / "old")


def _swap_in_two_steps(fresh: Path, directory: Path, old: Path) -> None:
    directory.rename(old)
    try:
        fresh.rename(directory)
    except BaseException:
        old.rename(directory)
        raise


def _write(directory: Path, files: Files) -> None:
    for path, content in files.items():
        file = directory / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
