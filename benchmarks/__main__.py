"""Measure the SDK beside what it stands on and what one would use instead of it.

All subjects of a row are measured in turn, round by round, in one run; each in a process and an environment of its own,
against a service in a third process. What counts is the ratio of medians: seconds are those of this machine, at this
moment. A target that is missed is reported, and is no failure.

Run it as `nox -s bench`, or `nox -s bench -- retrieve import` for some rows.
"""

import argparse
import json
import platform
import sys
import time
from pathlib import Path

import table
from environments import ROOT
from measuring import Outcome, measure
from rows import ROWS, Row
from subjects import Harness


def main() -> None:
    arguments = parsed_arguments()
    began, machine = time.monotonic(), table.machine()
    print(f"Python {platform.python_version()}, {machine['processors']} processors, load {machine['load_before']}")
    with Harness() as harness:
        wanted = arguments.rows or [row.name for row in ROWS]
        print(table.HEAD)
        records = [run(harness, row, arguments.rounds or row.rounds) for row in ROWS if row.name in wanted]
        report = {"machine": machine, "versions": harness.versions, "rows": records}
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps(report, indent=1))
    print(f"{time.monotonic() - began:.0f} s; the figures of all rounds are in {arguments.json}")


def run(harness: Harness, row: Row, rounds: int) -> dict[str, object]:
    print(f"{row.name} ...", file=sys.stderr, flush=True)
    figures = measure(harness, row.subjects, rounds)
    outcomes = [Outcome(comparison, figures) for comparison in row.comparisons]
    print("\n".join(table.row_lines(row, outcomes)), flush=True)
    return table.record(row, figures, outcomes)


def parsed_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = [row.name for row in ROWS]
    parser.add_argument("rows", nargs="*", metavar="row", help=f"which rows, else all: {', '.join(names)}")
    parser.add_argument("--rounds", type=positive, metavar="N", help="how many rounds, for every row")
    parser.add_argument("--json", type=Path, default=ROOT / ".nox" / "bench.json", help="where the figures go as data")
    arguments = parser.parse_args()
    if unknown := set(arguments.rows) - set(names):
        parser.error(f"there is no row {', '.join(sorted(unknown))}")
    return arguments


def positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


if __name__ == "__main__":
    main()
