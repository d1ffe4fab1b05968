"""Splits a schema by type, so that a list of types equals alternatives (`oneOf`, `anyOf`) in any order."""

import json
from collections.abc import Iterator
from dataclasses import replace

from .schemas import NULL, OTHER, Schema, type_name

TYPE_GROUPS = {
    ("boolean",): "",
    ("integer", "number"): "minimum maximum exclusiveMinimum exclusiveMaximum multipleOf",
    ("string",): "minLength maxLength pattern contentEncoding",
    ("array",): "minItems maxItems uniqueItems prefixItems contains minContains maxContains unevaluatedItems",
    ("object",): ("minProperties maxProperties dependentRequired dependentSchemas patternProperties propertyNames"),
}
"""Types that stay together, and the keywords that apply to them alone."""
NUMBER_FORMATS = {"int32", "int64", "float", "double", "decimal"}


def split_by_type(schema: Schema) -> Schema:
    """The same schema with one alternative for each type. Null is not one: the schema as a whole can be nullable."""
    if not schema.alternatives:
        return split_types(schema)
    inner = [split_by_type(each) for each in schema.alternatives]
    flat = [replace(each, is_nullable=False) for outer in inner for each in unwrap(outer)]
    is_nullable = schema.is_nullable or any(each.is_nullable for each in inner)
    return replace(schema, is_nullable=is_nullable, alternatives=tuple(sorted(flat, key=sort_key)))


def split_types(schema: Schema) -> Schema:
    alternatives = list(one_per_type(schema))
    if len(alternatives) < 2:
        return replace(schema, types=alternatives[0].types) if alternatives else schema
    moved = {key for each in alternatives for key in each.keywords}
    return replace(
        schema,
        types=None,
        values=None,
        keywords={key: value for key, value in schema.keywords.items() if key not in moved},
        properties={},
        required=frozenset(),
        items=None,
        additional_properties=None,
        is_closed=False,
        alternatives=tuple(sorted(alternatives, key=sort_key)),
    )


def one_per_type(schema: Schema) -> Iterator[Schema]:
    """The part of a schema for each type that it lists, or lists a value of."""
    has_values = schema.values is not None and OTHER not in schema.values
    types = schema.allowed_types - {NULL} if schema.types or has_values else frozenset()
    for group, keywords in TYPE_GROUPS.items():
        own = types.intersection(group)
        values = schema.values and frozenset(each for each in schema.values if each == OTHER or type_name(each) in own)
        if not own or values == frozenset():
            continue
        kept = {
            key: value
            for key, value in schema.keywords.items()
            if key in keywords.split() or format_type(key, value) in own
        }
        part = Schema(types=own, values=values, keywords=kept, visited=schema.visited)
        if "array" in own:
            part = replace(part, items=schema.items)
        if "object" in own:
            names = ("properties", "required", "additional_properties", "is_closed")
            part = replace(part, **{name: getattr(schema, name) for name in names})
        yield part


def format_type(key: str, value: object) -> str | None:
    """The type that a format applies to."""
    if key != "format":
        return None
    return "integer" if value in NUMBER_FORMATS else "string"


def unwrap(schema: Schema) -> tuple[Schema, ...]:
    """The alternatives of a schema that has nothing else, otherwise the schema itself."""
    rest = replace(
        schema,
        name=None,
        component_description=None,
        keywords={},
        is_nullable=False,
        alternatives=(),
        visited=frozenset(),
        departures=(),
    )
    has_nothing_else = rest == Schema() and schema.keywords.keys() <= {"description"}
    return schema.alternatives if schema.alternatives and has_nothing_else else (schema,)


def sort_key(schema: Schema) -> str:
    """Puts equal alternatives in the same order in both documents."""
    ignored = {"description", "default", "deprecated"}
    keywords = {key: str(value) for key, value in schema.keywords.items() if key not in ignored}
    values = [sorted(map(str, each)) for each in (schema.types or (), schema.values or (), schema.required)]
    return json.dumps([values, keywords, sorted(schema.properties)], sort_keys=True)
