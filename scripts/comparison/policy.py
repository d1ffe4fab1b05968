"""The severity of every kind of difference, and how two values of an attribute differ.

Callers follow today's openapi.yaml: upstream has to accept what they send, and they have to understand what upstream
returns. In doubt a difference is breaking.
"""

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

from .schemas import ASSERTIONS, BOUNDS, OTHER

Direction = Literal["request", "response"]
Severity = Literal["breaking", "non_breaking", "wording"]
BREAKING: Severity = "breaking"
NON_BREAKING: Severity = "non_breaking"
WORDING: Severity = "wording"
NOT_APPLICABLE = None
"""It can't occur in this direction, or does not matter to callers there."""
SecurityRequirement = frozenset[tuple[str, frozenset[str]]]
"""The schemes that a caller has to use together, each with the scopes that it needs."""
NO_CREDENTIALS: SecurityRequirement = frozenset()


class Rule(NamedTuple):
    subject: str
    action: str
    in_requests: Severity | None
    in_responses: Severity | None


RULES = [
    # The operation itself.
    Rule("operation", "removed", BREAKING, NOT_APPLICABLE),
    Rule("operation", "added", NON_BREAKING, NOT_APPLICABLE),
    Rule("path", "changed", BREAKING, NOT_APPLICABLE),
    Rule("prefix", "changed", BREAKING, NOT_APPLICABLE),
    Rule("security", "narrowed", BREAKING, NOT_APPLICABLE),
    Rule("security", "widened", NON_BREAKING, NOT_APPLICABLE),
    # Its parts.
    Rule("parameter", "removed", BREAKING, NOT_APPLICABLE),
    Rule("parameter", "added", NON_BREAKING, NOT_APPLICABLE),
    Rule("parameter", "added as required", BREAKING, NOT_APPLICABLE),
    Rule("body", "removed", BREAKING, NOT_APPLICABLE),
    Rule("body", "added", NON_BREAKING, NOT_APPLICABLE),
    Rule("body", "added as required", BREAKING, NOT_APPLICABLE),
    Rule("response", "removed", NOT_APPLICABLE, BREAKING),
    Rule("response", "added", NOT_APPLICABLE, BREAKING),
    Rule("error response", "removed", NOT_APPLICABLE, NON_BREAKING),
    Rule("error response", "added", NOT_APPLICABLE, NON_BREAKING),
    Rule("header", "removed", NOT_APPLICABLE, BREAKING),
    Rule("header", "added", NOT_APPLICABLE, NON_BREAKING),
    Rule("media type", "removed", BREAKING, BREAKING),
    Rule("media type", "added", NON_BREAKING, NON_BREAKING),
    Rule("field", "removed", BREAKING, BREAKING),
    Rule("field", "added", NON_BREAKING, NON_BREAKING),
    Rule("field", "added as required", BREAKING, NON_BREAKING),
    Rule("item", "removed", NON_BREAKING, BREAKING),
    Rule("item", "added", BREAKING, NON_BREAKING),
    Rule("alternative", "removed", BREAKING, NON_BREAKING),
    Rule("alternative", "added", NON_BREAKING, BREAKING),
    # Where only one of the documents has alternatives: compatible with the schema of the other one, or not.
    *(Rule("alternative", f"{action} compatibly", NON_BREAKING, NON_BREAKING) for action in ("added", "removed")),
    *(Rule("alternative", f"{action} incompatibly", BREAKING, BREAKING) for action in ("added", "removed")),
    # The attributes of a part.
    Rule("required", "set", BREAKING, NON_BREAKING),
    Rule("required", "unset", NON_BREAKING, BREAKING),
    Rule("type", "allowed", NON_BREAKING, BREAKING),
    Rule("type", "disallowed", BREAKING, NON_BREAKING),
    Rule("enum", "allowed", NON_BREAKING, BREAKING),
    Rule("enum", "disallowed", BREAKING, NON_BREAKING),
    Rule("enum", "listed", NON_BREAKING, NON_BREAKING),  # any other value was allowed before
    Rule("enum", "unlisted", NON_BREAKING, NON_BREAKING),  # any other value is still allowed
    Rule("format", "set", BREAKING, NON_BREAKING),
    Rule("format", "unset", NON_BREAKING, BREAKING),
    Rule("format", "changed", BREAKING, BREAKING),
    *(Rule(bound, "tightened", BREAKING, NON_BREAKING) for bound in BOUNDS),
    *(Rule(bound, "loosened", NON_BREAKING, NON_BREAKING) for bound in BOUNDS),
    *(
        Rule(keyword, action, in_requests, NON_BREAKING)
        for keyword in ("pattern", "multipleOf", "uniqueItems", *ASSERTIONS)
        for action, in_requests in (("set", BREAKING), ("changed", BREAKING), ("unset", NON_BREAKING))
    ),
    Rule("default", "set", NON_BREAKING, NOT_APPLICABLE),
    Rule("default", "unset", NON_BREAKING, NOT_APPLICABLE),
    Rule("default", "changed", BREAKING, NOT_APPLICABLE),  # it changes the meaning of calls that leave the value out
    Rule("closed", "set", BREAKING, NOT_APPLICABLE),
    Rule("closed", "unset", NON_BREAKING, NOT_APPLICABLE),
    Rule("style", "changed", BREAKING, NOT_APPLICABLE),
    Rule("deprecated", "set", NON_BREAKING, NON_BREAKING),
    Rule("deprecated", "unset", NON_BREAKING, NON_BREAKING),
    # Never sent. Following a changed name changes store.lowlevel, but no call.
    Rule("operationId", "changed", WORDING, NOT_APPLICABLE),
    *(
        Rule(text, action, WORDING, WORDING)
        for text in ("name", "summary", "description", "schema description")
        for action in ("set", "changed")
    ),
]
TABLE = {
    (direction, rule.subject, rule.action): severity
    for rule in RULES
    for direction, severity in (("request", rule.in_requests), ("response", rule.in_responses))
    if severity
}
# The prefix of upstream's paths is recorded at the root of the document.
ATTRIBUTES = {rule.subject for rule in RULES} - {"prefix"} | {"present"}
FLAGS = {"required", "closed", "deprecated", "uniqueItems"}
TEXTS = {"summary", "description", "schema description"}


def classify(subject: str, action: str, direction: Direction) -> Severity:
    return TABLE[direction, subject, action]


def differences(attribute: str, ours: Any, theirs: Any) -> Iterator[tuple[str, object, object]]:
    """Each difference as an action with both values; sets of values are compared value by value."""
    if attribute in FLAGS:
        ours, theirs = bool(ours), bool(theirs)
    if ours == theirs or (theirs is None and attribute in TEXTS) or (attribute == "name" and None in (ours, theirs)):
        return
    if attribute in {"type", "enum"}:
        yield from set_differences(ours, theirs)
    elif attribute in BOUNDS:
        yield ("tightened" if is_tighter(attribute, ours, theirs) else "loosened"), ours, theirs
    elif attribute == "security":
        yield ("widened" if accepts_all(ours, theirs) else "narrowed"), ours, theirs
    elif attribute in FLAGS:
        yield ("set" if theirs else "unset"), ours, theirs
    else:
        yield ("set" if ours is None else "unset" if theirs is None else "changed"), ours, theirs


def set_differences(ours: frozenset[Any], theirs: frozenset[Any]) -> Iterator[tuple[str, object, object]]:
    for value in sorted(ours - theirs, key=str):
        if OTHER not in theirs or value == OTHER:
            yield "disallowed", value, None
        elif theirs != {OTHER}:
            yield "unlisted", value, None
    for value in sorted(theirs - ours, key=str):
        if OTHER not in ours or value == OTHER:
            yield "allowed", None, value
        elif ours != {OTHER}:
            yield "listed", None, value


def is_tighter(bound: str, ours: float | None, theirs: float | None) -> bool:
    if ours is None or theirs is None:
        return theirs is not None
    return theirs < ours if "max" in bound.lower() else theirs > ours


def accepts_all(ours: frozenset[SecurityRequirement], theirs: frozenset[SecurityRequirement]) -> bool:
    """Whether upstream accepts the credentials of every caller that meets one of our requirements."""
    return not theirs or all(
        any(is_met(requirement, credentials) for requirement in theirs) for credentials in ours or {NO_CREDENTIALS}
    )


def is_met(requirement: SecurityRequirement, credentials: SecurityRequirement) -> bool:
    return all(
        any(scheme == name and covers(granted, needed) for name, granted in credentials)
        for scheme, needed in requirement
    )


def covers(granted: frozenset[str], needed: frozenset[str]) -> bool:
    """Whether scopes are enough: `:write` includes `:read`, and `*` includes all."""
    return all({scope, "*", scope.removesuffix(":read") + ":write"} & granted for scope in needed)
