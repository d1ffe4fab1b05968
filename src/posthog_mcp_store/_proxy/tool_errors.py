"""Maps JSON-RPC error objects to the ToolCallErrors that are raised. Pure."""

import re
from collections.abc import Mapping

from .._core.errors import (
    BatchRejectedError,
    ToolApprovalRequiredError,
    ToolCallError,
    ToolDisabledError,
    ToolNotFoundError,
)
from .._core.response import JSON, Response
from .requests import Message, SentRequests

REFUSALS: dict[int, tuple[type[ToolCallError], str]] = {
    -32000: (
        BatchRejectedError,
        "Batch rejected: it contains a tool call that requires approval or is disabled; send items individually",
    ),
    -32001: (ToolApprovalRequiredError, "Tool '.*' requires approval before it can be called"),
    -32002: (ToolDisabledError, "Tool '.*' (has been disabled by the user|is blocked by team policy)"),
    -32601: (
        ToolNotFoundError,
        (
            "Tool '.*' is (not registered for this installation|no longer available on the upstream server)|"
            "tools/call missing 'name' parameter"
        ),
    ),
}
"""The service's own refusals of tool calls, by wording (docs/service.md, section 7): servers may use the same codes."""


def tool_call_error(error: object, *, is_refusal: bool) -> ToolCallError:
    """The exception for a JSON-RPC error object with any content.

    `is_refusal` says whether it may be one of the service's own refusals, which are then recognised by their wording.
    """
    fields = error if isinstance(error, Mapping) else {"message": error}
    code = fields.get("code")
    number = code if isinstance(code, int) else 0
    text = str(fields.get("message", "no message"))
    kind, words = REFUSALS.get(number, (ToolCallError, ""))
    if not is_refusal or not re.fullmatch(words, text, re.DOTALL):
        kind = ToolCallError
    return kind(text, code=number, data=fields.get("data"))


def reply_error(message: Message, sent: SentRequests, response: Response) -> ToolCallError:
    """The exception for an error among the responses to the messages that were sent."""
    # All of the service's own refusals have this in common, apart from their wording.
    content_type = response.headers.get("Content-Type", JSON).partition(";")[0].strip().lower()
    is_refusal = sent.calls_tools and response.status_code == 200 and content_type == JSON
    return tool_call_error(message["error"], is_refusal=is_refusal)
