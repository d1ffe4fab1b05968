"""JSON-RPC messages to send through the proxy, and which of them still wait for an answer. Pure."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import field, frozen

from .._core.call import Call
from .._core.errors import ConfigurationError

MAX_BODY_BYTES = 1024 * 1024
"""The service's limit, which counts the body as it writes it out anew (docs/service.md, section 7)."""

Message = Mapping[str, Any]
RequestId = str | int | float | None


def is_call(message: Message) -> bool:
    """Whether a message is a request or a notification. Some servers write null where others leave a member out."""
    return message.get("method") is not None


def is_error(message: Message) -> bool:
    """Whether an answer is an error: some servers send `"error": null` beside a result."""
    return "error" in message and (message["error"] is not None or "result" not in message)


def checked_messages(message: Message | Sequence[Message]) -> list[dict[str, Any]]:
    """The messages of a body: the service refuses an empty one, and anything but objects."""
    messages = [message] if isinstance(message, Mapping) else message
    is_list = isinstance(messages, Sequence) and not isinstance(messages, str | bytes)
    if not is_list or not messages or not all(isinstance(one, Mapping) and one for one in messages):
        raise ConfigurationError("message must be a non-empty JSON-RPC object or list of objects")
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


@frozen
class SentRequests:
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
    def of(cls, messages: Sequence[Message]) -> "SentRequests":
        """What has no id is a notification, what has no method an answer."""
        ids = tuple(message["id"] for message in messages if "id" in message and "method" in message)
        return cls(ids, calls_tools=any(message.get("method") == "tools/call" for message in messages))

    def position(self, id: object) -> int | None:
        """Which of the requests an answer with this id is for. Some servers answer request 1 with the id "1"."""
        return self._positions.get(_key(id), self._positions.get(_text_key(id)))


class PendingRequests:
    """The requests that wait for their answers."""

    def __init__(self, sent: SentRequests) -> None:
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


def _key(id: object) -> object:
    """What equal ids have in common: in JSON, true is not 1."""
    return (type(id) is bool, id) if isinstance(id, str | int | float | None) else repr(id)


def _text_key(id: object) -> object:
    """What a number and its text have in common."""
    return ("text", str(id)) if isinstance(id, str | int | float) and not isinstance(id, bool) else _key(id)
