"""HTTP responses as bytes, with the headers of the real service."""

HEADERS = (
    "vary: Accept, Cookie\r\n"
    "allow: GET, POST, HEAD, OPTIONS\r\n"
    "x-content-type-options: nosniff\r\n"
    "referrer-policy: same-origin\r\n"
)
JSON = "content-type: application/json\r\n"
EVENT_STREAM = "content-type: text/event-stream\r\ncache-control: no-cache\r\nx-accel-buffering: no\r\n"
CHUNK_BYTES = 4096
"""The chunk size of the service's proxy."""
END_OF_CHUNKS = b"0\r\n\r\n"


def http_response(status: str, body: bytes, headers: str = JSON) -> bytes:
    return f"HTTP/1.1 {status}\r\n{headers}{HEADERS}content-length: {len(body)}\r\n\r\n".encode() + body


def stream_head(headers: str) -> bytes:
    """The head of a response with a chunked body."""
    return f"HTTP/1.1 200 OK\r\n{headers}{HEADERS}transfer-encoding: chunked\r\n\r\n".encode()


def chunked(content: bytes) -> bytes:
    pieces = (content[start : start + CHUNK_BYTES] for start in range(0, len(content), CHUNK_BYTES))
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
