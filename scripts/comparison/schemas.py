"""Flattened schemas: without `$ref` and `allOf`, with one enum for an enum in parts, and one way to write null."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Any, TypeVar

from . import DocumentError
from .departures import Departure, departures

NULL = "null"
ANY_TYPE = frozenset({"array", "boolean", "integer", NULL, "number", "object", "string"})
OTHER = "any other value"
"""In a set of values: all that are not listed."""
BOUNDS = [
    *("minLength", "maxLength", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
    *("minItems", "maxItems", "minProperties", "maxProperties"),
]
ASSERTIONS = [
    *("not", "if", "then", "else", "dependentRequired", "dependentSchemas", "patternProperties", "propertyNames"),
    *("prefixItems", "contains", "minContains", "maxContains", "unevaluatedItems", "contentEncoding"),
]
"""Keywords that restrict a value, and are only compared as a whole."""
KEYWORDS = [
    *(*BOUNDS, *ASSERTIONS, "format", "pattern", "multipleOf", "uniqueItems"),
    *("default", "deprecated", "description"),
]
"""The keywords that are kept as they are."""
MAX_SCHEMAS = 20_000
"""Ours takes a few hundred. It bounds references that branch at every level."""
TYPE_NAMES = {bool: "boolean", int: "integer", float: "number", str: "string"}


@dataclass(frozen=True)
class Schema:
    """A flattened schema. None means not specified."""

    name: str | None = None
    types: frozenset[str] | None = None
    values: frozenset[object] | None = None
    is_nullable: bool = False
    keywords: Mapping[str, object] = field(default_factory=dict)
    component_description: str | None = None
    """The description of the component it refers to; its own is among the keywords."""
    properties: Mapping[str, Any] = field(default_factory=dict)
    required: frozenset[str] = frozenset()
    items: Any = None
    additional_properties: Any = None
    is_closed: bool = False
    """No additional properties are allowed."""
    is_read_only: bool = False
    is_write_only: bool = False
    alternatives: tuple["Schema", ...] = ()
    visited: frozenset[str] = frozenset()
    """The references that lead to it, so that a recursive one is followed once."""
    departures: tuple[Departure, ...] = ()

    def merge(self, other: "Schema") -> "Schema":
        """Both at once, as in `allOf`: the tighter one where that can be decided, otherwise `other`."""
        return Schema(
            name=other.name or self.name,
            types=intersection(self.types, other.types),
            values=intersection(self.values, other.values),
            is_nullable=other.is_nullable or self.is_nullable,
            keywords={**self.keywords, **other.keywords, **tighter_bounds(self.keywords, other.keywords)},
            component_description=other.component_description or self.component_description,
            properties={**self.properties, **other.properties},
            required=self.required | other.required,
            items=self.items if other.items is None else other.items,
            additional_properties=(
                self.additional_properties if other.additional_properties is None else other.additional_properties
            ),
            is_closed=other.is_closed or self.is_closed,
            is_read_only=other.is_read_only or self.is_read_only,
            is_write_only=other.is_write_only or self.is_write_only,
            alternatives=other.alternatives or self.alternatives,
            visited=self.visited | other.visited,
            departures=self.departures + other.departures,
        )

    @property
    def allowed_types(self) -> frozenset[str]:
        """The types of its values, including null."""
        types = self.types
        if types is None and self.alternatives:
            types = frozenset().union(*(each.allowed_types for each in self.alternatives))
        elif types is None and self.values and OTHER not in self.values:
            types = frozenset(type_name(value) for value in self.values)
        elif types is None and (self.properties or self.items is not None):
            types = frozenset({"object"} if self.properties else {"array"})
        elif types is None:
            types = ANY_TYPE
        return types | {NULL} if self.is_nullable else types

    @property
    def allowed_values(self) -> frozenset[object]:
        return frozenset({OTHER}) if self.values is None else self.values

    @property
    def is_null(self) -> bool:
        return self.is_nullable and not (self.types or self.values or self.properties)


class Resolver:
    """Follows the references of one document."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self._count = 0

    def resolve(self, part: Any) -> Any:
        """A part that is not a schema, with its `$ref` replaced by the target."""
        for _ in range(20):
            if not isinstance(part, dict):
                raise DocumentError(f"expected an object, not {str(part)[:60]!r}")
            if "$ref" not in part:
                return part
            siblings = {key: value for key, value in part.items() if key != "$ref"}
            part = self._target(part["$ref"])
            part = {**part, **siblings} if isinstance(part, dict) else part
        raise DocumentError("circular references")

    def flatten(self, schema: Any, visited: frozenset[str] = frozenset()) -> Schema:
        if schema is True or schema is None:
            return Schema(visited=visited)
        if not isinstance(schema, dict):
            raise DocumentError(f"expected a schema, not {str(schema)[:60]!r}")
        self._count += 1
        if self._count > MAX_SCHEMAS:
            raise DocumentError(f"resolving its references takes more than {MAX_SCHEMAS} schemas")
        layers: list[Schema] = []
        if "$ref" in schema:
            layers.append(self._component(str(schema["$ref"]), visited))
        members = [self.flatten(member, visited) for member in schema.get("allOf", [])]
        layers += members if len(members) == 1 else [replace(member, name=None) for member in members]
        layers += self._alternatives(schema, visited)
        return reduce(Schema.merge, [*layers, replace(own_schema(schema), visited=visited)])

    def _component(self, reference: str, visited: frozenset[str]) -> Schema:
        name = reference.rpartition("/")[2]
        if reference in visited:
            return Schema(name=name)
        schema = self.flatten(self._target(reference), visited | {reference})
        keywords = {key: value for key, value in schema.keywords.items() if key != "description"}
        own = schema.keywords.get("description")
        description = own if isinstance(own, str) else schema.component_description
        return replace(schema, name=name, keywords=keywords, component_description=description)

    def _alternatives(self, schema: Mapping[str, Any], visited: frozenset[str]) -> Iterable[Schema]:
        """`anyOf` and `oneOf`, reduced to one schema where that is possible."""
        alternatives = [self.flatten(each, visited) for key in ("anyOf", "oneOf") for each in schema.get(key, [])]
        if any(each.is_null for each in alternatives):
            yield Schema(is_nullable=True)
        alternatives = [each for each in alternatives if not each.is_null]
        has_values = any(each.values for each in alternatives)
        if has_values and all(each.allowed_types <= {"string", NULL} for each in alternatives):
            yield merge_enums(alternatives)
        elif len(alternatives) == 1:
            yield alternatives[0]
        elif alternatives:
            yield Schema(alternatives=tuple(alternatives))

    def _target(self, reference: object) -> Any:
        keys = str(reference).split("/")
        if keys[0] != "#":
            raise DocumentError(f"reference to another document: {str(reference)[:80]}")
        part: Any = self._document
        for key in keys[1:]:
            try:
                part = part[key.replace("~1", "/").replace("~0", "~")]
            except (KeyError, TypeError):
                raise DocumentError(f"reference without a target: {str(reference)[:80]}") from None
        return part


T = TypeVar("T")


def intersection(lower: frozenset[T] | None, upper: frozenset[T] | None) -> frozenset[T] | None:
    """The members that both sets allow; None, and OTHER in a set, allow everything."""
    if not lower or not upper or OTHER in lower:
        return lower if upper is None else upper
    return lower if OTHER in upper else (lower & upper or upper)


def tighter_bounds(lower: Mapping[str, Any], upper: Mapping[str, Any]) -> dict[str, object]:
    """Of the bounds that both have, the tighter ones."""
    both = [bound for bound in BOUNDS if bound in lower and bound in upper]
    return {bound: (min if "max" in bound.lower() else max)(lower[bound], upper[bound]) for bound in both}


def own_schema(schema: Mapping[str, Any]) -> Schema:
    """The schema without its references, `allOf`, `anyOf` and `oneOf`."""
    types, is_nullable = own_types(schema)
    values = schema["enum"] if "enum" in schema else [schema["const"]] if "const" in schema else None
    additional = schema.get("additionalProperties")
    return Schema(
        types=types or None,
        values=None if values is None else frozenset(hashable(value) for value in values if value is not None),
        is_nullable=is_nullable or (values is not None and None in values),
        keywords=own_keywords(schema),
        properties=schema.get("properties", {}),
        required=frozenset(schema.get("required", [])),
        items=schema.get("items"),
        additional_properties=additional if isinstance(additional, dict) else None,
        is_closed=additional is False or schema.get("unevaluatedProperties") is False,
        is_read_only=schema.get("readOnly") is True,
        is_write_only=schema.get("writeOnly") is True,
        departures=departures(schema),
    )


def own_types(schema: Mapping[str, Any]) -> tuple[frozenset[str], bool]:
    """The types other than null, and whether null is allowed: by `nullable` in OpenAPI 3.0, as a type in 3.1."""
    listed = schema.get("type", [])
    types = frozenset([listed] if isinstance(listed, str) else listed)
    if "number" in types:
        types |= {"integer"}
    return types - {NULL}, NULL in types or schema.get("nullable") is True


def own_keywords(schema: Mapping[str, Any]) -> dict[str, object]:
    keywords = {key: hashable(schema[key]) for key in KEYWORDS if key in schema}
    for exclusive, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if isinstance(keywords.get(exclusive), bool):  # OpenAPI 3.0: a flag that changes the meaning of the bound
            keywords |= {exclusive: keywords.pop(bound, None)} if keywords.pop(exclusive) else {}
    return keywords


def merge_enums(alternatives: Iterable[Schema]) -> Schema:
    """One enum for several: known values with a blank one, or known values and any other text."""
    alternatives = list(alternatives)
    named = [each for each in alternatives if each.values and each.values != {""}]
    return Schema(
        name=next((each.name for each in named), None),
        component_description=next((each.component_description for each in named), None),
        types=frozenset({"string"}),
        values=frozenset().union(*(each.allowed_values for each in alternatives)),
        is_nullable=any(each.is_nullable for each in alternatives),
        departures=tuple(departure for each in alternatives for departure in each.departures),
    )


def hashable(value: object) -> object:
    """A value that can be compared and put in a set."""
    return json.dumps(value, sort_keys=True) if isinstance(value, list | dict) else value


def type_name(value: object) -> str:
    return TYPE_NAMES.get(type(value), "object")
