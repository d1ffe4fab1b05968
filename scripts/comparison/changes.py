"""Compares two normalized documents: the changes from ours to upstream's, and which of them are intended departures."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from . import DocumentError
from .normalized import API, Node, Operation
from .policy import ATTRIBUTES, TEXTS, Direction, Severity, classify, differences

CAN_BE_REQUIRED = {"field", "parameter", "body"}
Verdict = Severity | Literal["resolved", "accepted"]


@dataclass(frozen=True)
class Change:
    """One difference between our document and upstream's, at one place of one operation."""

    verdict: Verdict
    location: "Location"
    subject: str
    action: str
    ours: object
    theirs: object
    why: str | None = None
    """The reason of a departure."""
    description: str | None = None
    """Upstream's description of an added part."""


def compare(ours: API, theirs: API) -> list[Change]:
    changes: list[Change] = []
    matched: set[str] = set()
    for operation in ours.operations:
        found = counterparts(operation, ours, theirs)
        matched |= {each.key for each in found}
        changes += compare_operation(operation, found, ours.accepted_prefixes)
    changes += compare_unmatched(ours, theirs, matched)
    return [each for each in changes if not (theirs.is_reconstructed and each.subject in TEXTS)]


def counterparts(operation: Operation, ours: API, theirs: API) -> list[Operation]:
    """The operation upstream, under each prefix; one that has moved is identified by its operationId."""
    keys = {each.key for each in ours.operations}
    same = [each for each in theirs.operations if each.key == operation.key]
    return same or [each for each in theirs.operations if each.id == operation.id and each.key not in keys]


def compare_operation(
    operation: Operation, found: list[Operation], accepted_prefixes: Mapping[str, str]
) -> Iterator[Change]:
    location = Location(operation.id)
    if not found:
        yield location.removed(operation.node)
        return
    ids, prefixes = {each.id for each in found}, {each.prefix for each in found}
    if operation.id not in ids:
        yield location.change("operationId", "changed", operation.id, ", ".join(sorted(ids)))
    yield from location.compare_prefix(operation.prefix, prefixes, accepted_prefixes)
    for each in found:
        under_prefix = replace(location, prefix=each.prefix)
        if each.key != operation.key:
            yield under_prefix.change("path", "changed", operation.key, each.key)
        yield from under_prefix.compare(operation.node, each.node)


def compare_unmatched(ours: API, theirs: API, matched: set[str]) -> Iterator[Change]:
    """Operations that only upstream has, and departures for operations that upstream has removed."""
    why = {key: each.why for each in ours.departures for key in each.leaves_out}
    added = {each.key: each for each in theirs.operations if each.key not in matched}
    for key, each in added.items():
        yield Location(each.id).change(
            "operation", "added", None, key, why=why.get(key), description=upstream_description(each.node)
        )
    for key in sorted(why.keys() - added.keys()):
        yield Location(key).resolved("operation", why[key], "withdrawn")


@dataclass(frozen=True)
class Location:
    """A place in an operation."""

    operation: str
    prefix: str = ""
    """Upstream's, empty if a change is not about one prefix."""
    direction: Direction = "request"
    path: tuple[str, ...] = ()

    def compare(self, ours: Node, theirs: Node) -> Iterator[Change]:
        check_departures(ours)
        instead_of = {each.instead_of: each.why for each in ours.departures if each.instead_of}
        if (name := theirs.attributes.get("name")) in instead_of:
            yield self.change("name", "changed", summary(ours), name, why=instead_of[str(name)])
            return
        ours, theirs, actions = self._match_alternatives(ours, theirs)
        found = [*self._compare_attributes(ours, theirs), *self._compare_parts(ours, theirs, actions)]
        yield from found
        if not found:
            yield from (self.resolved("name", why, "equal") for why in instead_of.values())

    def compare_prefix(self, ours: str, theirs: set[str], accepted: Mapping[str, str]) -> Iterator[Change]:
        """Upstream can have an operation under several prefixes; ours or a recorded one has to be among them."""
        if ours in theirs:
            yield from (self.resolved("prefix", why, "published") for why in accepted.values())
        else:
            why = next((why for prefix, why in accepted.items() if prefix in theirs), None)
            yield self.change("prefix", "changed", ours, ", ".join(sorted(theirs)), why=why)

    def _compare_attributes(self, ours: Node, theirs: Node) -> Iterator[Change]:
        departed = {name: (value, each.why) for each in ours.departures for name, value in each.upstream.items()}
        for name in sorted((ours.attributes.keys() | theirs.attributes.keys() | departed.keys()) - {"present"}):
            our_value, their_value = ours.attributes.get(name), theirs.attributes.get(name)
            recorded, why = departed.get(name, (our_value, ""))
            accepted = set(differences(name, our_value, recorded))
            for difference in differences(name, our_value, their_value):
                yield self.change(name, *difference, why=why if difference in accepted else None)
            if accepted and our_value == their_value:
                yield self.resolved(name, why, "equal")

    def _compare_parts(self, ours: Node, theirs: Node, actions: Mapping[str, str]) -> Iterator[Change]:
        left_out = {label: each.why for each in ours.departures for label in each.leaves_out}
        for label, part in ours.parts.items():
            location = self._below(ours, label, part)
            if label not in theirs.parts:
                yield location.removed(part, actions.get(label, "removed"))
                continue
            if why := why_unpublished(part):
                yield location.resolved(part.kind, why, "published")
            yield from location.compare(part, theirs.parts[label])
        for label, part in theirs.parts.items():
            if label not in ours.parts:
                yield self._below(ours, label, part).change(
                    part.kind,
                    actions.get(label, added(part)),
                    None,
                    summary(part),
                    why=left_out.get(label),
                    description=upstream_description(part),
                )
        for label in sorted(left_out.keys() - theirs.parts.keys()):
            location = replace(self, path=(*self._anchor(ours), label))
            yield location.resolved("part", left_out[label], "withdrawn")

    def _match_alternatives(self, ours: Node, theirs: Node) -> tuple[Node, Node, dict[str, str]]:
        """If only one side has alternatives: the one that the other side is, and the actions of the others."""
        if theirs.alternatives and not ours.alternatives:
            fits = {label: self._fits(ours, each) for label, each in theirs.alternatives.items()}
            match = matching_alternative(ours, theirs, fits)
            return ours, select_alternative(theirs, match), self._actions("added", fits, match, "response")
        if ours.alternatives and not theirs.alternatives:
            fits = {label: self._fits(each, theirs) for label, each in ours.alternatives.items()}
            match = matching_alternative(theirs, ours, fits)
            return select_alternative(ours, match), theirs, self._actions("removed", fits, match, "request")
        return ours, theirs, {}

    def _actions(self, action: str, fits: Mapping[str, bool], match: str | None, strict: Direction) -> dict[str, str]:
        """Every alternative has to fit if callers can meet any of them: new ones in responses, old ones in requests."""
        if self.direction != strict:
            fits = dict.fromkeys(fits, match is not None)
        return {label: f"{action} compatibly" if fits[label] else f"{action} incompatibly" for label in fits}

    def _fits(self, ours: Node, theirs: Node) -> bool:
        return all(change.verdict != "breaking" for change in self.compare(ours, theirs))

    def _below(self, ours: Node, label: str, part: Node) -> "Location":
        direction: Direction = "response" if part.kind in {"response", "error response"} else self.direction
        return replace(self, direction=direction, path=(*self._anchor(ours), label))

    def _anchor(self, ours: Node) -> tuple[str, ...]:
        """The path of a field starts with the name of its schema, wherever that is used."""
        has_fields = any(part.kind == "field" for part in ours.parts.values())
        name = ours.attributes.get("name")
        return (str(name),) if name and has_fields else self.path

    def removed(self, part: Node, action: str = "removed") -> Change:
        return self.change(part.kind, action, summary(part), None, why=why_unpublished(part))

    def change(
        self,
        subject: str,
        action: str,
        ours: object,
        theirs: object,
        *,
        why: str | None = None,
        description: str | None = None,
        verdict: Verdict | None = None,
    ) -> Change:
        verdict = verdict or ("accepted" if why else classify(subject, action, self.direction))
        return Change(verdict, self, subject, action, ours, theirs, why, description)

    def resolved(self, subject: str, why: str, action: str) -> Change:
        return self.change(subject, action, None, None, why=why, verdict="resolved")


def matching_alternative(node: Node, other: Node, fits: Mapping[str, bool]) -> str | None:
    """The alternative of the other node that the node corresponds to: one that fits, or else has its name."""
    name = node.attributes.get("name")
    named = [label for label in fits if name and other.parts[label].attributes.get("name") == name]
    fitting = [label for label in fits if fits[label]]
    both = [label for label in named if fits[label]]
    return next(iter([*both, *fitting, *named]), None)


def select_alternative(node: Node, label: str | None) -> Node:
    """The node as one of its alternatives makes it, with the others still among its parts."""
    if label is None:
        return node
    selected = node.alternatives[label]
    others = {key: part for key, part in node.parts.items() if key in node.alternatives and key != label}
    return replace(selected, parts={**selected.parts, **others})


def check_departures(node: Node) -> None:
    for each in node.departures:
        if unknown := each.upstream.keys() - ATTRIBUTES:
            raise DocumentError(f"x-departs has attributes that are not compared: {', '.join(sorted(unknown))}")


def why_unpublished(part: Node) -> str | None:
    """The reason of a departure that adds a part which upstream does not publish."""
    return next((each.why for each in part.departures if each.upstream.get("present") is False), None)


def added(part: Node) -> str:
    is_required = part.attributes.get("required") is True and part.kind in CAN_BE_REQUIRED
    return "added as required" if is_required else "added"


def summary(part: Node) -> str | None:
    """The name, type, format and necessity of a part."""
    attributes = part.attributes
    types = attributes.get("type")
    details = [
        str(attributes.get("name") or ""),
        " or ".join(sorted(types)) if isinstance(types, frozenset) and len(types) < 4 else "",
        str(attributes.get("format") or ""),
        "" if "required" not in attributes else "required" if attributes["required"] else "optional",
    ]
    return ", ".join(filter(None, details)) or None


def upstream_description(part: Node) -> str | None:
    text = part.attributes.get("description") or part.attributes.get("summary")
    return str(text) if text else None
