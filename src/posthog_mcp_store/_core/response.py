"""An HTTP answer as plain data: what the transport hands up, whichever HTTP library it came through."""

import json
from typing import Any, Protocol

from attrs import field, frozen

from .headers import Headers

FIRST_BYTES = 1024
"""As much of a body as an error about it keeps."""
KEPT_BYTES = 2 * FIRST_BYTES
"""As much of a body as is kept for such an error: it is redacted before it is cut, or part of a key could be left."""


JSON = "application/json"
EVENT_STREAM = "text/event-stream"
OTHER_JSON = {"text/json", "application/json-rpc", "application/jsonrequest"}
"""What servers label JSON as besides the registered type and those that end in +json (RFC 6838, section 4.2.8)."""


def media_type(headers: Headers) -> str:
    """The type of a body without its parameters; JSON where there is no Content-Type."""
    named = headers.get("Content-Type", JSON).partition(";")[0].strip().lower()
    return JSON if named in OTHER_JSON or named.endswith("+json") else named


def parse_json(text: str | bytes) -> Any:
    """The value of a JSON text.

    Raises:
        ValueError: It is not JSON. Not json's own error, which keeps the whole text.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        reason = str(error)
    raise ValueError(f"it is not JSON: {reason}")


class Body(Protocol):
    """The body of an answer while it arrives."""

    async def read(self) -> bytes:
        """The next bytes, decompressed; none when all was read, and the connection can be used again.

        Raises:
            APIConnectionError: The connection broke.
            ConfigurationError: The store was closed.
            ValueError: The bytes can't be decompressed.
        """
        ...

    async def aclose(self) -> None:
        """Let go of the connection. Of one that was not read to its end, the connection is closed."""


@frozen
class Response:
    """One answer of the service: read whole, or up to its body."""

    status_code: int
    # A service may quote the key in its answer, and a repr ends up in tracebacks that show local variables.
    headers: Headers = field(repr=False)
    content: bytes = field(repr=False)
    seconds: float
    """From sending the request until the last byte that was read."""
    broken: str | None = None
    """Why the body could not be read whole; it is the first bytes then."""
    body: Body | None = field(default=None, repr=False)
    """What is still to be read; None where `content` is all."""

    @property
    def text(self) -> str:
        """The body as UTF-8, the only encoding JSON and event streams have; undecodable bytes become U+FFFD."""
        return self.content.decode(errors="replace")

    def json(self) -> Any:
        """The body as JSON.

        Raises:
            ValueError: It is not JSON.
        """
        return parse_json(self.content)


@frozen
class ResponseInfo:
    """What `with_options(on_response=...)` is told of every answer."""

    method: str
    path_template: str
    """The path with its parameters' names, such as `/api/environments/{project_id}/...`."""
    status_code: int
    # The Location of an authorize answer holds the state of its flow.
    headers: Headers = field(repr=False)
    seconds: float
    attempt: int
    """1 for the first."""
