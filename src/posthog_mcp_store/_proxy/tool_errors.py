"""From a refused or failed tool call to the ToolCallError that is raised. Pure."""

import ast
import re
from collections.abc import Mapping
from contextlib import suppress
from uuid import UUID

from .._core.errors import (
    APIStatusError,
    BatchRejectedError,
    NotFoundError,
    PermissionDeniedError,
    ToolApprovalRequiredError,
    ToolCallError,
    ToolDisabledError,
    ToolNotFoundError,
    UpstreamError,
)
from .._core.response import JSON, Response
from .requests import Message, SentRequests

REFUSALS: dict[int, tuple[type[ToolCallError], str]] = {
    -32000: (
        BatchRejectedError,
        "Batch rejected: it contains a tool call that requires approval or is disabled; send items individually",
    ),
    -32001: (ToolApprovalRequiredError, "Tool '(?P<tool>.*)' requires approval before it can be called"),
    -32002: (ToolDisabledError, "Tool '(?P<tool>.*)' (has been disabled by the user|is blocked by team policy)"),
    -32601: (
        ToolNotFoundError,
        (
            "Tool '(?P<tool>.*)' is (not registered for this installation|no longer available on the upstream server)|"
            "tools/call missing 'name' parameter"
        ),
    ),
}
"""PostHog's own refusals of tool calls, by wording (docs/service.md, section 7): servers use the codes too."""
BY_REASON: dict[str, tuple[type[APIStatusError], type[ToolCallError], int]] = {
    "needs_approval": (PermissionDeniedError, ToolApprovalRequiredError, -32001),
    "disabled": (PermissionDeniedError, ToolDisabledError, -32002),
    "removed": (NotFoundError, ToolNotFoundError, -32601),
}
"""The same refusals as `call_tool` responds with them (docs/service.md, section 10)."""
ERROR_OBJECT = re.compile(r"Upstream tools/call returned error: (?P<error>.*)", re.DOTALL)
"""How `call_tool` passes on an error object of the MCP server: written in Python."""
MAX_ERROR_LENGTH = 10_000
"""A longer error is quoted and not parsed."""


def tool_call_error(error: object, *, refused_by: UUID | None = None) -> ToolCallError:
    """The exception for a JSON-RPC error object, whatever it contains.

    `refused_by` is the installation if this may be one of PostHog's own refusals. The wording then has to match, too.
    """
    fields = error if isinstance(error, Mapping) else {"message": error}
    code = fields.get("code")
    number = code if isinstance(code, int) else 0
    text = str(fields.get("message", "no message"))
    if refused_by is not None and number in REFUSALS:
        kind, wording = REFUSALS[number]
        if refusal := re.fullmatch(wording, text, re.DOTALL):
            tool = refusal.groupdict().get("tool")
            return kind(text, code=number, data=fields.get("data"), tool_name=tool, installation_id=refused_by)
    return ToolCallError(text, code=number, data=fields.get("data"))


def reply_error(message: Message, sent: SentRequests, response: Response) -> ToolCallError:
    """The exception for an error object in a response to `sent`."""
    # Beyond their wording, this is what all of PostHog's own refusals have in common.
    content_type = response.headers.get("Content-Type", JSON).partition(";")[0].strip().lower()
    may_be_refusal = sent.calls_tools and response.status_code == 200 and content_type == JSON
    return tool_call_error(message["error"], refused_by=sent.installation_id if may_be_refusal else None)


def call_tool_refusal(error: APIStatusError, *, tool_name: str, installation_id: UUID) -> ToolCallError | None:
    """The exception for a refusal of `call_tool`, by PostHog or by the MCP server; None for other errors."""
    reason = str(error.body.get("reason")) if isinstance(error.body, Mapping) else ""
    if isinstance(error, UpstreamError):
        return _passed_on(error.detail or "", tool_name)
    status_error, kind, code = BY_REASON.get(reason, (None, ToolCallError, 0))
    if status_error is not type(error):
        return None
    return kind(error.detail or reason, code=code, tool_name=tool_name, installation_id=installation_id)


def _passed_on(detail: str, tool_name: str) -> ToolCallError | None:
    """The exception for an error object of the MCP server, which is a ToolCallError through the proxy, too."""
    found = ERROR_OBJECT.fullmatch(detail.removeprefix(f"The upstream MCP server could not run '{tool_name}': "))
    return None if found is None else tool_call_error(_parsed(found["error"]))


def _parsed(text: str) -> object:
    """The object that was written as this Python literal, or else the text."""
    if len(text) <= MAX_ERROR_LENGTH:
        with suppress(ValueError, SyntaxError, MemoryError, RecursionError):
            return ast.literal_eval(text)
    return text
