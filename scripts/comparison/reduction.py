"""Reduces a document to the operations that are compared and the components that they refer to."""

from collections.abc import Iterator, Mapping
from typing import Any

from .normalized import RESOURCE_PATH

KEPT = ("openapi", "info", "servers", "security", "paths", "components")
COMPONENT_DEPTH = 3
"""Keys in the reference to a component, as in `#/components/schemas/Name`."""


def reduced(document: Mapping[str, Any]) -> dict[str, Any]:
    paths = {path: item for path, item in document["paths"].items() if RESOURCE_PATH.fullmatch(path)}
    components = document.get("components", {})
    used = used_components(paths, components)
    kept = {
        kind: {name: part for name, part in parts.items() if kind == "securitySchemes" or (kind, name) in used}
        for kind, parts in components.items()
    }
    parts = {"paths": paths, "components": {kind: parts for kind, parts in kept.items() if parts}}
    return {key: parts.get(key, value) for key, value in document.items() if key in KEPT}


def used_components(paths: object, components: Mapping[str, Any]) -> set[tuple[str, str]]:
    """The kinds and names of the components that the paths refer to, directly or through others."""
    used: set[tuple[str, str]] = set()
    remaining = [paths]
    while remaining:
        for reference in references(remaining.pop()):
            keys = [key.replace("~1", "/").replace("~0", "~") for key in reference.removeprefix("#/").split("/")]
            if keys[0] != "components" or len(keys) < COMPONENT_DEPTH:
                continue
            kind, name = keys[1:COMPONENT_DEPTH]
            if (kind, name) not in used:
                used.add((kind, name))
                remaining.append(components[kind][name])
    return used


def references(part: object) -> Iterator[str]:
    if isinstance(part, dict) and isinstance(part.get("$ref"), str):
        yield part["$ref"]
    for each in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        yield from references(each)
