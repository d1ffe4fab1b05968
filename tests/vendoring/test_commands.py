"""`python -m posthog_mcp_store.vendor`, as other teams run it."""

import hashlib
import json
import os
import re
import runpy
import shutil
import stat
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from posthog_mcp_store import __version__
from posthog_mcp_store.vendor._commands import main
from posthog_mcp_store.vendor._errors import VendorError
from posthog_mcp_store.vendor._release import document_version, package_files

from .support import SOURCE, run, vendored

ROOT = Path(__file__).parents[2]
WITHOUT = b'{"name": "posthog-mcp-store", "version": "0", "document_version": "0", "without": "redis", "files": {}}'
FIELDS = {"name": '"posthog-mcp-store"', "version": '"0"', "document_version": '"0"', "without": "[]", "files": "{}"}
DONE, REFUSED, USAGE, OUT_OF_DATE, EDITED = 0, 1, 2, 3, 4
Capture = pytest.CaptureFixture[str]


def malformed(field: str, value: str) -> bytes:
    """A manifest with another value in one field."""
    fields = {**FIELDS, field: value}
    return f"{{{', '.join(f'{json.dumps(name)}: {text}' for name, text in fields.items())}}}".encode()


def tree(directory: Path) -> dict[str, bytes]:
    return {
        path.relative_to(directory).as_posix(): path.read_bytes() for path in directory.rglob("*") if path.is_file()
    }


def everything(directory: Path) -> dict[str, tuple[int, str]]:
    """The entries of a directory, with their kinds and the targets of links."""
    return {
        path.relative_to(directory).as_posix(): (path.lstat().st_mode, str(path.resolve()))
        for path in directory.rglob("*")
    }


def siblings(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.parent.iterdir())


def manifest(copy: Path) -> dict[str, object]:
    fields: dict[str, object] = json.loads((copy / "MANIFEST.json").read_text())
    return fields


def optional(copy: Path) -> dict[str, list[str]]:
    fields: dict[str, dict[str, list[str]]] = json.loads((copy / "MANIFEST.json").read_text())
    return fields["optional_requires"]


# Writing


def test_a_copy_holds_the_files_of_the_package_as_they_are_and_not_the_tool(copy: Path) -> None:
    found = tree(copy)
    del found["MANIFEST.json"]

    assert found == {
        path: content
        for path, content in ((file.relative_to(SOURCE).as_posix(), file.read_bytes()) for file in files_of_the_sdk())
        if not path.startswith("vendor/")
    }


def files_of_the_sdk() -> list[Path]:
    # os.walk and not rglob, which follows no links before Python 3.13.
    found = [Path(place, name) for place, _, names in os.walk(SOURCE, followlinks=True) for name in names]
    return [path for path in found if "__pycache__" not in path.parts]


def test_a_copy_brings_the_licence_and_its_types(copy: Path) -> None:
    assert (copy / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()
    assert (copy / "py.typed").exists()
    assert not [path for path in copy.rglob("*") if path.is_symlink()]


def test_the_manifest_says_what_the_copy_is(copy: Path) -> None:
    told = manifest(copy)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert told["name"] == project["name"]
    assert told["version"] == __version__
    assert told["document_version"] == yaml.safe_load((ROOT / "openapi.yaml").read_text())["info"]["version"]
    assert told["requires"] == project["dependencies"]
    # pytest loads the fixture, and the extra does not install it.
    extras = {name: [each for each in packages if each != "pytest>=8"] for name, packages in optional(copy).items()}
    assert extras == project["optional-dependencies"]
    assert "pytest>=8" in optional(copy)["testing"]
    assert told["requires_python"] == project["requires-python"]
    assert told["without"] == []
    assert told["files"] == {
        path: hashlib.sha256(content).hexdigest() for path, content in tree(copy).items() if path != "MANIFEST.json"
    }


def test_missing_directories_on_the_way_are_made_and_stay_what_the_team_makes_of_them(copy: Path) -> None:
    assert siblings(copy) == ["mcp_store"]
    assert siblings(copy.parent) == ["_vendor"]


def test_a_copy_can_be_read_by_whoever_may_read_its_neighbours(copy: Path) -> None:
    usual = copy.parent / "usual"
    usual.mkdir()

    assert stat.S_IMODE(copy.stat().st_mode) == stat.S_IMODE(usual.stat().st_mode)


def test_where_a_symbolic_link_leads_is_written(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "real")

    vendored(tmp_path / "link")

    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real" / "MANIFEST.json").exists()


def make_empty(place: Path) -> None:
    place.mkdir()


def make_file(place: Path) -> None:
    place.write_text("mine")


def make_other(place: Path) -> None:
    place.mkdir()
    (place / "__init__.py").write_text("mine = 1\n")


@pytest.mark.parametrize("make", [make_empty, make_file, make_other])
def test_an_existing_directory_is_left_alone(tmp_path: Path, capsys: Capture, make: Callable[[Path], None]) -> None:
    place = tmp_path / "taken"
    make(place)
    before = place.read_bytes() if place.is_file() else tree(place)

    assert main([str(place)]) == REFUSED

    assert capsys.readouterr().err == (
        f"vendor: {place}: exists and is not a copy: choose a directory that does not exist yet\n"
    )
    assert (place.read_bytes() if place.is_file() else tree(place)) == before


def test_a_copy_is_not_written_over(copy: Path, capsys: Capture) -> None:
    (copy / "_store.py").write_text("mine = 1\n")
    capsys.readouterr()

    assert main([str(copy)]) == REFUSED

    said = f"vendor: {copy}: already contains a copy: use --update to bring it to this version\n"
    assert capsys.readouterr().err == said
    assert (copy / "_store.py").read_text() == "mine = 1\n"


@pytest.mark.parametrize("name", ["mcp-store", "class", "0store"])
def test_a_name_that_python_can_not_import_is_refused(tmp_path: Path, capsys: Capture, name: str) -> None:
    assert main([str(tmp_path / name)]) == REFUSED

    assert f"Python can't import a package named '{name}'" in capsys.readouterr().err
    assert not (tmp_path / name).exists()


@pytest.mark.parametrize("place", ["mcp_store", "testing/mcp_store", "lowlevel/mcp_store"])
def test_a_copy_inside_its_original_is_refused(capsys: Capture, place: str) -> None:
    try:
        assert main([str(SOURCE / place)]) == REFUSED
        assert not (SOURCE / place).exists()
    finally:
        shutil.rmtree(SOURCE / place, ignore_errors=True)

    assert "is inside the package to be copied: choose a directory outside of" in capsys.readouterr().err


def test_an_error_of_the_system_is_reported_in_one_line(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "file").write_text("")

    assert main([str(tmp_path / "file" / "mcp_store")]) == REFUSED

    said = capsys.readouterr().err
    assert said.startswith(f"vendor: {tmp_path / 'file' / 'mcp_store'}: [Errno ")
    assert said.count("\n") == 1


# Checking


def test_a_copy_as_it_was_written_is_current(copy: Path, capsys: Capture) -> None:
    capsys.readouterr()

    assert main(["--check", str(copy)]) == DONE

    assert capsys.readouterr().out == (
        f"{copy}: posthog-mcp-store {__version__} (document {manifest(copy)['document_version']}): "
        "current; not edited\n"
    )


def edit(copy: Path) -> None:
    (copy / "_store.py").write_bytes((copy / "_store.py").read_bytes() + b"\n")


def edit_generated(copy: Path) -> None:
    (copy / "lowlevel" / "client.py").write_text("")


def add(copy: Path) -> None:
    (copy / "testing" / "mine.txt").write_text("mine")


def add_hidden(copy: Path) -> None:
    (copy / ".mine").write_text("mine")


def link(copy: Path) -> None:
    (copy / "testing" / "theirs").symlink_to(copy.parent)


def link_to_nothing(copy: Path) -> None:
    (copy / "theirs").symlink_to("nowhere")


def remove(copy: Path) -> None:
    (copy / "py.typed").unlink()


def link_to_the_same(copy: Path) -> None:
    (copy / "_store.py").rename(copy.parent / "theirs.py")
    (copy / "_store.py").symlink_to(copy.parent / "theirs.py")


def link_the_manifest(copy: Path) -> None:
    (copy / "MANIFEST.json").rename(copy.parent / "theirs.json")
    (copy / "MANIFEST.json").symlink_to(copy.parent / "theirs.json")


def make_a_pipe_of_it(copy: Path) -> None:
    (copy / "_store.py").unlink()
    os.mkfifo(copy / "_store.py")


def add_a_pipe(copy: Path) -> None:
    os.mkfifo(copy / "pipe")


def make_executable(copy: Path) -> None:
    (copy / "_store.py").chmod(0o755)


def add_to_the_manifest(copy: Path) -> None:
    (copy / "MANIFEST.json").write_text(json.dumps({**manifest(copy), "owner": "platform", "ticket": 7}))


def add_beside_caches(copy: Path) -> None:
    (copy / "__pycache__").mkdir()
    (copy / "__pycache__" / "_store.cpython-311.pyc").write_bytes(b"")
    (copy / "__pycache__" / "notes.txt").write_text("mine")


def add_below_caches(copy: Path) -> None:
    (copy / "testing" / "__pycache__" / "kept").mkdir(parents=True)
    (copy / "testing" / "__pycache__" / "kept" / "mine.py").write_text("")


def link_as_litter(copy: Path) -> None:
    (copy / ".DS_Store").symlink_to("nowhere")


def add_a_name_that_is_not_utf_8(copy: Path) -> None:
    Path(os.fsdecode(os.fsencode(copy) + b"/caf\xe9.py")).write_text("")


def add_a_name_of_two_lines(copy: Path) -> None:
    (copy / "one\n  changed two\x1b[31m.py").write_text("")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (edit, "changed _store.py"),
        (edit_generated, "changed lowlevel/client.py"),
        (add, "added testing/mine.txt"),
        (add_hidden, "added .mine"),
        (link, "added testing/theirs"),
        (link_to_nothing, "added theirs"),
        (remove, "removed py.typed"),
        (link_to_the_same, "changed _store.py: no longer a regular file"),
        (link_the_manifest, "changed MANIFEST.json: no longer a regular file"),
        (make_a_pipe_of_it, "changed _store.py: no longer a regular file"),
        (add_a_pipe, "added pipe"),
        (make_executable, "changed _store.py: now executable"),
        (add_to_the_manifest, "added MANIFEST.json: owner\n  added MANIFEST.json: ticket"),
        (add_beside_caches, "added __pycache__/notes.txt"),
        (add_below_caches, "added testing/__pycache__/kept/mine.py"),
        (link_as_litter, "added .DS_Store"),
        (add_a_name_that_is_not_utf_8, r"added caf\udce9.py"),
        (add_a_name_of_two_lines, r"added one\n  changed two\x1b[31m.py"),
    ],
)
def test_the_edits_of_a_copy_are_listed(copy: Path, capsys: Capture, change: Callable[[Path], None], told: str) -> None:
    change(copy)
    capsys.readouterr()

    assert main(["--check", str(copy)]) == EDITED

    head, *lines = capsys.readouterr().out.splitlines()
    assert head.endswith(": current; edited by hand since it was written")
    assert "\n".join(lines) == f"  {told}"
    before = everything(copy)
    assert main(["--update", "--without", "testing", str(copy)]) == EDITED
    assert everything(copy) == before
    assert main(["--update", "--force", str(copy)]) == DONE
    assert main(["--check", str(copy)]) == DONE


def test_files_that_python_writes_are_not_edits(copy: Path) -> None:
    run("-m", "compileall", "-q", str(copy))
    assert list(copy.rglob("*.pyc"))

    assert main(["--check", str(copy)]) == DONE


@pytest.mark.parametrize(
    "name",
    [
        ".DS_Store",
        "testing/.DS_Store",
        "Thumbs.db",
        "ehthumbs.db",
        "desktop.ini",
        "Desktop.ini",
        ".directory",
        "_store.pyc",
        "testing/_app.pyo",
        "_store.cpython-311.pyc.140",
    ],
)
def test_files_that_desktops_write_are_not_edits(copy: Path, name: str) -> None:
    (copy / name).write_bytes(b"\x00")

    assert main(["--check", str(copy)]) == DONE
    assert main(["--update", "--without", "redis", str(copy)]) == DONE


@pytest.mark.parametrize(("content", "status"), [(b"\x00\x05\x16\x07\x00\x02", DONE), (b"mine = 1\n", EDITED)])
def test_attributes_that_macos_writes_next_to_files_are_not_edits(copy: Path, content: bytes, status: int) -> None:
    (copy / "._store.py").write_bytes(content)

    assert main(["--check", str(copy)]) == status


def test_where_everything_is_executable_that_is_not_an_edit(copy: Path, capsys: Capture) -> None:
    """As on file systems that know no modes."""
    for path in copy.rglob("*"):
        path.chmod(0o777)
    assert main(["--check", str(copy)]) == DONE
    (copy / "theirs").symlink_to("nowhere")
    capsys.readouterr()

    assert main(["--check", str(copy)]) == EDITED
    assert capsys.readouterr().out.splitlines()[1:] == ["  added theirs"]


def test_the_permissions_to_read_and_write_are_not_edits(copy: Path) -> None:
    (copy / "_store.py").chmod(0o600)
    (copy / "_api.py").chmod(0o444)

    assert main(["--check", str(copy)]) == DONE


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_names_can_be_printed_on_any_terminal(tmp_path: Path, encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = vendored(Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9/\xe2\x82\xac")) / "mcp_store")
    add_a_name_that_is_not_utf_8(copy)
    (copy / "\N{EURO SIGN}.py").write_text("")
    monkeypatch.setenv("PYTHONIOENCODING", encoding)

    said = subprocess.run(
        [sys.executable, "-m", "posthog_mcp_store.vendor", "--check", os.fsencode(copy)],
        env={**os.environ, "PYTHONPATH": str(SOURCE.parent)},
        capture_output=True,
        check=False,
    )

    assert (said.returncode, said.stderr) == (EDITED, b"")
    assert said.stdout.decode(encoding).splitlines()[1:] == [
        r"  added caf\udce9.py",
        "  added €.py" if encoding == "utf-8" else r"  added \u20ac.py",
    ]


def test_a_refusal_is_one_line_whatever_the_place_is_called(tmp_path: Path, capsys: Capture) -> None:
    assert main(["--check", f"{tmp_path}/no\nwhere\udce9"]) == REFUSED

    place = rf"{tmp_path}/no\nwhere\udce9"
    assert capsys.readouterr().err == (
        f"vendor: {place}: is not a copy of posthog-mcp-store: it contains no MANIFEST.json\n"
    )


def test_line_ends_of_another_system_are_not_edits(copy: Path) -> None:
    for path in copy.rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))

    assert main(["--check", str(copy)]) == DONE


def test_a_copy_of_another_version_is_out_of_date(copy: Path, later: Path) -> None:
    said = run("-m", "posthog_mcp_store.vendor", "--check", str(copy), path=later, status=OUT_OF_DATE).stdout

    assert said.startswith(f"{copy}: posthog-mcp-store {__version__} (document ")
    assert said.endswith("out of date, this version is posthog-mcp-store 7.7.7 (document 8.8.8); not edited\n")


def test_a_copy_that_is_both_is_reported_as_both(copy: Path, later: Path) -> None:
    edit(copy)

    said = run("-m", "posthog_mcp_store.vendor", "--check", str(copy), path=later, status=EDITED).stdout

    head, *lines = said.splitlines()
    assert "out of date, this version is posthog-mcp-store 7.7.7" in head
    assert head.endswith("edited by hand since it was written")
    assert lines == ["  changed _store.py"]


def test_a_copy_of_the_same_version_with_other_files_is_out_of_date(copy: Path, capsys: Capture) -> None:
    """As between two states of a checkout; the manifest is the witness of what was written."""
    told = manifest(copy)
    (copy / "_store.py").write_bytes(b"other = 1\n")
    told["files"] = {**told["files"], "_store.py": hashlib.sha256(b"other = 1\n").hexdigest()}  # type: ignore[dict-item]
    (copy / "MANIFEST.json").write_text(json.dumps(told))
    capsys.readouterr()

    assert main(["--check", str(copy)]) == OUT_OF_DATE

    label = f"posthog-mcp-store {__version__} (document {told['document_version']})"
    assert f"out of date, this version is {label} with different files; not edited" in capsys.readouterr().out


@pytest.mark.parametrize("mode", ["--check", "--update"])
def test_a_directory_that_is_not_a_copy_is_refused(tmp_path: Path, capsys: Capture, mode: str) -> None:
    make_other(tmp_path / "theirs")

    assert main([mode, str(tmp_path / "theirs")]) == REFUSED

    assert capsys.readouterr().err == (
        f"vendor: {tmp_path / 'theirs'}: is not a copy of posthog-mcp-store: it contains no MANIFEST.json\n"
    )
    assert siblings(tmp_path / "theirs" / "__init__.py") == ["__init__.py"]


@pytest.mark.parametrize(
    "content",
    [
        *[b"", b"<<<<<<< ours", b"\xff", b"[]", b"{}", b"null", b"7", b'{"name": "left-pad"}', WITHOUT],
        *[b'{"name": "posthog-mcp-store"}', b"[" * 100_000, b'{"a":' * 100_000, b"1" * 5000],
        *[malformed(field, value) for field in ("version", "document_version") for value in ("null", "7", "[]", "{}")],
        *[
            malformed("files", value)
            for value in ("null", "[]", '{"a": 1}', '{"a": []}', '{"a": null}', '[["a", "b"]]')
        ],
        *[malformed("without", value) for value in ("null", "{}", '"redis"', "[7]", "[[]]")],
    ],
)
@pytest.mark.parametrize("mode", ["--check", "--update"])
def test_a_manifest_that_can_not_be_read_is_refused(tmp_path: Path, capsys: Capture, mode: str, content: bytes) -> None:
    copy = tmp_path / "mcp_store"
    copy.mkdir()
    (copy / "_store.py").touch()
    (copy / "MANIFEST.json").write_bytes(content)
    before = tree(copy)

    assert main([mode, str(copy)]) == REFUSED

    said = capsys.readouterr().err
    assert said.endswith("its MANIFEST.json can't be read: restore it, or delete the copy and create it again\n")
    assert said.count("\n") == 1
    assert tree(copy) == before


def test_a_manifest_may_say_what_no_terminal_shows(copy: Path, capsys: Capture) -> None:
    (copy / "MANIFEST.json").write_bytes(malformed("version", r'"\ud800\n\u001b[31m"'))
    capsys.readouterr()

    assert main(["--check", str(copy)]) == EDITED

    assert capsys.readouterr().out.splitlines()[0].endswith("; edited by hand since it was written")


# Updating


def test_an_update_brings_a_copy_to_the_version_that_runs(copy: Path, later: Path) -> None:
    (copy / "__pycache__").mkdir()

    said = run("-m", "posthog_mcp_store.vendor", "--update", str(copy), path=later).stdout

    assert said.startswith(f"{copy}: updated to posthog-mcp-store 7.7.7 (document 8.8.8), from posthog-mcp-store ")
    assert manifest(copy)["version"] == "7.7.7"
    assert "class Renamed" in (copy / "_core" / "redacting_filter.py").read_text()
    assert main(["--check", str(copy)]) == OUT_OF_DATE
    assert siblings(copy) == ["mcp_store"]


def test_updating_a_current_copy_changes_nothing(copy: Path, capsys: Capture) -> None:
    before = copy.stat().st_ino
    capsys.readouterr()

    assert main(["--update", str(copy)]) == DONE

    assert "current already, posthog-mcp-store" in capsys.readouterr().out
    assert copy.stat().st_ino == before


def test_an_update_refuses_to_lose_edits(copy: Path, capsys: Capture) -> None:
    edit(copy)
    add(copy)
    before = tree(copy)
    capsys.readouterr()

    assert main(["--update", str(copy)]) == EDITED

    assert capsys.readouterr().out.splitlines() == [
        f"{copy}: not updated, because it was edited by hand; --force discards these edits:",
        "  changed _store.py",
        "  added testing/mine.txt",
    ]
    assert tree(copy) == before


def test_an_update_by_force_loses_edits(copy: Path) -> None:
    before = tree(copy)
    edit(copy)
    add(copy)

    assert main(["--update", "--force", str(copy)]) == DONE

    assert tree(copy) == before


def test_an_update_leaves_out_what_the_copy_was_made_without(tmp_path: Path, later: Path) -> None:
    copy = vendored(tmp_path / "mcp_store", "--without", "testing", "--without", "redis")

    run("-m", "posthog_mcp_store.vendor", "--update", str(copy), path=later)

    assert manifest(copy)["without"] == ["redis", "testing"]
    assert not (copy / "testing").exists()


def test_an_update_can_leave_out_more_and_bring_all_back(copy: Path) -> None:
    whole = tree(copy)

    assert main(["--update", "--without", "testing", str(copy)]) == DONE
    assert not (copy / "testing").exists()
    assert main(["--check", str(copy)]) == DONE

    assert main(["--update", "--without", "nothing", str(copy)]) == DONE
    assert tree(copy) == whole


def test_a_part_that_this_version_does_not_know_is_forgotten(copy: Path) -> None:
    told = manifest(copy)
    told["without"] = ["a part that there was"]
    (copy / "MANIFEST.json").write_text(json.dumps(told))

    assert main(["--check", str(copy)]) == OUT_OF_DATE
    assert main(["--update", str(copy)]) == DONE
    assert manifest(copy)["without"] == []


# The commands themselves


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["a", "b"],
        ["--check", "--update", "a"],
        ["--force", "a"],
        ["--check", "--force", "a"],
        ["--check", "--without", "testing", "a"],
        ["--without", "everything", "a"],
    ],
)
def test_arguments_that_make_no_sense_are_refused_with_the_usage(capsys: Capture, arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        main(arguments)

    assert refused.value.code == USAGE
    said = capsys.readouterr().err
    assert said.startswith("usage: python -m posthog_mcp_store.vendor ")


def test_help_names_the_parts_and_the_exit_codes(capsys: Capture) -> None:
    with pytest.raises(SystemExit) as left:
        main(["--help"])

    assert left.value.code == DONE
    said = " ".join(capsys.readouterr().out.split())
    for told in (
        "--check",
        "--update",
        "--force",
        "--without",
        "aiohttp, cli, loopback, mcp, redis, testing",
        "exit codes",
        "out of date",
    ):
        assert told in said


def test_it_is_run_as_a_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["vendor", str(tmp_path / "mcp_store")])

    with pytest.raises(SystemExit) as left:
        runpy.run_module("posthog_mcp_store.vendor", run_name="__main__")

    assert left.value.code == DONE
    assert (tmp_path / "mcp_store" / "MANIFEST.json").exists()


def test_the_commands_of_the_guide_do_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commands = re.findall(
        r"^python -m posthog_mcp_store\.vendor (.*?) +# ",
        (ROOT / "docs" / "guides" / "vendoring.md").read_text(),
        re.MULTILINE,
    )
    monkeypatch.chdir(tmp_path)

    assert [main(command.split()) for command in commands] == [DONE] * 7


def test_it_needs_nothing_that_the_sdk_needs(tmp_path: Path) -> None:
    """A check in another team's CI installs the SDK alone: `pip install --no-deps`."""
    run("-I", "-S", "-c", PROGRAM, str(SOURCE.parent), str(tmp_path / "mcp_store"))

    assert (tmp_path / "mcp_store" / "MANIFEST.json").exists()


PROGRAM = """
import sys
sys.path.append(sys.argv[1])
from posthog_mcp_store.vendor._commands import main
from posthog_mcp_store.vendor._errors import VendorError
sys.exit(main([sys.argv[2]]))
"""


def test_a_package_in_a_zip_file_can_be_vendored(copy: Path, tmp_path: Path) -> None:
    archive = tmp_path / "packages.zip"
    with zipfile.ZipFile(archive, "w") as packages:
        for path in files_of_the_sdk():
            packages.write(path, f"posthog_mcp_store/{path.relative_to(SOURCE).as_posix()}")

    run("-m", "posthog_mcp_store.vendor", str(tmp_path / "mcp_store"), path=archive)

    assert tree(tmp_path / "mcp_store") == tree(copy)


def laid_out(directory: Path, *paths: str) -> Path:
    for path in paths:
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_text("")
    return directory


def test_files_that_editors_and_tools_leave_in_a_checkout_are_not_vendored(tmp_path: Path) -> None:
    kept = ["LICENSE", "__init__.py", "lowlevel/__init__.py", "lowlevel/py.typed", "new_part/module.py"]
    left = [".module.py.swp", "module.py.orig", "notes.txt", "__pycache__/module.pyc", "lowlevel/__pycache__/a.py"]
    package = laid_out(tmp_path, *kept, *left, "vendor/__init__.py")

    assert list(package_files(package)) == kept


@pytest.mark.parametrize("missing", ["LICENSE", "__init__.py", "lowlevel/__init__.py"])
def test_an_installation_that_was_trimmed_is_refused(tmp_path: Path, missing: str) -> None:
    package = laid_out(tmp_path, *({"LICENSE", "__init__.py", "lowlevel/__init__.py"} - {missing}))

    with pytest.raises(VendorError, match=f"^this installation of posthog-mcp-store has no {missing}: "):
        package_files(package)


def test_a_generated_client_that_does_not_name_its_document_is_refused() -> None:
    with pytest.raises(VendorError, match="has no DOCUMENT_VERSION: reinstall posthog-mcp-store"):
        document_version({"lowlevel/__init__.py": b"__all__ = ()"})


def test_a_failure_before_anything_was_written_is_one_line(tmp_path: Path, later: Path) -> None:
    trimmed = tmp_path / "posthog_mcp_store"
    shutil.copytree(later / "posthog_mcp_store", trimmed)
    (trimmed / "LICENSE").unlink()

    said = run("-m", "posthog_mcp_store.vendor", str(tmp_path / "copy"), path=tmp_path, status=REFUSED).stderr

    assert said == (
        f"vendor: {tmp_path / 'copy'}: this installation of posthog-mcp-store has no LICENSE: reinstall it\n"
    )
    assert siblings(trimmed) == ["posthog_mcp_store"]
