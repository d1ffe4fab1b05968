"""An OpenAPI document as a tree of plain facts, in which two ways of saying a thing are one.

Only what lies below `mcp_server_installations` is looked at, whatever prefix it stands under, with all it refers to.
Not compared are servers, tags, examples, titles and extensions, what upstream's framework adds to everything (form
encodings of JSON bodies, lists of an enum's values in words), and a slash at the end of a path, which the service does
not look at.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from .alternatives import spread
from .departures import Departure, departures
from .policy import Way
from .shapes import ANYTHING, OTHER, MalformedError, Shape, Shapes

Side = Literal["request", "answer"]
RESOURCE = re.compile(r"(?P<prefix>/.*)/mcp_server_installations(?P<tail>/.*)?")
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
JSON = "application/json"
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
STYLES = {"query": "form", "cookie": "form", "path": "simple", "header": "simple"}
# Headers that OpenAPI does not describe as parameters.
UNDESCRIBED = {"accept", "content-type", "authorization"}
# What an enum of texts has no use for.
LIMITS_OF_TEXTS = {"minLength", "maxLength", "pattern"}
FILLER = {"", "No response body"}


@dataclass(frozen=True)
class Node:
    """A part of an operation: what is said of it, and its own parts by what they are called in a report."""

    kind: str
    facts: Mapping[str, object]
    parts: Mapping[str, "Node"] = field(default_factory=dict)
    departures: tuple[Departure, ...] = ()
    choices: Mapping[str, "Node"] = field(default_factory=dict)
    """What it is with each of its alternatives, by what that is called among the parts."""

    def used_as(self, kind: str, facts: Mapping[str, object], said: tuple[Departure, ...] = ()) -> "Node":
        """A schema as a part of something that says more of it."""
        choices = {label: each.used_as(kind, facts, said) for label, each in self.choices.items()}
        departing = said + self.departures
        return replace(self, kind=kind, facts={**self.facts, **facts}, departures=departing, choices=choices)


@dataclass(frozen=True)
class Operation:
    """An operation as one document has it, under one prefix."""

    key: str
    """Method and path below the resource, the names of path parameters left out."""
    prefix: str
    id: str
    node: Node


@dataclass(frozen=True)
class Resource:
    """All operations of a document below mcp_server_installations."""

    operations: tuple[Operation, ...]
    departures: tuple[Departure, ...]
    """Those that leave out whole operations, by their keys."""


def resource(document: Mapping[str, Any]) -> Resource:
    try:
        return Resource(*operations_and_left_out(document))
    except RecursionError:
        raise MalformedError("nested too deeply") from None
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise MalformedError(f"not as OpenAPI has it: {type(error).__name__}: {error}") from error


def operations_and_left_out(document: Mapping[str, Any]) -> tuple[tuple[Operation, ...], tuple[Departure, ...]]:
    reader = Reader(document)
    found: list[Operation] = []
    left_out: list[Departure] = []
    for path, item in document["paths"].items():
        if match := RESOURCE.fullmatch(path):
            tail = re.sub(r"\{[^{}]*\}", "{}", match["tail"] or "").rstrip("/") + "/"
            prefix = re.sub(r"\{[^{}]*\}", "{}", match["prefix"])
            shared = reader.shapes.resolved(item)
            names = re.findall(r"\{([^{}]*)\}", path)
            found += reader.operations(shared, prefix, tail, names)
            left_out += [
                Departure(each.why, leaves_out=frozenset(f"{method.upper()} {tail}" for method in each.leaves_out))
                for each in departures(shared)
            ]
    return tuple(found), tuple(left_out)


class Reader:
    """Reads the parts of one document."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.shapes = Shapes(document)
        self._security = document.get("security", [])
        self._schemes = document.get("components", {}).get("securitySchemes", {})

    def operations(self, item: Mapping[str, Any], prefix: str, tail: str, names: list[str]) -> Iterator[Operation]:
        for method in METHODS:
            if method in item:
                key = f"{method.upper()} {tail}"
                found = item[method]
                yield Operation(key, prefix, str(found.get("operationId")), self._operation(found, item, names))

    def _operation(self, found: Mapping[str, Any], item: Mapping[str, Any], names: list[str]) -> Node:
        parts = self._parameters([*item.get("parameters", []), *found.get("parameters", [])], names)
        if "requestBody" in found:
            parts["body"] = self._body(self.shapes.resolved(found["requestBody"]))
        for status, response in found.get("responses", {}).items():
            parts[f"answer {str(status).upper()}"] = self._response(str(status), self.shapes.resolved(response))
        facts = {
            "scopes": scopes(found.get("security", self._security), self._schemes),
            "deprecated": found.get("deprecated") is True,
            "summary": words(found.get("summary")),
            "description": words(found.get("description")),
        }
        return Node("operation", facts, parts, departures(found))

    def _parameters(self, listed: Iterable[Any], names: list[str]) -> dict[str, Node]:
        """By place and name, so that those of an operation count before those of its path."""
        parts: dict[str, Node] = {}
        for parameter in map(self.shapes.resolved, listed):
            where, name = parameter["in"], parameter["name"]
            if where == "header" and name.lower() in UNDESCRIBED:
                continue
            # What a path calls its parameters is never sent: their order tells which is which.
            known = names.index(name) + 1 if where == "path" else name.lower() if where == "header" else name
            style = parameter.get("style", STYLES[where])
            facts = {
                "required": parameter.get("required") is True,
                "style": f"{style}, exploded" if parameter.get("explode", style == "form") else style,
            }
            if parameter.get("deprecated"):
                facts["deprecated"] = True
            if "description" in parameter:
                facts["description"] = words(parameter["description"])
            parts[f"{where} parameter {known}"] = self._valued("parameter", parameter, "request", facts)
        return parts

    def _body(self, body: Mapping[str, Any]) -> Node:
        content = dict(body.get("content", {}))
        for form in FORMS:
            if JSON in content and form in content:
                del content[form]
        facts = {"required": body.get("required") is True, "description": words(body.get("description"))}
        return Node("body", facts, self._content(content, "request"), departures(body))

    def _response(self, status: str, response: Mapping[str, Any]) -> Node:
        parts = self._content(response.get("content", {}), "answer")
        for name, header in response.get("headers", {}).items():
            parts[f"header {name.lower()}"] = self._valued("header", self.shapes.resolved(header), "answer", {})
        kind = "result" if status[0] in "123" else "error"
        return Node(kind, {"description": words(response.get("description"))}, parts, departures(response))

    def _content(self, content: Mapping[str, Any], side: Side) -> dict[str, Node]:
        return {
            kind.partition(";")[0].strip().lower(): self._valued("media type", media, side, {})
            for kind, media in content.items()
        }

    def _valued(self, kind: str, part: Mapping[str, Any], side: Side, facts: Mapping[str, object]) -> Node:
        """A part whose schema stands in it, or in its only media type."""
        media = next(iter(part.get("content", {}).values()), part)
        node = self._schema(kind, self.shapes.shape(media.get("schema")), side)
        return node.used_as(kind, facts, departures(part))

    def _schema(self, kind: str, shape: Shape, side: Side) -> Node:
        shape = spread(shape)
        base = replace(shape, alternatives=())
        choices = {label: self._schema(kind, base.under(each), side) for label, each in labelled(shape.alternatives)}
        return Node(kind, schema_facts(shape, side), dict(self._schema_parts(shape, side)), shape.departures, choices)

    def _schema_parts(self, shape: Shape, side: Side) -> Iterator[tuple[str, Node]]:
        # What is required may be described nowhere.
        undescribed: dict[str, Any] = {name: {} for name in sorted(shape.required - shape.properties.keys())}
        for name, schema in {**shape.properties, **undescribed}.items():
            below = self.shapes.shape(schema, shape.followed)
            if below.is_read_only if side == "request" else below.is_write_only:
                continue
            node = self._schema("field", below, side)
            yield name, node.used_as("field", {"required": name in shape.required})
        for label, schema in (("[]", shape.items), ("{}", shape.others)):
            if schema:
                yield label, self._schema("item", self.shapes.shape(schema, shape.followed), side)
        for label, alternative in labelled(shape.alternatives):
            yield label, self._schema("alternative", alternative, side)


def schema_facts(shape: Shape, side: Side) -> dict[str, object]:
    facts: dict[str, object] = {
        **shape.said,
        "type": shape.all_types,
        "enum": shape.all_values,
        "deprecated": shape.said.get("deprecated") is True,
        "name": shape.name,
        "description": words(shape.said.get("description")),
        "words of the schema": words(shape.words),
    }
    if OTHER not in shape.all_values:
        facts = {aspect: value for aspect, value in facts.items() if aspect not in LIMITS_OF_TEXTS}
    if side == "request":
        return {**facts, "closed": shape.is_closed}
    facts.pop("default", None)
    return facts


def labelled(alternatives: Iterable[Shape]) -> Iterator[tuple[str, Shape]]:
    """Alternatives by name, else by type: their order says nothing."""
    seen: dict[str, int] = {}
    for each in alternatives:
        label = each.name or ("anything" if each.all_types == ANYTHING else "/".join(sorted(each.all_types)))
        seen[label] = seen.get(label, 0) + 1
        yield f"or {label}" if seen[label] == 1 else f"or {label} {seen[label]}", each


def scopes(security: Any, schemes: Mapping[str, Any]) -> frozenset[Way]:
    """The ways in."""
    return frozenset(
        frozenset((scheme_of(name, schemes.get(name)), frozenset(asked)) for name, asked in way.items())
        for way in security
    )


def scheme_of(name: str, scheme: Mapping[str, Any] | None) -> str:
    """A scheme, with how a key is sent in it, where that is not as a bearer token."""
    said = [str(scheme[part]).lower() for part in ("type", "scheme", "in", "name") if part in scheme] if scheme else []
    return name if said in ([], ["http", "bearer"]) else f"{name} ({' '.join(said)})"


def words(text: object) -> str | None:
    """Words on one line, without what the framework writes by itself."""
    lines = [line for line in str(text or "").splitlines() if not line.startswith("* `")]
    said = " ".join(" ".join(lines).split())
    return None if said in FILLER else said
