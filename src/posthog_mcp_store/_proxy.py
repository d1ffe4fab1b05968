"""JSON-RPC through the proxy: what goes in is checked, what comes back is read into messages."""

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import field, frozen

from ._answer import Answer, parse_json
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
from ._sse import EventStreamDecoder
from ._text import one_line

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
            if message.get("id") is None and "error" in message:
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
    if "error" in message:
        raise tool_call_error(message["error"])
    return message.get("result")


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


def read_reply(answer: Answer, call: Call, messages: Sequence[Message]) -> ProxyReply:
    """What the answer to these messages says.

    Raises:
        TypeError, ValueError: It is neither JSON-RPC, nor an event stream of JSON-RPC, nor empty.
    """
    asked = tuple(message["id"] for message in messages if "id" in message and "method" in message)
    return ProxyReply(_read(answer), answer.headers.get("Mcp-Session-Id"), asked, answer, call)


def _read(answer: Answer) -> list[dict[str, Any]]:
    if not answer.content.strip():
        return []
    media_type = answer.headers.get("Content-Type", "application/json").partition(";")[0].strip().lower()
    if media_type == "application/json":
        return _objects(answer.json())
    if media_type == "text/event-stream":
        events = EventStreamDecoder().feed(answer.content)
        return [message for event in events for message in _objects(parse_json(event.data))]
    raise ValueError(f"its content type is {media_type}, not JSON or an event stream")


def _objects(value: object) -> list[dict[str, Any]]:
    values = value if isinstance(value, list) else [value]
    objects = [one for one in values if isinstance(one, dict)]
    if len(objects) < len(values):
        raise TypeError("it is no JSON-RPC object or list of them")
    return objects
