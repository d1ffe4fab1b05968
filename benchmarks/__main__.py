"""Benchmark the SDK against httpx, on which it is built, and against alternatives to it.

In each round all subjects of a benchmark are measured in turn, each in its own process and environment, against a
service in a third process. The ratios of medians are what matters: absolute times depend on the machine and its load. A
missed target is reported, but is not a failure.

Run it as `nox -s bench`, or `nox -s bench -- retrieve import` for some benchmarks.
"""

import argparse
import json
import platform
import sys
import time
from pathlib import Path

import table
from environments import ROOT
from measurement import Result, measure
from subjects import Harness
from suite import SUITE, Benchmark


def main() -> None:
    arguments = parsed_arguments()
    began, machine = time.monotonic(), table.machine()
    print(f"Python {platform.python_version()}, {machine['processors']} processors, load {machine['load_before']}")
    with Harness() as harness:
        selected = arguments.benchmarks or [each.name for each in SUITE]
        print(table.HEAD)
        records = [run(harness, each, arguments.rounds or each.rounds) for each in SUITE if each.name in selected]
        report = {"machine": machine, "versions": harness.versions, "benchmarks": records}
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps(report, indent=1))
    print(f"{time.monotonic() - began:.0f} s; all measurements are in {arguments.json}")


def run(harness: Harness, benchmark: Benchmark, rounds: int) -> dict[str, object]:
    print(f"{benchmark.name} ...", file=sys.stderr, flush=True)
    measurements = measure(harness, benchmark.subjects, rounds)
    results = [Result(comparison, measurements) for comparison in benchmark.comparisons]
    print("\n".join(table.result_lines(benchmark, results)), flush=True)
    return table.record(benchmark, measurements, results)


def parsed_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = [each.name for each in SUITE]
    parser.add_argument("benchmarks", nargs="*", metavar="benchmark", help=f"default: all of {', '.join(names)}")
    parser.add_argument("--rounds", type=positive, metavar="N", help="the number of rounds of every benchmark")
    parser.add_argument("--json", type=Path, default=ROOT / ".nox" / "bench.json", help="a file for all measurements")
    arguments = parser.parse_args()
    if unknown := set(arguments.benchmarks) - set(names):
        parser.error(f"unknown benchmark: {', '.join(sorted(unknown))}")
    return arguments


def positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


if __name__ == "__main__":
    main()
