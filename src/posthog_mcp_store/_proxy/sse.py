"""Decoding of server-sent events (WHATWG HTML, section 9.2.6) as their bytes arrive."""

import codecs
import re
from collections.abc import Iterator

from attrs import frozen

LINE_END = re.compile(r"\r\n|\n|\r")


@frozen
class ServerSentEvent:
    """One event."""

    event: str
    data: str
    id: str


class EventStreamDecoder:
    """Decodes chunks of bytes, split anywhere, into events. An event that no empty line ends is dropped.

    An event of more than `max_chars` characters is rejected before more of it is kept in memory.
    """

    def __init__(self, max_chars: int) -> None:
        self._max_chars = max_chars
        self._text = codecs.getincrementaldecoder("utf-8-sig")(errors="replace")
        self._line: list[str] = []
        """The pieces of the current, incomplete line."""
        self._after_carriage_return = False
        self._event = ""
        self._data: list[str] = []
        self._size = 0
        """The number of characters in the current, incomplete event."""
        self._id = ""

    def feed(self, chunk: bytes) -> Iterator[ServerSentEvent]:
        """The events that this chunk completes.

        Raises:
            ValueError: An event is too large.
        """
        *ended, rest = LINE_END.split(self._next_text(chunk))
        for piece in ended:
            self._take(piece)
            event = self._end_line()
            if event is not None:
                yield event
        self._take(rest)

    def _next_text(self, chunk: bytes) -> str:
        """Decode, and drop the line feed of a CRLF that was split: the carriage return has ended the line."""
        text = self._text.decode(chunk)
        if not text:
            return text
        starts_cut = self._after_carriage_return and text[0] == "\n"
        self._after_carriage_return = text[-1] == "\r"
        return text[1:] if starts_cut else text

    def _take(self, piece: str) -> None:
        self._size += len(piece)
        if self._size > self._max_chars:
            raise ValueError(f"an event in it is larger than the {self._max_chars} bytes of max_response_bytes")
        self._line.append(piece)

    def _end_line(self) -> ServerSentEvent | None:
        line, self._line = "".join(self._line), []
        if not line:
            return self._dispatch()
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        else:
            # Comments and other fields are not kept, so they do not count.
            self._size -= len(line)
        if name == "event":
            self._event = value
        elif name == "id" and "\0" not in value:
            self._id = value
        return None

    def _dispatch(self) -> ServerSentEvent | None:
        event = ServerSentEvent(self._event or "message", "\n".join(self._data), self._id) if self._data else None
        self._event, self._data, self._size = "", [], 0
        return event
