"""An OpenAPI document as a tree of parts with attributes, in which equivalent documents are equal.

It contains the operations below `mcp_server_installations` and `mcp_servers`, under any prefix, and all that they refer
to. It leaves out servers, tags, examples, titles, extensions, the additions of upstream's framework (form encodings of
JSON bodies, the list of an enum's values in its description), and a slash at the end of a path, which the service
ignores.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from . import DocumentError
from .alternatives import split_by_type
from .departures import Departure, accepted_prefixes, departures
from .policy import Direction, SecurityRequirement
from .schemas import ANY_TYPE, OTHER, Resolver, Schema

RESOURCES = ("mcp_server_installations", "mcp_servers")
RESOURCE_PATH = re.compile(rf"(?P<prefix>/.*?)(?P<path>/(?:{'|'.join(RESOURCES)})(?:/.*)?)")
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
JSON = "application/json"
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
DEFAULT_STYLES = {"query": "form", "cookie": "form", "path": "simple", "header": "simple"}
# OpenAPI ignores parameters of these names.
IGNORED_HEADERS = {"accept", "content-type", "authorization"}
# Redundant for an enum of strings.
STRING_LIMITS = {"minLength", "maxLength", "pattern"}
PLACEHOLDERS = {"", "No response body"}


@dataclass(frozen=True)
class Node:
    """A part of an operation: its attributes, and its own parts by their labels in the report."""

    kind: str
    attributes: Mapping[str, object]
    parts: Mapping[str, "Node"] = field(default_factory=dict)
    departures: tuple[Departure, ...] = ()
    alternatives: Mapping[str, "Node"] = field(default_factory=dict)
    """The whole node as each of its alternatives makes it, by the label that the alternative has among the parts."""

    def extended(self, attributes: Mapping[str, object], around: tuple[Departure, ...] = ()) -> "Node":
        """A schema's node with the attributes and departures of the part around it."""
        return replace(
            self,
            attributes={**self.attributes, **attributes},
            departures=around + self.departures,
            alternatives={label: each.extended(attributes, around) for label, each in self.alternatives.items()},
        )


@dataclass(frozen=True)
class Operation:
    """An operation of one document, under one prefix."""

    key: str
    """Method and path below the prefix, without the names of path parameters."""
    prefix: str
    id: str
    node: Node


@dataclass(frozen=True)
class API:
    """The operations of a document that are compared."""

    operations: tuple[Operation, ...]
    departures: tuple[Departure, ...]
    """Those that leave out operations, by their keys."""
    accepted_prefixes: Mapping[str, str]
    """Upstream's prefixes in place of ours, with the reasons."""
    is_reconstructed: bool
    """Not published but put together from other sources, so the descriptions are not upstream's."""


def normalized(document: Mapping[str, Any], source: str) -> API:
    """The document, or an error that names its source."""
    try:
        api = Reader(document).api()
    except DocumentError as error:
        raise DocumentError(f"{source}: {error}") from error
    except RecursionError:
        raise DocumentError(f"{source}: nested too deeply") from None
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise DocumentError(f"{source}: invalid OpenAPI: {type(error).__name__}: {error}") from error
    if not api.operations:
        raise DocumentError(f"{source}: has no operation of {' or '.join(RESOURCES)}")
    return api


class Reader:
    """Reads the parts of one document."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self._resolver = Resolver(document)
        self._security = document.get("security", [])
        self._schemes = document.get("components", {}).get("securitySchemes", {})

    def api(self) -> API:
        operations: list[Operation] = []
        left_out: list[Departure] = []
        for template, item in self._document["paths"].items():
            if match := RESOURCE_PATH.fullmatch(template):
                prefix, path = normalized_path(match["prefix"]), normalized_path(match["path"]) + "/"
                resolved = self._resolver.resolve(item)
                names = re.findall(r"\{([^{}]*)\}", template)
                operations += self._operations(resolved, prefix, path, names)
                left_out += [
                    Departure(each.why, leaves_out=frozenset(f"{method.upper()} {path}" for method in each.leaves_out))
                    for each in departures(resolved)
                ]
        prefixes = {normalized_path(prefix): why for prefix, why in accepted_prefixes(self._document).items()}
        is_reconstructed = self._document.get("info", {}).get("x-reconstructed") is True
        return API(tuple(operations), tuple(left_out), prefixes, is_reconstructed)

    def _operations(self, item: Mapping[str, Any], prefix: str, path: str, names: list[str]) -> Iterator[Operation]:
        for method in METHODS:
            if method in item:
                operation = item[method]
                node = self._operation(operation, item.get("parameters", []), names)
                yield Operation(f"{method.upper()} {path}", prefix, str(operation.get("operationId")), node)

    def _operation(self, operation: Mapping[str, Any], shared_parameters: list[Any], names: list[str]) -> Node:
        parts = self._parameters([*shared_parameters, *operation.get("parameters", [])], names)
        if "requestBody" in operation:
            parts["body"] = self._body(self._resolver.resolve(operation["requestBody"]))
        for status, response in operation.get("responses", {}).items():
            parts[f"response {str(status).upper()}"] = self._response(str(status), self._resolver.resolve(response))
        attributes = {
            "security": requirements(operation.get("security", self._security), self._schemes),
            "deprecated": operation.get("deprecated") is True,
            "summary": normalized_text(operation.get("summary")),
            "description": normalized_text(operation.get("description")),
        }
        return Node("operation", attributes, parts, departures(operation))

    def _parameters(self, listed: Iterable[Any], names: list[str]) -> dict[str, Node]:
        """By location and name, so that an operation's own parameters replace those of its path."""
        parts: dict[str, Node] = {}
        for parameter in map(self._resolver.resolve, listed):
            location, name = parameter["in"], parameter["name"]
            if location == "header" and name.lower() in IGNORED_HEADERS:
                continue
            # Names of path parameters are never sent, so these are identified by their positions.
            id = names.index(name) + 1 if location == "path" else name.lower() if location == "header" else name
            style = parameter.get("style", DEFAULT_STYLES[location])
            attributes = {
                "required": parameter.get("required") is True,
                "style": f"{style}, exploded" if parameter.get("explode", style == "form") else style,
            }
            if parameter.get("deprecated"):
                attributes["deprecated"] = True
            if "description" in parameter:
                attributes["description"] = normalized_text(parameter["description"])
            parts[f"{location} parameter {id}"] = self._with_schema("parameter", parameter, "request", attributes)
        return parts

    def _body(self, body: Mapping[str, Any]) -> Node:
        content = dict(body.get("content", {}))
        for form in FORMS:
            if JSON in content and form in content:
                del content[form]
        description = normalized_text(body.get("description"))
        attributes = {"required": body.get("required") is True, "description": description}
        return Node("body", attributes, self._content(content, "request"), departures(body))

    def _response(self, status: str, response: Mapping[str, Any]) -> Node:
        parts = self._content(response.get("content", {}), "response")
        for name, header in response.get("headers", {}).items():
            resolved = self._resolver.resolve(header)
            parts[f"header {name.lower()}"] = self._with_schema("header", resolved, "response", {})
        kind = "response" if status[0] in "123" else "error response"
        description = normalized_text(response.get("description"))
        return Node(kind, {"description": description}, parts, departures(response))

    def _content(self, content: Mapping[str, Any], direction: Direction) -> dict[str, Node]:
        return {
            name.partition(";")[0].strip().lower(): self._with_schema("media type", media_type, direction, {})
            for name, media_type in content.items()
        }

    def _with_schema(
        self, kind: str, part: Mapping[str, Any], direction: Direction, attributes: Mapping[str, object]
    ) -> Node:
        """A part that has a schema, or a single media type with one."""
        holder = next(iter(part.get("content", {}).values()), part)
        node = self._schema(kind, self._resolver.flatten(holder.get("schema")), direction)
        return node.extended(attributes, departures(part))

    def _schema(self, kind: str, schema: Schema, direction: Direction) -> Node:
        schema = split_by_type(schema)
        base = replace(schema, alternatives=())
        return Node(
            kind,
            schema_attributes(schema, direction),
            dict(self._schema_parts(schema, direction)),
            schema.departures,
            {label: self._schema(kind, base.merge(each), direction) for label, each in labelled(schema.alternatives)},
        )

    def _schema_parts(self, schema: Schema, direction: Direction) -> Iterator[tuple[str, Node]]:
        # A required property need not be described.
        undescribed: dict[str, Any] = {name: {} for name in sorted(schema.required - schema.properties.keys())}
        for name, source in {**schema.properties, **undescribed}.items():
            below = self._resolver.flatten(source, schema.visited)
            if below.is_read_only if direction == "request" else below.is_write_only:
                continue
            yield name, self._schema("field", below, direction).extended({"required": name in schema.required})
        for label, source in (("[]", schema.items), ("{}", schema.additional_properties)):
            if source:
                yield label, self._schema("item", self._resolver.flatten(source, schema.visited), direction)
        for label, alternative in labelled(schema.alternatives):
            yield label, self._schema("alternative", alternative, direction)


def schema_attributes(schema: Schema, direction: Direction) -> dict[str, object]:
    attributes: dict[str, object] = {
        **schema.keywords,
        "type": schema.allowed_types,
        "enum": schema.allowed_values,
        "deprecated": schema.keywords.get("deprecated") is True,
        "name": schema.name,
        "description": normalized_text(schema.keywords.get("description")),
        "schema description": normalized_text(schema.component_description),
    }
    if OTHER not in schema.allowed_values:
        attributes = {name: value for name, value in attributes.items() if name not in STRING_LIMITS}
    if direction == "request":
        return {**attributes, "closed": schema.is_closed}
    attributes.pop("default", None)
    return attributes


def labelled(alternatives: Iterable[Schema]) -> Iterator[tuple[str, Schema]]:
    """Alternatives by name, or else by type, because their order has no meaning."""
    seen: dict[str, int] = {}
    for each in alternatives:
        types = each.allowed_types
        label = each.name or ("anything" if types == ANY_TYPE else "/".join(sorted(types)))
        seen[label] = seen.get(label, 0) + 1
        yield f"or {label}" if seen[label] == 1 else f"or {label} {seen[label]}", each


def requirements(security: Any, schemes: Mapping[str, Any]) -> frozenset[SecurityRequirement]:
    return frozenset(
        frozenset((scheme_label(name, schemes.get(name)), frozenset(scopes)) for name, scopes in requirement.items())
        for requirement in security
    )


def scheme_label(name: str, scheme: Mapping[str, Any] | None) -> str:
    """The name of a scheme, with how its key is sent unless that is as a bearer token."""
    details = [str(scheme[key]).lower() for key in ("type", "scheme", "in", "name") if key in scheme] if scheme else []
    return name if details in ([], ["http", "bearer"]) else f"{name} ({' '.join(details)})"


def normalized_path(template: str) -> str:
    """A path without the names of its parameters, and without a slash at the end."""
    return re.sub(r"\{[^{}]*\}", "{}", template).rstrip("/")


def normalized_text(text: object) -> str | None:
    """A text on one line, without what upstream's framework adds to it."""
    lines = [line for line in str(text or "").splitlines() if not line.startswith("* `")]
    line = " ".join(" ".join(lines).split())
    return None if line in PLACEHOLDERS else line
