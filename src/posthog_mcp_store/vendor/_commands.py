"""The commands: write a copy, check one, update one."""

import argparse
import keyword
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from ._directory import Found, read
from ._errors import ChangedError, TakenError, VendorError
from ._manifest import MANIFEST, Manifest, edits, known_parts, make_copy, read_manifest
from ._parts import PARTS
from ._release import NAME, package_files
from ._replacing import create, replace

PACKAGE_DIRECTORY = Path(__file__).parent.parent
DONE, REFUSED, OUT_OF_DATE, EDITED = 0, 1, 3, 4
NOTHING = "nothing"

DESCRIPTION = f"""Write a copy of {NAME} that works under any package path, into the new directory DEST.

The copy imports itself by relative names only, and requires only the packages that its {MANIFEST} lists under
"requires". Its optional parts require those under "optional_requires" when they are used.
"""
EXIT_CODES = f"""exit codes:
  {DONE}  written, updated, or with --check: current and not edited
  {REFUSED}  refused or failed; one line on standard error says why
  2  invalid arguments
  {OUT_OF_DATE}  with --check: out of date
  {EDITED}  edited by hand since it was written, with --check or with --update, which then changes nothing;
     or edited during --update, which is then rolled back
"""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.force and not options.update:
        parser.error("--force requires --update")
    if options.without and options.check:
        parser.error("--without can't be used with --check: the copy's manifest lists the parts that were left out")
    # Write to the target of a symbolic link.
    destination = Path(options.destination).resolve()
    parts = _chosen(options.without)
    try:
        if options.check:
            return check(destination)
        if options.update:
            return update(destination, parts, force=options.force)
        return write(destination, parts or ())
    except (VendorError, OSError) as error:
        notes = getattr(error, "__notes__", [])
        _say(f"vendor: {'; '.join([f'{destination}: {error}', *notes])}", stream=sys.stderr)
        return EDITED if isinstance(error, ChangedError) else REFUSED


def _say(*lines: str, stream: TextIO | None = None) -> None:
    """Print each on a separate line. Unprintable characters, which file names may contain, are escaped."""
    output = sys.stdout if stream is None else stream
    encoding = output.encoding or "utf-8"
    shown = ["".join(char if char.isprintable() else ascii(char)[1:-1] for char in line) for line in lines]
    print("\n  ".join(shown).encode(encoding, "backslashreplace").decode(encoding), file=output)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"python -m {__package__}",
        description=DESCRIPTION,
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("destination", metavar="DEST", help="the directory of the copy; its name is the package's name")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--check", action="store_true", help="report whether the copy is out of date or edited by hand")
    mode.add_argument("--update", action="store_true", help="update it to this version, unless it was edited by hand")
    parser.add_argument("--force", action="store_true", help="with --update: discard edits")
    parser.add_argument(
        "--without",
        action="append",
        metavar="PART",
        choices=[*PARTS, NOTHING],
        help=f"leave a part out: {', '.join(PARTS)}; may be repeated. An update leaves out the same parts as before, "
        f"unless this is given; `--without {NOTHING}` restores all",
    )
    return parser


def _chosen(parts: list[str] | None) -> tuple[str, ...] | None:
    """The parts to leave out, or None if the user did not specify any."""
    return None if parts is None else tuple(sorted(set(parts) - {NOTHING}))


def write(destination: Path, parts: Sequence[str]) -> int:
    files = package_files()
    _check_place(destination)
    if (destination / MANIFEST).exists():
        raise VendorError("already contains a copy: use --update to bring it to this version")
    if destination.exists():
        raise TakenError
    manifest, copy = make_copy(files, parts)
    create(destination, copy)
    _say(f"{destination}: wrote {manifest}, {len(copy)} files")
    return DONE


def check(destination: Path) -> int:
    manifest, found = _read(destination)
    current, _ = make_copy(package_files(), known_parts(manifest))
    age = "current" if manifest == current else f"out of date, this version is {_told_apart(current, manifest)}"
    edited = edits(manifest, found)
    hand = "edited by hand since it was written" if edited else "not edited"
    _say(f"{destination}: {manifest}: {age}; {hand}", *edited)
    if edited:
        return EDITED
    return DONE if manifest == current else OUT_OF_DATE


def _told_apart(current: Manifest, manifest: Manifest) -> str:
    return str(current) if str(current) != str(manifest) else f"{current} with different files"


def update(destination: Path, parts: Sequence[str] | None, *, force: bool) -> int:
    manifest, found = _read(destination)
    if (edited := edits(manifest, found)) and not force:
        _say(f"{destination}: not updated, because it was edited by hand; --force discards these edits:", *edited)
        return EDITED
    current, copy = make_copy(package_files(), known_parts(manifest) if parts is None else parts)
    if manifest == current and not edited:
        _say(f"{destination}: current already, {manifest}")
        return DONE
    replace(destination, copy, found)
    _say(f"{destination}: updated to {current}, from {manifest}")
    return DONE


def _read(destination: Path) -> tuple[Manifest, Found]:
    if not (destination / MANIFEST).is_file():
        raise VendorError(f"is not a copy of {NAME}: it contains no {MANIFEST}")
    return read_manifest((destination / MANIFEST).read_bytes()), read(destination)


def _check_place(destination: Path) -> None:
    name = destination.name
    if not name.isidentifier() or keyword.iskeyword(name):
        raise VendorError(f"Python can't import a package named {name!r}: choose another name for the directory")
    # In a checkout, the generated client is in another directory.
    for original in (PACKAGE_DIRECTORY.resolve(), (PACKAGE_DIRECTORY / "lowlevel").resolve()):
        if destination.is_relative_to(original):
            raise VendorError(f"is inside the package to be copied: choose a directory outside of {original}")
