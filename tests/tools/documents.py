"""OpenAPI documents to compare: a small one, and edits of any."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..support.document import DOCUMENT

ROOT = Path(__file__).parents[2]
Document = dict[str, Any]
GONE: Any = object()
BELOW = "/api/environments/{project_id}/mcp_server_installations"
BELOW_NOW = "/api/projects/{project_id}/mcp_server_installations"
"""The prefix of the newest document."""
DOCUMENTS = {name: ROOT / "tests" / "tools" / "upstream" / f"{name}.json" for name in ("published", "later", "now")}
"""Upstream's documents: of spring 2026, of summer 2026, and the newest, which openapi.yaml follows."""


def ours() -> Document:
    """openapi.yaml."""
    return copy.deepcopy(DOCUMENT)


def upstream(name: str) -> Document:
    """One of upstream's documents, reduced to the operations that are compared."""
    document: Document = json.loads(DOCUMENTS[name].read_text())
    return document


def small() -> Document:
    """One operation that has a bit of everything, in OpenAPI 3.0."""
    row = {
        "type": "object",
        "required": ["id", "kind"],
        "properties": {
            "id": {"type": "string", "format": "uuid"},
            "kind": {"$ref": "#/components/schemas/KindEnum"},
            "open_kind": {"anyOf": [{"$ref": "#/components/schemas/KindEnum"}, {"type": "string"}]},
            "note": {"type": "string", "maxLength": 200},
            "seen_at": {"type": "string", "format": "date-time", "nullable": True},
        },
    }
    order = {
        "type": "object",
        "required": ["name"],
        "properties": {
            "name": {"type": "string", "maxLength": 200, "description": "What to call it."},
            "kind": {"allOf": [{"$ref": "#/components/schemas/KindEnum"}], "default": "a"},
            "owner": {"type": "string", "format": "uuid", "nullable": True},
        },
    }
    operation = {
        "operationId": "mcp_server_installations_install_create",
        "summary": "Install it",
        "security": [{"PersonalAPIKeyAuth": ["project:read"]}],
        "parameters": [
            {"in": "path", "name": "project_id", "required": True, "schema": {"type": "string"}},
            {"in": "query", "name": "limit", "schema": {"type": "integer", "minimum": 1}},
        ],
        "requestBody": {"required": True, "content": in_json("Order")},
        "responses": {
            "200": {"description": "The row.", "content": in_json("Row"), "headers": {"X-Trace": {"schema": {}}}},
            "404": {"description": "There is none."},
        },
    }
    return {
        "openapi": "3.0.3",
        "info": {"title": "Small", "version": "1.0.0"},
        "paths": {f"{BELOW}/install/": {"post": operation}},
        "components": {
            "schemas": {"Row": row, "Order": order, "KindEnum": {"type": "string", "enum": ["a", "b"]}},
        },
    }


def in_json(schema: str) -> Document:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}


def edited(document: Document, *edits: tuple[str, Any]) -> Document:
    """A copy in which the value at a dotted path is another one, or GONE; `{}` in it is the path of the operation."""
    changed = copy.deepcopy(document)
    for path, value in edits:
        *way, last = (key.replace("{}", f"{BELOW}/install/") for key in path.split("."))
        part: Any = changed
        for key in way:
            part = part[int(key)] if isinstance(part, list) else part[key]
        if value is GONE:
            part.pop(int(last) if isinstance(part, list) else last)
        elif isinstance(part, list):
            part.insert(int(last), value)
        else:
            part[last] = value
    return changed


def as_3_1(document: Document) -> Document:
    """The same document in OpenAPI 3.1."""

    def converted(part: Any) -> Any:
        if isinstance(part, list):
            return [converted(each) for each in part]
        if not isinstance(part, dict):
            return part
        part = {key: converted(value) for key, value in part.items()}
        is_nullable = part.pop("nullable", False) is True
        if is_nullable and "allOf" in part:
            part["oneOf"] = [*part.pop("allOf"), {"type": "null"}]
        elif is_nullable:
            part["type"] = [part["type"], "null"]
        if "enum" in part and len(part["enum"]) == 1:
            (part["const"],) = part.pop("enum")
        return part

    return {**converted(document), "openapi": "3.1.0"}


VERSIONS: dict[str, Callable[[Document], Document]] = {"3.0": copy.deepcopy, "3.1": as_3_1}
