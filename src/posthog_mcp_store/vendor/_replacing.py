"""Putting a directory in its place whole."""

import ctypes
import errno
import os
import sys
import tempfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from ._directory import paths
from ._release import Files

Exchange = Callable[[Path, Path], None]
"""Puts what is in two directories in each other's place, or leaves both as they were and raises OSError."""

AT_FDCWD = -100
RENAME_EXCHANGE = 2
CAN_NOT_BE_MOVED = {errno.EXDEV, errno.EBUSY, errno.EACCES, errno.EPERM, errno.EROFS}
"""A directory of an image's lower layer, a mount point, and one in a directory that can't be written."""


def create(directory: Path, files: Files) -> None:
    """Write a new directory."""
    directory.parent.mkdir(parents=True, exist_ok=True)
    with _scratch(directory, directory.parent) as scratch:
        fresh = Path(scratch) / "new"
        _write(fresh, files)
        fresh.rename(directory)


def replace(directory: Path, files: Files, exchange: Exchange | None = None) -> None:
    """Write a directory anew, in the place of the one that is there.

    Whenever it is interrupted, the old one or the new one is there, whole. Where the system can't swap two directories,
    there is a moment with none: an error in it brings the old one back, a kill leaves it in a hidden directory beside.
    Where the directory can't be moved, its files are, one by one: an error brings the old ones back, a kill leaves them
    in a hidden directory in it.
    """
    try:
        _replace(directory, files, directory.parent, exchange or exchange_whole)
    except OSError as error:
        if error.errno not in CAN_NOT_BE_MOVED:
            raise
        _replace(directory, files, directory, exchange_files)


def _replace(directory: Path, files: Files, place: Path, exchange: Exchange) -> None:
    with _scratch(directory, place) as scratch:
        other = Path(scratch) / "new"
        _write(other, files)
        exchange(other, directory)


def _scratch(directory: Path, place: Path) -> "tempfile.TemporaryDirectory[str]":
    # What can't be tidied up afterwards is no failure: the new one is in its place.
    return tempfile.TemporaryDirectory(prefix=f".{directory.name}.", dir=place, ignore_cleanup_errors=True)


def _write(directory: Path, files: Files) -> None:
    for path, content in files.items():
        file = directory / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)


def exchange_whole(other: Path, directory: Path) -> None:
    if not _swap(other, directory):
        exchange_in_two_steps(other, directory)


def _swap(one: Path, other: Path) -> bool:
    """Exchange two directories in one step (renameat2(2)); False where the system can't, and nothing was done."""
    exchange = getattr(ctypes.CDLL(None), "renameat2", None) if sys.platform == "linux" else None
    names = os.fsencode(one), os.fsencode(other)
    return exchange is not None and exchange(AT_FDCWD, names[0], AT_FDCWD, names[1], RENAME_EXCHANGE) == 0


def exchange_in_two_steps(other: Path, directory: Path) -> None:
    aside = other.with_name("aside")
    directory.rename(aside)
    try:
        other.rename(directory)
    except BaseException:
        aside.rename(directory)
        raise
    aside.rename(other)


def exchange_files(other: Path, directory: Path) -> None:
    """One by one, for a directory that can't be moved. The other one lies somewhere in it."""
    aside = other.with_name("aside")
    old = [path.relative_to(directory) for path in paths(directory) if other.parent not in path.parents]
    new = [path.relative_to(other) for path in paths(other)]
    try:
        _move(old, directory, aside)
        _move(new, other, directory)
    except BaseException:
        _move([path for path in new if not os.path.lexists(other / path)], directory, other)
        _move([path for path in old if os.path.lexists(aside / path)], aside, directory)
        raise
    aside.rename(other)


def _move(names: Iterable[Path], source: Path, target: Path) -> None:
    """Move files, and leave no empty directories behind."""
    for name in names:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).rename(target / name)
    for place, _, _ in os.walk(source, topdown=False):
        with suppress(OSError):
            Path(place).rmdir()
