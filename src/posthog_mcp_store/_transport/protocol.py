"""The interface of a transport, in plain data: nothing here depends on an HTTP library."""

import sys
from collections.abc import AsyncIterator, Hashable, Mapping
from time import perf_counter
from typing import Protocol

from attrs import define, field, frozen

from .._core import defaults
from .._core.call import Call
from .._core.errors import APIConnectionError, ConfigurationError
from .._core.headers import Headers
from .._core.response import Response
from .._core.secret import Secret
from .._core.text import single_line, without_query
from .._version import __version__

USER_AGENT = f"posthog-mcp-store/{__version__} Python/{sys.version_info.major}.{sys.version_info.minor}"


@define
class Stopwatch:
    """Measures a request from the moment at which it leaves the queue."""

    _started: float | None = None

    def start(self) -> None:
        self._started = perf_counter()

    @property
    def seconds(self) -> float:
        """Seconds since the start; 0 before it."""
        return 0.0 if self._started is None else perf_counter() - self._started


@frozen
class PreparedRequest:
    """The request of one attempt of a call, and its limits."""

    call: Call
    url: str
    headers: Mapping[str, str]
    api_key: Secret
    owner: Hashable
    """Requests that queue for a slot take turns by owner."""
    timeout: float
    """Seconds for each network operation; at most 10 for connecting."""
    max_bytes: int
    """The maximum size of a response body."""
    stopwatch: Stopwatch = field(factory=Stopwatch)

    @property
    def limits(self) -> dict[str, float | None]:
        """The timeouts in seconds. Waiting for a connection is bounded only by the call's deadline."""
        connect = min(self.timeout, defaults.CONNECT_TIMEOUT)
        return {"connect": connect, "read": self.timeout, "write": self.timeout, "pool": None}


class RawResponse(Protocol):
    """A response whose body is still to be read and decoded, as an HTTP library received it."""

    @property
    def status_code(self) -> int: ...

    @property
    def headers(self) -> Headers: ...

    @property
    def content_encoding(self) -> str:
        """The codings that `chunks` is still encoded with."""
        ...

    def chunks(self) -> AsyncIterator[bytes]:
        """The body, in pieces of any size.

        Raises:
            APIConnectionError: The connection broke.
            UndecodableError: The body is gone.
        """
        ...

    async def aclose(self) -> None:
        """Release the connection. It is closed unless the body was read to its end."""


class RequestSender(Protocol):
    """Sends requests."""

    async def send(self, prepared: PreparedRequest) -> Response:
        """Wait for a free slot, send one attempt and read its response as far as the call asks for.

        Starts the request's stopwatch once it has the slot.

        Raises:
            APIConnectionError: No response was received.
            ConfigurationError: It is closed.
        """
        ...

    async def aclose(self) -> None:
        """Close the SDK's own connections. Calls in progress and later calls fail."""


class Connections(RequestSender, Protocol):
    """Sends requests over any transport, in one event loop after another."""

    def require_loop(self) -> None:
        """Check that the running event loop can use the connections, before a call waits for anything.

        Raises:
            ConfigurationError: They belong to another event loop, which is not closed yet.
        """


class Transport(RequestSender, Protocol):
    """Sends requests in one event loop."""

    @property
    def has_foreign_connections(self) -> bool:
        """True if it uses connections that the SDK must not close, and that only this event loop can use."""
        ...

    async def abandon(self) -> None:
        """Close the SDK's own connections after their event loop has been closed. Does not wait for anything."""


def closed_error() -> ConfigurationError:
    return ConfigurationError("this MCPStore is closed: create a new one, or call it inside `async with`")


def left_behind_error() -> ConfigurationError:
    return ConfigurationError("this stream belongs to a closed event loop: open and read it in the same loop")


def no_response_error(prepared: PreparedRequest, reason: str, *, is_sent: bool) -> APIConnectionError:
    """The error for an attempt whose connection failed. `reason` must not contain the API key."""
    call, hint = prepared.call, "" if is_sent else ". Check the host and the network."
    message = single_line(f"{call.method} {without_query(call.url)}: no response ({reason}){hint}")
    return APIConnectionError(message, method=call.method, url=call.url, is_sent=is_sent)
