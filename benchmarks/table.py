"""The results as a table, and as data."""

import os
import platform
import statistics
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from measurement import Measurements, Result
from suite import Benchmark, Unit

WIDTHS = (16, 14, 16, 14, 8, 18, 12)


def line(*cells: str) -> str:
    *aligned, last = cells
    return "".join(f"{cell:{width}}" for cell, width in zip(aligned, WIDTHS, strict=False)) + last


HEAD = line("", "median", "baseline", "median", "ratio", "by round", "target", "")


def result_lines(benchmark: Benchmark, results: Sequence[Result]) -> list[str]:
    lines = [f"{benchmark.name}: {benchmark.description}"]
    for result in results:
        by_round = result.by_round
        lines.append(
            line(
                f"  {result.comparison.subject}",
                benchmark.unit.show(result.subject),
                result.comparison.baseline or "",
                "" if result.baseline is None else benchmark.unit.show(result.baseline),
                "" if result.ratio is None else f"{result.ratio:.2f}",
                _range(by_round),
                _target(benchmark.unit, result),
                _verdict(result),
            ).rstrip()
        )
    return lines


def _range(ratios: Sequence[float]) -> str:
    """The minimum, median and maximum."""
    if len(ratios) < 2:
        return ""
    return " ".join(f"{ratio:.2f}" for ratio in (min(ratios), statistics.median(ratios), max(ratios)))


def _target(unit: Unit, result: Result) -> str:
    target = result.comparison.target
    if target is None:
        return ""
    sign = ">=" if target.is_floor else "<="
    return f"{sign} {unit.show(target.limit) if result.ratio is None else format(target.limit, 'g')}"


def _verdict(result: Result) -> str:
    verdict = {None: "", True: "ok", False: "MISS"}[result.is_met]
    errors = ", ".join(f"{count} {name}" for name, count in result.errors.items())
    return f"{verdict} ({errors})" if errors else verdict


def record(benchmark: Benchmark, measurements: Measurements, results: Sequence[Result]) -> dict[str, Any]:
    """The results of a benchmark in seconds, bytes and calls per second."""
    return {
        "benchmark": benchmark.name,
        "description": benchmark.description,
        "measurements": {name: [asdict(measurement) for measurement in each] for name, each in measurements.items()},
        "comparisons": [
            {
                "subject": result.comparison.subject,
                "baseline": result.comparison.baseline,
                "medians": [result.subject, result.baseline],
                "ratio": result.ratio,
                "by_round": result.by_round,
                "target": result.comparison.target and asdict(result.comparison.target),
                "is_met": result.is_met,
            }
            for result in results
        ],
    }


def machine() -> dict[str, Any]:
    """The machine, and its load before the benchmarks."""
    return {
        "python": sys.version,
        "platform": platform.platform(),
        "processors": os.cpu_count(),
        "load_before": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
    }
