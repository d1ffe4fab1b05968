"""Answers as bytes, with the headers that the service sends."""

HEADERS = (
    "vary: Accept, Cookie\r\n"
    "allow: GET, POST, HEAD, OPTIONS\r\n"
    "x-content-type-options: nosniff\r\n"
    "referrer-policy: same-origin\r\n"
)
JSON = "content-type: application/json\r\n"
EVENT_STREAM = "content-type: text/event-stream\r\ncache-control: no-cache\r\nx-accel-buffering: no\r\n"
CHUNK_BYTES = 4096
"""What the service's proxy passes on at once."""
END_OF_CHUNKS = b"0\r\n\r\n"


def http_answer(status: str, body: bytes, headers: str = JSON) -> bytes:
    return f"HTTP/1.1 {status}\r\n{headers}{HEADERS}content-length: {len(body)}\r\n\r\n".encode() + body


def stream_head(headers: str) -> bytes:
    """The head of an answer whose body comes in chunks."""
    return f"HTTP/1.1 200 OK\r\n{headers}{HEADERS}transfer-encoding: chunked\r\n\r\n".encode()


def chunked(content: bytes) -> bytes:
    pieces = (content[start : start + CHUNK_BYTES] for start in range(0, len(content), CHUNK_BYTES))
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
