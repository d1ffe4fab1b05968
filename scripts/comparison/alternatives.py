"""One form for what can be said by a list of types and by `oneOf` or `anyOf`: alternatives, whatever their order."""

import json
from collections.abc import Iterator
from dataclasses import replace

from .shapes import NAMES, NULL, OTHER, Shape

NUMBERS = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}
STRINGS = {"minLength", "maxLength", "pattern", "contentEncoding"}
ARRAYS = {"minItems", "maxItems", "uniqueItems", "prefixItems", "contains", "minContains", "maxContains"}
ARRAYS |= {"unevaluatedItems"}
OBJECTS = {"minProperties", "maxProperties", "dependentRequired", "dependentSchemas", "patternProperties"}
OBJECTS |= {"propertyNames"}
LIMITS = [
    ({"boolean"}, set[str]()),
    ({"integer", "number"}, NUMBERS),
    ({"string"}, STRINGS),
    ({"array"}, ARRAYS),
    ({"object"}, OBJECTS),
]
"""Types that go together, and what is said of their values alone."""
FORMATS_OF_NUMBERS = {"int32", "int64", "float", "double", "decimal"}


def spread(shape: Shape) -> Shape:
    """The same with one alternative for each type, of which null is none: a value can be null as a whole."""
    if not shape.alternatives:
        return spread_types(shape)
    inner = [spread(each) for each in shape.alternatives]
    branches = [replace(branch, is_nullable=False) for each in inner for branch in opened_up(each)]
    is_nullable = shape.is_nullable or any(each.is_nullable for each in inner)
    return replace(shape, is_nullable=is_nullable, alternatives=tuple(sorted(branches, key=order)))


def spread_types(shape: Shape) -> Shape:
    branches = list(of_each_type(shape))
    if len(branches) < 2:
        return replace(shape, types=branches[0].types) if branches else shape
    moved = {key for branch in branches for key in branch.said}
    return replace(
        shape,
        types=None,
        values=None,
        said={key: value for key, value in shape.said.items() if key not in moved},
        properties={},
        required=frozenset(),
        items=None,
        others=None,
        is_closed=False,
        alternatives=tuple(sorted(branches, key=order)),
    )


def of_each_type(shape: Shape) -> Iterator[Shape]:
    """What a shape says of each type that it names, by listing it or a value of it."""
    has_values = shape.values is not None and OTHER not in shape.values
    types = shape.all_types - {NULL} if shape.types or has_values else frozenset()
    for family, limits in LIMITS:
        own = types & family
        values = shape.values and frozenset(each for each in shape.values if each == OTHER or type_of(each) in own)
        if not own or values == frozenset():
            continue
        said = {key: value for key, value in shape.said.items() if key in limits or format_of(key, value) in own}
        branch = Shape(types=own, values=values, said=said, followed=shape.followed)
        if "array" in own:
            branch = replace(branch, items=shape.items)
        if "object" in own:
            kept = {name: getattr(shape, name) for name in ("properties", "required", "others", "is_closed")}
            branch = replace(branch, **kept)
        yield branch


def type_of(value: object) -> str:
    return NAMES.get(type(value), "object")


def format_of(key: str, value: object) -> str | None:
    """The type that a format is about."""
    if key != "format":
        return None
    return "integer" if value in FORMATS_OF_NUMBERS else "string"


def opened_up(shape: Shape) -> tuple[Shape, ...]:
    """The alternatives of a shape that is nothing else, else itself."""
    rest = replace(
        shape, name=None, words=None, said={}, is_nullable=False, alternatives=(), followed=frozenset(), departures=()
    )
    is_nothing_else = rest == Shape() and shape.said.keys() <= {"description"}
    return shape.alternatives if shape.alternatives and is_nothing_else else (shape,)


def order(shape: Shape) -> str:
    """Two that are alike come in the same order in both documents."""
    said = {key: str(value) for key, value in shape.said.items() if key not in {"description", "default", "deprecated"}}
    values = [sorted(map(str, each)) for each in (shape.types or (), shape.values or (), shape.required)]
    return json.dumps([values, said, sorted(shape.properties)], sort_keys=True)
