"""The embedded service responds as openapi.yaml promises, to requests that follow it and to those that do not."""

from collections.abc import Mapping
from typing import Any

import pytest
import schemathesis
from hypothesis import strategies

from ..support.document import DOCUMENT_PATH
from .application import (
    MCP_SERVER,
    OAUTH_SERVER_ID,
    ROW_IDS,
    TEMPLATE_IDS,
    AnyCase,
    Version,
    application,
    operation_id,
)
from .known_differences import PROXY, checks_to_skip

CONFIGURATION = {
    "seed": 1,
    # Nothing outside the checkout decides which cases there are: no database of earlier runs, no cache.
    "cache": {"enabled": False},
    "generation": {
        "mode": "all",
        "deterministic": True,
        "database": "none",
        "max-examples": 25,
        # Every failure says how to repeat it; the smallest one that fails is not worth minutes.
        "no-shrink": True,
        # The framework stores no text with a NUL character, and JSON schema has no word for that.
        "allow-x00": False,
    },
}

schema = schemathesis.openapi.from_path(DOCUMENT_PATH, config=schemathesis.Config.from_dict(CONFIGURATION))
schema.app = application

# A document can only say `uri`, and generated ones have any scheme and lead anywhere. The service takes http and https,
# and hosts that are neither local nor private (docs/service.md, section 2.2).
schemathesis.openapi.format(
    "uri",
    # A choice among some: drawn from a regular expression, they took most of the time of all tests here.
    strategies.sampled_from(
        [
            f"{scheme}://{host}.example.org{port}{path}"
            for scheme in ("http", "https")
            for host in ("a", "mcp", "calendar")
            for port in ("", ":8000", ":8999")
            for path in ("", "/", "/mcp", "/mcp-2/sse/")
        ]
    ),
)

# What the document describes and the service of spring 2026 lacks, or has in another form (docs/service.md, section 8).
LATER = [
    "mcp_servers_list",
    *(
        f"mcp_server_installations_{name}"
        for name in (
            "install_template_create",
            "tools_retrieve",
            "tools_partial_update",
            "tools_refresh_create",
            "call_tool_create",
            "share_create",
            "unshare_create",
            "available_tools_retrieve",
        )
    ),
]

PROXY_TYPES = {"application/json", "text/event-stream; charset=utf-8", "*/*; charset=utf-8"}


@schema.parametrize()
def test_every_answer_is_one_that_the_document_promises(case: AnyCase) -> None:
    check(case, application.set(case, version="2026-09"))


@schema.exclude(operation_id=LATER).parametrize()
def test_so_is_every_answer_of_an_instance_of_spring_2026(case: AnyCase) -> None:
    check(case, application.set(case, version="2026-04"))


def check(case: AnyCase, headers: Mapping[str, str]) -> int:
    """Send a case, check the response against the document, and return the status."""
    response = application.call(case, headers)
    case.validate_response(response, headers=dict(headers), excluded_checks=checks_to_skip(case, response))
    if operation_id(case) == PROXY:
        # The document says `*/*` of the glued errors because the service does, and every type is one of those.
        assert response.headers["content-type"][0] in PROXY_TYPES
    return response.status_code


MESSAGE = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
CALL = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "add"}}
KEY_INSTALL = {"name": "New", "url": f"{MCP_SERVER}/new", "auth_type": "api_key"}
OAUTH_INSTALL = {**KEY_INSTALL, "auth_type": "oauth"}
NO_PROJECT = {"path_parameters": {"project_id": "999"}}
UNKNOWN = {"path_parameters": {"id": str(OAUTH_SERVER_ID)}}
NO_KEY = {"headers": {"Authorization": ""}}
TEXT = {"headers": {"Content-Type": "text/plain"}}


def row(number: int) -> dict[str, Any]:
    """One of the rows of the prepared service, by its number."""
    return {"path_parameters": {"id": str(ROW_IDS[number])}}


def named(tool: str) -> dict[str, Any]:
    return {"path_parameters": {"tool_name": tool}}


# Of each operation, the answers that say most about it, each with a request that gets it. What is generated gets there
# by chance.
ANSWERS: list[tuple[str, int, dict[str, Any]]] = [
    ("list", 200, {}),
    ("list", 401, NO_KEY),
    ("list", 404, NO_PROJECT),
    ("create", 201, {"body": {"url": f"{MCP_SERVER}/new"}}),
    ("create", 400, {"body": {}}),
    ("create", 401, {"body": {}, **NO_KEY}),
    ("create", 405, {"body": {"url": f"{MCP_SERVER}/new"}}),
    ("create", 415, {"body": {"url": f"{MCP_SERVER}/new"}, **TEXT}),
    ("retrieve", 200, {}),
    ("retrieve", 401, NO_KEY),
    ("retrieve", 404, UNKNOWN),
    ("partial_update", 200, {"body": {"is_enabled": False}}),
    ("partial_update", 400, {"body": {"is_enabled": None}}),
    ("partial_update", 401, {"body": {}, **NO_KEY}),
    ("partial_update", 404, {"body": {}, **UNKNOWN}),
    ("partial_update", 415, {"body": {}, **TEXT}),
    ("partial_update", 500, {"body": {"display_name": "x" * 201}}),
    ("destroy", 204, {}),
    ("destroy", 401, NO_KEY),
    ("destroy", 404, UNKNOWN),
    ("proxy_create", 200, {"body": MESSAGE}),
    ("proxy_create", 200, {"body": [MESSAGE, MESSAGE], **row(1)}),
    ("proxy_create", 200, {"body": MESSAGE, **row(2)}),
    ("proxy_create", 202, {"body": MESSAGE, **row(3)}),
    ("proxy_create", 400, {"body": []}),
    ("proxy_create", 401, {"body": MESSAGE, **NO_KEY}),
    ("proxy_create", 401, {"body": MESSAGE, **row(6)}),
    ("proxy_create", 401, {"body": MESSAGE, **row(9)}),
    ("proxy_create", 403, {"body": MESSAGE, **row(7)}),
    ("proxy_create", 404, {"body": MESSAGE, **UNKNOWN}),
    ("proxy_create", 404, {"body": MESSAGE, **row(4)}),
    ("proxy_create", 415, {"body": MESSAGE, **TEXT}),
    ("proxy_create", 502, {"body": MESSAGE, **row(5)}),
    ("authorize_retrieve", 400, {"query": {}}),
    ("authorize_retrieve", 401, NO_KEY),
    ("install_custom_create", 200, {"body": OAUTH_INSTALL}),
    ("install_custom_create", 201, {"body": KEY_INSTALL}),
    ("install_custom_create", 400, {"body": {}}),
    ("install_custom_create", 401, {"body": KEY_INSTALL, **NO_KEY}),
    ("install_custom_create", 404, {"body": KEY_INSTALL, **NO_PROJECT}),
    ("install_custom_create", 415, {"body": KEY_INSTALL, **TEXT}),
]
OF_2026_04: list[tuple[str, int, dict[str, Any]]] = [
    ("authorize_retrieve", 302, {"query": {"server_id": str(OAUTH_SERVER_ID)}}),
    ("authorize_retrieve", 404, {"query": {"server_id": str(ROW_IDS[0])}}),
]
OF_2026_09: list[tuple[str, int, dict[str, Any]]] = [
    ("partial_update", 403, {"body": {}, **row(11)}),
    ("destroy", 204, row(11)),
    ("proxy_create", 200, {"body": CALL}),
    ("proxy_create", 200, {"body": {**CALL, "params": {"name": "sell"}}}),
    ("authorize_retrieve", 200, {"query": {"installation_id": str(ROW_IDS[3]), "install_source": "posthog-code"}}),
    ("authorize_retrieve", 302, {"query": {"template_id": str(TEMPLATE_IDS[1])}}),
    ("authorize_retrieve", 404, {"query": {"installation_id": str(OAUTH_SERVER_ID)}}),
    ("install_template_create", 200, {"body": {"template_id": str(TEMPLATE_IDS[1])}}),
    ("install_template_create", 201, {"body": {"template_id": str(TEMPLATE_IDS[0]), "api_key": "key"}}),
    ("install_template_create", 400, {"body": {"template_id": str(TEMPLATE_IDS[0])}}),
    ("install_template_create", 404, {"body": {"template_id": str(OAUTH_SERVER_ID)}}),
    ("tools_retrieve", 200, {"query": {"include_removed": "1"}}),
    ("tools_retrieve", 404, UNKNOWN),
    ("tools_partial_update", 200, {"body": {"approval_state": "do_not_use"}}),
    ("tools_partial_update", 400, {"body": {}}),
    ("tools_partial_update", 400, {"body": {"approval_state": "approved"}, **named("drop")}),
    ("tools_partial_update", 403, {"body": {"approval_state": "approved"}, **row(11)}),
    ("tools_partial_update", 404, {"body": {"approval_state": "approved"}, **named("unknown")}),
    ("tools_refresh_create", 200, {}),
    ("tools_refresh_create", 400, row(7)),
    ("tools_refresh_create", 403, row(11)),
    ("tools_refresh_create", 502, row(5)),
    ("call_tool_create", 200, {"body": {"tool_name": "add", "arguments": {"a": 1}}}),
    ("call_tool_create", 400, {"body": {}}),
    ("call_tool_create", 401, {"body": {"tool_name": "add"}, **row(9)}),
    ("call_tool_create", 403, {"body": {"tool_name": "sell"}}),
    ("call_tool_create", 403, {"body": {"tool_name": "add"}, **row(7)}),
    ("call_tool_create", 404, {"body": {"tool_name": "unknown"}}),
    ("call_tool_create", 404, {"body": {"tool_name": "add"}, **UNKNOWN}),
    ("share_create", 200, {}),
    ("share_create", 400, row(10)),
    ("unshare_create", 200, row(11)),
    ("unshare_create", 400, {}),
    ("available_tools_retrieve", 200, {}),
    ("available_tools_retrieve", 401, NO_KEY),
    ("mcp_servers_list", 200, {}),
    ("mcp_servers_list", 404, NO_PROJECT),
]
ANSWERS_BY_VERSION = [
    *(("2026-04", *answer) for answer in ANSWERS + OF_2026_04),
    *(("2026-09", *answer) for answer in ANSWERS + OF_2026_09),
]


@pytest.mark.parametrize(("version", "operation", "status", "request_"), ANSWERS_BY_VERSION)
def test_every_answer_worth_a_word_is_given_and_is_as_promised(
    version: Version, operation: str, status: int, request_: dict[str, Any]
) -> None:
    headers = application.prepare(version=version, create_works=status != 405)
    headers = {**headers, **request_.get("headers", {})}
    path_parameters = {
        "project_id": "@current",
        "id": str(ROW_IDS[0]),
        "tool_name": "add",
        **request_.get("path_parameters", {}),
    }
    name = operation if operation == "mcp_servers_list" else f"mcp_server_installations_{operation}"
    generated = schema.find_operation_by_id(name)
    case = generated.Case(**{**request_, "headers": {}, "path_parameters": path_parameters})

    assert check(case, headers) == status
