"""What counts as what: the table, and the moves from our document to upstream's that it is about.

Callers are those of today's openapi.yaml: what they send, upstream has to take, and what upstream answers, they have to
understand. In doubt a move breaks them.
"""

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

from .shapes import BOUNDS, CONDITIONS, OTHER

Group = Literal["breaks", "new", "words"]
BREAKS: Group = "breaks"
NEW: Group = "new"
WORDS: Group = "words"
Way = frozenset[tuple[str, frozenset[str]]]
"""A way in: the schemes it takes together, each with the scopes it asks for."""
NO_KEY: Way = frozenset()
NEVER = None
"""It does not come up, or means nothing to a caller."""


class Rule(NamedTuple):
    subject: str
    move: str
    in_requests: Group | None
    in_answers: Group | None


RULES = [
    # The operation itself.
    Rule("operation", "gone", BREAKS, NEVER),
    Rule("operation", "added", NEW, NEVER),
    Rule("path", "changed", BREAKS, NEVER),
    Rule("prefix", "changed", BREAKS, NEVER),
    Rule("scopes", "narrowed", BREAKS, NEVER),
    Rule("scopes", "widened", NEW, NEVER),
    # Its parts.
    Rule("parameter", "gone", BREAKS, NEVER),
    Rule("parameter", "added", NEW, NEVER),
    Rule("parameter", "added as required", BREAKS, NEVER),
    Rule("body", "gone", BREAKS, NEVER),
    Rule("body", "added", NEW, NEVER),
    Rule("body", "added as required", BREAKS, NEVER),
    Rule("result", "gone", NEVER, BREAKS),
    Rule("result", "added", NEVER, BREAKS),
    Rule("error", "gone", NEVER, NEW),
    Rule("error", "added", NEVER, NEW),
    Rule("header", "gone", NEVER, BREAKS),
    Rule("header", "added", NEVER, NEW),
    Rule("media type", "gone", BREAKS, BREAKS),
    Rule("media type", "added", NEW, NEW),
    Rule("field", "gone", BREAKS, BREAKS),
    Rule("field", "added", NEW, NEW),
    Rule("field", "added as required", BREAKS, NEW),
    Rule("item", "gone", NEW, BREAKS),
    Rule("item", "added", BREAKS, NEW),
    Rule("alternative", "gone", BREAKS, NEW),
    Rule("alternative", "added", NEW, BREAKS),
    *(Rule("alternative", move, NEW, NEW) for move in ("added freely", "gone freely")),
    *(Rule("alternative", move, BREAKS, BREAKS) for move in ("added to none", "gone with all")),
    # What is said of a part.
    Rule("required", "gained", BREAKS, NEW),
    Rule("required", "lost", NEW, BREAKS),
    Rule("type", "gained", NEW, BREAKS),
    Rule("type", "lost", BREAKS, NEW),
    Rule("enum", "gained", NEW, BREAKS),
    Rule("enum", "lost", BREAKS, NEW),
    Rule("enum", "listed", NEW, NEW),  # where any other text was fine already
    Rule("enum", "unlisted", NEW, NEW),  # where any other text still is
    Rule("format", "gained", BREAKS, NEW),
    Rule("format", "lost", NEW, BREAKS),
    Rule("format", "changed", BREAKS, BREAKS),
    *(Rule(bound, "tightened", BREAKS, NEW) for bound in BOUNDS),
    *(Rule(bound, "loosened", NEW, NEW) for bound in BOUNDS),
    *(
        Rule(limit, move, in_requests, NEW)
        for limit in ("pattern", "multipleOf", "uniqueItems", *CONDITIONS)
        for move, in_requests in (("gained", BREAKS), ("changed", BREAKS), ("lost", NEW))
    ),
    Rule("default", "gained", NEW, NEVER),
    Rule("default", "lost", NEW, NEVER),
    Rule("default", "changed", BREAKS, NEVER),  # a call that leaves it out now means another thing
    Rule("closed", "gained", BREAKS, NEVER),
    Rule("closed", "lost", NEW, NEVER),
    Rule("style", "changed", BREAKS, NEVER),
    Rule("deprecated", "gained", NEW, NEW),
    Rule("deprecated", "lost", NEW, NEW),
    # Nothing of this is sent. A name that is followed changes store.lowlevel, not a call.
    Rule("operationId", "changed", WORDS, NEVER),
    *(
        Rule(text, move, WORDS, WORDS)
        for text in ("name", "summary", "description", "words of the schema")
        for move in ("gained", "changed")
    ),
]
TABLE = {
    (side, rule.subject, rule.move): group
    for rule in RULES
    for side, group in (("request", rule.in_requests), ("answer", rule.in_answers))
    if group
}
ASPECTS = {rule.subject for rule in RULES} | {"present"}
FLAGS = {"required", "closed", "deprecated", "uniqueItems"}
TEXTS = {"summary", "description", "words of the schema"}


def judge(subject: str, move: str, side: str) -> Group:
    return TABLE[side, subject, move]


def moves(aspect: str, ours: Any, theirs: Any) -> Iterator[tuple[str, object, object]]:
    """What happened to a fact, with what is told of both sides; to a set of values, one move for each of them."""
    if aspect in FLAGS and bool(ours) == bool(theirs):
        return
    if ours == theirs or (theirs is None and aspect in TEXTS) or (aspect == "name" and None in (ours, theirs)):
        return
    if aspect in {"type", "enum"}:
        yield from set_moves(ours, theirs)
    elif aspect in BOUNDS:
        yield ("tightened" if is_tighter(aspect, ours, theirs) else "loosened"), ours, theirs
    elif aspect == "scopes":
        yield ("widened" if is_wider(ours, theirs) else "narrowed"), ours, theirs
    elif aspect in FLAGS:
        yield ("gained" if theirs else "lost"), bool(ours), bool(theirs)
    else:
        yield ("gained" if ours is None else "lost" if theirs is None else "changed"), ours, theirs


def set_moves(ours: frozenset[Any], theirs: frozenset[Any]) -> Iterator[tuple[str, object, object]]:
    for value in sorted(ours - theirs, key=str):
        if OTHER not in theirs or value == OTHER:
            yield "lost", value, None
        elif theirs != {OTHER}:
            yield "unlisted", value, None
    for value in sorted(theirs - ours, key=str):
        if OTHER not in ours or value == OTHER:
            yield "gained", None, value
        elif ours != {OTHER}:
            yield "listed", None, value


def is_tighter(bound: str, ours: float | None, theirs: float | None) -> bool:
    if ours is None or theirs is None:
        return theirs is not None
    return theirs < ours if "max" in bound.lower() else theirs > ours


def is_wider(ours: frozenset[Way], theirs: frozenset[Way]) -> bool:
    """Whether a key that has what we ask for gets in: by one of the ways, or because none is asked for."""
    return not theirs or all(any(opens(way, lock) for lock in theirs) for way in ours or {NO_KEY})


def opens(key: Way, lock: Way) -> bool:
    return all(any(scheme == ours and satisfies(had, asked) for ours, had in key) for scheme, asked in lock)


def satisfies(had: frozenset[str], asked: frozenset[str]) -> bool:
    """A `:write` scope does for `:read`, and `*` for all."""
    return all({scope, "*", scope.removesuffix(":read") + ":write"} & had for scope in asked)
