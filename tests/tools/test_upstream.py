"""The comparison of openapi.yaml with an upstream document: scripts/comparison/, through scripts/upstream.py."""

import json
from collections.abc import Iterator
from itertools import permutations
from typing import Any

import pytest
from comparison import DocumentError
from comparison.report import Report
from upstream import compare_documents

from .documents import BELOW, BELOW_NOW, DOCUMENTS, GONE, VERSIONS, Document, edited, in_json, ours, small, upstream

Findings = list[tuple[str, str]]
RESOURCE = "/mcp_server_installations"


def report(here: Document, there: Document) -> Report:
    return compare_documents(here, there, "upstream.json")


def findings(found: Report, *verdicts: str) -> Findings:
    """Verdict and line of the findings with these verdicts; by default, of all that are not accepted."""
    wanted = verdicts or ("breaking", "non_breaking", "wording", "resolved")
    return [
        (verdict, f"{each.where}: {each.what}")
        for verdict, findings in found.sections.items()
        for each in findings
        if verdict in wanted
    ]


# Edits, with the severity that the policy gives them in requests and in responses.

OPERATION = "paths.{}.post"
BODY = f"{OPERATION}.requestBody"
RESPONSE = f"{OPERATION}.responses.200"
ROW, ORDER = "components.schemas.Row", "components.schemas.Order"
PARAMETERS = f"{OPERATION}.parameters"
MORE = {"type": "string", "enum": ["a", "b", "c"]}
LESS = {"type": "string", "enum": ["a"]}
OPEN_MORE = {"anyOf": [MORE, {"type": "string"}]}
OPEN_LESS = {"anyOf": [LESS, {"type": "string"}]}
READ = "PersonalAPIKeyAuth project:read"
ADDED = "mcp_server_installations_add"

EDITS: dict[str, tuple[list[tuple[str, Any]], Findings]] = {
    "enum value added, in requests": (
        [(f"{ORDER}.properties.kind", {**MORE, "default": "a"})],
        [("non_breaking", "Order.kind: enum: upstream allows c")],
    ),
    "enum value added, in responses": (
        [(f"{ROW}.properties.kind", MORE)],
        [("breaking", "Row.kind: enum: upstream allows c")],
    ),
    "enum value added to an open enum": (
        [(f"{ROW}.properties.open_kind", OPEN_MORE)],
        [("non_breaking", "Row.open_kind: enum: upstream lists c")],
    ),
    "enum value removed, in requests": (
        [(f"{ORDER}.properties.kind", {**LESS, "default": "a"})],
        [("breaking", "Order.kind: enum: upstream does not allow b")],
    ),
    "enum value removed, in responses": (
        [(f"{ROW}.properties.kind", LESS)],
        [("non_breaking", "Row.kind: enum: upstream does not allow b")],
    ),
    "enum value removed from an open enum": (
        [(f"{ROW}.properties.open_kind", OPEN_LESS)],
        [("non_breaking", "Row.open_kind: enum: upstream does not list b")],
    ),
    "enum opened, in responses": (
        [(f"{ROW}.properties.kind", {"type": "string"})],
        [("breaking", "Row.kind: enum: upstream allows any other value")],
    ),
    "enum opened, in requests": (
        [(f"{ORDER}.properties.kind", {"type": "string", "default": "a"})],
        [("non_breaking", "Order.kind: enum: upstream allows any other value")],
    ),
    "enum closed, in responses": (
        [(f"{ROW}.properties.open_kind", {"type": "string", "enum": ["a", "b"]})],
        [("non_breaking", "Row.open_kind: enum: upstream does not allow any other value")],
    ),
    "string restricted to an enum, in requests": (
        [(f"{ORDER}.properties.name", {"type": "string", "enum": ["x"]})],
        [
            ("breaking", "Order.name: enum: upstream does not allow any other value"),
            ("non_breaking", "Order.name: maxLength: 200 here, none upstream"),
        ],
    ),
    "required added, in requests": (
        [(f"{ORDER}.required.0", "owner")],
        [("breaking", "Order.owner: required upstream")],
    ),
    "required added, in responses": (
        [(f"{ROW}.required.0", "note")],
        [("non_breaking", "Row.note: required upstream")],
    ),
    "required removed, in requests": (
        [(f"{ORDER}.required", [])],
        [("non_breaking", "Order.name: not required upstream")],
    ),
    "required removed, in responses": ([(f"{ROW}.required.0", GONE)], [("breaking", "Row.id: not required upstream")]),
    "nullable, in requests": (
        [(f"{ORDER}.properties.name.nullable", True)],
        [("non_breaking", "Order.name: type: upstream allows null")],
    ),
    "nullable, in responses": (
        [(f"{ROW}.properties.id.nullable", True)],
        [("breaking", "Row.id: type: upstream allows null")],
    ),
    "no longer nullable, in requests": (
        [(f"{ORDER}.properties.owner.nullable", False)],
        [("breaking", "Order.owner: type: upstream does not allow null")],
    ),
    "no longer nullable, in responses": (
        [(f"{ROW}.properties.seen_at.nullable", False)],
        [("non_breaking", "Row.seen_at: type: upstream does not allow null")],
    ),
    "response status removed": (
        [(f"{OPERATION}.responses.200", GONE)],
        [("breaking", "response 200: response missing in upstream")],
    ),
    "response status added": (
        [(f"{OPERATION}.responses.202", {"description": ""})],
        [("breaking", "response 202: response only in upstream")],
    ),
    "error status removed": (
        [(f"{OPERATION}.responses.404", GONE)],
        [("non_breaking", "response 404: error response missing in upstream")],
    ),
    "error status added": (
        [(f"{OPERATION}.responses.409", {"description": "Conflict."})],
        [("non_breaking", "response 409: error response only in upstream")],
    ),
    "parameter removed": (
        [(f"{PARAMETERS}.1", GONE)],
        [("breaking", "query parameter limit: parameter missing in upstream (integer, optional)")],
    ),
    "parameter added": (
        [(f"{PARAMETERS}.2", {"in": "query", "name": "q", "schema": {"type": "string"}})],
        [("non_breaking", "query parameter q: parameter only in upstream (string, optional)")],
    ),
    "parameter added as required": (
        [(f"{PARAMETERS}.2", {"in": "query", "name": "q", "required": True, "schema": {"type": "string"}})],
        [("breaking", "query parameter q: parameter only in upstream (string, required)")],
    ),
    "parameter made required": (
        [(f"{PARAMETERS}.1.required", True)],
        [("breaking", "query parameter limit: required upstream")],
    ),
    "another scope": (
        [(f"{OPERATION}.security.0.PersonalAPIKeyAuth", ["project:write"])],
        [("breaking", f"operation: security: {READ} here, PersonalAPIKeyAuth project:write upstream")],
    ),
    "scope no longer needed": (
        [(f"{OPERATION}.security.0", {"PersonalAPIKeyAuth": []})],
        [("non_breaking", f"operation: security: {READ} here, PersonalAPIKeyAuth or {READ} upstream")],
    ),
    "another scheme": (
        [(f"{OPERATION}.security", [{"SessionAuth": []}])],
        [("breaking", f"operation: security: {READ} here, SessionAuth upstream")],
    ),
    "key in another header": (
        [("components.securitySchemes", {"PersonalAPIKeyAuth": {"type": "apiKey", "in": "header", "name": "X-Key"}})],
        [
            (
                "breaking",
                f"operation: security: {READ} here, PersonalAPIKeyAuth (apikey header x-key) project:read upstream",
            )
        ],
    ),
    "required without a description": (
        [(f"{ORDER}.required", ["name", "tenant"])],
        [("breaking", "Order.tenant: field only in upstream (required)")],
    ),
    "first alternatives, in requests": (
        [(f"{ORDER}.anyOf", [{"required": ["owner"]}, {"required": ["kind"]}])],
        [("breaking", f"Order.or {label}: alternative only in upstream") for label in ("anything", "anything 2")],
    ),
    "another assertion": (
        [(f"{ORDER}.not", {"required": ["kind", "owner"]})],
        [("breaking", 'body.application/json: not: none here, {"required": ["kind", "owner"]} upstream')],
    ),
    "closed as in 3.1": (
        [(f"{ORDER}.unevaluatedProperties", False)],
        [("breaking", "body.application/json: closed upstream")],
    ),
    "bound tightened by allOf": (
        [(f"{ORDER}.properties.name.allOf", [{"maxLength": 10}])],
        [("breaking", "Order.name: maxLength: 200 here, 10 upstream")],
    ),
    "enum narrowed by allOf": (
        [(f"{ORDER}.properties.kind", {**MORE, "default": "a", "allOf": [LESS]})],
        [("breaking", "Order.kind: enum: upstream does not allow b")],
    ),
    "reference to a path item, with siblings": (
        [
            ("paths", {f"{BELOW}/install/": {"$ref": "#/components/x-item", **small()["paths"][f"{BELOW}/install/"]}}),
            ("components.x-item", {"description": "Shared."}),
        ],
        [],
    ),
    "path": (
        [("paths", {f"{BELOW}/add/": small()["paths"][f"{BELOW}/install/"]})],
        [("breaking", f"operation: path: POST {RESOURCE}/install/ here, POST {RESOURCE}/add/ upstream")],
    ),
    "path and operationId": (
        [
            (f"{OPERATION}.operationId", ADDED),
            ("paths", {f"{BELOW}/add/": {"post": {"operationId": ADDED, "responses": {}}}}),
        ],
        [
            ("breaking", "install_create: operation missing in upstream"),
            ("non_breaking", "add: operation only in upstream (POST /mcp_server_installations/add/)"),
        ],
    ),
    "operationId": (
        [(f"{OPERATION}.operationId", ADDED)],
        [("wording", f"operation: operationId: mcp_server_installations_install_create here, {ADDED} upstream")],
    ),
    "format changed, in requests": (
        [(f"{ORDER}.properties.owner.format", "email")],
        [("breaking", "Order.owner: format: uuid here, email upstream")],
    ),
    "format changed, in responses": (
        [(f"{ROW}.properties.id.format", "email")],
        [("breaking", "Row.id: format: uuid here, email upstream")],
    ),
    "format removed, in requests": (
        [(f"{ORDER}.properties.owner.format", GONE)],
        [("non_breaking", "Order.owner: format: uuid here, none upstream")],
    ),
    "format removed, in responses": (
        [(f"{ROW}.properties.id.format", GONE)],
        [("breaking", "Row.id: format: uuid here, none upstream")],
    ),
    "format added, in requests": (
        [(f"{ORDER}.properties.name.format", "uri")],
        [("breaking", "Order.name: format: none here, uri upstream")],
    ),
    "format added, in responses": (
        [(f"{ROW}.properties.note.format", "uri")],
        [("non_breaking", "Row.note: format: none here, uri upstream")],
    ),
    "content type, in requests": (
        [(f"{BODY}.content", {"application/x-msgpack": in_json("Order")["application/json"]})],
        [
            ("breaking", "body.application/json: media type missing in upstream (Order, object)"),
            ("non_breaking", "body.application/x-msgpack: media type only in upstream (Order, object)"),
        ],
    ),
    "content type, in responses": (
        [(f"{RESPONSE}.content", {"application/x-msgpack": in_json("Row")["application/json"]})],
        [
            ("breaking", "response 200.application/json: media type missing in upstream (Row, object)"),
            ("non_breaking", "response 200.application/x-msgpack: media type only in upstream (Row, object)"),
        ],
    ),
    # Every other row of the table.
    "field removed, in requests": (
        [(f"{ORDER}.properties.owner", GONE)],
        [("breaking", "Order.owner: field missing in upstream (null or string, uuid, optional)")],
    ),
    "field added as required, in requests": (
        [(f"{ORDER}.properties.team", {"type": "string"}), (f"{ORDER}.required.0", "team")],
        [("breaking", "Order.team: field only in upstream (string, required)")],
    ),
    "field added as required, in responses": (
        [(f"{ROW}.properties.team", {"type": "string"}), (f"{ROW}.required.0", "team")],
        [("non_breaking", "Row.team: field only in upstream (string, required)")],
    ),
    "type changed, in requests": (
        [(f"{ORDER}.properties.name.type", "integer")],
        [
            ("breaking", "Order.name: type: upstream does not allow string"),
            ("non_breaking", "Order.name: type: upstream allows integer"),
        ],
    ),
    "type changed, in responses": (
        [(f"{ROW}.properties.note.type", "integer")],
        [
            ("breaking", "Row.note: type: upstream allows integer"),
            ("non_breaking", "Row.note: type: upstream does not allow string"),
        ],
    ),
    "type narrowed, in responses": (
        [(f"{RESPONSE}.headers.X-Trace.schema", {"type": "string"})],
        [
            ("non_breaking", f"response 200.header x-trace: type: upstream does not allow {name}")
            for name in ("array", "boolean", "integer")
        ]
        + [
            ("non_breaking", f"response 200.header x-trace: type: upstream does not allow {name}")
            for name in ("null", "number", "object")
        ],
    ),
    "integer made a number, in requests": (
        [(f"{PARAMETERS}.1.schema.type", "number")],
        [("non_breaking", "query parameter limit: type: upstream allows number")],
    ),
    "default made a list": (
        [(f"{ORDER}.properties.kind.default", ["a", {"b": 1}])],
        [("breaking", 'Order.kind: default: a here, ["a", {"b": 1}] upstream')],
    ),
    "bound tightened, in requests": (
        [(f"{ORDER}.properties.name.maxLength", 100)],
        [("breaking", "Order.name: maxLength: 200 here, 100 upstream")],
    ),
    "bound loosened, in requests": (
        [(f"{ORDER}.properties.name.maxLength", 300)],
        [("non_breaking", "Order.name: maxLength: 200 here, 300 upstream")],
    ),
    "lower bound tightened, in requests": (
        [(f"{PARAMETERS}.1.schema.minimum", 2)],
        [("breaking", "query parameter limit: minimum: 1 here, 2 upstream")],
    ),
    "bound tightened, in responses": (
        [(f"{ROW}.properties.note.maxLength", 100)],
        [("non_breaking", "Row.note: maxLength: 200 here, 100 upstream")],
    ),
    "bound added, in requests": (
        [(f"{ORDER}.properties.owner.maxLength", 36)],
        [("breaking", "Order.owner: maxLength: none here, 36 upstream")],
    ),
    "pattern added, in requests": (
        [(f"{ORDER}.properties.name.pattern", "^a")],
        [("breaking", "Order.name: pattern: none here, ^a upstream")],
    ),
    "default changed": (
        [(f"{ORDER}.properties.kind.default", "b")],
        [("breaking", "Order.kind: default: a here, b upstream")],
    ),
    "default changed to a flag": (
        [(f"{ORDER}.properties.kind.default", True)],
        [("breaking", "Order.kind: default: a here, True upstream")],
    ),
    "default removed": (
        [(f"{ORDER}.properties.kind.default", GONE)],
        [("non_breaking", "Order.kind: default: a here, none upstream")],
    ),
    "default added": (
        [(f"{ORDER}.properties.name.default", "")],
        [("non_breaking", "Order.name: default: none here, '' upstream")],
    ),
    "closed to more fields, in requests": (
        [(f"{ORDER}.additionalProperties", False)],
        [("breaking", "body.application/json: closed upstream")],
    ),
    "style": (
        [(f"{PARAMETERS}.1.explode", False)],
        [("breaking", "query parameter limit: style: form, exploded here, form upstream")],
    ),
    "body removed": ([(BODY, GONE)], [("breaking", "body: body missing in upstream (required)")]),
    "header removed": (
        [(f"{RESPONSE}.headers", GONE)],
        [("breaking", "response 200.header x-trace: header missing in upstream")],
    ),
    "header added": (
        [(f"{RESPONSE}.headers.X-More", {"schema": {"type": "string"}})],
        [("non_breaking", "response 200.header x-more: header only in upstream (string)")],
    ),
    "deprecated operation": ([(f"{OPERATION}.deprecated", True)], [("non_breaking", "operation: deprecated upstream")]),
    "deprecated parameter": (
        [(f"{PARAMETERS}.1.deprecated", True)],
        [("non_breaking", "query parameter limit: deprecated upstream")],
    ),
    "deprecated field": (
        [(f"{ROW}.properties.note.deprecated", True)],
        [("non_breaking", "Row.note: deprecated upstream")],
    ),
    "description": (
        [(f"{ORDER}.properties.name.description", "Its name.")],
        [("wording", "Order.name: description: What to call it. here, Its name. upstream")],
    ),
    "summary": (
        [(f"{OPERATION}.summary", "Put it in")],
        [("wording", "operation: summary: Install it here, Put it in upstream")],
    ),
    "description of a schema": (
        [(f"{ROW}.description", "A row.")],
        [("wording", "response 200.application/json: schema description: none here, A row. upstream")],
    ),
    "name of a schema": (
        [
            ("components.schemas.Kind", {"type": "string", "enum": ["a", "b"]}),
            (f"{ROW}.properties.kind.$ref", "#/components/schemas/Kind"),
        ],
        [("wording", "Row.kind: name: KindEnum here, Kind upstream")],
    ),
}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", EDITS)
def test_an_edit_has_the_severity_of_the_policy(name: str, version: str) -> None:
    edits, expected = EDITS[name]
    there = VERSIONS[version](edited(small(), *edits))
    assert findings(report(small(), there)) == expected


LIST, INSTALL, AUTHORIZE = (f"paths.{BELOW_NOW}/{tail}" for tail in ("", "install_custom/", "authorize/"))
CATALOGUE = f"paths.{BELOW_NOW.replace('mcp_server_installations', 'mcp_servers')}/"
SCHEMAS = "components.schemas"
NEWEST_EDITS: dict[str, tuple[list[tuple[str, Any]], Findings]] = {
    "enum value added": (
        [(f"{SCHEMAS}.InstallSourceEnum.enum.2", "slack")],
        [
            ("non_breaking", "InstallCustom.install_source: enum: upstream allows slack"),
            ("non_breaking", "InstallTemplate.install_source: enum: upstream allows slack"),
        ],
    ),
    "enum value added where ours is open": (
        [(f"{SCHEMAS}.MCPAuthTypeEnum.enum.2", "mtls")],
        [
            ("non_breaking", "MCPServerInstallation.auth_type: enum: upstream lists mtls"),
            ("non_breaking", "MCPServerInstallationCreate.auth_type: enum: upstream allows mtls"),
            ("non_breaking", "MCPServerTemplate.auth_type: enum: upstream lists mtls"),
        ],
    ),
    "enum value removed": (
        [(f"{SCHEMAS}.InstallCustomAuthTypeEnum.enum.1", GONE)],
        [("breaking", "InstallCustom.auth_type: enum: upstream does not allow oauth")],
    ),
    "required added": (
        [(f"{SCHEMAS}.InstallCustom.required.0", "api_key")],
        [("breaking", "InstallCustom.api_key: required upstream")],
    ),
    "required removed": (
        [(f"{SCHEMAS}.MCPServerInstallation.required.4", GONE)],
        [("breaking", "MCPServerInstallation.id: not required upstream")],
    ),
    "nullable": (
        [(f"{SCHEMAS}.MCPServerInstallation.properties.proxy_url.nullable", True)],
        [("breaking", "MCPServerInstallation.proxy_url: type: upstream allows null")],
    ),
    "status": (
        [(f"{INSTALL}.post.responses.202", {"description": ""})],
        [("breaking", "response 202: response only in upstream")],
    ),
    "parameter": (
        [(f"{AUTHORIZE}.get.parameters.1", GONE)],
        [("breaking", "query parameter installation_id: parameter missing in upstream (string, uuid, optional)")],
    ),
    "scope": (
        [(f"{LIST}.get.security.0.PersonalAPIKeyAuth", ["mcp_store:read"])],
        [("breaking", f"operation: security: {READ} here, PersonalAPIKeyAuth mcp_store:read upstream")],
    ),
    "path": (
        [
            (f"paths.{BELOW_NOW}/start/", upstream("now")["paths"][f"{BELOW_NOW}/authorize/"]),
            (AUTHORIZE, GONE),
        ],
        [("breaking", f"operation: path: GET {RESOURCE}/authorize/ here, GET {RESOURCE}/start/ upstream")],
    ),
    "operationId": (
        [(f"{LIST}.get.operationId", "list_installations")],
        [("wording", "operation: operationId: mcp_server_installations_list here, list_installations upstream")],
    ),
    "format": (
        [(f"{SCHEMAS}.MCPServerInstallation.properties.created_at.format", "date")],
        [("breaking", "MCPServerInstallation.created_at: format: date-time here, date upstream")],
    ),
    "field of the catalogue": (
        [(f"{SCHEMAS}.MCPServerTemplate.properties.is_coming_soon", {"type": "boolean"})],
        [("non_breaking", "MCPServerTemplate.is_coming_soon: field only in upstream (boolean, optional)")],
    ),
    "scope of the catalogue": (
        [(f"{CATALOGUE}.get.security.0.PersonalAPIKeyAuth", ["mcp_store:read"])],
        [("breaking", f"operation: security: {READ} here, PersonalAPIKeyAuth mcp_store:read upstream")],
    ),
    "operation below the catalogue": (
        [(f"{CATALOGUE}{{id}}/", {"get": {"operationId": "mcp_servers_retrieve", "responses": {}}})],
        [("non_breaking", "mcp_servers_retrieve: operation only in upstream (GET /mcp_servers/{}/)")],
    ),
    "catalogue": ([(CATALOGUE, GONE)], [("breaking", "mcp_servers_list: operation missing in upstream")]),
    "content type": (
        [(f"{INSTALL}.post.requestBody.content.application/json", GONE)],
        [
            ("breaking", "body.application/json: media type missing in upstream (InstallCustom, object)"),
            (
                "non_breaking",
                "body.application/x-www-form-urlencoded: media type only in upstream (InstallCustom, object)",
            ),
            ("non_breaking", "body.multipart/form-data: media type only in upstream (InstallCustom, object)"),
        ],
    ),
}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", NEWEST_EDITS)
def test_an_edit_of_the_newest_document_is_reported(name: str, version: str) -> None:
    edits, expected = NEWEST_EDITS[name]
    there = VERSIONS[version](edited(upstream("now"), *edits))
    assert findings(report(ours(), there)) == expected


# Upstream's newest document, and the two before it, which services that people host themselves still follow.


@pytest.mark.parametrize("version", VERSIONS)
def test_ours_differs_from_the_newest_document_only_in_accepted_departures(version: str) -> None:
    found = report(ours(), VERSIONS[version](upstream("now")))
    assert findings(found) == []
    assert found.status == 0


def test_every_recorded_departure_occurs_in_the_newest_document() -> None:
    recorded = {" ".join(record["why"].split()) for record in departures(ours())}
    found = report(ours(), upstream("now"))
    assert {each.change.why for each in found.sections["accepted"]} == recorded - OF_DESCRIPTIONS


OF_DESCRIPTIONS = {"Upstream does not publish `@current`."}
"""Only a document that upstream published itself has these."""


def departures(part: Any) -> Iterator[dict[str, Any]]:
    for key, value in part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ():
        yield from value if key == "x-departs" else departures(value)


SINCE_SPRING = [
    *(
        f"MCPServerInstallation.{name}: field"
        for name in ("template_id", "icon_key", "icon_domain", "scope", "is_owner", "tool_count")
    ),
    *(f"MCPServerInstallation.{name}: field" for name in ("last_synced_at", "last_sync_error")),
    *(f"query parameter {name}: parameter" for name in ("installation_id", "template_id", "return_path")),
    *(
        f"InstallCustom.{name}: field"
        for name in ("client_id", "client_secret", "scope", "team_enabled", "agent_scope", "return_path")
    ),
    *(f"{name}: operation" for name in ("install_template_create", "tools_retrieve", "tools_partial_update")),
    *(f"{name}: operation" for name in ("tools_refresh_create", "call_tool_create", "share_create")),
    *(f"{name}: operation" for name in ("unshare_create", "available_tools_retrieve", "mcp_servers_list")),
]
"""Where and what upstream has added since it published the API in spring 2026."""


def without_details(found: Findings) -> list[str]:
    return [line.partition(" (")[0] for _, line in found]


def test_the_published_document_lacks_what_upstream_has_added_since() -> None:
    found = report(ours(), upstream("published"))
    assert found.status == 1
    breaking = without_details(findings(found, "breaking"))
    assert set(breaking) == {f"{each} missing in upstream" for each in SINCE_SPRING} | {
        "query parameter server_id: required upstream"
    }


def test_the_published_document_has_what_upstream_has_removed_since() -> None:
    found = report(ours(), upstream("published"))
    assert findings(found, "non_breaking", "wording", "resolved") == [
        ("non_breaking", "MCPServerInstallation.server_id: required upstream"),
        ("non_breaking", "InstallCustom.oauth_provider_kind: field only in upstream (string, optional)"),
        ("resolved", "operation: prefix: upstream has it now"),
        ("resolved", "MCPServerInstallation.server_id: field: upstream has it now"),
        ("resolved", "MCPServerInstallation.description: required: upstream is the same now"),
        ("resolved", "MCPServerInstallation.auth_type: name: upstream is the same now"),
        ("resolved", "MCPServerInstallationCreate.description: field: upstream has it now"),
        ("resolved", "MCPServerInstallationCreate.auth_type: name: upstream is the same now"),
        ("resolved", "query parameter server_id: parameter: upstream has it now"),
    ]


def test_the_later_document_lacks_what_upstream_has_added_since() -> None:
    found = report(ours(), upstream("later"))
    assert found.status == 1
    assert without_details(findings(found, "breaking")) == [
        "MCPServerInstallation.last_synced_at: field missing in upstream",
        "MCPServerInstallation.last_sync_error: field missing in upstream",
        "InstallCustom.agent_scope: field missing in upstream",
        "InstallTemplate.agent_scope: field missing in upstream",
        # What these return was not known yet.
        "response 200.application/json: media type missing in upstream",
        "response 200.application/json: media type missing in upstream",
        "mcp_servers_list: operation missing in upstream",
    ]
    names = [each.operations for each in found.sections["breaking"] if each.where.startswith("response")]
    assert names == [("call_tool_create",), ("available_tools_retrieve",)]


def test_the_later_document_has_what_upstream_has_removed_since() -> None:
    found = report(ours(), upstream("later"))
    calls = {each.where for each in found.sections["non_breaking"] if each.operations == ("call_tool_create",)}
    assert calls == {"body", "CallToolRequest.tool_name", "response 403", "response 404"}
    assert findings(found, "wording", "resolved") == [
        ("resolved", "MCPServerInstallation.description: required: upstream is the same now"),
        ("resolved", "MCPServerInstallationCreate.description: field: upstream has it now"),
    ]
    others = [each for each in found.sections["non_breaking"] if each.where not in calls]
    assert [(each.where, each.what) for each in others] == [
        (f"{name}.agent_ids", "field only in upstream (array, optional)")
        for name in ("InstallCustom", "InstallTemplate")
    ]


@pytest.mark.parametrize(("here", "there"), list(permutations([ours(), *map(upstream, DOCUMENTS)], 2)))
def test_any_two_documents_can_be_compared(here: Document, there: Document) -> None:
    assert report(here, there).summary


# Equivalent documents.

EQUIVALENT: dict[str, list[tuple[str, Any]]] = {
    "null as an alternative": [
        (f"{ORDER}.properties.owner", {"anyOf": [{"type": "string", "format": "uuid"}, {"type": "null"}]}),
    ],
    "null in a list of types": [(f"{ORDER}.properties.owner", {"type": ["null", "string"], "format": "uuid"})],
    "null as an enum of only null": [
        ("components.schemas.NullEnum", {"enum": [None]}),
        (
            f"{ROW}.properties.seen_at",
            {"oneOf": [{"type": "string", "format": "date-time"}, {"$ref": "#/components/schemas/NullEnum"}]},
        ),
    ],
    "a reference instead of an allOf with one member": [
        (f"{ORDER}.properties.kind", {"$ref": "#/components/schemas/KindEnum", "default": "a"}),
    ],
    "an inline enum with a redundant length": [
        (f"{ORDER}.properties.kind", {"type": "string", "enum": ["b", "a"], "minLength": 1, "default": "a"}),
    ],
    "an enum without a type": [(f"{ROW}.properties.kind", {"enum": ["a", "b"]})],
    "an enum in two parts": [
        ("components.schemas.HalfEnum", {"enum": ["a"]}),
        (f"{ROW}.properties.kind", {"oneOf": [{"$ref": "#/components/schemas/HalfEnum"}, {"enum": ["b"]}]}),
        ("components.schemas.KindEnum.enum", ["a", "b"]),
        (f"{ROW}.properties.kind.oneOf.0.$ref", "#/components/schemas/KindEnum"),
    ],
    "an object without a type": [(f"{ROW}.type", GONE)],
    "a schema composed by allOf": [
        ("components.schemas.Base", {"type": "object", "properties": {"name": {"type": "string"}}}),
        (ORDER, {"allOf": [{"$ref": "#/components/schemas/Base"}, small()["components"]["schemas"]["Order"]]}),
    ],
    "an exclusive bound as a flag": [
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
        (f"{RESPONSE}.content", {"application/json; charset=utf-8": in_json("Row")["application/json"]})
    ],
    "a read-only field in a request": [(f"{ORDER}.properties.id", {"type": "string", "readOnly": True})],
    "a write-only field in a response": [(f"{ROW}.properties.key", {"type": "string", "writeOnly": True})],
    "a default in a response": [(f"{ROW}.properties.note.default", "")],
    "a parameter of the path item": [
        (f"{PARAMETERS}.0", GONE),
        ("paths.{}.parameters", [{"in": "path", "name": "project_id", "required": True, "schema": {"type": "string"}}]),
    ],
    "another name for a path parameter": [
        (f"{PARAMETERS}.0.name", "environment_id"),
        (f"paths.{BELOW.replace('project', 'environment')}/install/", small()["paths"][f"{BELOW}/install/"]),
        (
            f"paths.{BELOW.replace('project', 'environment')}/install/.post.parameters.0.name",
            "environment_id",
        ),
        ("paths.{}", GONE),
    ],
    "no trailing slash": [
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
    "a header that OpenAPI ignores as a parameter": [
        (f"{PARAMETERS}.2", {"in": "header", "name": "Accept", "schema": {"type": "string"}})
    ],
    "security of the whole document": [
        (f"{OPERATION}.security", GONE),
        ("security", [{"PersonalAPIKeyAuth": ["project:read"]}]),
    ],
    "texts of upstream's framework": [
        (f"{RESPONSE}.description", "No response body"),
        (f"{OPERATION}.summary", GONE),
        ("components.schemas.KindEnum.description", "* `a` - A\n* `b` - B"),
    ],
    "tags, examples and extensions": [
        (f"{OPERATION}.tags", ["a"]),
        (f"{ROW}.properties.note.example", "n"),
        (f"{OPERATION}.x-observed", {"status": 302}),
        ("servers", [{"url": "https://eu.posthog.com"}]),
    ],
    "the schema true for the empty one": [(f"{RESPONSE}.headers.X-Trace.schema", True)],
}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", EQUIVALENT)
def test_equivalent_documents_have_no_differences(name: str, version: str) -> None:
    there = VERSIONS[version](edited(small(), *EQUIVALENT[name]))
    assert findings(report(small(), there)) == []


def test_an_exclusive_bound_is_the_same_in_3_0_and_3_1() -> None:
    in_3_0 = edited(small(), (f"{PARAMETERS}.1.schema.exclusiveMinimum", True))
    in_3_1 = edited(small(), (f"{PARAMETERS}.1.schema.minimum", GONE), (f"{PARAMETERS}.1.schema.exclusiveMinimum", 1))
    assert findings(report(in_3_0, {**in_3_1, "openapi": "3.1.0"})) == []
    assert findings(report(small(), in_3_0)) == [
        ("breaking", "query parameter limit: exclusiveMinimum: none here, 1 upstream"),
        ("non_breaking", "query parameter limit: minimum: 1 here, none upstream"),
    ]


def test_a_blank_choice_is_a_value_of_the_enum() -> None:
    blank = {"oneOf": [{"$ref": "#/components/schemas/KindEnum"}, {"$ref": "#/components/schemas/BlankEnum"}]}
    there = edited(small(), ("components.schemas.BlankEnum", {"enum": [""]}), (f"{ROW}.properties.kind", blank))
    assert findings(report(small(), there)) == [("breaking", "Row.kind: enum: upstream allows ''")]


def test_alternatives_are_identified_by_name_and_not_by_order() -> None:
    either = [{"$ref": "#/components/schemas/Row"}, {"type": "string"}, {"type": "string", "format": "uuid"}]
    here = edited(small(), (f"{BODY}.content.application/json.schema", {"oneOf": either}))
    assert (
        findings(
            report(here, edited(here, (f"{BODY}.content.application/json.schema.oneOf", either[1::-1] + either[2:])))
        )
        == []
    )
    fewer = edited(here, (f"{BODY}.content.application/json.schema.oneOf", either[1:]))
    assert findings(report(here, fewer)) == [
        ("breaking", "body.application/json: type: upstream does not allow object"),
        ("breaking", "body.application/json.or Row: alternative missing in upstream (Row, object)"),
    ]
    assert findings(report(fewer, here)) == [
        ("non_breaking", "body.application/json: type: upstream allows object"),
        ("non_breaking", "body.application/json.or Row: alternative only in upstream (Row, object)"),
    ]


TEXT = {"type": "string", "maxLength": 200}
EITHER = {"oneOf": [TEXT, {"type": "integer"}]}
SHORT = {"oneOf": [{"type": "string", "maxLength": 2}, {"type": "string", "format": "uuid"}]}


@pytest.mark.parametrize(
    ("schema", "here", "there", "verdict"),
    [
        (ORDER, TEXT, EITHER, "non_breaking"),
        (ORDER, TEXT, SHORT, "breaking"),
        (ORDER, EITHER, TEXT, "breaking"),
        (ROW, TEXT, EITHER, "breaking"),
        (ROW, EITHER, TEXT, "non_breaking"),
        (ROW, SHORT, {"type": "integer"}, "breaking"),
    ],
)
def test_adding_the_first_alternatives_or_removing_the_last_depends_on_the_schema_before(
    schema: str, here: Document, there: Document, verdict: str
) -> None:
    found = report(*(edited(small(), (f"{schema}.properties.note", each)) for each in (here, there)))
    assert {each for each, line in findings(found) if "alternative" in line} == {verdict}


NUMBER: Document = {"type": "integer"}
PLAIN: Document = {"type": "string"}
NULL: Document = {"type": "null"}
FLAG: Document = {"type": "boolean"}
TYPE_LISTS: dict[str, tuple[Document, Document]] = {
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
    "keywords of one type": (
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
    "a list or a single item": (
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
    "strings in another order": (
        {"oneOf": [PLAIN, {**PLAIN, "format": "uuid"}, NUMBER]},
        {"oneOf": [{**PLAIN, "format": "uuid"}, NUMBER, PLAIN]},
    ),
}


@pytest.mark.parametrize("place", [f"{ORDER}.properties.name", f"{ROW}.properties.note"], ids=["request", "response"])
@pytest.mark.parametrize("name", TYPE_LISTS)
def test_a_list_of_types_equals_alternatives_of_one_type_each(name: str, place: str) -> None:
    one, other = (edited(small(), (place, schema)) for schema in TYPE_LISTS[name])
    assert findings(report(one, other)) == []
    assert findings(report(other, one)) == []


def test_an_added_type_is_reported_as_an_alternative() -> None:
    here, there = (
        edited(small(), (f"{ROW}.properties.note", schema)) for schema in (TEXT, {"type": ["integer", "string"]})
    )
    assert findings(report(here, there)) == [
        ("breaking", "Row.note.or integer: alternative only in upstream (integer)"),
        ("non_breaking", "Row.note: maxLength: 200 here, none upstream"),
    ]
    assert findings(report(there, here)) == [
        ("non_breaking", "Row.note: maxLength: none here, 200 upstream"),
        ("non_breaking", "Row.note.or integer: alternative missing in upstream (integer)"),
    ]


TEMPLATE: Document = {"type": "object", "required": ["template"], "properties": {"template": {"type": "string"}}}


def referring(name: str) -> Document:
    return {"$ref": f"#/components/schemas/{name}"}


def with_template(name: str, keyword: str = "oneOf", *, is_first: bool = True) -> list[tuple[str, Any]]:
    """Edits that let a request or response body be a Template as well."""
    both = [referring(name), referring("Template")][:: 1 if is_first else -1]
    place = BODY if name == "Order" else RESPONSE
    return [("components.schemas.Template", TEMPLATE), (f"{place}.content.application/json.schema", {keyword: both})]


@pytest.mark.parametrize("keyword", ["oneOf", "anyOf"])
@pytest.mark.parametrize("is_first", [True, False])
@pytest.mark.parametrize(
    ("name", "on_added", "on_removed"),
    [("Order", "non_breaking", "breaking"), ("Row", "breaking", "non_breaking")],
    ids=["request", "response"],
)
def test_an_alternative_to_an_object_is_compatible_in_requests_and_breaking_in_responses(
    name: str, on_added: str, on_removed: str, keyword: str, is_first: bool
) -> None:
    there = edited(small(), *with_template(name, keyword, is_first=is_first))
    assert findings(report(small(), there)) == [
        (on_added, f"{name}.or Template: alternative only in upstream (Template, object)")
    ]
    assert findings(report(there, small())) == [
        (on_removed, f"{name}.or Template: alternative missing in upstream (Template, object)")
    ]


def test_a_component_that_gets_alternatives_is_compared_with_the_matching_one() -> None:
    order = small()["components"]["schemas"]["Order"]
    edits = [("components.schemas.Template", TEMPLATE), (ORDER, {"oneOf": [referring("Template"), order]})]
    assert findings(report(small(), edited(small(), *edits))) == [
        ("non_breaking", "Order.or Template: alternative only in upstream (Template, object)")
    ]


@pytest.mark.parametrize(
    ("edits", "expected"),
    [
        (
            [(f"{ORDER}.properties.team", PLAIN)],
            [("non_breaking", "Order.team: field only in upstream (string, optional)")],
        ),
        (
            [(f"{ORDER}.properties.team", PLAIN), (f"{ORDER}.required.0", "team")],
            [("breaking", "Order.team: field only in upstream (string, required)")],
        ),
    ],
)
def test_changes_of_an_object_that_gets_an_alternative_are_reported_too(
    edits: list[tuple[str, Any]], expected: Findings
) -> None:
    there = edited(small(), *with_template("Order"), *edits)
    alternative = ("non_breaking", "Order.or Template: alternative only in upstream (Template, object)")
    assert findings(report(small(), there)) == [*expected, alternative]


def test_an_object_matches_the_alternative_of_its_name_before_another_that_fits() -> None:
    order = small()["components"]["schemas"]["Order"]
    more = {**order, "properties": {**order["properties"], "extra": PLAIN}}
    there = edited(small(), (f"{BODY}.content.application/json.schema", {"oneOf": [more, referring("Order")]}))
    assert findings(report(small(), there)) == [
        ("non_breaking", "Order.or object: alternative only in upstream (object)")
    ]


def test_a_required_field_is_required_in_each_of_its_alternatives() -> None:
    there = edited(small(), (f"{ORDER}.properties.name", EITHER))
    assert findings(report(small(), there)) == [
        ("non_breaking", "Order.name.or integer: alternative only in upstream (integer)")
    ]


def test_departures_of_an_alternative_and_around_it_are_accepted_where_upstream_has_no_alternatives() -> None:
    here = edited(departing({"upstream": {"closed": True}, "why": "It is open."}, place=ORDER), *with_template("Order"))
    here = edited(
        here,
        (
            f"{BODY}.content.application/json.x-departs",
            [{"upstream": {"not": "{}"}, "why": "Nothing is refused."}],
        ),
    )
    found = report(here, edited(small(), (f"{ORDER}.additionalProperties", False), (f"{ORDER}.not", {})))
    assert findings(found) == [("breaking", "Order.or Template: alternative missing in upstream (Template, object)")]
    assert {each.what for each in found.sections["accepted"]} == {"closed upstream", "not: none here, {} upstream"}


def test_alternatives_that_fit_the_former_response_are_non_breaking() -> None:
    row = small()["components"]["schemas"]["Row"]
    more = {**row, "properties": {**row["properties"], "team": PLAIN}}
    found = report(small(), edited(small(), (ROW, {"anyOf": [row, more]})))
    assert {verdict for verdict, _ in findings(found)} == {"non_breaking"}


def test_alternatives_that_all_former_requests_meet_are_non_breaking() -> None:
    there = edited(small(), (f"{ORDER}.anyOf", [{"required": ["owner"]}, {"required": ["name"]}]))
    assert {verdict for verdict, _ in findings(report(small(), there))} == {"non_breaking"}


def test_the_items_of_lists_and_maps_are_compared() -> None:
    held = {"list": {"type": "array", "items": {"type": "string"}}, "map": {"additionalProperties": {"type": "string"}}}
    here = edited(small(), *((f"{ROW}.properties.{name}", schema) for name, schema in held.items()))
    there = edited(
        here,
        (f"{ROW}.properties.list.items.format", "uuid"),
        (f"{ROW}.properties.map.additionalProperties", True),
    )
    assert findings(report(here, there)) == [
        ("breaking", "Row.map.{}: item missing in upstream (string)"),
        ("non_breaking", "Row.list[]: format: none here, uuid upstream"),
    ]


def test_a_recursive_schema_is_followed_once() -> None:
    below = {"type": "array", "items": {"$ref": "#/components/schemas/Row"}}
    tree = {"type": "object", "properties": {"leaf": {"type": "string"}, "below": below}}
    here = edited(small(), (ROW, tree))
    there = edited(here, (f"{ROW}.properties.leaf.nullable", True))
    assert findings(report(here, there)) == [("breaking", "Row.leaf: type: upstream allows null")]


@pytest.mark.parametrize(
    ("here", "there", "verdict"),
    [
        ([{"Key": ["a:write"]}], [{"Key": ["a:read"]}], "non_breaking"),
        ([{"Key": ["a:write"]}], [{"Key": ["a:read", "b:read"]}], "breaking"),
        ([{"Key": ["*"]}], [{"Key": ["a:write"]}], "non_breaking"),
        ([{"Key": ["a:read"]}], [{"Key": ["a:read"]}, {"Cookie": []}], "non_breaking"),
        ([{"Key": ["a:read"]}], [{"Key": ["a:read"], "Cookie": []}], "breaking"),
        ([{"Key": ["a:read"]}], [], "non_breaking"),
        ([], [{"Key": ["a:read"]}], "breaking"),
    ],
)
def test_a_change_of_security_is_breaking_if_a_former_key_is_no_longer_accepted(
    here: Any, there: Any, verdict: str
) -> None:
    found = report(*(edited(small(), (f"{OPERATION}.security", security)) for security in (here, there)))
    assert [each for each, _ in findings(found)] == [verdict]


# Prefixes, and documents of thousands of paths.


ENVIRONMENTS, PROJECTS = "/api/environments/{project_id}", "/api/projects/{project_id}"


def moved(document: Document, prefix: str) -> Document:
    """The paths of a document under another prefix, with other operationIds."""
    paths = json.dumps(document["paths"]).replace(ENVIRONMENTS, prefix).replace(PROJECTS, prefix)
    found: Document = json.loads(paths.replace('"mcp_server', '"other_mcp_server'))
    return found


def test_operations_under_two_prefixes_match_the_same_operation_of_ours() -> None:
    here = edited(small(), ("paths", small()["paths"] | catalogue(ENVIRONMENTS)))
    there = {**here, "paths": here["paths"] | moved(here, PROJECTS)}
    assert findings(report(here, there)) == []


def test_both_prefixes_of_the_newest_document_match_ours() -> None:
    there = upstream("now")
    there["paths"] |= moved(there, ENVIRONMENTS)
    assert findings(report(ours(), there)) == [("resolved", "operation: prefix: upstream has it now")]


def test_a_change_under_one_prefix_only_names_the_prefix() -> None:
    there = edited(small(), ("paths.{}.post.summary", "Put it in"))
    there["paths"] |= moved(small(), PROJECTS)
    (finding,) = report(small(), there).sections["wording"]
    assert finding.affected == ", in requests of all operations, only under /api/environments/{}"


def catalogue(prefix: str, tail: str = "/", **operation: Any) -> Document:
    """The paths of a document that has one operation of the catalogue."""
    return {f"{prefix}/mcp_servers{tail}": {"get": {"operationId": "mcp_servers_list", "responses": {}, **operation}}}


def with_catalogue(*arguments: Any, **operation: Any) -> Document:
    return edited(small(), ("paths", small()["paths"] | catalogue(*arguments, **operation)))


def test_the_catalogue_is_compared() -> None:
    here = with_catalogue(ENVIRONMENTS)
    assert findings(report(here, with_catalogue(ENVIRONMENTS, deprecated=True))) == [
        ("non_breaking", "operation: deprecated upstream")
    ]
    assert findings(report(here, small())) == [("breaking", "mcp_servers_list: operation missing in upstream")]
    assert findings(report(small(), here)) == [
        ("non_breaking", "mcp_servers_list: operation only in upstream (GET /mcp_servers/)")
    ]


def test_a_path_of_the_catalogue_is_not_the_same_path_of_the_installations() -> None:
    here = with_catalogue(ENVIRONMENTS, "/install/")
    there = edited(
        here, (f"paths.{ENVIRONMENTS}/mcp_servers/install/.post", small()["paths"][f"{BELOW}/install/"]["post"])
    )
    del there["paths"][f"{BELOW}/install/"]
    assert findings(report(here, there)) == [
        ("breaking", f"operation: path: POST {RESOURCE}/install/ here, POST /mcp_servers/install/ upstream")
    ]


def test_a_path_below_an_installation_is_not_one_of_the_catalogue() -> None:
    there = with_catalogue(f"{BELOW}/{{id}}")
    assert findings(report(with_catalogue(ENVIRONMENTS), there)) == [
        ("breaking", f"operation: path: GET /mcp_servers/ here, GET {RESOURCE}/{{}}/mcp_servers/ upstream")
    ]


def test_paths_of_other_resources_are_not_read() -> None:
    there = upstream("now")
    broken = {"get": {"operationId": "other", "parameters": [{"$ref": "#/nowhere"}], "responses": 7}}
    there["paths"] |= {f"{PROJECTS}/things_{number}/": broken for number in range(5000)}
    there["paths"] |= {
        f"{PROJECTS}/{name}/": broken for name in ("mcp_servers_old", "other_mcp_servers", "mcp_gateway")
    }
    assert findings(report(ours(), there)) == []


# Departures.


def departing(*records: Document, place: str = f"{ROW}.properties.id") -> Document:
    return edited(small(), (f"{place}.x-departs", list(records)))


def test_a_departure_is_accepted_while_upstream_is_as_recorded() -> None:
    here = departing({"upstream": {"format": "email"}, "why": "It is\n  a UUID."})
    found = report(here, edited(small(), (f"{ROW}.properties.id.format", "email")))
    assert findings(found) == []
    (accepted,) = found.sections["accepted"]
    assert (accepted.where, accepted.change.why) == ("Row.id", "It is a UUID.")
    assert found.status == 0


def test_a_departure_that_upstream_has_resolved_is_reported() -> None:
    here = departing({"upstream": {"format": "email"}, "why": "It is a UUID."})
    found = report(here, small())
    assert findings(found) == [("resolved", "Row.id: format: upstream is the same now")]
    assert found.status == 3


def test_a_value_other_than_recorded_is_reported_despite_a_departure() -> None:
    here = departing({"upstream": {"format": "email"}, "why": "It is a UUID."})
    found = report(here, edited(small(), (f"{ROW}.properties.id.format", "uri")))
    assert findings(found) == [("breaking", "Row.id: format: uuid here, uri upstream")]


def test_only_the_recorded_values_of_an_enum_are_accepted() -> None:
    here = departing({"upstream": {"enum": ["a", "b"]}, "why": "More may come."}, place=f"{ROW}.properties.open_kind")
    there = edited(small(), (f"{ROW}.properties.open_kind", {"type": "string", "enum": ["a", "b", "c"]}))
    found = report(here, there)
    assert findings(found) == [("non_breaking", "Row.open_kind: enum: upstream lists c")]
    assert findings(found, "accepted") == [("accepted", "Row.open_kind: enum: upstream does not allow any other value")]


def test_an_unpublished_part_is_accepted_until_upstream_publishes_it() -> None:
    here = departing({"upstream": {"present": False}, "why": "It is sent."}, place=f"{ROW}.properties.note")
    without = edited(small(), (f"{ROW}.properties.note", GONE))
    assert findings(report(here, without)) == []
    assert findings(report(here, small())) == [("resolved", "Row.note: field: upstream has it now")]


def test_a_part_left_out_is_accepted_until_upstream_removes_it() -> None:
    here = departing({"leaves_out": ["old"], "why": "It does nothing."}, place=ORDER)
    there = edited(small(), (f"{ORDER}.properties.old", {"type": "string"}))
    assert findings(report(here, there)) == []
    assert findings(report(here, small())) == [("resolved", "Order.old: part: upstream has removed it")]


def test_an_operation_left_out_is_accepted_until_upstream_removes_it() -> None:
    here = departing({"leaves_out": ["put"], "why": "It does nothing."}, place="paths.{}")
    there = edited(small(), ("paths.{}.put", {"operationId": "replace", "responses": {}}))
    assert findings(report(here, there)) == []
    assert findings(report(here, small())) == [
        ("resolved", "PUT /mcp_server_installations/install/: operation: upstream has removed it")
    ]


def test_a_replaced_schema_is_accepted_as_a_whole_until_upstream_has_ours() -> None:
    media = f"{BODY}.content.application/json"
    here = edited(
        departing({"instead_of": "Row", "why": "It is an order."}, place=media), (f"{ORDER}.properties.more", {})
    )
    assert findings(report(here, edited(small(), (f"{media}.schema.$ref", "#/components/schemas/Row")))) == []
    assert findings(report(here, small())) == [
        ("breaking", "Order.more: field missing in upstream (optional)"),
    ]
    assert findings(report(here, edited(small(), (f"{ORDER}.properties.more", {})))) == [
        ("resolved", "body.application/json: name: upstream is the same now")
    ]


def test_another_prefix_is_breaking_unless_it_is_recorded() -> None:
    there = {**small(), "paths": moved(small(), PROJECTS)}
    line = "operation: prefix: /api/environments/{} here, /api/projects/{} upstream"
    assert ("breaking", line) in findings(report(small(), there))
    assert ("breaking", line) in findings(report(moved_to("/api/v2/{id}"), there))
    found = report(moved_to(f"{PROJECTS}/"), there)
    assert findings(found, "breaking", "resolved") == []
    assert ("accepted", line) in findings(found, "accepted")


def moved_to(*prefixes: str) -> Document:
    """A document that records upstream's prefixes."""
    records = [{"upstream": {"prefix": prefix}, "why": f"It is found out, also {prefix}."} for prefix in prefixes]
    return {**small(), "x-departs": records}


def test_a_recorded_prefix_is_accepted_among_others() -> None:
    there = {**small(), "paths": moved(small(), PROJECTS) | moved(small(), "/api/v2/{project_id}")}
    for recorded in ([PROJECTS], ["/api/v2/{id}"], [PROJECTS, "/api/v3/{project_id}"]):
        assert findings(report(moved_to(*recorded), there), "breaking", "resolved") == []


@pytest.mark.parametrize("others", [{}, moved(small(), PROJECTS)], ids=["alone", "among others"])
def test_a_recorded_prefix_is_resolved_when_upstream_has_ours(others: Document) -> None:
    found = report(moved_to(PROJECTS), {**small(), "paths": small()["paths"] | others})
    assert findings(found) == [("resolved", "operation: prefix: upstream has it now")]
    assert found.status == 3


@pytest.mark.parametrize(
    "record",
    [
        {"upstream": {"format": "email"}, "why": "It is a UUID."},
        {"upstream": {"prefix": PROJECTS, "format": "email"}, "why": "It is a UUID."},
        {"upstream": {"prefix": [PROJECTS]}, "why": "It is found out."},
        {"upstream": {"prefix": PROJECTS}, "leaves_out": ["put"], "why": "It is found out."},
        {"leaves_out": ["put"], "why": "It does nothing."},
    ],
)
def test_the_root_can_only_record_a_prefix(record: Document) -> None:
    with pytest.raises(DocumentError, match=r"openapi.yaml: x-departs at the root needs"):
        report({**small(), "x-departs": [record]}, small())


# Reconstructed documents.


def test_the_descriptions_of_a_reconstructed_document_are_not_compared() -> None:
    here = departing({"upstream": {"description": "Its id."}, "why": "It is ours."})
    there = edited(
        here,
        (f"{ORDER}.properties.name.description", "Its name."),
        (f"{ROW}.description", "A row."),
        (f"{ROW}.properties.id.description", "Its id."),
        (f"{OPERATION}.summary", "Put it in"),
        (f"{OPERATION}.operationId", ADDED),
        (f"{ROW}.properties.note.format", "uri"),
        ("info.x-reconstructed", True),
    )
    found = report(here, there)
    assert found.title == "openapi.yaml 1.0.0 compared with upstream.json (OpenAPI 3.0.3, reconstructed)"
    assert findings(found, *found.sections) == [
        ("non_breaking", "Row.note: format: none here, uri upstream"),
        ("wording", f"operation: operationId: mcp_server_installations_install_create here, {ADDED} upstream"),
    ]
    published = report(here, edited(there, ("info.x-reconstructed", False)))
    assert len(findings(published, "wording", "accepted")) == 5
    assert "reconstructed" not in published.title


@pytest.mark.parametrize(
    "record",
    [
        {"upstream": {"prefix": PROJECTS}, "why": "It belongs at the root."},
        {"upstream": {"formt": "email"}, "why": "It is a UUID."},
        {"upstram": {"format": "email"}, "why": "It is a UUID."},
        {"upstream": {"format": "email"}},
        {"why": "It is a UUID."},
    ],
)
def test_an_invalid_departure_is_rejected(record: Document) -> None:
    with pytest.raises(DocumentError, match="x-departs"):
        report(departing(record), small())


# Invalid documents.


@pytest.mark.parametrize(
    ("edits", "message"),
    [
        (
            [(f"{ROW}.properties.kind.$ref", "#/components/schemas/Nothing")],
            "reference without a target: #/components/schemas/N",
        ),
        ([(f"{ROW}.properties.kind.$ref", "other.yaml#/Kind")], "reference to another document: other.yaml#/Kind"),
        ([(f"{ROW}.properties.kind", "text")], "expected a schema, not 'text'"),
        ([(f"{PARAMETERS}.0", "text")], "expected an object, not 'text'"),
        ([(f"{PARAMETERS}.0.in", GONE)], "invalid OpenAPI: KeyError: 'in'"),
        (
            [
                ("components.responses", {"A": {"$ref": "#/components/responses/A"}}),
                (RESPONSE, {"$ref": "#/components/responses/A"}),
            ],
            "circular references",
        ),
        ([("paths", {"/api/users/": {}})], "has no operation of mcp_server_installations"),
    ],
)
def test_an_invalid_document_is_rejected_with_one_line(edits: list[tuple[str, Any]], message: str) -> None:
    with pytest.raises(DocumentError) as caught:
        report(small(), edited(small(), *edits))
    assert str(caught.value).startswith("upstream.json: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_endless_nesting_is_rejected() -> None:
    endless: dict[str, Any] = {"type": "object"}
    endless["properties"] = {"below": endless}
    there = edited(small(), (f"{ROW}.properties.id", GONE))
    there["components"]["schemas"]["Row"]["properties"]["id"] = endless
    with pytest.raises(DocumentError, match="nested too deeply"):
        report(small(), there)
