"""Where openapi.yaml departs from upstream on purpose: `x-departs` beside the place, read by nobody but the comparison.

`upstream` is what upstream says there instead (null: nothing), `leaves_out` what it has and we have not, `instead_of`
the schema in whose place something wholly other stands. As long as upstream says just that, the departure is accepted.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

KEYS = {"upstream", "leaves_out", "instead_of", "why"}


@dataclass(frozen=True)
class Departure:
    why: str
    upstream: Mapping[str, object] = field(default_factory=dict)
    leaves_out: frozenset[str] = frozenset()
    instead_of: str | None = None


def departures(part: Mapping[str, Any]) -> tuple[Departure, ...]:
    return tuple(departure(each) for each in part.get("x-departs", []))


def departure(record: Mapping[str, Any]) -> Departure:
    if record.keys() - KEYS or not record.keys() - {"why"} or "why" not in record:
        raise ValueError(f"x-departs says {', '.join(record)}: it has to say why, and one of {', '.join(sorted(KEYS))}")
    upstream = {
        aspect: frozenset(value) if isinstance(value, list) else value
        for aspect, value in record.get("upstream", {}).items()
    }
    return Departure(
        why=" ".join(record["why"].split()),
        upstream=upstream,
        leaves_out=frozenset(map(str, record.get("leaves_out", []))),
        instead_of=record.get("instead_of"),
    )
