"""Known differences of the real service, and of the embedded one, from the document.

Each difference switches one check off, for exactly the cases it is about, and names the section of docs/service.md that
describes it. All other checks stay on.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import yaml
from openapi_schema_validator import OAS30Validator, oas30_format_checker
from schemathesis import Response
from schemathesis.checks import CheckFunction, not_a_server_error
from schemathesis.core import NOT_SET
from schemathesis.specs.openapi.checks import (
    negative_data_rejection,
    positive_data_acceptance,
    response_schema_conformance,
)

from .application import EVENTS, AnyCase, is_positive, operation_id

DOCUMENT_PATH = Path(__file__).parents[2] / "openapi.yaml"
COMPONENTS = yaml.safe_load(DOCUMENT_PATH.read_text())["components"]

CREATE = "mcp_server_installations_create"
PATCH = "mcp_server_installations_partial_update"
INSTALL = "mcp_server_installations_install_custom_create"
PROXY = "mcp_server_installations_proxy_create"
LIST = "mcp_server_installations_list"

BODIES = {CREATE: "MCPServerInstallationCreate", PATCH: "PatchedMCPServerInstallationUpdate", INSTALL: "InstallCustom"}
DISPLAY_NAME_COLUMN = 200
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


def no_body_is_an_empty_object(case: AnyCase, response: Response) -> bool:
    """PATCH with an empty object is a 200 (docs/service.md, section 5), and the framework reads no body as one."""
    return operation_id(case) == PATCH and is_positive(case, "path") and case.body is NOT_SET


def long_name_breaks_the_column(case: AnyCase, response: Response) -> bool:
    """PATCH does not check the length of `display_name`, its column does: 500 (docs/service.md, section 5)."""
    if operation_id(case) != PATCH or response.status_code != 500 or not isinstance(case.body, dict):
        return False
    return len(str(case.body["display_name"]).strip()) > DISPLAY_NAME_COLUMN


def mcp_server_is_down(case: AnyCase, response: Response) -> bool:
    """502 is about the MCP server behind the proxy, not a fault of the service (docs/service.md, section 2.3)."""
    return operation_id(case) == PROXY and response.status_code == 502


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
    (no_body_is_an_empty_object, negative_data_rejection),
    (long_name_breaks_the_column, not_a_server_error),
    (mcp_server_is_down, not_a_server_error),
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
