"""Reading JSON-RPC messages from the body of a response as its bytes arrive. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from .._core.headers import Headers
from .._core.response import EVENT_STREAM, JSON, media_type, parse_json
from .requests import PendingRequests, has_method
from .sse import EventStreamDecoder


class MessageReader(Protocol):
    """Extracts the messages from the chunks of one body.

    Both methods raise ValueError or TypeError if the body does not match its content type, or if a message is too
    large. JSON that is not a JSON-RPC message, such as a heartbeat, is ignored.
    """

    def feed(self, chunk: bytes) -> Iterator[dict[str, Any]]:
        """The messages that this chunk completes."""
        ...

    def end(self) -> Iterator[dict[str, Any]]:
        """The messages that the end of the body completes."""
        ...


def reader_of(headers: Headers, max_bytes: int, pending: PendingRequests) -> MessageReader:
    """The reader for a body with these headers, in which no message may be larger than `max_bytes`.

    Once all responses have been received, or if none are expected, it also ignores what is not JSON.
    """
    if is_event_stream(headers):
        return _EventStreamReader(max_bytes, pending)
    return _JSONReader(media_type(headers), max_bytes, pending)


def is_event_stream(headers: Headers) -> bool:
    return media_type(headers) == EVENT_STREAM


class BoundedReader:
    """A reader for a body whose total size may not exceed `max_bytes`."""

    def __init__(self, reader: MessageReader, max_bytes: int) -> None:
        self._reader = reader
        self._max_bytes = max_bytes
        self._size = 0
        self.end = reader.end

    def feed(self, chunk: bytes) -> Iterator[dict[str, Any]]:
        self._size += len(chunk)
        if self._size > self._max_bytes:
            raise ValueError(f"its body is larger than the {self._max_bytes} bytes of max_response_bytes")
        yield from self._reader.feed(chunk)


class _JSONReader:
    """Reads a body that is one JSON text. An empty body of any type is the response to notifications."""

    def __init__(self, media_type: str, max_bytes: int, pending: PendingRequests) -> None:
        self._media_type = media_type
        self._max_bytes = max_bytes
        self._pending = pending
        self._content = bytearray()
        self._size = 0

    def feed(self, chunk: bytes) -> Iterator[dict[str, Any]]:
        self._size += len(chunk)
        # White space before a JSON text is dropped, but counts towards the size.
        self._content += chunk if self._content else chunk.lstrip()
        if self._size > self._max_bytes:
            raise ValueError(f"its body is larger than the {self._max_bytes} bytes of max_response_bytes")
        if self._media_type != JSON and self._content and self._pending.missing:
            raise ValueError(f"its content type is {self._media_type}, not JSON or an event stream")
        yield from ()

    def end(self) -> Iterator[dict[str, Any]]:
        return _messages(bytes(self._content), self._pending) if self._content else iter(())


class _EventStreamReader:
    """Reads a stream of events that each contain one JSON text."""

    def __init__(self, max_bytes: int, pending: PendingRequests) -> None:
        self._decoder = EventStreamDecoder(max_bytes)
        self._pending = pending

    def feed(self, chunk: bytes) -> Iterator[dict[str, Any]]:
        for event in self._decoder.feed(chunk):
            # An event without data lets a client resume the stream later, which the proxy does not support.
            if event.event == "message" and event.data:
                yield from _messages(event.data, self._pending)

    def end(self) -> Iterator[dict[str, Any]]:
        yield from ()


def _messages(text: str | bytes, pending: PendingRequests) -> Iterator[dict[str, Any]]:
    try:
        objects = _objects(parse_json(text))
    except (ValueError, TypeError):
        if pending.missing:
            raise
        return iter(())
    return filter(_is_message, objects)


def _objects(value: object) -> list[dict[str, Any]]:
    values = value if isinstance(value, list) else [value]
    objects = [one for one in values if isinstance(one, dict)]
    if len(objects) < len(values):
        raise TypeError("it is not a JSON-RPC object or array")
    return objects


def _is_message(value: Mapping[str, Any]) -> bool:
    """True if it is a request, a notification, an error, or a result with a request id."""
    if has_method(value) or value.get("error") is not None:
        return True
    return "id" in value and ("result" in value or "error" in value)
