"""JSON-RPC messages in the body of an answer, read as its bytes arrive: pure."""

from collections.abc import Iterator
from typing import Any, Protocol

from ._answer import Headers, parse_json
from ._sse import EventStreamDecoder

JSON = "application/json"
EVENT_STREAM = "text/event-stream"


class MessageReader(Protocol):
    """What makes messages of the chunks of one body.

    Both methods raise ValueError or TypeError where the body is not what its content type says, or a message in it is
    too large.
    """

    def feed(self, chunk: bytes) -> Iterator[dict[str, Any]]:
        """The messages that this chunk completes."""
        ...

    def end(self) -> Iterator[dict[str, Any]]:
        """The messages that the end of the body completes."""
        ...


def reader_of(headers: Headers, max_bytes: int) -> MessageReader:
    """The reader for a body with these headers, in which no message may be larger than `max_bytes`."""
    if is_event_stream(headers):
        return _EventStreamReader(max_bytes)
    return _JSONReader(_media_type(headers), max_bytes)


def is_event_stream(headers: Headers) -> bool:
    return _media_type(headers) == EVENT_STREAM


def _media_type(headers: Headers) -> str:
    return headers.get("Content-Type", JSON).partition(";")[0].strip().lower()


class BoundedReader:
    """A reader for a body that may not be larger than `max_bytes` as a whole."""

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
    """One JSON text. An empty body, of whatever type, is the answer to notifications."""

    def __init__(self, media_type: str, max_bytes: int) -> None:
        self._media_type = media_type
        self._max_bytes = max_bytes
        self._content = bytearray()

    def feed(self, chunk: bytes) -> Iterator[dict[str, Any]]:
        self._content += chunk
        if len(self._content) > self._max_bytes:
            raise ValueError(f"its body is larger than the {self._max_bytes} bytes of max_response_bytes")
        if self._media_type != JSON and self._content.strip():
            raise ValueError(f"its content type is {self._media_type}, not JSON or an event stream")
        yield from ()

    def end(self) -> Iterator[dict[str, Any]]:
        if self._content.strip():
            yield from _objects(parse_json(bytes(self._content)))


class _EventStreamReader:
    """Events that each hold one JSON text."""

    def __init__(self, max_bytes: int) -> None:
        self._decoder = EventStreamDecoder(max_bytes)

    def feed(self, chunk: bytes) -> Iterator[dict[str, Any]]:
        for event in self._decoder.feed(chunk):
            # An event without data primes a client to resume the stream, which the proxy does not offer.
            if event.event == "message" and event.data:
                yield from _objects(parse_json(event.data))

    def end(self) -> Iterator[dict[str, Any]]:
        yield from ()


def _objects(value: object) -> list[dict[str, Any]]:
    values = value if isinstance(value, list) else [value]
    objects = [one for one in values if isinstance(one, dict)]
    if len(objects) < len(values):
        raise TypeError("it is no JSON-RPC object or list of them")
    return objects
