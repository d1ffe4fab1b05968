"""Creating or replacing a complete directory, without deleting anything that somebody else has put there."""

import ctypes
import errno
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from ._directory import Found, differences, paths, read
from ._errors import ChangedError, TakenError
from ._release import Files

Exchange = Callable[[Path, Path], None]
"""Swaps the contents of two directories, or leaves both unchanged and raises OSError."""

AT_FDCWD = -100
RENAME_NOREPLACE, RENAME_EXCHANGE = 1, 2
CAN_NOT_BE_MOVED = {errno.EXDEV, errno.EBUSY, errno.EACCES, errno.EPERM, errno.EROFS}
"""For a directory in a lower layer of an image, a mount point, and one whose parent can't be written."""

CHANGED = "was changed during the update, which was rolled back; run it again: {}"
MOST_TOLD = 5


def create(directory: Path, files: Files) -> None:
    """Write a new directory.

    Raises:
        TakenError: It has been created by somebody else in the meantime.
    """
    directory.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=_hidden(directory), dir=directory.parent) as scratch:
        fresh = Path(scratch) / "new"
        _write(fresh, files)
        try:
            _rename(fresh, directory)
        except FileExistsError:
            raise TakenError from None


def replace(directory: Path, files: Files, known: Found, exchange: Exchange | None = None) -> None:
    """Write a new directory in place of the one that was read as `known`.

    If this is interrupted at any time, either the complete old directory or the complete new one is there, with two
    exceptions. If the system can't swap two directories, there is a moment with neither: an error then restores the old
    one, a kill leaves it in a hidden directory next to it. If the directory can't be moved, its files are moved one by
    one: an error then restores the old ones, a kill leaves them in a hidden directory inside it.

    Raises:
        ChangedError: The directory has been changed since it was read. The change is kept.
    """
    try:
        _replace(directory, files, known, directory.parent, exchange or exchange_whole)
    except OSError as error:
        if error.errno not in CAN_NOT_BE_MOVED:
            raise
        _replace(directory, files, known, directory, exchange_files)


def _replace(directory: Path, files: Files, known: Found, place: Path, exchange: Exchange) -> None:
    scratch = Path(tempfile.mkdtemp(prefix=_hidden(directory), dir=place))
    other, written = scratch / "new", None
    try:
        _write(other, files)
        written = read(other)
        _exchange_if_known(other, directory, known, exchange)
    except BaseException as error:
        if kept := _tidied(scratch, written):
            error.add_note(f"anything that could not be restored, or was saved during the update, is in {kept}")
        raise
    # If the old files can't be deleted, that is not a failure: the new directory is in place.
    shutil.rmtree(scratch, ignore_errors=True)


def _exchange_if_known(other: Path, directory: Path, known: Found, exchange: Exchange) -> None:
    try:
        exchange(other, directory)
    except FileExistsError as error:
        raise ChangedError(CHANGED.format(f"added {error.filename}")) from None
    try:
        # Not before the exchange: only in its new place is the old directory safe from changes after the check.
        _check(known, read(other))
    except BaseException:
        exchange(other, directory)
        raise


def _check(known: Found, found: Found) -> None:
    if changes := differences(known, found):
        more = f" and {len(changes) - MOST_TOLD} more" if len(changes) > MOST_TOLD else ""
        raise ChangedError(CHANGED.format(", ".join(changes[:MOST_TOLD]) + more))


def _hidden(directory: Path) -> str:
    return f".{directory.name}."


def _tidied(scratch: Path, written: Found | None) -> Path | None:
    """Delete the scratch directory, except anything that we have not written. Return it if something is left."""
    for each in list(scratch.iterdir()):
        if written is None or _holds(each, written):
            shutil.rmtree(each, ignore_errors=True)
    with suppress(OSError):
        scratch.rmdir()
    return scratch if scratch.exists() else None


def _holds(directory: Path, known: Found) -> bool:
    try:
        return read(directory) == known
    except OSError:
        return False


def _write(directory: Path, files: Files) -> None:
    for path, content in files.items():
        file = directory / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)


def exchange_whole(other: Path, directory: Path) -> None:
    if not _renameat2(other, directory, RENAME_EXCHANGE):
        exchange_in_two_steps(other, directory)


def exchange_in_two_steps(other: Path, directory: Path) -> None:
    aside = other.with_name("aside")
    directory.rename(aside)
    try:
        _rename(other, directory)
    except BaseException:
        _rename(aside, directory)
        raise
    aside.rename(other)


def exchange_files(other: Path, directory: Path) -> None:
    """Exchange the files one by one, for a directory that can't be moved. `other` is somewhere inside it."""
    aside = other.with_name("aside")
    old = [path.relative_to(directory) for path in paths(directory) if other.parent not in path.parents]
    new = [path.relative_to(other) for path in paths(other)]
    try:
        _move(old, directory, aside)
        _move(new, other, directory)
    except BaseException:
        _move([path for path in new if not os.path.lexists(other / path)], directory, other, OSError)
        _move([path for path in old if os.path.lexists(aside / path)], aside, directory, OSError)
        raise
    aside.rename(other)


def _move(names: Iterable[Path], source: Path, target: Path, *skipped: type[OSError]) -> None:
    """Move files, except those that fail with a skipped error, and remove the directories that are then empty."""
    for name in names:
        with suppress(*skipped):
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            _rename(source / name, target / name)
    for place, _, _ in os.walk(source, topdown=False):
        with suppress(OSError):
            Path(place).rmdir()


def _rename(source: Path, target: Path) -> None:
    """Rename, but never replace an existing file or directory."""
    if not _renameat2(source, target, RENAME_NOREPLACE):
        if os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))
        source.rename(target)


def _renameat2(source: Path, target: Path, flag: int) -> bool:
    """Call renameat2(2). Return False if the system does not support the flag; nothing was done then."""
    function = getattr(ctypes.CDLL(None), "renameat2", None) if sys.platform == "linux" else None
    names = os.fsencode(source), os.fsencode(target)
    return function is not None and function(AT_FDCWD, names[0], AT_FDCWD, names[1], flag) == 0
