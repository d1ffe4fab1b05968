"""Putting a directory in the place of another."""

import shutil
from pathlib import Path

import pytest

from posthog_mcp_store.vendor import _directory
from posthog_mcp_store.vendor._commands import main

from .support import vendored


def test_a_new_copy_that_could_not_be_written_leaves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(IsADirectoryError):
        _directory.replace(tmp_path / "mcp_store", {"a/b": b"", "a": b""})

    assert list(tmp_path.iterdir()) == []


def can_not_swap(one: Path, other: Path) -> bool:
    return False


def test_where_the_system_can_not_swap_directories_a_copy_is_updated_too(copy: Path) -> None:
    _directory.replace(copy, {"__init__.py": b"new = 1\n"}, swap=can_not_swap)

    assert [path.name for path in copy.rglob("*")] == ["__init__.py"]
    assert [path.name for path in copy.parent.iterdir()] == ["mcp_store"]


def test_where_the_system_can_not_swap_directories_an_error_brings_the_old_one_back(copy: Path) -> None:
    def lose_the_new_one(fresh: Path, directory: Path) -> bool:
        shutil.rmtree(fresh)
        return False

    with pytest.raises(FileNotFoundError):
        _directory.replace(copy, {"__init__.py": b"new = 1\n"}, swap=lose_the_new_one)

    assert main(["--check", str(copy)]) == 0
    assert [path.name for path in copy.parent.iterdir()] == ["mcp_store"]


def test_a_system_without_the_call_says_that_it_can_not_swap(tmp_path: Path) -> None:
    one, other = vendored(tmp_path / "one"), tmp_path / "not there"

    assert not _directory.swap(one, other)
    assert main(["--check", str(one)]) == 0


def test_what_can_not_be_read_is_not_taken_for_gone(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        _directory.read(tmp_path / "nowhere")
