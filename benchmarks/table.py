"""The figures for people, and for programs."""

import os
import platform
import statistics
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from measuring import Figures, Outcome
from rows import Row, Unit

WIDTHS = (16, 14, 16, 14, 8, 18, 12)


def line(*cells: str) -> str:
    *aligned, last = cells
    return "".join(f"{cell:{width}}" for cell, width in zip(aligned, WIDTHS, strict=False)) + last


HEAD = line("", "median", "beside", "median", "ratio", "by round", "target", "")


def row_lines(row: Row, outcomes: Sequence[Outcome]) -> list[str]:
    lines = [f"{row.name}: {row.what}"]
    for outcome in outcomes:
        by_round = outcome.by_round
        lines.append(
            line(
                f"  {outcome.comparison.subject}",
                row.unit.show(outcome.subject),
                outcome.comparison.base or "",
                "" if outcome.base is None else row.unit.show(outcome.base),
                "" if outcome.ratio is None else f"{outcome.ratio:.2f}",
                _spread(by_round),
                _target(row.unit, outcome),
                _verdict(outcome),
            ).rstrip()
        )
    return lines


def _spread(ratios: Sequence[float]) -> str:
    """The least, the middle and the greatest of what single rounds say."""
    if len(ratios) < 2:
        return ""
    return " ".join(f"{ratio:.2f}" for ratio in (min(ratios), statistics.median(ratios), max(ratios)))


def _target(unit: Unit, outcome: Outcome) -> str:
    target = outcome.comparison.target
    if target is None:
        return ""
    sign = ">=" if target.is_floor else "<="
    return f"{sign} {unit.show(target.limit) if outcome.ratio is None else format(target.limit, 'g')}"


def _verdict(outcome: Outcome) -> str:
    verdict = {None: "", True: "ok", False: "MISS"}[outcome.is_met]
    errors = ", ".join(f"{count} {name}" for name, count in outcome.errors.items())
    return f"{verdict} ({errors})" if errors else verdict


def record(row: Row, figures: Figures, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """A row as plain data, in seconds, bytes and calls per second."""
    return {
        "row": row.name,
        "what": row.what,
        "figures": {name: [asdict(figure) for figure in each] for name, each in figures.items()},
        "comparisons": [
            {
                "subject": outcome.comparison.subject,
                "base": outcome.comparison.base,
                "medians": [outcome.subject, outcome.base],
                "ratio": outcome.ratio,
                "by_round": outcome.by_round,
                "target": outcome.comparison.target and asdict(outcome.comparison.target),
                "is_met": outcome.is_met,
            }
            for outcome in outcomes
        ],
    }


def machine() -> dict[str, Any]:
    """What ran it, and how busy that was with other things before."""
    return {
        "python": sys.version,
        "platform": platform.platform(),
        "processors": os.cpu_count(),
        "load_before": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
    }
