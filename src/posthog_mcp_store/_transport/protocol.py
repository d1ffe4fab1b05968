"""What a transport takes and gives, in plain data: nothing here belongs to an HTTP library."""

import sys
from collections.abc import Mapping
from typing import Protocol

from attrs import frozen

from .._core import defaults
from .._core.call import Call
from .._core.errors import ConfigurationError
from .._core.response import Response
from .._core.secret import Secret
from .._version import __version__

USER_AGENT = f"posthog-mcp-store/{__version__} Python/{sys.version_info.major}.{sys.version_info.minor}"


@frozen
class PreparedRequest:
    """A call on its way out: what one attempt sends, and within which bounds."""

    call: Call
    url: str
    headers: Mapping[str, str]
    api_key: Secret
    timeout: float
    """Seconds for each step of the network; connecting takes 10 at most."""
    max_bytes: int
    """The largest body of an answer that is read."""

    @property
    def limits(self) -> dict[str, float | None]:
        """Waiting for a connection has no bound of its own: that is the queue's, and the deadline's."""
        connect = min(self.timeout, defaults.CONNECT_TIMEOUT)
        return {"connect": connect, "read": self.timeout, "write": self.timeout, "pool": None}


class RequestSender(Protocol):
    """Sends requests, whatever transport and event loop they go through."""

    async def send(self, prepared: PreparedRequest) -> Response:
        """Send one attempt and read its answer, as far as the call asks for; queue until there is room for it.

        Raises:
            APIConnectionError: No answer came.
            ConfigurationError: It is closed.
        """
        ...

    async def aclose(self) -> None:
        """Close what is the SDK's own. Calls under way and after it fail."""


class Transport(RequestSender, Protocol):
    """Connections to send over, in one event loop."""

    @property
    def leaves_connections(self) -> bool:
        """Whether it uses connections that are not the SDK's to close, and that only this event loop can use."""
        ...

    async def abandon(self) -> None:
        """Close what is the SDK's own, when the event loop that it was opened in is closed. Waits for nothing."""


def closed_error() -> ConfigurationError:
    return ConfigurationError("this MCPStore is closed: create a new one, or call it inside `async with`")


def left_behind_error() -> ConfigurationError:
    return ConfigurationError("this stream belongs to a closed event loop: open and read it in the same loop")
