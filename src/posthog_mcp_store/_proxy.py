"""JSON-RPC through the proxy: what goes in is checked, and what came back answers it: pure."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import field, frozen

from ._answer import Answer
from ._answer_errors import decode_error
from ._errors import (
    BatchRejectedError,
    ConfigurationError,
    ToolApprovalRequiredError,
    ToolCallError,
    ToolDisabledError,
    ToolNotFoundError,
)
from ._operations import Call
from ._text import one_line

MAX_BODY_BYTES = 1024 * 1024
"""The service's limit, which counts the body as it writes it out anew (service facts, section 7)."""

Message = Mapping[str, Any]
RequestId = str | int | float | None

TOOL_ERRORS: dict[int, type[ToolCallError]] = {
    -32000: BatchRejectedError,
    -32001: ToolApprovalRequiredError,
    -32002: ToolDisabledError,
    -32601: ToolNotFoundError,
}


@frozen
class ProxyReply:
    """Everything the MCP server answered to one message or batch."""

    messages: list[dict[str, Any]]
    """The JSON-RPC messages in the order they came; empty where notifications were only taken note of."""
    session_id: str | None
    """The server's `Mcp-Session-Id`, to hand back as `session_id=`."""
    _request_ids: tuple[RequestId, ...] = field(alias="request_ids", repr=False)
    _answer: Answer = field(alias="answer", repr=False)
    _call: Call = field(alias="call", repr=False)

    def result(self, request_id: RequestId = None) -> Any:
        """The result of the request that was sent; after a batch of several, of the one that `request_id` names.

        Raises:
            ToolCallError: It was answered with an error object; the subclass says which.
            ResponseDecodeError: It was not answered.
            ConfigurationError: No such request was sent: a notification has no result.
        """
        wanted = self._wanted(request_id)
        for message in self.messages:
            if _is_same(message.get("id"), wanted) and "method" not in message:
                return _result(message)
        for message in self.messages:
            # An error about a request that could not be read carries a null id (JSON-RPC 2.0, section 5).
            if message.get("id") is None and is_error(message):
                return _result(message)
        raise decode_error(self._answer, self._call, f"it does not answer request {wanted!r}")

    def _wanted(self, request_id: RequestId) -> RequestId:
        if request_id is None and len(self._request_ids) == 1:
            return self._request_ids[0]
        if request_id in self._request_ids:
            return request_id
        sent = ", ".join(map(repr, self._request_ids)) or "none, a notification has no result"
        raise ConfigurationError(f"request_id must name a request that was sent: {sent}")


def _is_same(one: object, other: object) -> bool:
    """Whether two ids are one: in JSON, true is not 1."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def _result(message: Message) -> Any:
    if is_error(message):
        raise tool_call_error(message["error"])
    return message.get("result")


def is_error(message: Message) -> bool:
    """Whether an answer is an error: some servers send `"error": null` beside a result."""
    return "error" in message and (message["error"] is not None or "result" not in message)


def tool_call_error(error: object) -> ToolCallError:
    """The exception for a JSON-RPC error object, whatever it holds."""
    fields = error if isinstance(error, Mapping) else {"message": error}
    code = fields.get("code")
    number = code if isinstance(code, int) else 0
    text = one_line(str(fields.get("message", "no message")), limit=2000)
    return TOOL_ERRORS.get(number, ToolCallError)(text, code=number, data=fields.get("data"))


def checked_messages(message: Message | Sequence[Message]) -> list[dict[str, Any]]:
    """The messages of a body: the service refuses an empty one, and anything but objects."""
    messages = [message] if isinstance(message, Mapping) else message
    is_list = isinstance(messages, Sequence) and not isinstance(messages, str | bytes)
    if not is_list or not messages or not all(isinstance(one, Mapping) and one for one in messages):
        raise ConfigurationError("message must be one JSON-RPC object, or a list of them, with something in it")
    return [dict(one) for one in messages]


def check_size(call: Call, message: Message | Sequence[Message]) -> None:
    """Refuse a body that the service would refuse: it counts an ASCII form, in which CJK text takes double."""
    content = call.content or b""
    # No UTF-8 text takes more than thrice the room there.
    size = len(content) if 3 * len(content) <= MAX_BODY_BYTES else len(json.dumps(message))
    if size > MAX_BODY_BYTES:
        raise ConfigurationError(
            f"the message takes {size} bytes in the service's ASCII form, and the proxy allows {MAX_BODY_BYTES}: "
            "send less at once"
        )


def request_ids(messages: Sequence[Message]) -> tuple[RequestId, ...]:
    """The requests among the messages: what has no id is a notification, what has no method an answer."""
    return tuple(message["id"] for message in messages if "id" in message and "method" in message)


class Awaited:
    """The requests that wait for their answers."""

    def __init__(self, request_ids: Sequence[RequestId]) -> None:
        self.missing = list(request_ids)
        self._are_any = bool(request_ids)

    @property
    def are_answered(self) -> bool:
        """Whether there were requests, and each has its answer."""
        return self._are_any and not self.missing

    def take(self, message: Message) -> None:
        """Take note of a message that arrived."""
        if "method" in message:
            return
        if message.get("id") is None and is_error(message):
            self.missing.clear()
        self.missing = [id for id in self.missing if not _is_same(message.get("id"), id)]
