"""Known differences of the real service, and of the embedded one, from the document.

Each difference switches one check off, for exactly the cases it is about, and names the section of docs/service.md that
describes it. All other checks stay on.
"""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from openapi_schema_validator import OAS30Validator, oas30_format_checker
from schemathesis import Response
from schemathesis.checks import CheckFunction, not_a_server_error
from schemathesis.core import NOT_SET
from schemathesis.specs.openapi.checks import (
    allow_header_conformance,
    negative_data_rejection,
    positive_data_acceptance,
    response_schema_conformance,
)

from ..support.document import DOCUMENT
from .application import AUTHORIZE, EVENTS, AnyCase, application, is_positive, operation_id

COMPONENTS = DOCUMENT["components"]

CREATE = "mcp_server_installations_create"
PATCH = "mcp_server_installations_partial_update"
INSTALL = "mcp_server_installations_install_custom_create"
PROXY = "mcp_server_installations_proxy_create"
LIST = "mcp_server_installations_list"
INSTALL_TEMPLATE = "mcp_server_installations_install_template_create"
UPDATE_TOOL = "mcp_server_installations_tools_partial_update"
LIST_TOOLS = "mcp_server_installations_tools_retrieve"
SHARE = "mcp_server_installations_share_create"
UNSHARE = "mcp_server_installations_unshare_create"
REFRESH_TOOLS = "mcp_server_installations_tools_refresh_create"
CALL_TOOL = "mcp_server_installations_call_tool_create"

BODIES = {
    CREATE: "MCPServerInstallationCreate",
    PATCH: "PatchedMCPServerInstallationUpdate",
    INSTALL: "InstallCustom",
    INSTALL_TEMPLATE: "InstallTemplate",
    UPDATE_TOOL: "PatchedToolApprovalUpdate",
    CALL_TOOL: "CallToolRequest",
}
DISPLAY_NAME_COLUMN = 200
UNREAD_FIELDS = {
    ("2026-04", INSTALL): {"client_id", "client_secret", "scope", "team_enabled", "agent_scope", "return_path"},
    ("2026-09", CREATE): {"server_id"},
}
STRICTER_CEILING = "A team admin set a stricter ceiling for this tool."
WORDS = {
    **dict.fromkeys(("t", "y", "yes", "true", "on", "1"), True),
    **dict.fromkeys(("f", "n", "no", "false", "off", "0"), False),
}


def checks_to_skip(case: AnyCase, response: Response) -> list[CheckFunction]:
    return [check for is_seen, check in DIFFERENCES if is_seen(case, response)]


def create_is_not_there(case: AnyCase, response: Response) -> bool:
    """Create is documented, and responds with 405 and an empty body (docs/service.md, sections 0 and 9)."""
    return operation_id(case) == CREATE and (response.status_code, response.content) == (405, b"")


def any_window_is_taken(case: AnyCase, response: Response) -> bool:
    """A limit or offset that can't be used counts as not given, and is never a 400 (docs/service.md, section 3)."""
    return operation_id(case) == LIST and is_positive(case, "path") and response.status_code == 200


def fields_are_converted(case: AnyCase, response: Response) -> bool:
    """The framework converts before it checks: numbers to text, words and numbers to booleans, outer spaces away
    (docs/service.md, section 5, and the field types of section 2.1).

    Seen only where the converted body is one that the document allows.
    """
    name = BODIES.get(operation_id(case))
    if name is None or not isinstance(case.body, dict) or not is_positive(case, "path"):
        return False
    return is_in_document(name, converted(name, case.body))


def put_is_not_documented(case: AnyCase, response: Response) -> bool:
    """PUT is routed and answers 405, so that the document leaves it out (docs/service.md, sections 5 and 8)."""
    return "PUT" in response.headers.get("allow", [""])[0]


def no_body_is_an_empty_object(case: AnyCase, response: Response) -> bool:
    """PATCH with an empty object is a 200 (docs/service.md, section 5), and the framework reads no body as one."""
    return operation_id(case) == PATCH and is_positive(case, "path") and case.body is NOT_SET


def long_name_breaks_the_column(case: AnyCase, response: Response) -> bool:
    """PATCH does not check the length of `display_name`, its column does: 500 (docs/service.md, section 5)."""
    if operation_id(case) != PATCH or response.status_code != 500 or not isinstance(case.body, dict):
        return False
    return len(str(case.body["display_name"]).strip()) > DISPLAY_NAME_COLUMN


def mcp_server_is_down(case: AnyCase, response: Response) -> bool:
    """502 tells of the MCP server behind the service, not of a fault of the service (docs/service.md, section 2.3)."""
    return operation_id(case) in (PROXY, REFRESH_TOOLS, CALL_TOOL) and response.status_code == 502


def authorize_wants_one_id(case: AnyCase, response: Response) -> bool:
    """Each of the three ids is optional in the document, and which one is required depends on the version
    (docs/service.md, section 8)."""
    if operation_id(case) != AUTHORIZE or response.status_code != 400:
        return False
    error = response.json()
    return bool(error.get("attr") == "server_id" or error["detail"].startswith("Pass exactly one of "))


def state_refuses(case: AnyCase, response: Response) -> bool:
    """A request that the document allows may not fit the installation, the template or the team's policy: these are
    400s, most of them of a view's shape (docs/service.md, sections 2.2 and 10)."""
    if operation_id(case) not in (AUTHORIZE, INSTALL_TEMPLATE, REFRESH_TOOLS, SHARE, UNSHARE, UPDATE_TOOL):
        return False
    error = response.json() if response.status_code == 400 else {}
    return list(error) == ["detail"] or str(error.get("detail")).startswith(STRICTER_CEILING)


def any_filter_is_taken(case: AnyCase, response: Response) -> bool:
    """`include_removed` is 1 or as good as not sent, and never a 400 (docs/service.md, section 10)."""
    return operation_id(case) == LIST_TOOLS and is_positive(case, "path") and response.status_code == 200


def fields_of_another_time_are_ignored(case: AnyCase, response: Response) -> bool:
    """Neither version reads the fields that only the other one has (docs/service.md, section 8)."""
    unread = UNREAD_FIELDS.get((application.version, operation_id(case)))
    if unread is None or not isinstance(case.body, dict) or not is_positive(case, "path"):
        return False
    name = BODIES[operation_id(case)]
    return is_in_document(name, converted(name, {key: case.body[key] for key in case.body.keys() - unread}))


def arguments_are_any_json(case: AnyCase, response: Response) -> bool:
    """The arguments of a call go to the MCP server unchecked, unless they are null (docs/service.md, section 10)."""
    if operation_id(case) != CALL_TOOL or not isinstance(case.body, dict) or not is_positive(case, "path"):
        return False
    body = {**case.body, "arguments": {}} if case.body.get("arguments") is not None else case.body
    return is_in_document(BODIES[CALL_TOOL], converted(BODIES[CALL_TOOL], body))


def mcp_server_judges(case: AnyCase, response: Response) -> bool:
    """What the proxy refuses is no JSON, an empty body or a scalar; items of an array and the session's id are the
    MCP server's to judge (docs/service.md, sections 2.3 and 7)."""
    is_passed_on = isinstance(case.body, dict | list) and bool(case.body)
    return operation_id(case) == PROXY and is_positive(case, "path") and is_passed_on


def glued_error_is_no_json(case: AnyCase, response: Response) -> bool:
    """The framework's errors on the proxy are the glued names of their fields as `*/*` (docs/service.md, section 0),
    and what is of no type schemathesis reads as JSON. Seen only where the body is right: this is its check.
    """
    return (
        operation_id(case) == PROXY
        and response.headers["content-type"] == ["*/*; charset=utf-8"]
        and response.content in {b"typecodedetailattr", b"typecodedetailattrerror_event_id"}
    )


def event_stream_is_one_text(case: AnyCase, response: Response) -> bool:
    """schemathesis holds each event of a stream against the schema, which in OpenAPI 3.0 is that of the whole body. The
    stream is passed on as it is, always with status 200 (docs/service.md, section 7)."""
    return (
        operation_id(case) == PROXY
        and response.headers["content-type"] == ["text/event-stream; charset=utf-8"]
        and (response.status_code, response.content) == (200, EVENTS)
    )


Difference = tuple[Callable[[AnyCase, Response], bool], CheckFunction]
DIFFERENCES: list[Difference] = [
    (create_is_not_there, positive_data_acceptance),
    (any_window_is_taken, negative_data_rejection),
    (fields_are_converted, negative_data_rejection),
    (put_is_not_documented, allow_header_conformance),
    (no_body_is_an_empty_object, negative_data_rejection),
    (long_name_breaks_the_column, not_a_server_error),
    (mcp_server_is_down, not_a_server_error),
    (authorize_wants_one_id, positive_data_acceptance),
    (state_refuses, positive_data_acceptance),
    (any_filter_is_taken, negative_data_rejection),
    (fields_of_another_time_are_ignored, negative_data_rejection),
    (arguments_are_any_json, negative_data_rejection),
    (mcp_server_judges, negative_data_rejection),
    (glued_error_is_no_json, response_schema_conformance),
    (event_stream_is_one_text, response_schema_conformance),
]


def converted(name: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    properties = COMPONENTS["schemas"][name]["properties"]
    return {key: convert(properties.get(key, {}), value) for key, value in fields.items()}


def convert(schema: Mapping[str, Any], value: object) -> object:
    """A value as the framework's field of that type understands it; one it can't convert stays as it is."""
    if schema.get("type") == "boolean":
        return WORDS.get(str(value).strip().lower(), value)
    if schema.get("format") == "uuid" and isinstance(value, str | int):
        try:
            return str(UUID(str(value)))
        except ValueError:
            return value
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        return str(value).strip()
    return value


def is_in_document(name: str, body: object) -> bool:
    schema = {"allOf": [{"$ref": f"#/components/schemas/{name}"}], "components": COMPONENTS}
    return not list(OAS30Validator(schema, format_checker=oas30_format_checker).iter_errors(body))
