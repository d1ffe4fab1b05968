"""Event streams, read from chunks that are cut anywhere."""

import pytest

from posthog_mcp_store._proxy.sse import EventStreamDecoder, ServerSentEvent

STREAM = (
    "\ufeff: hello\r\n\r\nid: 7\r\nevent: note\r\ndata: é漢\r\ndata:  two\r\n\r\nretry: 5\r\ndata\r\n\r\ndata: lost"
).encode()
EVENTS = [ServerSentEvent("note", "é漢\n two", "7"), ServerSentEvent("message", "", "7")]


@pytest.mark.parametrize("line_end", [b"\r\n", b"\n", b"\r"])
@pytest.mark.parametrize("size", [1, 2, 3, 5, 1000])
def test_events_are_the_same_wherever_the_chunks_are_cut(size: int, line_end: bytes) -> None:
    stream = STREAM.replace(b"\r\n", line_end)
    decoder = EventStreamDecoder(1000)

    events = [event for at in range(0, len(stream), size) for event in decoder.feed(stream[at : at + size])]

    assert events == EVENTS


def test_a_byte_order_mark_comes_before_the_first_line_only() -> None:
    decoder = EventStreamDecoder(1000)

    assert [*decoder.feed("\ufeffdata: a\n\n\ufeffdata: b\n\ndata: c\n\n".encode())] == [
        ServerSentEvent("message", "a", ""),
        ServerSentEvent("message", "c", ""),
    ]


def test_a_line_feed_is_left_out_only_after_the_carriage_return_that_was_cut_off() -> None:
    decoder = EventStreamDecoder(1000)

    assert [*decoder.feed(b"data: a\r"), *decoder.feed(b"\ndata: b\n"), *decoder.feed(b"\n")] == [
        ServerSentEvent("message", "a\nb", "")
    ]


def test_invalid_utf8_and_ids_with_null_are_skipped() -> None:
    decoder = EventStreamDecoder(1000)

    assert [*decoder.feed(b"id: 1\nid: 2\0\ndata: \xff\n\n")] == [ServerSentEvent("message", "\ufffd", "1")]


def test_an_event_is_given_at_once_when_its_last_byte_is_there() -> None:
    decoder = EventStreamDecoder(1000)

    assert [*decoder.feed(b"data: a\r\n\r")] == [ServerSentEvent("message", "a", "")]
    assert [*decoder.feed(b"\ndata: b\r\n\r\n")] == [ServerSentEvent("message", "b", "")]
