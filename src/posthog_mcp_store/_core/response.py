"""An HTTP response as plain data, independent of the HTTP library that received it."""

import json
from time import perf_counter
from typing import Any, Protocol

from attrs import field, frozen

from .headers import Headers
from .text import json_fault

FIRST_BYTES = 1024
"""How much of a body an error keeps."""
KEPT_BYTES = 2 * FIRST_BYTES
"""How much of a body is kept until it is redacted. Cutting it to `FIRST_BYTES` before could leave part of a key."""


JSON = "application/json"
EVENT_STREAM = "text/event-stream"
OTHER_JSON = {"text/json", "application/json-rpc", "application/jsonrequest"}
"""Other media types that servers use for JSON. Those that end in +json are JSON, too (RFC 6838, section 4.2.8)."""


def media_type(headers: Headers) -> str:
    """The media type of a body without its parameters; JSON if there is no Content-Type."""
    named = headers.get("Content-Type", JSON).partition(";")[0].strip().lower()
    return JSON if named in OTHER_JSON or named.endswith("+json") else named


def parse_json(text: str | bytes) -> Any:
    """Decode a JSON text.

    Raises:
        ValueError: It is not JSON. This is not a JSONDecodeError, which holds the whole text.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        reason = json_fault(error)
    raise ValueError(f"it is not JSON: {reason}")


class Body(Protocol):
    """The body of a response that is still being received."""

    async def read(self) -> bytes:
        """The next bytes, decompressed; empty at the end of the body, after which the connection can be reused.

        Raises:
            APIConnectionError: The connection broke.
            ConfigurationError: The store was closed.
            ValueError: The bytes can't be decompressed.
        """
        ...

    async def aclose(self) -> None:
        """Release the connection. It is closed unless the body was read to its end."""


@frozen
class Response:
    """A response of the service, with its body or before it was read."""

    status_code: int
    # The service may quote the API key in a response, and a repr ends up in tracebacks that show local variables.
    headers: Headers = field(repr=False)
    content: bytes = field(repr=False)
    seconds: float
    """From sending the request to the last byte that was read."""
    broken: str | None = None
    """Why the body could not be read to its end; `content` then holds its beginning."""
    body: Body | None = field(default=None, repr=False)
    """The part of the body that is still to be read; None if there is none."""
    _received: float = field(factory=perf_counter, repr=False, eq=False)

    @property
    def age(self) -> float:
        """Seconds since it was read: the event loop may have been busy meanwhile."""
        return perf_counter() - self._received

    @property
    def text(self) -> str:
        """The body as UTF-8, the only encoding of JSON and event streams; undecodable bytes become U+FFFD."""
        return self.content.decode(errors="replace")

    def json(self) -> Any:
        """The body as JSON.

        Raises:
            ValueError: It is not JSON.
        """
        return parse_json(self.content)


@frozen
class ResponseInfo:
    """A response, as passed to the callback of `with_options(on_response=...)`.

    Attributes:
        method: The HTTP method of the request.
        path_template: The path with placeholders, such as `/api/environments/{project_id}/...`.
        status_code: The HTTP status.
        headers: The headers of the response.
        seconds: From sending the request until its body was read or, if the body is streamed, until its headers
            arrived. Time in the queue, in a rate limiter, and between attempts is not included.
        attempt: 1 for the first attempt of a call, 2 for its first retry.
        installation_id: The id in the path; None if the call is not for one installation.
    """

    method: str
    path_template: str
    status_code: int
    # The Location of an `authorize` response holds the flow's state.
    headers: Headers = field(repr=False)
    seconds: float
    attempt: int
    installation_id: str | None = None

    @property
    def request_id(self) -> str | None:
        """The `X-Request-Id` header; None if there is none. Include it in support requests."""
        return self.headers.get("X-Request-Id")
