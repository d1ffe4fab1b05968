"""Compare the public API with its record, docs/public_api.txt, or update the record.

Run it as `nox -s api` or `nox -s api -- --record`. The record has a line for everything that callers can rely on.
Breaking changes are refused, unless they were deprecated for as long as docs/versioning.md promises.
"""

import argparse
import re
import sys
from dataclasses import replace
from pathlib import Path

from api_record.breaking_changes import breaking_changes
from api_record.extraction import Entry, UnreadableError, public_api, version

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "posthog_mcp_store"
RECORD = ROOT / "docs" / "public_api.txt"
LINE = re.compile(
    r"(?P<kind>class|(?:@\S+ )*(?:async )?def|attribute|property|setter|value) (?P<name>[\w.\[\]]+=?)(?P<text>.*?)"
    r"(?:  # deprecated: (?P<deprecated>.*))?"
)


def by_name(entries: list[Entry]) -> dict[str, Entry]:
    return {entry.name: entry for entry in entries}


def recorded() -> list[Entry]:
    lines = RECORD.read_text().splitlines() if RECORD.exists() else []
    return [entry(line) for line in lines]


def entry(line: str) -> Entry:
    match = LINE.fullmatch(line)
    if match is None:
        raise UnreadableError(f"invalid line in {RECORD.name}: {line}")
    return Entry(**match.groupdict())


def with_new_names(entry: Entry, renamed: dict[str, str]) -> Entry:
    """The entry, with renamed names replaced by their new ones."""
    return replace(entry, text=re.sub(r"\w+", lambda word: renamed.get(word[0], word[0]), entry.text))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--record", action="store_true", help="update the record; refused for breaking changes")
    parser.add_argument(
        "--breaking",
        action="store_true",
        help="with --record, accept breaking changes: of unreleased names, or forced by the service",
    )
    arguments = parser.parse_args()
    try:
        return compare(recorded(), *public_api(PACKAGE), record=arguments.record, may_break=arguments.breaking)
    except UnreadableError as error:
        print(f"public_api: {error}", file=sys.stderr)
        return 1


def compare(old: list[Entry], new: list[Entry], renamed: dict[str, str], *, record: bool, may_break: bool) -> int:
    breaking = breaking_changes(
        by_name([with_new_names(entry, renamed) for entry in old]), by_name(new), version(PACKAGE)
    )
    before, after = ({str(entry): None for entry in entries} for entries in (old, new))
    show("Breaking changes:", breaking)
    show("Removed:", [line for line in before if line not in after])
    show("Added:", [line for line in after if line not in before])
    if breaking and not (record and may_break):
        print("public_api: deprecate it first (docs/versioning.md), or see --help", file=sys.stderr)
        return 1
    if record:
        RECORD.write_text("".join(f"{line}\n" for line in after))
        print(f"wrote {len(after)} lines to {RECORD.relative_to(ROOT)}")
    elif before != after:
        print("public_api: the record is out of date: run `nox -s api -- --record`", file=sys.stderr)
        return 1
    else:
        print(f"the public API matches its record: {len(after)} lines")
    return 0


def show(title: str, lines: list[str]) -> None:
    if lines:
        print(title, *lines, sep="\n  ")


if __name__ == "__main__":
    sys.exit(main())
