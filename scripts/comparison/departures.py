"""Intended differences from upstream: `x-departs` in openapi.yaml, which only the comparison reads.

`upstream` holds upstream's values (null: none; `present: false`: upstream lacks the whole part), `leaves_out` lists
parts that only upstream has, `instead_of` names the schema that another one replaces altogether. At the root of the
document, `upstream` holds the `prefix` of upstream's paths. A departure is accepted for as long as upstream is exactly
as recorded.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from . import DocumentError

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
        found, others = ", ".join(record), ", ".join(sorted(KEYS - {"why"}))
        raise ValueError(f"x-departs needs `why` and at least one of {others}, and has {found}")
    upstream = {
        attribute: frozenset(value) if isinstance(value, list) else value
        for attribute, value in record.get("upstream", {}).items()
    }
    return Departure(
        why=" ".join(record["why"].split()),
        upstream=upstream,
        leaves_out=frozenset(map(str, record.get("leaves_out", []))),
        instead_of=record.get("instead_of"),
    )


def accepted_prefixes(document: Mapping[str, Any]) -> dict[str, str]:
    """Upstream's prefixes that the root of the document records, with the reasons."""
    prefixes: dict[str, str] = {}
    for each in departures(document):
        prefix = each.upstream.get("prefix")
        if not isinstance(prefix, str) or each != Departure(each.why, {"prefix": prefix}):
            raise DocumentError("x-departs at the root needs `why` and `upstream` with the `prefix`, and nothing else")
        prefixes[prefix] = each.why
    return prefixes
