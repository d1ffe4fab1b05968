"""Compare the public API with its record, docs/public_api.txt, or write the record.

Run it as `nox -s api` or `nox -s api -- --record`. The record has a line for each thing that callers can rely on; what
breaks them is refused unless it was deprecated for as long as docs/versioning.md promises.
"""

import argparse
import re
import sys
from dataclasses import replace
from pathlib import Path

from api_record.comparing import broken
from api_record.reading import Entry, UnreadableError, public_api, version

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
        raise UnreadableError(f"{RECORD.name} has a line that can't be read: {line}")
    return Entry(**match.groupdict())


def with_new_names(entry: Entry, renamed: dict[str, str]) -> Entry:
    """The entry, with names that were replaced written as the new ones."""
    return replace(entry, text=re.sub(r"\w+", lambda word: renamed.get(word[0], word[0]), entry.text))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--record", action="store_true", help="write the record; refused where callers would break")
    parser.add_argument(
        "--breaking",
        action="store_true",
        help="with --record: for what no release has had, and what the service itself took away",
    )
    arguments = parser.parse_args()
    try:
        return compare(recorded(), *public_api(PACKAGE), record=arguments.record, may_break=arguments.breaking)
    except UnreadableError as error:
        print(f"public_api: {error}", file=sys.stderr)
        return 1


def compare(old: list[Entry], new: list[Entry], renamed: dict[str, str], *, record: bool, may_break: bool) -> int:
    breaks = broken(by_name([with_new_names(entry, renamed) for entry in old]), by_name(new), version(PACKAGE))
    before, after = ({str(entry): None for entry in entries} for entries in (old, new))
    show("Breaks callers:", breaks)
    show("No longer:", [line for line in before if line not in after])
    show("Now:", [line for line in after if line not in before])
    if breaks and not (record and may_break):
        print("public_api: deprecate it first (docs/versioning.md), or see --help", file=sys.stderr)
        return 1
    if record:
        RECORD.write_text("".join(f"{line}\n" for line in after))
        print(f"recorded {len(after)} lines in {RECORD.relative_to(ROOT)}")
    elif before != after:
        print("public_api: the record is out of date: run `nox -s api -- --record`", file=sys.stderr)
        return 1
    else:
        print(f"the public API is as recorded: {len(after)} lines")
    return 0


def show(title: str, lines: list[str]) -> None:
    if lines:
        print(title, *lines, sep="\n  ")


if __name__ == "__main__":
    sys.exit(main())
