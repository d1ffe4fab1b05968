"""openapi.yaml as its readers rely on it, beyond being valid OpenAPI (`nox -s document` sees to that)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openapi_schema_validator import OAS30Validator, oas30_format_checker

from ..support.document import DOCUMENT
from ..support.wire import installation

COMPONENTS = DOCUMENT["components"]
SCHEMAS = COMPONENTS["schemas"]
ROWS = "/api/environments/{project_id}/mcp_server_installations/"
CATALOGUE = "/api/environments/{project_id}/mcp_servers/"

# Operation: method, path, scope (docs/service.md, section 1), and its statuses.
COMMON = {401, 403, 404, 406, 429, 500, 503}
OPERATIONS = {
    "list": ("get", ROWS, "project:read", {200} | COMMON),
    "create": ("post", ROWS, "project:write", {201, 400, 405, 415} | COMMON),
    "retrieve": ("get", f"{ROWS}{{id}}/", "project:read", {200} | COMMON),
    "partial_update": ("patch", f"{ROWS}{{id}}/", "project:read", {200, 400, 415} | COMMON),
    "destroy": ("delete", f"{ROWS}{{id}}/", "project:read", {204} | COMMON),
    # Never 406: the proxy does not look at Accept (docs/service.md, section 7).
    "proxy_create": ("post", f"{ROWS}{{id}}/proxy/", "project:read", {200, 202, 400, 413, 415, 502} | COMMON - {406}),
    "authorize_retrieve": ("get", f"{ROWS}authorize/", "project:read", {200, 302, 400} | COMMON),
    "install_custom_create": ("post", f"{ROWS}install_custom/", "project:read", {200, 201, 400, 415} | COMMON),
    "install_template_create": ("post", f"{ROWS}install_template/", "project:read", {200, 201, 400, 415} | COMMON),
    "share_create": ("post", f"{ROWS}{{id}}/share/", "project:read", {200, 400, 409} | COMMON),
    "unshare_create": ("post", f"{ROWS}{{id}}/unshare/", "project:read", {200, 400, 409} | COMMON),
    "tools_retrieve": ("get", f"{ROWS}{{id}}/tools/", "project:read", {200} | COMMON),
    "tools_partial_update": ("patch", f"{ROWS}{{id}}/tools/{{tool_name}}/", "project:read", {200, 400, 415} | COMMON),
    "tools_refresh_create": ("post", f"{ROWS}{{id}}/tools/refresh/", "project:read", {200, 400, 502} | COMMON),
    "call_tool_create": ("post", f"{ROWS}{{id}}/call_tool/", "project:read", {200, 400, 415, 502} | COMMON),
    "available_tools_retrieve": ("get", f"{ROWS}available_tools/", "project:read", {200} | COMMON),
    "mcp_servers_list": ("get", CATALOGUE, "project:read", {200} | COMMON),
}
METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in DOCUMENT["paths"].items():
        for method in METHODS & item.keys():
            yield method, path, item[method]


def operation(name: str) -> dict[str, Any]:
    method, path, _, _ = OPERATIONS[name]
    found: dict[str, Any] = DOCUMENT["paths"][path][method]
    return found


def resolved(part: dict[str, Any]) -> dict[str, Any]:
    """The part that a `$ref` into components refers to."""
    while "$ref" in part:
        found: Any = DOCUMENT
        for key in part["$ref"].removeprefix("#/").split("/"):
            found = found[key]
        part = found
    return part


def everything(part: Any, where: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every object in the document with its path, except for the notes about upstream's document."""
    if isinstance(part, dict):
        yield where, part
    for key, value in part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ():
        if key != "x-departs":
            yield from everything(value, f"{where}/{key}")


def properties() -> Iterator[tuple[str, dict[str, Any]]]:
    for where, part in everything(SCHEMAS):
        if where.endswith("/properties"):
            yield from ((f"{where}/{name}", schema) for name, schema in part.items())


def faults(schema: dict[str, Any], value: Any) -> list[str]:
    validator = OAS30Validator({"allOf": [schema], "components": COMPONENTS}, format_checker=oas30_format_checker)
    return [error.message for error in validator.iter_errors(value)]


def reference(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


def test_the_document_is_of_the_published_ones_version() -> None:
    assert DOCUMENT["openapi"] == "3.0.3"


def test_there_are_these_operations_and_no_put() -> None:
    found = {
        part["operationId"].removeprefix("mcp_server_installations_"): (method, path)
        for method, path, part in operations()
    }
    assert found == {name: (method, path) for name, (method, path, _, _) in OPERATIONS.items()}
    assert "put" not in {method for method, _, _ in operations()}


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_asks_for_the_scope_that_the_service_asks_for(name: str) -> None:
    assert operation(name)["security"] == [{"PersonalAPIKeyAuth": [OPERATIONS[name][2]]}]


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_lists_every_status_of_the_service(name: str) -> None:
    assert {int(status) for status in operation(name)["responses"]} == OPERATIONS[name][3]


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_error_is_of_the_shared_schema_or_says_that_it_has_no_body(name: str) -> None:
    # Around the proxy the framework's errors are glued, and an MCP server's own come through.
    proxy = {"application/json": [reference("ErrorResponse"), reference("JSONRPCMessage")]}
    others = {"application/json": [reference("ErrorResponse")]}
    # `call_tool` gives a reason for these.
    refusal = {"application/json": [reference("CallToolError")]}
    for status, response in operation(name)["responses"].items():
        answer = resolved(response)
        if int(status) < 400:
            continue
        if "content" not in answer:
            assert "body is empty" in answer["description"]
            continue
        content = {kind: alternatives(media["schema"]) for kind, media in answer["content"].items()}
        assert content.pop("*/*", [reference("GluedError")]) == [reference("GluedError")]
        is_refusal = name == "call_tool_create" and status in {"403", "404"}
        assert content == (proxy if name == "proxy_create" else refusal if is_refusal else others)


def alternatives(schema: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = resolved(schema).get("anyOf", [schema])
    return found


def test_only_the_proxy_has_glued_errors() -> None:
    for name in OPERATIONS:
        kinds = {kind for each in operation(name)["responses"].values() for kind in resolved(each).get("content", {})}
        assert ("*/*" in kinds) == (name == "proxy_create")


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_and_its_parameters_and_responses_are_described(name: str) -> None:
    path = OPERATIONS[name][1]
    part = operation(name)
    parameters = [resolved(each) for each in [*DOCUMENT["paths"][path]["parameters"], *part.get("parameters", [])]]
    for described in [part, *parameters, *map(resolved, part["responses"].values())]:
        assert described["description"].strip()
    assert part["summary"].strip()
    assert all("example" in parameter for parameter in parameters)


@pytest.mark.parametrize(("where", "schema"), list(properties()))
def test_a_field_is_described(where: str, schema: dict[str, Any]) -> None:
    assert resolved(schema)["description"].strip()


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_is_described(name: str) -> None:
    assert SCHEMAS[name]["description"].strip()


def test_every_schema_response_parameter_and_header_is_used() -> None:
    used = {part["$ref"] for _, part in everything(DOCUMENT) if "$ref" in part}
    named = {f"#/components/{kind}/{name}" for kind, parts in COMPONENTS.items() for name in parts}
    assert named - used == {"#/components/securitySchemes/PersonalAPIKeyAuth"}


def test_there_are_the_published_names_of_schemas() -> None:
    published = {
        "MCPServerInstallation",
        "MCPServerInstallationAuthTypeEnum",
        "PaginatedMCPServerInstallationList",
        "PatchedMCPServerInstallationUpdate",
        "InstallCustom",
        "InstallCustomAuthTypeEnum",
        "InstallTemplate",
        "OAuthRedirectResponse",
        "PaginatedMCPServerInstallationToolList",
        "MCPServerInstallationTool",
        "MCPToolApprovalStateEnum",
        "PatchedToolApprovalUpdate",
        "CallToolRequest",
        "CallToolResponse",
        "AvailableToolsResponse",
        "PaginatedMCPServerTemplateList",
        "MCPServerTemplate",
    }
    assert published <= SCHEMAS.keys()


# Requests are closed.


@pytest.mark.parametrize(
    ("schema", "body", "fault"),
    [
        ("InstallCustom", {"auth_type": "none"}, "'none' is not one of"),
        ("InstallCustom", {"install_source": "twig"}, "'twig' is not one of"),
        ("InstallCustom", {"name": ""}, "non-empty"),
        ("InstallCustom", {"name": " \n"}, "does not match"),
        ("InstallCustom", {"name": "n" * 201}, "is too long"),
        ("InstallCustom", {"url": "https://mcp.example.com/" + "x" * 2048}, "is too long"),
        ("InstallCustom", {"description": None}, "None for not nullable"),
        ("MCPServerInstallationCreate", {"auth_type": "none"}, "'none' is not one of"),
        ("MCPServerInstallationCreate", {"server_id": "no-uuid"}, "is not a 'uuid'"),
        ("MCPServerInstallationCreate", {"display_name": "n" * 201}, "is too long"),
        ("PatchedMCPServerInstallationUpdate", {"display_name": "n" * 201}, "is too long"),
        ("PatchedMCPServerInstallationUpdate", {"is_enabled": None}, "None for not nullable"),
        ("InstallCustom", {"scope": "team"}, "'team' is not one of"),
        ("InstallCustom", {"agent_scope": None}, "None is not of type"),
        ("InstallTemplate", {"template_id": "linear"}, "is not a 'uuid'"),
        ("InstallTemplate", {"team_enabled": None}, "None for not nullable"),
        ("PatchedToolApprovalUpdate", {"approval_state": "allowed"}, "'allowed' is not one of"),
        ("CallToolRequest", {"tool_name": "n" * 201}, "is too long"),
        ("CallToolRequest", {"arguments": None}, "None for not nullable"),
    ],
)
def test_a_request_that_the_service_would_refuse_is_not_in_the_document(
    schema: str, body: dict[str, Any], fault: str
) -> None:
    fine = {"name": "n", "url": "https://mcp.example.com/mcp", "auth_type": "api_key", "template_id": ROW["id"]}
    fine |= {"tool_name": "add", "approval_state": "approved"}
    assert faults(reference(schema), fine) == []
    assert fault in "\n".join(faults(reference(schema), {**fine, **body}))


@pytest.mark.parametrize(
    ("schema", "required"),
    [
        ("InstallCustom", {"name", "url", "auth_type"}),
        ("MCPServerInstallationCreate", {"url"}),
        ("PatchedMCPServerInstallationUpdate", set()),
        ("InstallTemplate", {"template_id"}),
        ("PatchedToolApprovalUpdate", {"approval_state"}),
        ("CallToolRequest", {"tool_name"}),
    ],
)
def test_a_request_has_to_name_what_the_service_asks_for(schema: str, required: set[str]) -> None:
    assert set(SCHEMAS[schema].get("required", [])) == required


def test_the_proxy_takes_one_message_or_several_but_no_empty_ones() -> None:
    schema = operation("proxy_create")["requestBody"]["content"]["application/json"]["schema"]
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    refused: list[Any] = [{}, [], "text", 1, None, [1]]
    assert [faults(schema, body) for body in (message, [message, message])] == [[], []]
    assert all(faults(schema, body) for body in refused)


def test_requests_are_json_alone() -> None:
    # The service reads an `api_key` in a form as a project token (docs/service.md, section 0).
    bodies = {name: operation(name)["requestBody"] for name in OPERATIONS if "requestBody" in operation(name)}
    assert bodies.keys() == {
        *("create", "partial_update", "proxy_create", "install_custom_create", "install_template_create"),
        *("tools_partial_update", "call_tool_create"),
    }
    assert all((set(body["content"]), body["required"]) == ({"application/json"}, True) for body in bodies.values())


# Answers are open.

MISSING = object()
ROW = installation()
ADDED_BY_AUTUMN = {
    "template_id": None,
    "icon_key": "",
    "icon_domain": "",
    "scope": "personal",
    "is_owner": True,
    "tool_count": 0,
    "last_synced_at": None,
    "last_sync_error": "",
}
ROW_OF_AUTUMN = {name: value for name, value in {**ROW, **ADDED_BY_AUTUMN}.items() if name != "server_id"}


@pytest.mark.parametrize("row", [ROW, ROW_OF_AUTUMN])
def test_the_list_that_the_service_gives_is_in_the_document(row: dict[str, Any]) -> None:
    """The bodies of docs/service.md, section 11."""
    body = {"count": 1, "next": None, "previous": None, "results": [row]}
    assert faults(reference("PaginatedMCPServerInstallationList"), body) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("server_id", MISSING),
        ("updated_at", MISSING),
        ("updated_at", None),
        ("display_name", MISSING),
        ("description", MISSING),
        ("is_enabled", MISSING),
        ("auth_type", "none"),
        ("auth_type", "newer than this document"),
        ("url", ""),
        ("template_id", None),
        ("tool_count", 3),
        ("scope", "shared"),
        ("scope", "newer than this document"),
        ("last_synced_at", "2026-09-18T09:13:44.123456Z"),
        ("newer_than_this_document", [1]),
    ],
)
def test_a_row_of_an_older_or_later_service_is_in_the_document(field: str, value: object) -> None:
    row = {name: each for name, each in {**ROW, field: value}.items() if each is not MISSING}
    assert faults(reference("MCPServerInstallation"), row) == []


@pytest.mark.parametrize("field", ["id", "name", "url", "created_at", "proxy_url"])
def test_a_row_without_what_a_caller_can_not_do_without_is_not_in_the_document(field: str) -> None:
    row = {name: value for name, value in ROW.items() if name != field}
    assert faults(reference("MCPServerInstallation"), row) == [f"'{field}' is a required property"]


@pytest.mark.parametrize(
    "body",
    [
        {"type": "validation_error", "code": "required", "detail": "This field is required.", "attr": "name"},
        {"type": "server_error", "code": "error", "detail": "A.", "attr": None, "error_event_id": "x", "extra": [1]},
        {"type": "newer than this document", "code": "newer", "detail": "A."},
        {"detail": "Server not found"},
        {"error": "Installation needs re-authentication"},
        {},
    ],
)
def test_every_shape_of_the_services_errors_is_in_the_document(body: dict[str, Any]) -> None:
    assert faults(reference("ErrorResponse"), body) == []


@pytest.mark.parametrize(
    "body",
    [
        {"detail": "Tool 'add' requires approval in PostHog", "reason": "needs_approval"},
        {"detail": "A.", "reason": "newer than this document"},
        {"type": "invalid_request", "code": "not_found", "detail": "Not found.", "attr": None},
    ],
)
def test_every_shape_of_a_refused_call_is_in_the_document(body: dict[str, Any]) -> None:
    assert faults(reference("CallToolError"), body) == []


@pytest.mark.parametrize("input_schema", [{"type": "object"}, {}, [], True, "text", 1, None])
def test_the_input_schema_of_a_tool_is_any_json(input_schema: object) -> None:
    tool = {"id": ROW["id"], "tool_name": "add", "approval_state": "approved", "created_at": ROW["created_at"]}
    assert faults(reference("MCPServerInstallationTool"), {**tool, "input_schema": input_schema}) == []
    assert faults(reference("MCPServerInstallationTool"), tool) == ["'input_schema' is a required property"]


def test_an_mcp_servers_own_error_is_in_the_document() -> None:
    body = {"jsonrpc": "2.0", "id": None, "error": {"code": -32600, "message": "Session not found"}}
    assert faults(reference("ProxyError"), body) == []


def open_schemas() -> Iterator[str]:
    return (name for name, schema in SCHEMAS.items() if schema.get("type") == "object")


@pytest.mark.parametrize("name", list(open_schemas()))
def test_no_object_is_closed_to_fields_of_a_later_service(name: str) -> None:
    assert SCHEMAS[name].get("additionalProperties", True) is True


def schemas_below(part: Any) -> set[str]:
    """The names of the schemas that a part refers to, and of those that these refer to."""
    found: set[str] = set()
    remaining = [part]
    while remaining:
        for _, below in everything(remaining.pop()):
            reference = below.get("$ref", "")
            name = reference.rpartition("/")[2]
            if reference.startswith("#/components/schemas/") and name not in found:
                found.add(name)
                remaining.append(SCHEMAS[name])
            elif reference.startswith("#/components/responses/"):
                remaining.append(resolved(below))
    return found


RESPONSES = sorted(schemas_below([part["responses"] for _, _, part in operations()]))
ENUMS = {name for name, schema in SCHEMAS.items() if "enum" in schema}


@pytest.mark.parametrize("name", [name for name in RESPONSES if name not in ENUMS])
def test_no_response_holds_a_closed_enum(name: str) -> None:
    for where, part in everything(SCHEMAS[name]):
        assert "enum" not in part, where
        enums = [each for each in (reference(enum) for enum in ENUMS) if each in part.get("anyOf", [])]
        assert not enums or part["anyOf"] == [*enums, {"type": "string"}], where
        assert part.get("$ref", "").rpartition("/")[2] not in ENUMS or "/anyOf/" in where, where


def test_the_enums_of_responses_are_these() -> None:
    assert ENUMS & set(RESPONSES) == {
        "MCPServerInstallationAuthTypeEnum",
        "MCPServerInstallationScopeEnum",
        "MCPToolApprovalStateEnum",
    }


# The examples.


def examples() -> Iterator[Any]:
    """Every example with the schema it is an example of: those of media types, parameters, headers and schemas."""
    for where, part in everything(DOCUMENT):
        if "example" in part and not where.endswith("/properties"):
            schema = {key: value for key, value in part.get("schema", part).items() if key != "example"}
            yield pytest.param(schema, part["example"], id=where.rpartition("installations")[2] or where)


@pytest.mark.parametrize(("schema", "example"), list(examples()))
def test_an_example_is_of_its_schema(schema: dict[str, Any], example: object) -> None:
    assert faults(schema, example) == []


def test_a_row_of_examples_is_a_row() -> None:
    fields = SCHEMAS["MCPServerInstallation"]["properties"]
    assert faults(reference("MCPServerInstallation"), {name: field["example"] for name, field in fields.items()}) == []
    assert fields.keys() == ROW.keys() | ROW_OF_AUTUMN.keys()
