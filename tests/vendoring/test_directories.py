"""Putting a directory in the place of another."""

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from posthog_mcp_store.vendor import _replacing
from posthog_mcp_store.vendor._commands import main
from posthog_mcp_store.vendor._directory import read
from posthog_mcp_store.vendor._errors import ChangedError, VendorError

from .support import SOURCE, vendored

NEW = {"__init__.py": b"new = 1\n", "more/__init__.py": b"more = 1\n"}


def names(directory: Path) -> list[str]:
    return sorted(path.relative_to(directory).as_posix() for path in directory.rglob("*"))


def holds_the_new_one_alone(copy: Path) -> bool:
    return names(copy) == ["__init__.py", "more", "more/__init__.py"] and names(copy.parent)[0] == "mcp_store"


def is_as_it_was(copy: Path) -> bool:
    return main(["--check", str(copy)]) == 0 and [path.name for path in copy.parent.iterdir()] == ["mcp_store"]


def test_a_new_copy_that_could_not_be_written_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        _replacing.create(tmp_path / "mcp_store", {"a/b": b"", "a": b""})

    assert list(tmp_path.iterdir()) == []


def test_unreadable_files_are_not_taken_for_missing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "nowhere")


# Systems that can't swap two directories


def test_where_the_system_can_not_swap_directories_a_copy_is_updated_too(copy: Path) -> None:
    _replacing.replace(copy, NEW, read(copy), _replacing.exchange_in_two_steps)

    assert holds_the_new_one_alone(copy)


def test_where_the_system_can_not_swap_directories_an_error_brings_the_old_one_back(copy: Path) -> None:
    def lose_the_new_one(other: Path, directory: Path) -> None:
        shutil.rmtree(other)
        _replacing.exchange_in_two_steps(other, directory)

    with pytest.raises(FileNotFoundError):
        _replacing.replace(copy, NEW, read(copy), lose_the_new_one)

    assert is_as_it_was(copy)


def test_a_swap_that_the_system_refuses_is_tried_in_two_steps_and_reported(tmp_path: Path) -> None:
    one = vendored(tmp_path / "one")

    with pytest.raises(FileNotFoundError):
        _replacing.exchange_whole(tmp_path / "not there", one)

    assert main(["--check", str(one)]) == 0


# Directories that can't be moved


def can_not_be_moved(other: Path, directory: Path) -> None:
    raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), str(directory))


def is_full(other: Path, directory: Path) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(directory))


def test_of_a_directory_that_can_not_be_moved_the_files_are(copy: Path) -> None:
    (copy / "testing" / "__pycache__").mkdir()
    (copy / "testing" / "__pycache__" / "_app.cpython-311.pyc").write_bytes(b"old")
    (copy / "theirs").symlink_to("nowhere")
    place = copy.stat().st_ino

    _replacing.replace(copy, NEW, read(copy), can_not_be_moved)

    assert holds_the_new_one_alone(copy)
    assert copy.stat().st_ino == place


def test_a_file_may_take_the_place_of_a_directory_and_the_other_way_round(copy: Path) -> None:
    files = {"testing": b"", "_store.py/__init__.py": b""}

    _replacing.replace(copy, files, read(copy), can_not_be_moved)

    assert names(copy) == ["_store.py", "_store.py/__init__.py", "testing"]


def test_an_error_while_files_are_moved_brings_the_old_ones_back(copy: Path) -> None:
    scratch = copy / "taken"
    other = scratch / "new"
    other.mkdir(parents=True)
    for name in ("__init__.py", "taken", "taken_too.py"):
        (other / name).write_text("new")

    with pytest.raises(FileExistsError, match="taken"):
        _replacing.exchange_files(other, copy)

    assert names(other) == ["__init__.py", "taken", "taken_too.py"]
    shutil.rmtree(scratch)
    assert is_as_it_was(copy)


def test_other_errors_are_reported_and_change_nothing(copy: Path) -> None:
    with pytest.raises(OSError, match="No space left on device"):
        _replacing.replace(copy, NEW, read(copy), is_full)

    assert is_as_it_was(copy)


# Changes by others during an update


def test_a_new_copy_replaces_nothing_that_came_there_in_the_meantime(tmp_path: Path) -> None:
    place = tmp_path / "mcp_store"
    place.mkdir()

    with pytest.raises(VendorError, match="exists and is not a copy: choose a directory that does not exist yet"):
        _replacing.create(place, NEW)

    assert names(tmp_path) == ["mcp_store"]


def left_beside(copy: Path, raised: pytest.ExceptionInfo[ChangedError]) -> Path:
    """The files an update could neither put back nor delete, and where it says they are."""
    (note,) = raised.value.__notes__
    told, _, place = note.rpartition(" is in ")
    assert told == "anything that could not be restored, or was saved during the update,"
    assert Path(place).parent in {copy, copy.parent}
    return Path(place)


@pytest.mark.parametrize("exchange", [_replacing.exchange_whole, _replacing.exchange_in_two_steps, can_not_be_moved])
def test_a_copy_that_was_changed_since_it_was_read_is_left_as_it_is(copy: Path, exchange: _replacing.Exchange) -> None:
    known = read(copy)
    for number in range(7):
        (copy / f"mine_{number}.py").write_text("")

    with pytest.raises(ChangedError) as raised:
        _replacing.replace(copy, NEW, known, exchange)

    assert str(raised.value) == (
        "was changed during the update, which was rolled back; run it again: "
        "added mine_0.py, added mine_1.py, added mine_2.py, added mine_3.py, added mine_4.py and 2 more"
    )
    for number in range(7):
        (copy / f"mine_{number}.py").unlink()
    assert is_as_it_was(copy)


def test_changes_are_reported(copy: Path) -> None:
    known = read(copy)
    edited, _, gone = (copy / name for name in ("_store.py", "_api.py", "py.typed"))
    edited.chmod(0o755)
    gone.unlink()

    with pytest.raises(ChangedError, match=r"run it again: changed _store\.py, removed py\.typed$"):
        _replacing.replace(copy, NEW, known)


def test_files_saved_in_the_new_copy_before_the_old_one_comes_back_are_kept(copy: Path) -> None:
    known = read(copy)
    (copy / "mine.py").write_text("first")

    def save_then(other: Path, directory: Path) -> None:
        _replacing.exchange_whole(other, directory)
        if (directory / "more").exists():
            (directory / "__init__.py").write_text("second")

    with pytest.raises(ChangedError, match=r"added mine\.py") as raised:
        _replacing.replace(copy, NEW, known, save_then)

    assert (copy / "mine.py").read_text() == "first"
    assert (left_beside(copy, raised) / "new" / "__init__.py").read_text() == "second"


def test_unreadable_files_are_kept(copy: Path) -> None:
    """As where a disk fails: nothing that was not seen is deleted."""
    known = read(copy)
    (copy / "mine.py").write_text("first")

    def lose_sight_of_it(other: Path, directory: Path) -> None:
        if (directory / "more").exists():
            shutil.rmtree(other)
            other.symlink_to("nowhere")
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        _replacing.exchange_whole(other, directory)

    with pytest.raises(OSError, match=os.strerror(errno.EIO)) as raised:
        _replacing.replace(copy, NEW, known, lose_sight_of_it)

    assert "is in " in raised.value.__notes__[0]


class TakenAtOnce(type(Path())):  # type: ignore[misc]  # a class of the system's own
    """A place in which somebody puts something as soon as it is free."""

    def rename(self, target: Path) -> None:
        super().rename(target)
        self.mkdir()

    def mkdir(self, *arguments: object, **more: object) -> None:
        super().mkdir(*arguments, **more)
        if self.parent.name == "_vendor":
            (self / "__init__.py").write_text("mine")


def test_a_directory_that_appears_between_two_steps_stays_and_the_old_copy_is_kept(copy: Path) -> None:
    before = read(copy)

    with pytest.raises(ChangedError, match="run it again: added ") as raised:
        _replacing.replace(TakenAtOnce(copy), NEW, before, _replacing.exchange_in_two_steps)

    assert names(copy) == ["__init__.py"]
    assert (copy / "__init__.py").read_text() == "mine"
    assert read(left_beside(copy, raised) / "aside") == before


def test_a_file_that_appears_in_the_place_of_another_stays_and_the_old_one_is_kept(copy: Path) -> None:
    before = read(copy)

    with pytest.raises(ChangedError, match=r"run it again: added .*/__init__\.py") as raised:
        _replacing.replace(TakenAtOnce(copy), NEW, before, can_not_be_moved)

    assert (copy / "__init__.py").read_text() == "mine"
    kept = left_beside(copy, raised)
    assert names(kept) == ["aside", "aside/__init__.py"]
    (kept / "aside" / "__init__.py").replace(copy / "__init__.py")
    shutil.rmtree(kept)
    assert is_as_it_was(copy)


# Real ones: they take root, and a system that has them.

MOUNTED = """
set -e
mount -t tmpfs none "$PLACE"
mkdir "$PLACE/lower" "$PLACE/upper" "$PLACE/work" "$PLACE/tree"
cp -r "$COPY" "$PLACE/lower/mcp_store"
{mount}
"$PYTHON" -m posthog_mcp_store.vendor --update --without testing "$PLACE/tree/mcp_store"
"$PYTHON" -m posthog_mcp_store.vendor --check "$PLACE/tree/mcp_store"
cp -r "$PLACE/tree" "$RESULT"
"""
LOWER_LAYER = """
mount -t overlay overlay -o "lowerdir=$PLACE/lower,upperdir=$PLACE/upper,workdir=$PLACE/work" "$PLACE/tree"
"""
MOUNT_POINT = """
mkdir "$PLACE/tree/mcp_store"
mount --bind "$PLACE/lower/mcp_store" "$PLACE/tree/mcp_store"
"""
READ_ONLY_AROUND = f"""
{MOUNT_POINT}
mount --bind "$PLACE/tree" "$PLACE/tree"
mount --bind "$PLACE/lower/mcp_store" "$PLACE/tree/mcp_store"
mount -o remount,bind,ro "$PLACE/tree"
"""


def in_mounts_of_its_own(script: str, **variables: object) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **{name: str(value) for name, value in variables.items()}}
    command = ["unshare", "--mount", "sh", "-c", script]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)


def can_mount(place: Path) -> bool:
    if sys.platform != "linux" or shutil.which("unshare") is None:
        return False
    return in_mounts_of_its_own('mount -t tmpfs none "$PLACE"', PLACE=place).returncode == 0


@pytest.mark.parametrize(
    "mount", [LOWER_LAYER, MOUNT_POINT, READ_ONLY_AROUND], ids=["lower layer", "mount point", "read-only around"]
)
def test_a_copy_that_can_not_be_moved_is_updated_in_place(copy: Path, tmp_path: Path, mount: str) -> None:
    place, result = tmp_path / "place", tmp_path / "result"
    place.mkdir()
    if not can_mount(place):
        pytest.skip("this user can't mount here")

    done = in_mounts_of_its_own(
        MOUNTED.format(mount=mount),
        PLACE=place,
        COPY=copy,
        RESULT=result,
        PYTHON=sys.executable,
        PYTHONPATH=SOURCE.parent,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "updated to" in done.stdout
    assert [path.name for path in result.iterdir()] == ["mcp_store"]
    assert not (result / "mcp_store" / "testing").exists()
    assert main(["--check", str(result / "mcp_store")]) == 0
