"""Groups changes for the reader: what is the same in several operations is reported once."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any

from .changes import Change, Verdict, compare
from .normalized import API
from .policy import FLAGS


class ExitStatus(IntEnum):
    NOTHING_TO_DO = 0
    BREAKING = 1
    NOT_COMPARED = 2
    TO_REVIEW = 3


SECTIONS: dict[Verdict, str] = {
    "breaking": "Breaking changes",
    "non_breaking": "Non-breaking changes",
    "wording": "Changes of wording and names only",
    "resolved": "Resolved departures, to be removed from openapi.yaml",
    "accepted": "Accepted departures",
}
PHRASES = {
    "removed": "{subject} missing in upstream ({ours})",
    "added": "{subject} only in upstream ({theirs})",
    "allowed": "{subject}: upstream allows {theirs}",
    "disallowed": "{subject}: upstream does not allow {ours}",
    "listed": "{subject}: upstream lists {theirs}",
    "unlisted": "{subject}: upstream does not list {ours}",
    "equal": "{subject}: upstream is the same now",
    "published": "{subject}: upstream has it now",
    "withdrawn": "{subject}: upstream has removed it",
}


@dataclass(frozen=True)
class Finding:
    """A change, with all operations that have it."""

    change: Change
    """One of several that differ only in their operations."""
    where: str
    what: str
    operations: tuple[str, ...]
    is_in_all_operations: bool
    only_under: tuple[str, ...]
    """The prefixes that have the change, if upstream has others without it."""

    @property
    def affected(self) -> str:
        if self.change.subject == "operation":
            return ""
        names = "all operations" if self.is_in_all_operations else ", ".join(self.operations)
        under = f", only under {', '.join(self.only_under)}" if self.only_under else ""
        return f", in {self.change.location.direction}s of {names}{under}"

    @property
    def data(self) -> dict[str, Any]:
        change = self.change
        data = {
            "where": self.where,
            "what": self.what,
            "subject": change.subject,
            "action": change.action,
            "ours": formatted(change.ours),
            "upstream": formatted(change.theirs),
            "direction": change.location.direction,
            "operations": list(self.operations),
            "only_under": list(self.only_under),
            "why": change.why,
            "upstream_description": change.description,
        }
        return {name: value for name, value in data.items() if value}


@dataclass(frozen=True)
class Report:
    title: str
    sections: Mapping[Verdict, tuple[Finding, ...]]

    @property
    def status(self) -> ExitStatus:
        if self.sections["breaking"]:
            return ExitStatus.BREAKING
        if self.sections["non_breaking"] or self.sections["resolved"]:
            return ExitStatus.TO_REVIEW
        return ExitStatus.NOTHING_TO_DO

    @property
    def summary(self) -> str:
        count = {verdict: len(findings) for verdict, findings in self.sections.items()}
        return (
            f"{count['breaking']} breaking, {count['non_breaking']} non-breaking, {count['wording']} of wording only; "
            f"departures: {count['resolved']} resolved, {count['accepted']} accepted"
        )


def report(title: str, ours: API, theirs: API) -> Report:
    equal: defaultdict[tuple[object, ...], list[Change]] = defaultdict(list)
    for change in compare(ours, theirs):
        key = (change.verdict, change.location.direction, where(change), change.subject, what(change), change.why)
        equal[key].append(change)
    prefixes = {operation.prefix for operation in theirs.operations}
    findings = [finding(changes, prefixes, len(ours.operations)) for changes in equal.values()]
    return Report(
        title, {verdict: tuple(each for each in findings if each.change.verdict == verdict) for verdict in SECTIONS}
    )


def finding(changes: list[Change], prefixes: set[str], operation_count: int) -> Finding:
    names = tuple(dict.fromkeys(short_id(change.location.operation) for change in changes))
    under = {change.location.prefix for change in changes} - {""}
    only_under = tuple(sorted(under)) if under < prefixes else ()
    description = next((change.description for change in changes if change.description), None)
    first = replace(changes[0], description=description)
    return Finding(first, where(first), what(first), names, len(names) == operation_count, only_under)


def where(change: Change) -> str:
    if change.subject == "operation":
        return short_id(change.location.operation)
    return ".".join(change.location.path).replace(".[]", "[]") or "operation"


def what(change: Change) -> str:
    """The change in words."""
    if change.subject in FLAGS and change.verdict != "resolved":
        return f"{change.subject} upstream" if change.theirs else f"not {change.subject} upstream"
    ours, theirs = formatted(change.ours), formatted(change.theirs)
    if phrase := PHRASES.get(change.action.partition(" ")[0]):
        return phrase.format(subject=change.subject, ours=ours, theirs=theirs).replace(" ()", "")
    return f"{change.subject}: {ours or 'none'} here, {theirs or 'none'} upstream"


def formatted(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, frozenset):
        return " or ".join(sorted(" and ".join(formatted_scheme(*each) for each in sorted(way)) for way in value))
    return repr(value) if value == "" else str(value)


def formatted_scheme(scheme: str, scopes: Iterable[str]) -> str:
    return " ".join([scheme, *sorted(scopes)])


def short_id(operation_id: str) -> str:
    return operation_id.removeprefix("mcp_server_installations_")
