"""Reading server-sent events (WHATWG HTML, section 9.2.6) as their bytes arrive."""

import codecs
import re

from attrs import frozen

LINE_END = re.compile(r"\r\n|\n|\r")


@frozen
class ServerSentEvent:
    """One event."""

    event: str
    data: str
    id: str


class EventStreamDecoder:
    """Turns chunks of bytes, cut anywhere, into events. An event that is not closed by an empty line is dropped."""

    def __init__(self) -> None:
        self._text = codecs.getincrementaldecoder("utf-8-sig")(errors="replace")
        self._unread = ""
        self._after_carriage_return = False
        self._event = ""
        self._data: list[str] = []
        self._id = ""

    def feed(self, chunk: bytes) -> list[ServerSentEvent]:
        """The events that this chunk completes."""
        *lines, self._unread = LINE_END.split(self._unread + self._next_text(chunk))
        return [event for line in lines if (event := self._take(line)) is not None]

    def _next_text(self, chunk: bytes) -> str:
        """Decode, without the line feed of a CRLF that was cut in two: its line ended with the carriage return."""
        text = self._text.decode(chunk)
        if not text:
            return text
        starts_cut = self._after_carriage_return and text[0] == "\n"
        self._after_carriage_return = text[-1] == "\r"
        return text[1:] if starts_cut else text

    def _take(self, line: str) -> ServerSentEvent | None:
        if not line:
            return self._dispatch()
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._event = value
        elif name == "id" and "\0" not in value:
            self._id = value
        return None

    def _dispatch(self) -> ServerSentEvent | None:
        event = ServerSentEvent(self._event or "message", "\n".join(self._data), self._id) if self._data else None
        self._event, self._data = "", []
        return event
