"""JSON-RPC messages to send through the proxy, and which of them still await a response. Pure."""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from attrs import field, frozen

from .._core.call import Call
from .._core.errors import ConfigurationError

MAX_BODY_BYTES = 1024 * 1024
"""The service's limit for a body, counted as the service serializes it again (docs/service.md, section 7)."""

Message = Mapping[str, Any]
RequestId = str | int | float | None


def has_method(message: Message) -> bool:
    """True if a message is a request or a notification. Some servers send null instead of omitting a member."""
    return message.get("method") is not None


def is_error(message: Message) -> bool:
    """True if a response is an error. Some servers send `"error": null` along with a result."""
    return "error" in message and (message["error"] is not None or "result" not in message)


def checked_messages(message: Message | Sequence[Message]) -> list[dict[str, Any]]:
    """The messages of a body. The service rejects an empty body, and anything but objects."""
    messages = [message] if isinstance(message, Mapping) else message
    is_list = isinstance(messages, Sequence) and not isinstance(messages, str | bytes)
    if not is_list or not messages or not all(isinstance(one, Mapping) and one for one in messages):
        raise ConfigurationError("message must be a non-empty JSON-RPC object or list of objects")
    return [dict(one) for one in messages]


def check_size(call: Call, message: Message | Sequence[Message]) -> None:
    """Reject a body that the service would reject. It counts an ASCII form, which doubles the size of CJK text."""
    content = call.content or b""
    # ASCII JSON takes at most three times the space of UTF-8.
    size = len(content) if 3 * len(content) <= MAX_BODY_BYTES else len(json.dumps(message))
    if size > MAX_BODY_BYTES:
        raise ConfigurationError(
            f"the message takes {size} bytes in the service's ASCII form, and the proxy allows {MAX_BODY_BYTES}: "
            "send less at once"
        )


@frozen
class SentRequests:
    """The requests that were sent in one body, as far as they matter for the response."""

    request_ids: tuple[RequestId, ...]
    calls_tools: bool
    """True if a `tools/call` is among the messages: only those can be refused by the service's policy."""
    installation_id: UUID | None = None
    """The installation whose server they were sent to."""
    _positions: dict[object, int] = field(init=False, factory=dict, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        # Later entries win, so this prefers exact ids to their texts, and then earlier requests.
        positions = list(enumerate(self.request_ids))[::-1]
        self._positions.update({_text_key(id): position for position, id in positions})
        self._positions.update({_key(id): position for position, id in positions})

    @classmethod
    def of(cls, messages: Sequence[Message], installation_id: UUID) -> "SentRequests":
        """Collect the requests: messages without an id are notifications, those without a method responses."""
        ids = tuple(message["id"] for message in messages if "id" in message and "method" in message)
        calls_tools = any(message.get("method") == "tools/call" for message in messages)
        return cls(ids, calls_tools, installation_id)

    def position(self, id: object) -> int | None:
        """The position of the request that has this id. Some servers respond to request 1 with the id "1"."""
        return self._positions.get(_key(id), self._positions.get(_text_key(id)))


class PendingRequests:
    """The requests that still await their responses."""

    def __init__(self, sent: SentRequests) -> None:
        self.sent = sent
        self.missing = {sent.position(id): id for id in sent.request_ids}
        """The ids of the requests without a response; empty if only notifications were sent."""
        self.is_refused = False
        """True if the server reported, with an error without an id, that it could not read a request."""

    def take(self, message: Message) -> None:
        """Record a message that was received."""
        if has_method(message):
            return
        if message.get("id") is None and is_error(message):
            self.is_refused = True
            # If there are several requests, the others may still get a response.
            if len(self.missing) == 1:
                self.missing.clear()
        self.missing.pop(self.sent.position(message.get("id")), None)


def _key(id: object) -> object:
    """A key that is the same for equal ids. In JSON, unlike Python, true does not equal 1."""
    return (type(id) is bool, id) if isinstance(id, str | int | float | None) else repr(id)


def _text_key(id: object) -> object:
    """A key that is the same for a number and its text."""
    return ("text", str(id)) if isinstance(id, str | int | float) and not isinstance(id, bool) else _key(id)
