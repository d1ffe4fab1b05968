"""What is told of an upstream document beside ours: scripts/comparison/, by way of scripts/upstream.py."""

import json
from collections.abc import Iterator
from itertools import permutations
from typing import Any

import pytest
from comparison.report import Report
from comparison.shapes import MalformedError
from upstream import compared

from .documents import BELOW, GONE, VERSIONS, Document, edited, in_json, ours, small, upstream

Told = list[tuple[str, str]]


def report(here: Document, there: Document) -> Report:
    return compared(here, there, "upstream.json")


def told(found: Report, *verdicts: str) -> Told:
    """Verdict and line of each finding, of those with these verdicts; without, of all that is not accepted."""
    wanted = verdicts or ("breaks", "new", "words", "settled")
    return [
        (verdict, f"{each.where}: {each.what}")
        for verdict, findings in found.sections.items()
        for each in findings
        if verdict in wanted
    ]


# The golden edits: what the policy says of each, in requests and in answers.

OPERATION = "paths.{}.post"
BODY = f"{OPERATION}.requestBody"
ANSWER = f"{OPERATION}.responses.200"
ROW, ORDER = "components.schemas.Row", "components.schemas.Order"
PARAMETERS = f"{OPERATION}.parameters"
MORE = {"type": "string", "enum": ["a", "b", "c"]}
LESS = {"type": "string", "enum": ["a"]}
OPENED = {"anyOf": [MORE, {"type": "string"}]}
NARROWED = {"anyOf": [LESS, {"type": "string"}]}
READ = "PersonalAPIKeyAuth project:read"
ADDED = "mcp_server_installations_add"

GOLDEN: dict[str, tuple[list[tuple[str, Any]], Told]] = {
    "enum value added, sent": (
        [(f"{ORDER}.properties.kind", {**MORE, "default": "a"})],
        [("new", "Order.kind: enum: upstream also c")],
    ),
    "enum value added, read": ([(f"{ROW}.properties.kind", MORE)], [("breaks", "Row.kind: enum: upstream also c")]),
    "enum value added where any text is fine": (
        [(f"{ROW}.properties.open_kind", OPENED)],
        [("new", "Row.open_kind: enum: upstream also c")],
    ),
    "enum value removed, sent": (
        [(f"{ORDER}.properties.kind", {**LESS, "default": "a"})],
        [("breaks", "Order.kind: enum: upstream not b")],
    ),
    "enum value removed, read": ([(f"{ROW}.properties.kind", LESS)], [("new", "Row.kind: enum: upstream not b")]),
    "enum value removed where any text is fine": (
        [(f"{ROW}.properties.open_kind", NARROWED)],
        [("new", "Row.open_kind: enum: upstream not b")],
    ),
    "enum opened, read": (
        [(f"{ROW}.properties.kind", {"type": "string"})],
        [("breaks", "Row.kind: enum: upstream also any other")],
    ),
    "enum opened, sent": (
        [(f"{ORDER}.properties.kind", {"type": "string", "default": "a"})],
        [("new", "Order.kind: enum: upstream also any other")],
    ),
    "enum closed, read": (
        [(f"{ROW}.properties.open_kind", {"type": "string", "enum": ["a", "b"]})],
        [("new", "Row.open_kind: enum: upstream not any other")],
    ),
    "text made an enum, sent": (
        [(f"{ORDER}.properties.name", {"type": "string", "enum": ["x"]})],
        [
            ("breaks", "Order.name: enum: upstream not any other"),
            ("new", "Order.name: maxLength: 200 here, nothing upstream"),
        ],
    ),
    "required added, sent": ([(f"{ORDER}.required.0", "owner")], [("breaks", "Order.owner: required upstream")]),
    "required added, read": ([(f"{ROW}.required.0", "note")], [("new", "Row.note: required upstream")]),
    "required removed, sent": ([(f"{ORDER}.required", [])], [("new", "Order.name: not required upstream")]),
    "required removed, read": ([(f"{ROW}.required.0", GONE)], [("breaks", "Row.id: not required upstream")]),
    "nullable, sent": (
        [(f"{ORDER}.properties.name.nullable", True)],
        [("new", "Order.name: type: upstream also null")],
    ),
    "nullable, read": ([(f"{ROW}.properties.id.nullable", True)], [("breaks", "Row.id: type: upstream also null")]),
    "nullable no more, sent": (
        [(f"{ORDER}.properties.owner.nullable", False)],
        [("breaks", "Order.owner: type: upstream not null")],
    ),
    "nullable no more, read": (
        [(f"{ROW}.properties.seen_at.nullable", False)],
        [("new", "Row.seen_at: type: upstream not null")],
    ),
    "result status removed": (
        [(f"{OPERATION}.responses.200", GONE)],
        [("breaks", "answer 200: upstream has no such result")],
    ),
    "result status added": (
        [(f"{OPERATION}.responses.202", {"description": ""})],
        [("breaks", "answer 202: only upstream has this result")],
    ),
    "error status removed": (
        [(f"{OPERATION}.responses.404", GONE)],
        [("new", "answer 404: upstream has no such error")],
    ),
    "error status added": (
        [(f"{OPERATION}.responses.409", {"description": "Twice."})],
        [("new", "answer 409: only upstream has this error")],
    ),
    "parameter removed": (
        [(f"{PARAMETERS}.1", GONE)],
        [("breaks", "query parameter limit: upstream has no such parameter (integer, optional)")],
    ),
    "parameter added": (
        [(f"{PARAMETERS}.2", {"in": "query", "name": "q", "schema": {"type": "string"}})],
        [("new", "query parameter q: only upstream has this parameter (string, optional)")],
    ),
    "parameter added as required": (
        [(f"{PARAMETERS}.2", {"in": "query", "name": "q", "required": True, "schema": {"type": "string"}})],
        [("breaks", "query parameter q: only upstream has this parameter (string, required)")],
    ),
    "parameter made required": (
        [(f"{PARAMETERS}.1.required", True)],
        [("breaks", "query parameter limit: required upstream")],
    ),
    "scope narrowed": (
        [(f"{OPERATION}.security.0.PersonalAPIKeyAuth", ["project:write"])],
        [("breaks", f"operation: scopes: {READ} here, PersonalAPIKeyAuth project:write upstream")],
    ),
    "scope widened": (
        [(f"{OPERATION}.security.0", {"PersonalAPIKeyAuth": []})],
        [("new", f"operation: scopes: {READ} here, PersonalAPIKeyAuth or {READ} upstream")],
    ),
    "another scheme": (
        [(f"{OPERATION}.security", [{"SessionAuth": []}])],
        [("breaks", f"operation: scopes: {READ} here, SessionAuth upstream")],
    ),
    "the key in another place": (
        [("components.securitySchemes", {"PersonalAPIKeyAuth": {"type": "apiKey", "in": "header", "name": "X-Key"}})],
        [("breaks", f"operation: scopes: {READ} here, PersonalAPIKeyAuth (apikey header x-key) project:read upstream")],
    ),
    "required and nowhere described": (
        [(f"{ORDER}.required", ["name", "tenant"])],
        [("breaks", "Order.tenant: only upstream has this field (required)")],
    ),
    "the first alternatives, sent": (
        [(f"{ORDER}.anyOf", [{"required": ["owner"]}, {"required": ["kind"]}])],
        [("breaks", f"Order.or {label}: only upstream has this alternative") for label in ("anything", "anything 2")],
    ),
    "a condition": (
        [(f"{ORDER}.not", {"required": ["kind", "owner"]})],
        [("breaks", 'body.application/json: not: nothing here, {"required": ["kind", "owner"]} upstream')],
    ),
    "closed in the words of 3.1": (
        [(f"{ORDER}.unevaluatedProperties", False)],
        [("breaks", "body.application/json: closed upstream")],
    ),
    "a bound tightened by allOf": (
        [(f"{ORDER}.properties.name.allOf", [{"maxLength": 10}])],
        [("breaks", "Order.name: maxLength: 200 here, 10 upstream")],
    ),
    "an enum narrowed by allOf": (
        [(f"{ORDER}.properties.kind", {**MORE, "default": "a", "allOf": [LESS]})],
        [("breaks", "Order.kind: enum: upstream not b")],
    ),
    "beside a reference to the path": (
        [
            ("paths", {f"{BELOW}/install/": {"$ref": "#/components/x-item", **small()["paths"][f"{BELOW}/install/"]}}),
            ("components.x-item", {"description": "Shared."}),
        ],
        [],
    ),
    "path": (
        [("paths", {f"{BELOW}/add/": small()["paths"][f"{BELOW}/install/"]})],
        [("breaks", "operation: path: POST /install/ here, POST /add/ upstream")],
    ),
    "path and operationId": (
        [
            (f"{OPERATION}.operationId", ADDED),
            ("paths", {f"{BELOW}/add/": {"post": {"operationId": ADDED, "responses": {}}}}),
        ],
        [
            ("breaks", "install_create: upstream has no such operation"),
            ("new", "add: only upstream has this operation (POST /add/)"),
        ],
    ),
    "operationId": (
        [(f"{OPERATION}.operationId", ADDED)],
        [("words", f"operation: operationId: mcp_server_installations_install_create here, {ADDED} upstream")],
    ),
    "format changed, sent": (
        [(f"{ORDER}.properties.owner.format", "email")],
        [("breaks", "Order.owner: format: uuid here, email upstream")],
    ),
    "format changed, read": (
        [(f"{ROW}.properties.id.format", "email")],
        [("breaks", "Row.id: format: uuid here, email upstream")],
    ),
    "format removed, sent": (
        [(f"{ORDER}.properties.owner.format", GONE)],
        [("new", "Order.owner: format: uuid here, nothing upstream")],
    ),
    "format removed, read": (
        [(f"{ROW}.properties.id.format", GONE)],
        [("breaks", "Row.id: format: uuid here, nothing upstream")],
    ),
    "format added, sent": (
        [(f"{ORDER}.properties.name.format", "uri")],
        [("breaks", "Order.name: format: nothing here, uri upstream")],
    ),
    "format added, read": (
        [(f"{ROW}.properties.note.format", "uri")],
        [("new", "Row.note: format: nothing here, uri upstream")],
    ),
    "content type, sent": (
        [(f"{BODY}.content", {"application/x-msgpack": in_json("Order")["application/json"]})],
        [
            ("breaks", "body.application/json: upstream has no such media type (Order, object)"),
            ("new", "body.application/x-msgpack: only upstream has this media type (Order, object)"),
        ],
    ),
    "content type, read": (
        [(f"{ANSWER}.content", {"application/x-msgpack": in_json("Row")["application/json"]})],
        [
            ("breaks", "answer 200.application/json: upstream has no such media type (Row, object)"),
            ("new", "answer 200.application/x-msgpack: only upstream has this media type (Row, object)"),
        ],
    ),
    # And what else the table has rows for.
    "field removed, sent": (
        [(f"{ORDER}.properties.owner", GONE)],
        [("breaks", "Order.owner: upstream has no such field (null or string, uuid, optional)")],
    ),
    "field added as required, sent": (
        [(f"{ORDER}.properties.team", {"type": "string"}), (f"{ORDER}.required.0", "team")],
        [("breaks", "Order.team: only upstream has this field (string, required)")],
    ),
    "field added as required, read": (
        [(f"{ROW}.properties.team", {"type": "string"}), (f"{ROW}.required.0", "team")],
        [("new", "Row.team: only upstream has this field (string, required)")],
    ),
    "type changed, sent": (
        [(f"{ORDER}.properties.name.type", "integer")],
        [("breaks", "Order.name: type: upstream not string"), ("new", "Order.name: type: upstream also integer")],
    ),
    "type changed, read": (
        [(f"{ROW}.properties.note.type", "integer")],
        [("breaks", "Row.note: type: upstream also integer"), ("new", "Row.note: type: upstream not string")],
    ),
    "type narrowed, read": (
        [(f"{ANSWER}.headers.X-Trace.schema", {"type": "string"})],
        [("new", f"answer 200.header x-trace: type: upstream not {name}") for name in ("array", "boolean", "integer")]
        + [("new", f"answer 200.header x-trace: type: upstream not {name}") for name in ("null", "number", "object")],
    ),
    "integer made a number, sent": (
        [(f"{PARAMETERS}.1.schema.type", "number")],
        [("new", "query parameter limit: type: upstream also number")],
    ),
    "default made a list": (
        [(f"{ORDER}.properties.kind.default", ["a", {"b": 1}])],
        [("breaks", 'Order.kind: default: a here, ["a", {"b": 1}] upstream')],
    ),
    "bound tightened, sent": (
        [(f"{ORDER}.properties.name.maxLength", 100)],
        [("breaks", "Order.name: maxLength: 200 here, 100 upstream")],
    ),
    "bound loosened, sent": (
        [(f"{ORDER}.properties.name.maxLength", 300)],
        [("new", "Order.name: maxLength: 200 here, 300 upstream")],
    ),
    "lower bound tightened, sent": (
        [(f"{PARAMETERS}.1.schema.minimum", 2)],
        [("breaks", "query parameter limit: minimum: 1 here, 2 upstream")],
    ),
    "bound tightened, read": (
        [(f"{ROW}.properties.note.maxLength", 100)],
        [("new", "Row.note: maxLength: 200 here, 100 upstream")],
    ),
    "bound added, sent": (
        [(f"{ORDER}.properties.owner.maxLength", 36)],
        [("breaks", "Order.owner: maxLength: nothing here, 36 upstream")],
    ),
    "pattern added, sent": (
        [(f"{ORDER}.properties.name.pattern", "^a")],
        [("breaks", "Order.name: pattern: nothing here, ^a upstream")],
    ),
    "default changed": (
        [(f"{ORDER}.properties.kind.default", "b")],
        [("breaks", "Order.kind: default: a here, b upstream")],
    ),
    "default removed": (
        [(f"{ORDER}.properties.kind.default", GONE)],
        [("new", "Order.kind: default: a here, nothing upstream")],
    ),
    "default added": (
        [(f"{ORDER}.properties.name.default", "")],
        [("new", "Order.name: default: nothing here, '' upstream")],
    ),
    "closed to more fields, sent": (
        [(f"{ORDER}.additionalProperties", False)],
        [("breaks", "body.application/json: closed upstream")],
    ),
    "style": (
        [(f"{PARAMETERS}.1.explode", False)],
        [("breaks", "query parameter limit: style: form, exploded here, form upstream")],
    ),
    "body removed": ([(BODY, GONE)], [("breaks", "body: upstream has no such body (required)")]),
    "header removed": (
        [(f"{ANSWER}.headers", GONE)],
        [("breaks", "answer 200.header x-trace: upstream has no such header")],
    ),
    "header added": (
        [(f"{ANSWER}.headers.X-More", {"schema": {"type": "string"}})],
        [("new", "answer 200.header x-more: only upstream has this header (string)")],
    ),
    "deprecated operation": ([(f"{OPERATION}.deprecated", True)], [("new", "operation: deprecated upstream")]),
    "deprecated parameter": (
        [(f"{PARAMETERS}.1.deprecated", True)],
        [("new", "query parameter limit: deprecated upstream")],
    ),
    "deprecated field": (
        [(f"{ROW}.properties.note.deprecated", True)],
        [("new", "Row.note: deprecated upstream")],
    ),
    "description": (
        [(f"{ORDER}.properties.name.description", "Its name.")],
        [("words", "Order.name: description: What to call it. here, Its name. upstream")],
    ),
    "summary": (
        [(f"{OPERATION}.summary", "Put it in")],
        [("words", "operation: summary: Install it here, Put it in upstream")],
    ),
    "words of a schema": (
        [(f"{ROW}.description", "A row.")],
        [("words", "answer 200.application/json: words of the schema: nothing here, A row. upstream")],
    ),
    "name of a schema": (
        [
            ("components.schemas.Kind", {"type": "string", "enum": ["a", "b"]}),
            (f"{ROW}.properties.kind.$ref", "#/components/schemas/Kind"),
        ],
        [("words", "Row.kind: name: KindEnum here, Kind upstream")],
    ),
}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", GOLDEN)
def test_a_golden_edit_is_told_as_the_policy_says(name: str, version: str) -> None:
    edits, expected = GOLDEN[name]
    there = VERSIONS[version](edited(small(), *edits))
    assert told(report(small(), there)) == expected


LIST, INSTALL, AUTHORIZE = (f"paths.{BELOW}/{tail}" for tail in ("", "install_custom/", "authorize/"))
SCHEMAS = "components.schemas"
REAL: dict[str, tuple[list[tuple[str, Any]], Told]] = {
    "enum value added": (
        [(f"{SCHEMAS}.InstallSourceEnum.enum.2", "slack")],
        [("new", "InstallCustom.install_source: enum: upstream also slack")],
    ),
    "enum value added where we read any text": (
        [(f"{SCHEMAS}.MCPServerInstallationAuthTypeEnum.enum.2", "mtls")],
        [
            ("new", "MCPServerInstallation.auth_type: enum: upstream also mtls"),
            ("new", "MCPServerInstallationCreate.auth_type: enum: upstream also mtls"),
        ],
    ),
    "enum value removed": (
        [(f"{SCHEMAS}.InstallCustomAuthTypeEnum.enum.1", GONE)],
        [("breaks", "InstallCustom.auth_type: enum: upstream not oauth")],
    ),
    "required added": (
        [(f"{SCHEMAS}.InstallCustom.required.0", "api_key")],
        [("breaks", "InstallCustom.api_key: required upstream")],
    ),
    "required removed": (
        [(f"{SCHEMAS}.MCPServerInstallation.required.1", GONE)],
        [("breaks", "MCPServerInstallation.id: not required upstream")],
    ),
    "nullable": (
        [(f"{SCHEMAS}.MCPServerInstallation.properties.proxy_url.nullable", True)],
        [("breaks", "MCPServerInstallation.proxy_url: type: upstream also null")],
    ),
    "status": (
        [(f"{INSTALL}.post.responses.202", {"description": ""})],
        [("breaks", "answer 202: only upstream has this result")],
    ),
    "parameter": (
        [(f"{AUTHORIZE}.get.parameters.3", GONE)],
        [("breaks", "query parameter server_id: upstream has no such parameter (string, uuid, required)")],
    ),
    "scope": (
        [(f"{LIST}.get.security.0.PersonalAPIKeyAuth", ["mcp_store:read"])],
        [("breaks", f"operation: scopes: {READ} here, PersonalAPIKeyAuth mcp_store:read upstream")],
    ),
    "path": (
        [
            (f"paths.{BELOW}/start/", upstream("published")["paths"][f"{BELOW}/authorize/"]),
            (AUTHORIZE, GONE),
        ],
        [("breaks", "operation: path: GET /authorize/ here, GET /start/ upstream")],
    ),
    "operationId": (
        [(f"{LIST}.get.operationId", "list_installations")],
        [("words", "operation: operationId: mcp_server_installations_list here, list_installations upstream")],
    ),
    "format": (
        [(f"{SCHEMAS}.MCPServerInstallation.properties.created_at.format", "date")],
        [("breaks", "MCPServerInstallation.created_at: format: date-time here, date upstream")],
    ),
    "content type": (
        [(f"{INSTALL}.post.requestBody.content.application/json", GONE)],
        [
            ("breaks", "body.application/json: upstream has no such media type (InstallCustom, object)"),
            (
                "new",
                "body.application/x-www-form-urlencoded: only upstream has this media type (InstallCustom, object)",
            ),
            ("new", "body.multipart/form-data: only upstream has this media type (InstallCustom, object)"),
        ],
    ),
}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", REAL)
def test_a_golden_edit_of_the_published_document_is_told_beside_ours(name: str, version: str) -> None:
    edits, expected = REAL[name]
    there = VERSIONS[version](edited(upstream("published"), *edits))
    assert told(report(ours(), there)) == expected


# What upstream published, and what it publishes later.


@pytest.mark.parametrize("version", VERSIONS)
def test_from_the_published_document_ours_departs_only_on_purpose(version: str) -> None:
    found = report(ours(), VERSIONS[version](upstream("published")))
    assert told(found) == []
    assert found.status == 0


def test_every_departure_of_ours_is_still_one_from_the_published_document() -> None:
    recorded = {" ".join(record["why"].split()) for record in departures(ours())}
    found = report(ours(), upstream("published"))
    assert {each.change.why for each in found.sections["accepted"]} == recorded


def departures(part: Any) -> Iterator[dict[str, Any]]:
    for key, value in part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ():
        yield from value if key == "x-departs" else departures(value)


def test_the_later_document_breaks_what_it_is_known_to_break() -> None:
    found = report(ours(), upstream("later"))
    assert found.status == 1
    assert told(found, "breaks") == [
        ("breaks", "operation: prefix: /api/environments/{} here, /api/projects/{} upstream"),
        ("breaks", "MCPServerInstallation.server_id: upstream has no such field (null or string, uuid, optional)"),
        ("breaks", "query parameter server_id: upstream has no such parameter (string, uuid, required)"),
    ]
    prefix, field, parameter = found.sections["breaks"]
    assert prefix.scope == ", in requests of every operation"
    assert field.operations == ("list", "create", "retrieve", "partial_update", "install_custom_create")
    assert parameter.operations == ("authorize_retrieve",)


def test_the_news_of_the_later_document_are_told() -> None:
    found = report(ours(), upstream("later"))
    fields = ("template_id", "icon_key", "icon_domain", "scope", "is_owner", "tool_count")
    sent = ("client_id", "client_secret", "scope", "team_enabled", "agent_ids", "return_path")
    operations = ["share_create", "unshare_create", "tools_list", "tools_partial_update", "tools_refresh_create"]
    operations += ["call_tool_create", "available_tools_retrieve", "install_template_create"]
    assert [each.where for each in found.sections["new"]] == [
        *(f"MCPServerInstallation.{name}" for name in fields),
        *(f"query parameter {name}" for name in ("installation_id", "return_path", "template_id")),
        *(f"InstallCustom.{name}" for name in sent),
        *operations,
    ]


def test_what_the_later_document_calls_otherwise_is_words() -> None:
    found = report(ours(), upstream("later"))
    name = "name: MCPServerInstallationAuthTypeEnum here, MCPAuthTypeEnum upstream"
    assert told(found, "words") == [
        ("words", f"MCPServerInstallation.auth_type: {name}"),
        ("words", f"MCPServerInstallationCreate.auth_type: {name}"),
    ]


def test_a_departure_that_the_later_document_has_settled_is_pointed_out() -> None:
    found = report(ours(), upstream("later"))
    assert told(found, "settled") == [("settled", "InstallCustom.oauth_provider_kind: part: upstream has it no more")]


@pytest.mark.parametrize(("here", "there"), list(permutations([ours(), upstream("published"), upstream("later")], 2)))
def test_any_document_can_be_held_beside_any_other(here: Document, there: Document) -> None:
    assert report(here, there).summary


# Two ways to say one thing.

EQUAL: dict[str, list[tuple[str, Any]]] = {
    "null as an alternative": [
        (f"{ORDER}.properties.owner", {"anyOf": [{"type": "string", "format": "uuid"}, {"type": "null"}]}),
    ],
    "null in a list of types": [(f"{ORDER}.properties.owner", {"type": ["null", "string"], "format": "uuid"})],
    "null as an enum of nothing else": [
        ("components.schemas.NullEnum", {"enum": [None]}),
        (
            f"{ROW}.properties.seen_at",
            {"oneOf": [{"type": "string", "format": "date-time"}, {"$ref": "#/components/schemas/NullEnum"}]},
        ),
    ],
    "a reference alone for one in an allOf": [
        (f"{ORDER}.properties.kind", {"$ref": "#/components/schemas/KindEnum", "default": "a"}),
    ],
    "an enum spelt out, with a length that it has no use for": [
        (f"{ORDER}.properties.kind", {"type": "string", "enum": ["b", "a"], "minLength": 1, "default": "a"}),
    ],
    "an enum without a type": [(f"{ROW}.properties.kind", {"enum": ["a", "b"]})],
    "an enum of two": [
        ("components.schemas.HalfEnum", {"enum": ["a"]}),
        (f"{ROW}.properties.kind", {"oneOf": [{"$ref": "#/components/schemas/HalfEnum"}, {"enum": ["b"]}]}),
        ("components.schemas.KindEnum.enum", ["a", "b"]),
        (f"{ROW}.properties.kind.oneOf.0.$ref", "#/components/schemas/KindEnum"),
    ],
    "an object without a type": [(f"{ROW}.type", GONE)],
    "a schema put together from two": [
        ("components.schemas.Base", {"type": "object", "properties": {"name": {"type": "string"}}}),
        (ORDER, {"allOf": [{"$ref": "#/components/schemas/Base"}, small()["components"]["schemas"]["Order"]]}),
    ],
    "a bound as a flag": [
        (f"{PARAMETERS}.1", GONE),
        (
            f"{PARAMETERS}.1",
            {"in": "query", "name": "limit", "schema": {"type": "integer", "minimum": 1, "exclusiveMaximum": False}},
        ),
    ],
    "form encodings": [
        (f"{BODY}.content.{form}", in_json("Order")["application/json"])
        for form in ("application/x-www-form-urlencoded", "multipart/form-data")
    ],
    "a media type with a parameter": [
        (f"{ANSWER}.content", {"application/json; charset=utf-8": in_json("Row")["application/json"]})
    ],
    "a field that is only read, in a request": [(f"{ORDER}.properties.id", {"type": "string", "readOnly": True})],
    "a field that is only written, in an answer": [(f"{ROW}.properties.key", {"type": "string", "writeOnly": True})],
    "a default, an answer": [(f"{ROW}.properties.note.default", "")],
    "a parameter of the path": [
        (f"{PARAMETERS}.0", GONE),
        ("paths.{}.parameters", [{"in": "path", "name": "project_id", "required": True, "schema": {"type": "string"}}]),
    ],
    "another name for a parameter of the path": [
        (f"{PARAMETERS}.0.name", "environment_id"),
        (f"paths.{BELOW.replace('project', 'environment')}/install/", small()["paths"][f"{BELOW}/install/"]),
        (
            f"paths.{BELOW.replace('project', 'environment')}/install/.post.parameters.0.name",
            "environment_id",
        ),
        ("paths.{}", GONE),
    ],
    "no slash at the end": [
        (f"paths.{BELOW}/install", small()["paths"][f"{BELOW}/install/"]),
        ("paths.{}", GONE),
    ],
    "a parameter as a component": [
        ("components.parameters", {"Limit": small()["paths"][f"{BELOW}/install/"]["post"]["parameters"][1]}),
        (f"{PARAMETERS}.1", GONE),
        (f"{PARAMETERS}.1", {"$ref": "#/components/parameters/Limit"}),
    ],
    "a parameter with content": [
        (f"{PARAMETERS}.1", GONE),
        (
            f"{PARAMETERS}.1",
            {"in": "query", "name": "limit", "content": {"text/plain": {"schema": {"type": "integer", "minimum": 1}}}},
        ),
    ],
    "a header that is no parameter": [
        (f"{PARAMETERS}.2", {"in": "header", "name": "Accept", "schema": {"type": "string"}})
    ],
    "security of the whole document": [
        (f"{OPERATION}.security", GONE),
        ("security", [{"PersonalAPIKeyAuth": ["project:read"]}]),
    ],
    "words of the framework": [
        (f"{ANSWER}.description", "No response body"),
        (f"{OPERATION}.summary", GONE),
        ("components.schemas.KindEnum.description", "* `a` - A\n* `b` - B"),
    ],
    "tags, examples and extensions": [
        (f"{OPERATION}.tags", ["a"]),
        (f"{ROW}.properties.note.example", "n"),
        (f"{OPERATION}.x-observed", {"status": 302}),
        ("servers", [{"url": "https://eu.posthog.com"}]),
    ],
    "anything, said as true": [(f"{ANSWER}.headers.X-Trace.schema", True)],
}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", EQUAL)
def test_two_ways_to_say_one_thing_are_no_difference(name: str, version: str) -> None:
    there = VERSIONS[version](edited(small(), *EQUAL[name]))
    assert told(report(small(), there)) == []


def test_an_exclusive_bound_is_one_in_either_version() -> None:
    in_3_0 = edited(small(), (f"{PARAMETERS}.1.schema.exclusiveMinimum", True))
    in_3_1 = edited(small(), (f"{PARAMETERS}.1.schema.minimum", GONE), (f"{PARAMETERS}.1.schema.exclusiveMinimum", 1))
    assert told(report(in_3_0, {**in_3_1, "openapi": "3.1.0"})) == []
    assert told(report(small(), in_3_0)) == [
        ("breaks", "query parameter limit: exclusiveMinimum: nothing here, 1 upstream"),
        ("new", "query parameter limit: minimum: 1 here, nothing upstream"),
    ]


def test_a_blank_value_is_one_more_value_of_an_enum() -> None:
    blank = {"oneOf": [{"$ref": "#/components/schemas/KindEnum"}, {"$ref": "#/components/schemas/BlankEnum"}]}
    there = edited(small(), ("components.schemas.BlankEnum", {"enum": [""]}), (f"{ROW}.properties.kind", blank))
    assert told(report(small(), there)) == [("breaks", "Row.kind: enum: upstream also ''")]


def test_alternatives_are_told_apart_by_name_and_not_by_order() -> None:
    either = [{"$ref": "#/components/schemas/Row"}, {"type": "string"}, {"type": "string", "format": "uuid"}]
    here = edited(small(), (f"{BODY}.content.application/json.schema", {"oneOf": either}))
    assert (
        told(report(here, edited(here, (f"{BODY}.content.application/json.schema.oneOf", either[1::-1] + either[2:]))))
        == []
    )
    fewer = edited(here, (f"{BODY}.content.application/json.schema.oneOf", either[1:]))
    assert told(report(here, fewer)) == [
        ("breaks", "body.application/json: type: upstream not object"),
        ("breaks", "body.application/json.or Row: upstream has no such alternative (Row, object)"),
    ]
    assert told(report(fewer, here)) == [
        ("new", "body.application/json: type: upstream also object"),
        ("new", "body.application/json.or Row: only upstream has this alternative (Row, object)"),
    ]


TEXT = {"type": "string", "maxLength": 200}
EITHER = {"oneOf": [TEXT, {"type": "integer"}]}
SHORT = {"oneOf": [{"type": "string", "maxLength": 2}, {"type": "string", "format": "uuid"}]}


@pytest.mark.parametrize(
    ("schema", "here", "there", "verdict"),
    [
        (ORDER, TEXT, EITHER, "new"),
        (ORDER, TEXT, SHORT, "breaks"),
        (ORDER, EITHER, TEXT, "breaks"),
        (ROW, TEXT, EITHER, "breaks"),
        (ROW, EITHER, TEXT, "new"),
        (ROW, SHORT, {"type": "integer"}, "breaks"),
    ],
)
def test_the_first_alternatives_and_the_last_are_judged_by_what_was_there(
    schema: str, here: Document, there: Document, verdict: str
) -> None:
    found = report(*(edited(small(), (f"{schema}.properties.note", each)) for each in (here, there)))
    assert {each for each, line in told(found) if "alternative" in line} == {verdict}


NUMBER: Document = {"type": "integer"}
PLAIN: Document = {"type": "string"}
NULL: Document = {"type": "null"}
FLAG: Document = {"type": "boolean"}
FORMS: dict[str, tuple[Document, Document]] = {
    "alternatives": ({"type": ["integer", "string"]}, {"oneOf": [NUMBER, PLAIN]}),
    "alternatives in another order": ({"type": ["integer", "string"]}, {"anyOf": [PLAIN, NUMBER]}),
    "null among them": ({"type": ["integer", "null", "string"]}, {"oneOf": [NUMBER, PLAIN, NULL]}),
    "null by a flag around them": (
        {"type": ["null", "integer", "string"]},
        {"nullable": True, "anyOf": [PLAIN, NUMBER]},
    ),
    "null by a flag in one": (
        {"type": ["string", "integer", "null"]},
        {"oneOf": [{**NUMBER, "nullable": True}, PLAIN]},
    ),
    "alternatives in alternatives": (
        {"type": ["boolean", "integer", "string"], "description": "Any."},
        {"description": "Any.", "oneOf": [{"anyOf": [NUMBER, PLAIN], "description": "Either."}, FLAG]},
    ),
    "any number": ({"type": ["number", "string"]}, {"oneOf": [{"type": "number"}, PLAIN]}),
    "what is said of one type": (
        {"type": ["integer", "string"], "maxLength": 5, "minimum": 1, "format": "uuid", "default": 1},
        {"default": 1, "oneOf": [{**PLAIN, "format": "uuid", "maxLength": 5}, {**NUMBER, "minimum": 1}]},
    ),
    "the format of a number": (
        {"type": ["integer", "string"], "format": "int64"},
        {"oneOf": [PLAIN, {**NUMBER, "format": "int64"}]},
    ),
    "values": (
        {"type": ["integer", "string"], "enum": [1, "a"]},
        {"oneOf": [{"enum": ["a"]}, {"type": "integer", "enum": [1]}]},
    ),
    "values without a type": ({"enum": [1, "a", None]}, {"oneOf": [{"enum": ["a"]}, {"enum": [1]}, NULL]}),
    "a type without a value": ({"type": ["integer", "string"], "enum": ["a"]}, {"type": "string", "enum": ["a"]}),
    "a list or one of it": (
        {"type": ["array", "string"], "items": PLAIN, "maxItems": 3},
        {"oneOf": [PLAIN, {"type": "array", "items": PLAIN, "maxItems": 3}]},
    ),
    "an object or its name": (
        {"type": ["object", "string"], "properties": {"a": PLAIN}, "required": ["a"], "additionalProperties": False},
        {
            "anyOf": [
                PLAIN,
                {"type": "object", "properties": {"a": PLAIN}, "required": ["a"], "additionalProperties": False},
            ]
        },
    ),
    "texts in another order": (
        {"oneOf": [PLAIN, {**PLAIN, "format": "uuid"}, NUMBER]},
        {"oneOf": [{**PLAIN, "format": "uuid"}, NUMBER, PLAIN]},
    ),
}


@pytest.mark.parametrize("place", [f"{ORDER}.properties.name", f"{ROW}.properties.note"], ids=["sent", "read"])
@pytest.mark.parametrize("name", FORMS)
def test_a_list_of_types_is_alternatives_of_one_type_each(name: str, place: str) -> None:
    one, other = (edited(small(), (place, schema)) for schema in FORMS[name])
    assert told(report(one, other)) == []
    assert told(report(other, one)) == []


def test_a_type_that_is_listed_too_is_told_as_an_alternative() -> None:
    here, there = (
        edited(small(), (f"{ROW}.properties.note", schema)) for schema in (TEXT, {"type": ["integer", "string"]})
    )
    assert told(report(here, there)) == [
        ("breaks", "Row.note.or integer: only upstream has this alternative (integer)"),
        ("new", "Row.note: maxLength: 200 here, nothing upstream"),
    ]
    assert told(report(there, here)) == [
        ("new", "Row.note: maxLength: nothing here, 200 upstream"),
        ("new", "Row.note.or integer: upstream has no such alternative (integer)"),
    ]


TEMPLATE: Document = {"type": "object", "required": ["template"], "properties": {"template": {"type": "string"}}}


def referring(name: str) -> Document:
    return {"$ref": f"#/components/schemas/{name}"}


def beside_another(name: str, keyword: str = "oneOf", *, is_first: bool = True) -> list[tuple[str, Any]]:
    """A body or an answer that may be something else as well."""
    both = [referring(name), referring("Template")][:: 1 if is_first else -1]
    place = BODY if name == "Order" else ANSWER
    return [("components.schemas.Template", TEMPLATE), (f"{place}.content.application/json.schema", {keyword: both})]


@pytest.mark.parametrize("keyword", ["oneOf", "anyOf"])
@pytest.mark.parametrize("is_first", [True, False])
@pytest.mark.parametrize(
    ("name", "comes", "goes"), [("Order", "new", "breaks"), ("Row", "breaks", "new")], ids=["sent", "read"]
)
def test_an_object_that_becomes_one_of_several_is_still_taken_and_no_longer_sure_to_be_given(
    name: str, comes: str, goes: str, keyword: str, is_first: bool
) -> None:
    there = edited(small(), *beside_another(name, keyword, is_first=is_first))
    assert told(report(small(), there)) == [
        (comes, f"{name}.or Template: only upstream has this alternative (Template, object)")
    ]
    assert told(report(there, small())) == [
        (goes, f"{name}.or Template: upstream has no such alternative (Template, object)")
    ]


def test_a_component_that_becomes_one_of_several_is_compared_with_the_one_that_it_was() -> None:
    order = small()["components"]["schemas"]["Order"]
    edits = [("components.schemas.Template", TEMPLATE), (ORDER, {"oneOf": [referring("Template"), order]})]
    assert told(report(small(), edited(small(), *edits))) == [
        ("new", "Order.or Template: only upstream has this alternative (Template, object)")
    ]


@pytest.mark.parametrize(
    ("edits", "expected"),
    [
        (
            [(f"{ORDER}.properties.team", PLAIN)],
            [("new", "Order.team: only upstream has this field (string, optional)")],
        ),
        (
            [(f"{ORDER}.properties.team", PLAIN), (f"{ORDER}.required.0", "team")],
            [("breaks", "Order.team: only upstream has this field (string, required)")],
        ),
    ],
)
def test_what_happened_to_an_object_that_is_one_of_several_now_is_told(
    edits: list[tuple[str, Any]], expected: Told
) -> None:
    there = edited(small(), *beside_another("Order"), *edits)
    alternative = ("new", "Order.or Template: only upstream has this alternative (Template, object)")
    assert told(report(small(), there)) == [*expected, alternative]


def test_an_object_is_itself_among_several_and_not_another_that_would_do() -> None:
    order = small()["components"]["schemas"]["Order"]
    more = {**order, "properties": {**order["properties"], "extra": PLAIN}}
    there = edited(small(), (f"{BODY}.content.application/json.schema", {"oneOf": [more, referring("Order")]}))
    assert told(report(small(), there)) == [("new", "Order.or object: only upstream has this alternative (object)")]


def test_a_field_that_is_required_is_so_with_each_of_its_alternatives() -> None:
    there = edited(small(), (f"{ORDER}.properties.name", EITHER))
    assert told(report(small(), there)) == [
        ("new", "Order.name.or integer: only upstream has this alternative (integer)")
    ]


def test_a_departure_of_an_alternative_or_around_it_is_accepted_where_upstream_has_it_alone() -> None:
    here = edited(
        departing({"upstream": {"closed": True}, "why": "It is open."}, place=ORDER), *beside_another("Order")
    )
    here = edited(
        here,
        (
            f"{BODY}.content.application/json.x-departs",
            [{"upstream": {"not": "{}"}, "why": "Nothing is refused."}],
        ),
    )
    found = report(here, edited(small(), (f"{ORDER}.additionalProperties", False), (f"{ORDER}.not", {})))
    assert told(found) == [("breaks", "Order.or Template: upstream has no such alternative (Template, object)")]
    assert {each.what for each in found.sections["accepted"]} == {"closed upstream", "not: nothing here, {} upstream"}


def test_answers_that_may_all_be_read_as_before_break_nobody() -> None:
    row = small()["components"]["schemas"]["Row"]
    more = {**row, "properties": {**row["properties"], "team": PLAIN}}
    found = report(small(), edited(small(), (ROW, {"anyOf": [row, more]})))
    assert {verdict for verdict, _ in told(found)} == {"new"}


def test_a_condition_that_callers_have_met_all_along_breaks_nobody() -> None:
    there = edited(small(), (f"{ORDER}.anyOf", [{"required": ["owner"]}, {"required": ["name"]}]))
    assert {verdict for verdict, _ in told(report(small(), there))} == {"new"}


def test_what_a_list_and_a_map_hold_is_compared() -> None:
    held = {"list": {"type": "array", "items": {"type": "string"}}, "map": {"additionalProperties": {"type": "string"}}}
    here = edited(small(), *((f"{ROW}.properties.{name}", schema) for name, schema in held.items()))
    there = edited(
        here,
        (f"{ROW}.properties.list.items.format", "uuid"),
        (f"{ROW}.properties.map.additionalProperties", True),
    )
    assert told(report(here, there)) == [
        ("breaks", "Row.map.{}: upstream has no such item (string)"),
        ("new", "Row.list[]: format: nothing here, uuid upstream"),
    ]


def test_a_schema_that_holds_itself_is_followed_once() -> None:
    below = {"type": "array", "items": {"$ref": "#/components/schemas/Row"}}
    tree = {"type": "object", "properties": {"leaf": {"type": "string"}, "below": below}}
    here = edited(small(), (ROW, tree))
    there = edited(here, (f"{ROW}.properties.leaf.nullable", True))
    assert told(report(here, there)) == [("breaks", "Row.leaf: type: upstream also null")]


@pytest.mark.parametrize(
    ("here", "there", "verdict"),
    [
        ([{"Key": ["a:write"]}], [{"Key": ["a:read"]}], "new"),
        ([{"Key": ["a:write"]}], [{"Key": ["a:read", "b:read"]}], "breaks"),
        ([{"Key": ["*"]}], [{"Key": ["a:write"]}], "new"),
        ([{"Key": ["a:read"]}], [{"Key": ["a:read"]}, {"Cookie": []}], "new"),
        ([{"Key": ["a:read"]}], [{"Key": ["a:read"], "Cookie": []}], "breaks"),
        ([{"Key": ["a:read"]}], [], "new"),
        ([], [{"Key": ["a:read"]}], "breaks"),
    ],
)
def test_whether_a_key_still_gets_in_decides_on_scopes(here: Any, there: Any, verdict: str) -> None:
    found = report(*(edited(small(), (f"{OPERATION}.security", security)) for security in (here, there)))
    assert [each for each, _ in told(found)] == [verdict]


# Prefixes, and documents of thousands of paths.


def under(prefix: str, document: Document) -> Document:
    """The paths of a document as they stand under another prefix, with operationIds and names of their own."""
    moved = json.dumps(document["paths"]).replace("/api/environments/{project_id}", prefix)
    paths: Document = json.loads(moved.replace('"mcp_server_installations_', '"environments_mcp_server_installations_'))
    return paths


def test_both_prefixes_of_one_document_are_one() -> None:
    there = upstream("published")
    there["paths"] |= under("/api/projects/{project_id}", there)
    assert told(report(ours(), there)) == []


def test_what_is_so_under_one_prefix_alone_says_so() -> None:
    there = edited(small(), ("paths.{}.post.summary", "Put it in"))
    there["paths"] |= under("/api/projects/{project_id}", small())
    (finding,) = report(small(), there).sections["words"]
    assert finding.scope == ", in requests of every operation, only under /api/environments/{}"


def test_of_a_whole_schema_only_our_part_is_looked_at() -> None:
    there = upstream("published")
    broken = {"get": {"operationId": "other", "parameters": [{"$ref": "#/nowhere"}], "responses": 7}}
    there["paths"] |= {f"/api/projects/{{project_id}}/things_{number}/": broken for number in range(5000)}
    assert told(report(ours(), there)) == []


# Departures.


def departing(*records: Document, place: str = f"{ROW}.properties.id") -> Document:
    return edited(small(), (f"{place}.x-departs", list(records)))


def test_a_departure_is_accepted_while_upstream_says_what_was_recorded() -> None:
    here = departing({"upstream": {"format": "email"}, "why": "It is\n  a UUID."})
    found = report(here, edited(small(), (f"{ROW}.properties.id.format", "email")))
    assert told(found) == []
    (accepted,) = found.sections["accepted"]
    assert (accepted.where, accepted.change.why) == ("Row.id", "It is a UUID.")
    assert found.status == 0


def test_a_departure_that_upstream_has_settled_is_pointed_out() -> None:
    here = departing({"upstream": {"format": "email"}, "why": "It is a UUID."})
    found = report(here, small())
    assert told(found) == [("settled", "Row.id: format: upstream says the same")]
    assert found.status == 3


def test_a_third_thing_is_told_in_spite_of_a_departure() -> None:
    here = departing({"upstream": {"format": "email"}, "why": "It is a UUID."})
    found = report(here, edited(small(), (f"{ROW}.properties.id.format", "uri")))
    assert told(found) == [("breaks", "Row.id: format: uuid here, uri upstream")]


def test_of_several_values_those_that_are_departed_from_are_accepted_alone() -> None:
    here = departing({"upstream": {"enum": ["a", "b"]}, "why": "More may come."}, place=f"{ROW}.properties.open_kind")
    there = edited(small(), (f"{ROW}.properties.open_kind", {"type": "string", "enum": ["a", "b", "c"]}))
    found = report(here, there)
    assert told(found) == [("new", "Row.open_kind: enum: upstream also c")]
    assert told(found, "accepted") == [("accepted", "Row.open_kind: enum: upstream not any other")]


def test_a_part_that_upstream_does_not_publish_is_accepted_until_it_does() -> None:
    here = departing({"upstream": {"present": False}, "why": "It is sent."}, place=f"{ROW}.properties.note")
    without = edited(small(), (f"{ROW}.properties.note", GONE))
    assert told(report(here, without)) == []
    assert told(report(here, small())) == [("settled", "Row.note: field: upstream has it now")]


def test_a_part_that_is_left_out_is_accepted_until_upstream_gives_it_up() -> None:
    here = departing({"leaves_out": ["old"], "why": "It does nothing."}, place=ORDER)
    there = edited(small(), (f"{ORDER}.properties.old", {"type": "string"}))
    assert told(report(here, there)) == []
    assert told(report(here, small())) == [("settled", "Order.old: part: upstream has it no more")]


def test_an_operation_that_is_left_out_is_accepted_until_upstream_gives_it_up() -> None:
    here = departing({"leaves_out": ["put"], "why": "It does nothing."}, place="paths.{}")
    there = edited(small(), ("paths.{}.put", {"operationId": "replace", "responses": {}}))
    assert told(report(here, there)) == []
    assert told(report(here, small())) == [("settled", "PUT /install/: operation: upstream has it no more")]


def test_a_schema_in_whose_place_another_stands_is_accepted_whole_until_upstream_has_ours() -> None:
    media = f"{BODY}.content.application/json"
    here = edited(
        departing({"instead_of": "Row", "why": "It is an order."}, place=media), (f"{ORDER}.properties.more", {})
    )
    assert told(report(here, edited(small(), (f"{media}.schema.$ref", "#/components/schemas/Row")))) == []
    assert told(report(here, small())) == [
        ("breaks", "Order.more: upstream has no such field (optional)"),
    ]
    assert told(report(here, edited(small(), (f"{ORDER}.properties.more", {})))) == [
        ("settled", "body.application/json: name: upstream says the same")
    ]


@pytest.mark.parametrize(
    "record",
    [
        {"upstream": {"formt": "email"}, "why": "It is a UUID."},
        {"upstram": {"format": "email"}, "why": "It is a UUID."},
        {"upstream": {"format": "email"}},
        {"why": "It is a UUID."},
    ],
)
def test_a_departure_that_can_not_be_held_against_anything_is_refused(record: Document) -> None:
    with pytest.raises(MalformedError, match="x-departs"):
        report(departing(record), small())


# Documents that can't be followed.


@pytest.mark.parametrize(
    ("edits", "says"),
    [
        (
            [(f"{ROW}.properties.kind.$ref", "#/components/schemas/Nothing")],
            "refers to nothing: #/components/schemas/N",
        ),
        ([(f"{ROW}.properties.kind.$ref", "other.yaml#/Kind")], "refers outside of the document: other.yaml#/Kind"),
        ([(f"{ROW}.properties.kind", "text")], "a schema is expected where 'text' stands"),
        ([(f"{PARAMETERS}.0", "text")], "an object is expected where 'text' stands"),
        ([(f"{PARAMETERS}.0.in", GONE)], "not as OpenAPI has it: KeyError: 'in'"),
        (
            [
                ("components.responses", {"A": {"$ref": "#/components/responses/A"}}),
                (ANSWER, {"$ref": "#/components/responses/A"}),
            ],
            "references go round in a circle",
        ),
        ([("paths", {"/api/users/": {}})], "no operation of mcp_server_installations is in it"),
    ],
)
def test_a_document_that_can_not_be_followed_is_refused_in_one_line(edits: list[tuple[str, Any]], says: str) -> None:
    with pytest.raises(MalformedError) as caught:
        report(small(), edited(small(), *edits))
    assert str(caught.value).startswith("upstream.json: ")
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_document_that_is_nested_without_end_is_refused() -> None:
    endless: dict[str, Any] = {"type": "object"}
    endless["properties"] = {"below": endless}
    there = edited(small(), (f"{ROW}.properties.id", GONE))
    there["components"]["schemas"]["Row"]["properties"]["id"] = endless
    with pytest.raises(MalformedError, match="nested too deeply"):
        report(small(), there)
