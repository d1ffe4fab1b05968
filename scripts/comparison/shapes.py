"""A schema with everything folded into one place: references, `allOf`, wrappers of an enum, the ways to say null."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Any, TypeVar

from .departures import Departure, departures

NULL = "null"
ANYTHING = frozenset({"array", "boolean", "integer", NULL, "number", "object", "string"})
OTHER = "any other"
"""Stands in a set of values for all that it does not list."""
BOUNDS = [
    *("minLength", "maxLength", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
    *("minItems", "maxItems", "minProperties", "maxProperties"),
]
CONDITIONS = [
    *("not", "if", "then", "else", "dependentRequired", "dependentSchemas", "patternProperties", "propertyNames"),
    *("prefixItems", "contains", "minContains", "maxContains", "unevaluatedItems", "contentEncoding"),
]
"""What narrows a value in ways that are not looked into."""
# What else is said of a value and is compared as it stands.
SAID = [*BOUNDS, *CONDITIONS, "format", "pattern", "multipleOf", "uniqueItems", "default", "deprecated", "description"]
MOST_SCHEMAS = 100_000
"""Ours takes some hundreds. References that fan out would be followed for ever."""
NAMES = {bool: "boolean", int: "integer", float: "number", str: "string"}


class MalformedError(Exception):
    """A document that can't be followed; the message says where."""


@dataclass(frozen=True)
class Shape:
    """A schema without its references. None: it does not say."""

    name: str | None = None
    types: frozenset[str] | None = None
    values: frozenset[object] | None = None
    is_nullable: bool = False
    said: Mapping[str, object] = field(default_factory=dict)
    words: str | None = None
    """The description of the component that it refers to."""
    properties: Mapping[str, Any] = field(default_factory=dict)
    required: frozenset[str] = frozenset()
    items: Any = None
    others: Any = None
    """`additionalProperties`."""
    is_closed: bool = False
    is_read_only: bool = False
    is_write_only: bool = False
    alternatives: tuple["Shape", ...] = ()
    followed: frozenset[str] = frozenset()
    """The references on the way to it, so that a recursive one is followed once."""
    departures: tuple[Departure, ...] = ()

    def under(self, upper: "Shape") -> "Shape":
        """Both at once: what is the tighter of both, where that can be told, and else what `upper` says."""
        return Shape(
            name=upper.name or self.name,
            types=common(self.types, upper.types),
            values=common(self.values, upper.values),
            is_nullable=upper.is_nullable or self.is_nullable,
            said={**self.said, **upper.said, **tightest(self.said, upper.said)},
            words=upper.words or self.words,
            properties={**self.properties, **upper.properties},
            required=self.required | upper.required,
            items=self.items if upper.items is None else upper.items,
            others=self.others if upper.others is None else upper.others,
            is_closed=upper.is_closed or self.is_closed,
            is_read_only=upper.is_read_only or self.is_read_only,
            is_write_only=upper.is_write_only or self.is_write_only,
            alternatives=upper.alternatives or self.alternatives,
            followed=self.followed | upper.followed,
            departures=self.departures + upper.departures,
        )

    @property
    def all_types(self) -> frozenset[str]:
        """The types a value may have, null among them."""
        types = self.types
        if types is None and self.alternatives:
            types = frozenset().union(*(each.all_types for each in self.alternatives))
        elif types is None and self.values and OTHER not in self.values:
            types = frozenset(NAMES.get(type(value), "object") for value in self.values)
        elif types is None and (self.properties or self.items is not None):
            types = frozenset({"object"} if self.properties else {"array"})
        elif types is None:
            types = ANYTHING
        return types | {NULL} if self.is_nullable else types

    @property
    def all_values(self) -> frozenset[object]:
        return frozenset({OTHER}) if self.values is None else self.values

    @property
    def is_null(self) -> bool:
        return self.is_nullable and not (self.types or self.values or self.properties)


class Shapes:
    """The shapes of one document's schemas."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self._count = 0

    def resolved(self, part: Any) -> Any:
        """What a `$ref` stands for, for parts that are no schemas."""
        for _ in range(20):
            if not isinstance(part, dict):
                raise MalformedError(f"an object is expected where {str(part)[:60]!r} stands")
            if "$ref" not in part:
                return part
            beside = {key: value for key, value in part.items() if key != "$ref"}
            part = self._target(part["$ref"])
            part = {**part, **beside} if isinstance(part, dict) else part
        raise MalformedError("references go round in a circle")

    def shape(self, schema: Any, followed: frozenset[str] = frozenset()) -> Shape:
        if schema is True or schema is None:
            return Shape(followed=followed)
        if not isinstance(schema, dict):
            raise MalformedError(f"a schema is expected where {str(schema)[:60]!r} stands")
        self._count += 1
        if self._count > MOST_SCHEMAS:
            raise MalformedError(f"its schemas refer to each other in more than {MOST_SCHEMAS} ways")
        layers: list[Shape] = []
        if "$ref" in schema:
            layers.append(self._referred(str(schema["$ref"]), followed))
        members = [self.shape(member, followed) for member in schema.get("allOf", [])]
        layers += members if len(members) == 1 else [replace(member, name=None) for member in members]
        layers += self._chosen(schema, followed)
        return reduce(Shape.under, [*layers, replace(own_shape(schema), followed=followed)])

    def _referred(self, reference: str, followed: frozenset[str]) -> Shape:
        name = reference.rpartition("/")[2]
        if reference in followed:
            return Shape(name=name)
        shape = self.shape(self._target(reference), followed | {reference})
        said = {key: value for key, value in shape.said.items() if key != "description"}
        words = shape.said.get("description")
        return replace(shape, name=name, said=said, words=words if isinstance(words, str) else shape.words)

    def _chosen(self, schema: Mapping[str, Any], followed: frozenset[str]) -> Iterable[Shape]:
        """What `anyOf` and `oneOf` come down to: nothing, one shape, or several alternatives."""
        branches = [self.shape(each, followed) for key in ("anyOf", "oneOf") for each in schema.get(key, [])]
        if any(branch.is_null for branch in branches):
            yield Shape(is_nullable=True)
        branches = [branch for branch in branches if not branch.is_null]
        has_values = any(branch.values for branch in branches)
        if has_values and all(branch.all_types <= {"string", NULL} for branch in branches):
            yield opened(branches)
        elif len(branches) == 1:
            yield branches[0]
        elif branches:
            yield Shape(alternatives=tuple(branches))

    def _target(self, reference: object) -> Any:
        keys = str(reference).split("/")
        if keys[0] != "#":
            raise MalformedError(f"refers outside of the document: {str(reference)[:80]}")
        part: Any = self._document
        for key in keys[1:]:
            try:
                part = part[key.replace("~1", "/").replace("~0", "~")]
            except (KeyError, TypeError):
                raise MalformedError(f"refers to nothing: {str(reference)[:80]}") from None
        return part


T = TypeVar("T")


def common(lower: frozenset[T] | None, upper: frozenset[T] | None) -> frozenset[T] | None:
    """What both sets allow; None allows everything, and so does OTHER in one."""
    if not lower or not upper or OTHER in lower:
        return lower if upper is None else upper
    return lower if OTHER in upper else (lower & upper or upper)


def tightest(lower: Mapping[str, Any], upper: Mapping[str, Any]) -> dict[str, object]:
    """The bounds that both set."""
    both = [bound for bound in BOUNDS if bound in lower and bound in upper]
    return {bound: (min if "max" in bound.lower() else max)(lower[bound], upper[bound]) for bound in both}


def own_shape(schema: Mapping[str, Any]) -> Shape:
    """What a schema says itself, beside its references."""
    types, is_nullable = own_types(schema)
    values = schema["enum"] if "enum" in schema else [schema["const"]] if "const" in schema else None
    others = schema.get("additionalProperties")
    return Shape(
        types=types or None,
        values=None if values is None else frozenset(frozen(value) for value in values if value is not None),
        is_nullable=is_nullable or (values is not None and None in values),
        said=own_words(schema),
        properties=schema.get("properties", {}),
        required=frozenset(schema.get("required", [])),
        items=schema.get("items"),
        others=others if isinstance(others, dict) else None,
        is_closed=others is False or schema.get("unevaluatedProperties") is False,
        is_read_only=schema.get("readOnly") is True,
        is_write_only=schema.get("writeOnly") is True,
        departures=departures(schema),
    )


def own_types(schema: Mapping[str, Any]) -> tuple[frozenset[str], bool]:
    """The types without null, and whether null is one: OpenAPI 3.0 says `nullable`, 3.1 lists the types."""
    stated = schema.get("type", [])
    types = frozenset([stated] if isinstance(stated, str) else stated)
    if "number" in types:
        types |= {"integer"}
    return types - {NULL}, NULL in types or schema.get("nullable") is True


def own_words(schema: Mapping[str, Any]) -> dict[str, object]:
    said = {key: frozen(schema[key]) for key in SAID if key in schema}
    for exclusive, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if isinstance(said.get(exclusive), bool):  # OpenAPI 3.0: a flag beside the bound
            said |= {exclusive: said.pop(bound, None)} if said.pop(exclusive) else {}
    return said


def opened(branches: Iterable[Shape]) -> Shape:
    """One enum of several around it: a blank value beside the others, or any text beside the known ones."""
    branches = list(branches)
    named = [branch for branch in branches if branch.values and branch.values != {""}]
    return Shape(
        name=next((branch.name for branch in named), None),
        words=next((branch.words for branch in named), None),
        types=frozenset({"string"}),
        values=frozenset().union(*(branch.all_values for branch in branches)),
        is_nullable=any(branch.is_nullable for branch in branches),
        departures=tuple(each for branch in branches for each in branch.departures),
    )


def frozen(value: object) -> object:
    """A value that can be compared and kept in a set."""
    return json.dumps(value, sort_keys=True) if isinstance(value, list | dict) else value
