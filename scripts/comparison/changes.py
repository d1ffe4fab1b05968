"""Both documents side by side: what upstream has otherwise, and what of it openapi.yaml has otherwise on purpose."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from .normal_form import Node, Operation, Resource, Side
from .policy import ASPECTS, Group, judge, moves
from .shapes import MalformedError

REQUIRABLE = {"field", "parameter", "body"}
Verdict = Group | Literal["accepted", "settled"]


@dataclass(frozen=True)
class Change:
    """One move from our document to upstream's, at one place of one operation."""

    verdict: Verdict
    operation: str
    under: str
    """Upstream's prefix, empty for what is not about one of several."""
    side: Side
    place: tuple[str, ...]
    subject: str
    move: str
    ours: object
    theirs: object
    why: str | None = None
    """Why we depart there, where we do."""
    said: str | None = None
    """What upstream says of a new thing, in words."""


def compare(ours: Resource, theirs: Resource) -> list[Change]:
    found: list[Change] = []
    taken: set[str] = set()
    for operation in ours.operations:
        twins = twins_of(operation, ours, theirs)
        taken |= {twin.key for twin in twins}
        found += beside(operation, twins)
    return found + list(unknown(ours, theirs, taken))


def twins_of(operation: Operation, ours: Resource, theirs: Resource) -> list[Operation]:
    """The same operation upstream, under each prefix; one that has moved is known by its operationId."""
    keys = {each.key for each in ours.operations}
    same = [each for each in theirs.operations if each.key == operation.key]
    return same or [each for each in theirs.operations if each.id == operation.id and each.key not in keys]


def beside(operation: Operation, twins: list[Operation]) -> Iterator[Change]:
    place = Place(operation.id, "", "request", ())
    if not twins:
        yield place.without(operation.node)
        return
    ids, prefixes = {twin.id for twin in twins}, {twin.prefix for twin in twins}
    if operation.id not in ids:
        yield place.change("operationId", "changed", operation.id, ", ".join(sorted(ids)))
    if operation.prefix not in prefixes:
        yield place.change("prefix", "changed", operation.prefix, ", ".join(sorted(prefixes)))
    for twin in twins:
        here = replace(place, under=twin.prefix)
        if twin.key != operation.key:
            yield here.change("path", "changed", operation.key, twin.key)
        yield from here.compare(operation.node, twin.node)


def unknown(ours: Resource, theirs: Resource, taken: set[str]) -> Iterator[Change]:
    """Operations that only upstream has, and those left out on purpose that it has given up."""
    why = {key: each.why for each in ours.departures for key in each.leaves_out}
    news = {each.key: each for each in theirs.operations if each.key not in taken}
    for key, each in news.items():
        place = Place(each.id, "", "request", ())
        yield place.change("operation", "added", None, key, why=why.get(key), said=said_of(each.node))
    for key in sorted(why.keys() - news.keys()):
        yield Place(key, "", "request", ()).settled("operation", why[key], "upstream has it no more")


@dataclass(frozen=True)
class Place:
    """Where in an operation we are."""

    operation: str
    under: str
    side: Side
    path: tuple[str, ...]

    def compare(self, ours: Node, theirs: Node) -> Iterator[Change]:
        check_departures(ours)
        instead_of = {each.instead_of: each.why for each in ours.departures if each.instead_of}
        if (name := theirs.facts.get("name")) in instead_of:
            yield self.change("name", "changed", brief(ours), name, why=instead_of[str(name)])
            return
        ours, theirs, moved = self._paired(ours, theirs)
        found = [*self._facts(ours, theirs), *self._parts(ours, theirs, moved)]
        yield from found
        if not found:
            yield from (self.settled("name", why, "upstream says the same") for why in instead_of.values())

    def _facts(self, ours: Node, theirs: Node) -> Iterator[Change]:
        departed = {aspect: (value, each.why) for each in ours.departures for aspect, value in each.upstream.items()}
        for aspect in sorted((ours.facts.keys() | theirs.facts.keys() | departed.keys()) - {"present"}):
            here, there = ours.facts.get(aspect), theirs.facts.get(aspect)
            expected, why = departed.get(aspect, (here, ""))
            known = set(moves(aspect, here, expected))
            for move in moves(aspect, here, there):
                yield self.change(aspect, *move, why=why if move in known else None)
            if known and here == there:
                yield self.settled(aspect, why, "upstream says the same")

    def _parts(self, ours: Node, theirs: Node, moved: Mapping[str, str]) -> Iterator[Change]:
        left_out = {label: each.why for each in ours.departures for label in each.leaves_out}
        for label, part in ours.parts.items():
            place = self._below(ours, label, part)
            if label not in theirs.parts:
                yield place.without(part, moved.get(label, "gone"))
                continue
            if why := unpublished(part):
                yield place.settled(part.kind, why, "upstream has it now")
            yield from place.compare(part, theirs.parts[label])
        for label, part in theirs.parts.items():
            if label not in ours.parts:
                place = self._below(ours, label, part)
                move = moved.get(label, added(part))
                yield place.change(part.kind, move, None, brief(part), why=left_out.get(label), said=said_of(part))
        for label in sorted(left_out.keys() - theirs.parts.keys()):
            yield replace(self, path=(*self._anchor(ours), label)).settled(
                "part", left_out[label], "upstream has it no more"
            )

    def _paired(self, ours: Node, theirs: Node) -> tuple[Node, Node, dict[str, str]]:
        """Both; of alternatives that only one of them has, the one that the other is, and how the rest has moved."""
        if theirs.choices and not ours.choices:
            fits = {label: self._fits(ours, each) for label, each in theirs.choices.items()}
            twin = the_same(ours, theirs, fits)
            return ours, chosen(theirs, twin), self._moves(fits, twin, "added freely", "added to none", "answer")
        if ours.choices and not theirs.choices:
            fits = {label: self._fits(each, theirs) for label, each in ours.choices.items()}
            twin = the_same(theirs, ours, fits)
            return chosen(ours, twin), theirs, self._moves(fits, twin, "gone freely", "gone with all", "request")
        return ours, theirs, {}

    def _moves(
        self, fits: Mapping[str, bool], twin: str | None, freely: str, badly: str, strict: Side
    ) -> dict[str, str]:
        """Each counts where callers may meet any of them: new ones in answers, and old ones in requests."""
        fine = fits if self.side == strict else dict.fromkeys(fits, twin is not None)
        return {label: freely if fine[label] else badly for label in fits}

    def _fits(self, ours: Node, theirs: Node) -> bool:
        return all(change.verdict != "breaks" for change in self.compare(ours, theirs))

    def _below(self, ours: Node, label: str, part: Node) -> "Place":
        side: Side = "answer" if part.kind in {"result", "error"} else self.side
        return replace(self, side=side, path=(*self._anchor(ours), label))

    def _anchor(self, ours: Node) -> tuple[str, ...]:
        """A field is found by the name of its schema, wherever that is used."""
        has_fields = any(part.kind == "field" for part in ours.parts.values())
        name = ours.facts.get("name")
        return (str(name),) if name and has_fields else self.path

    def without(self, part: Node, move: str = "gone") -> Change:
        """A part of ours that upstream has not."""
        return self.change(part.kind, move, brief(part), None, why=unpublished(part))

    def change(
        self, subject: str, move: str, ours: object, theirs: object, *, why: str | None = None, said: str | None = None
    ) -> Change:
        verdict: Verdict = "accepted" if why else judge(subject, move, self.side)
        return Change(verdict, self.operation, self.under, self.side, self.path, subject, move, ours, theirs, why, said)

    def settled(self, subject: str, why: str, how: str) -> Change:
        return Change("settled", self.operation, self.under, self.side, self.path, subject, how, None, None, why)


def the_same(node: Node, several: Node, fits: Mapping[str, bool]) -> str | None:
    """The alternative that is what the other document has alone: one that fits, or else has its name."""
    name = node.facts.get("name")
    named = [label for label in fits if name and several.parts[label].facts.get("name") == name]
    fitting = [label for label in fits if fits[label]]
    both = [label for label in named if fits[label]]
    return next(iter([*both, *fitting, *named]), None)


def chosen(node: Node, label: str | None) -> Node:
    """A part with one of its alternatives taken for granted, beside which the others are still told."""
    if label is None:
        return node
    choice = node.choices[label]
    others = {key: part for key, part in node.parts.items() if key in node.choices and key != label}
    return replace(choice, parts={**choice.parts, **others})


def check_departures(node: Node) -> None:
    for each in node.departures:
        if unknown_aspects := each.upstream.keys() - ASPECTS:
            raise MalformedError(f"x-departs names what is not compared: {', '.join(sorted(unknown_aspects))}")


def unpublished(part: Node) -> str | None:
    """Why we have a part that upstream does not publish."""
    return next((each.why for each in part.departures if each.upstream.get("present") is False), None)


def added(part: Node) -> str:
    return "added as required" if part.facts.get("required") is True and part.kind in REQUIRABLE else "added"


def brief(part: Node) -> str | None:
    """A part in few words."""
    types = part.facts.get("type")
    said = [
        str(part.facts.get("name") or ""),
        " or ".join(sorted(types)) if isinstance(types, frozenset) and len(types) < 4 else "",
        str(part.facts.get("format") or ""),
        "" if "required" not in part.facts else "required" if part.facts["required"] else "optional",
    ]
    return ", ".join(filter(None, said)) or None


def said_of(part: Node) -> str | None:
    said = part.facts.get("description") or part.facts.get("summary")
    return str(said) if said else None
