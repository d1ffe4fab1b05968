"""JSON-RPC through the proxy: what goes in is checked, and what came back answers it: pure."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import field, frozen

from ._answer import JSON, Answer, Headers
from ._answer_errors import decode_error
from ._arguments import SESSION_ID
from ._errors import (
    BatchRejectedError,
    ConfigurationError,
    ToolApprovalRequiredError,
    ToolCallError,
    ToolDisabledError,
    ToolNotFoundError,
)
from ._operations import Call
from ._text import shown

MAX_BODY_BYTES = 1024 * 1024
"""The service's limit, which counts the body as it writes it out anew (service facts, section 7)."""

Message = Mapping[str, Any]
RequestId = str | int | float | None

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
"""What the service refuses of tool calls, and in which words (service facts, section 7): servers use the codes too."""


@frozen
class ProxyReply:
    """Everything the MCP server answered to one message or batch."""

    messages: list[dict[str, Any]]
    """The JSON-RPC messages in the order they came; empty where notifications were only taken note of."""
    session_id: str | None
    """The server's `Mcp-Session-Id`, to hand back as `session_id=`."""
    _sent: "Sent" = field(alias="sent", repr=False)
    _answer: Answer = field(alias="answer", repr=False)
    _call: Call = field(alias="call", repr=False)

    def result(self, request_id: RequestId = None) -> Any:
        """The result of the request that was sent; after a batch of several, of the one that `request_id` names.

        Raises:
            ToolCallError: It was answered with an error object; the subclass says which.
            ResponseDecodeError: It was not answered.
            ConfigurationError: No such request was sent: a notification has no result.
        """
        position = self._position(request_id)
        for message in self.messages:
            if not is_call(message) and self._sent.position(message.get("id")) == position:
                return self._result(message)
        for message in self.messages:
            # An error about a request that could not be read carries a null id (JSON-RPC 2.0, section 5).
            if message.get("id") is None and is_error(message):
                return self._result(message)
        wanted = self._sent.request_ids[position]
        raise decode_error(self._answer, self._call, f"it does not answer request {wanted!r}")

    def _position(self, request_id: RequestId) -> int:
        ids = self._sent.request_ids
        if request_id is None and len(ids) == 1:
            return 0
        if request_id in ids:
            return ids.index(request_id)
        sent = ", ".join(map(shown, ids[:10])) or "none, a notification has no result"
        more = ", ..." if len(ids) > 10 else ""
        raise ConfigurationError(f"request_id must name a request that was sent: {sent}{more}")

    def _result(self, message: Message) -> Any:
        if is_error(message):
            raise self._sent.error(message, self._answer)
        return message.get("result")


def is_call(message: Message) -> bool:
    """Whether a message is a request or a notification. Some servers write null where others leave a member out."""
    return message.get("method") is not None


def is_error(message: Message) -> bool:
    """Whether an answer is an error: some servers send `"error": null` beside a result."""
    return "error" in message and (message["error"] is not None or "result" not in message)


def tool_call_error(error: object, *, is_refusal: bool) -> ToolCallError:
    """The exception for a JSON-RPC error object, whatever it holds.

    `is_refusal` says whether it may be one of the service's own refusals; its words then have to be theirs, too.
    """
    fields = error if isinstance(error, Mapping) else {"message": error}
    code = fields.get("code")
    number = code if isinstance(code, int) else 0
    text = str(fields.get("message", "no message"))
    kind, words = REFUSALS.get(number, (ToolCallError, ""))
    if not is_refusal or not re.fullmatch(words, text, re.DOTALL):
        kind = ToolCallError
    return kind(text, code=number, data=fields.get("data"))


def checked_messages(message: Message | Sequence[Message]) -> list[dict[str, Any]]:
    """The messages of a body: the service refuses an empty one, and anything but objects."""
    messages = [message] if isinstance(message, Mapping) else message
    is_list = isinstance(messages, Sequence) and not isinstance(messages, str | bytes)
    if not is_list or not messages or not all(isinstance(one, Mapping) and one for one in messages):
        raise ConfigurationError("message must be one JSON-RPC object, or a list of them, with something in it")
    return [dict(one) for one in messages]


def server_session_id(headers: Headers) -> str | None:
    """The session that an answer belongs to, if the server keeps sessions.

    Raises:
        ValueError: The server named one that could not be sent back.
    """
    # A header that was sent more than once arrives as one, joined by commas (RFC 9110, section 5.3).
    named = headers.get("Mcp-Session-Id", "").strip()
    session_id = ", ".join(dict.fromkeys(named.split(", ")))
    if session_id and not SESSION_ID.fullmatch(session_id):
        raise ValueError("the server's Mcp-Session-Id is not visible ASCII text without spaces")
    return session_id or None


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


@frozen
class Sent:
    """What was sent in one body, as far as it matters to the answer."""

    request_ids: tuple[RequestId, ...]
    calls_tools: bool
    """Whether a `tools/call` is among it: only those are refused by the service's policy."""
    _positions: dict[object, int] = field(init=False, factory=dict, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        # The first of several: exact ids before their texts, and requests in the order they were sent.
        positions = list(enumerate(self.request_ids))[::-1]
        self._positions.update({_text_key(id): position for position, id in positions})
        self._positions.update({_key(id): position for position, id in positions})

    @classmethod
    def of(cls, messages: Sequence[Message]) -> "Sent":
        """What has no id is a notification, what has no method an answer."""
        ids = tuple(message["id"] for message in messages if "id" in message and "method" in message)
        return cls(ids, calls_tools=any(message.get("method") == "tools/call" for message in messages))

    def position(self, id: object) -> int | None:
        """Which of the requests an answer with this id is for. Some servers answer request 1 with the id "1"."""
        return self._positions.get(_key(id), self._positions.get(_text_key(id)))

    def error(self, message: Message, answer: Answer) -> ToolCallError:
        """The exception for an error in the answer to it."""
        # All that the service's own refusals have in common, but for their words.
        content_type = answer.headers.get("Content-Type", JSON).partition(";")[0].strip().lower()
        is_refusal = self.calls_tools and answer.status_code == 200 and content_type == JSON
        return tool_call_error(message["error"], is_refusal=is_refusal)


def _key(id: object) -> object:
    """What equal ids have in common: in JSON, true is not 1."""
    return (type(id) is bool, id) if isinstance(id, str | int | float | None) else repr(id)


def _text_key(id: object) -> object:
    """What a number and its text have in common."""
    return ("text", str(id)) if isinstance(id, str | int | float) and not isinstance(id, bool) else _key(id)


class Awaited:
    """The requests that wait for their answers."""

    def __init__(self, sent: Sent) -> None:
        self.sent = sent
        self.missing = {sent.position(id): id for id in sent.request_ids}
        """The ids of the requests that have no answer yet; none where nothing was asked for."""
        self.is_refused = False
        """Whether there was an error about a request that could not be read, which has no id."""

    def take(self, message: Message) -> None:
        """Take note of a message that arrived."""
        if is_call(message):
            return
        if message.get("id") is None and is_error(message):
            self.is_refused = True
            # Of several requests, the others may still be answered.
            if len(self.missing) == 1:
                self.missing.clear()
        self.missing.pop(self.sent.position(message.get("id")), None)
