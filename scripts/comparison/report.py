"""Changes brought together for a person: what happened to one schema is told once, with all operations it touches."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from .changes import Change, Verdict, compare
from .normal_form import Resource

NOTHING, BREAKING, NOT_COMPARED, NEWS = range(4)
"""Exit statuses: nothing to do, callers break, nothing was compared, only news (or a departure that is settled)."""
SECTIONS: dict[Verdict, str] = {
    "breaks": "Breaks callers",
    "new": "New, and breaks nobody",
    "words": "Only words and names",
    "settled": "Departures that upstream has settled: take them out of openapi.yaml",
    "accepted": "Accepted departures",
}


@dataclass(frozen=True)
class Finding:
    """One thing to tell, for all operations at once that it is the same in."""

    change: Change
    """One of those that are alike."""
    operations: tuple[str, ...]
    is_everywhere: bool
    only_under: tuple[str, ...]
    """The prefixes it is the case under, where upstream has others as well."""

    @property
    def where(self) -> str:
        return where(self.change)

    @property
    def what(self) -> str:
        return what(self.change)

    @property
    def scope(self) -> str:
        """What it touches, in words."""
        if self.change.subject == "operation":
            return ""
        names = "every operation" if self.is_everywhere else ", ".join(self.operations)
        under = f", only under {', '.join(self.only_under)}" if self.only_under else ""
        return f", in {self.change.side}s of {names}{under}"

    @property
    def data(self) -> dict[str, Any]:
        change = self.change
        facts = {
            "where": self.where,
            "what": self.what,
            "subject": change.subject,
            "move": change.move,
            "here": told(change.ours),
            "upstream": told(change.theirs),
            "side": change.side,
            "operations": list(self.operations),
            "only_under": list(self.only_under),
            "why": change.why,
            "upstream_says": change.said,
        }
        return {name: value for name, value in facts.items() if value}


@dataclass(frozen=True)
class Report:
    """What a comparison comes to."""

    title: str
    sections: Mapping[Verdict, tuple[Finding, ...]]

    @property
    def status(self) -> int:
        if self.sections["breaks"]:
            return BREAKING
        return NEWS if self.sections["new"] or self.sections["settled"] else NOTHING

    @property
    def summary(self) -> str:
        counts = {verdict: len(findings) for verdict, findings in self.sections.items()}
        return (
            f"{counts['breaks']} break callers, {counts['new']} new, {counts['words']} of words only, "
            f"{counts['settled']} settled departures, {counts['accepted']} accepted departures"
        )


def report(title: str, ours: Resource, theirs: Resource) -> Report:
    alike: defaultdict[tuple[object, ...], list[Change]] = defaultdict(list)
    for change in compare(ours, theirs):
        alike[change.verdict, change.side, where(change), change.subject, what(change), change.why].append(change)
    prefixes = {operation.prefix for operation in theirs.operations}
    findings = [finding(each, prefixes, len(ours.operations)) for each in alike.values()]
    return Report(
        title, {verdict: tuple(each for each in findings if each.change.verdict == verdict) for verdict in SECTIONS}
    )


def finding(alike: list[Change], prefixes: set[str], operations: int) -> Finding:
    names = tuple(dict.fromkeys(short(change.operation) for change in alike))
    under = {change.under for change in alike} - {""}
    only = tuple(sorted(under)) if under < prefixes else ()
    said = next((change.said for change in alike if change.said), None)
    return Finding(replace(alike[0], said=said), names, len(names) == operations, only)


def where(change: Change) -> str:
    if change.subject == "operation":
        return short(change.operation)
    return ".".join(change.place).replace(".[]", "[]") or "operation"


def what(change: Change) -> str:
    """What happened, in words."""
    subject, move, here, upstream = change.subject, change.move, told(change.ours), told(change.theirs)
    if change.verdict == "settled":
        return f"{subject}: {move}"
    if move.startswith("gone"):
        return f"upstream has no such {subject}" + (f" ({here})" if here else "")
    if move.startswith("added"):
        return f"only upstream has this {subject}" + (f" ({upstream})" if upstream else "")
    if subject in {"type", "enum"}:
        return f"{subject}: upstream also {upstream}" if upstream else f"{subject}: upstream not {here}"
    if isinstance(change.theirs, bool):
        return f"{subject} upstream" if change.theirs else f"not {subject} upstream"
    return f"{subject}: {here or 'nothing'} here, {upstream or 'nothing'} upstream"


def told(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, frozenset):
        return " or ".join(sorted(" and ".join(told_scheme(*each) for each in sorted(way)) for way in value))
    return repr(value) if value == "" else str(value)


def told_scheme(scheme: str, scopes: Iterable[str]) -> str:
    return " ".join([scheme, *sorted(scopes)])


def short(operation: str) -> str:
    return operation.removeprefix("mcp_server_installations_")
