"""The progress of a request over httpx, as reported by its `trace` extension (httpx, request extensions)."""

from collections.abc import Mapping
from typing import Any

OPENING = {"connection.connect_tcp.started", "connection.connect_unix_socket.started", "connection.start_tls.started"}
OPENED = {"connection.connect_tcp.complete", "connection.connect_unix_socket.complete"}
SECURED = "connection.start_tls.complete"


class Progress:
    """Tracks httpcore's events for a request, or for all requests over one connection."""

    def __init__(self) -> None:
        self.is_queued = True
        """True if it waits for a connection, or is not sent over a network at all."""
        self.is_opening = False
        """True if its connection is being opened: then, httpcore 1.0.9 can be cancelled without harm to its pool."""
        self.is_begun = False
        """True if any part of the request may have been written."""
        self.is_written = False
        """True if it has been written and awaits its response."""
        self.stream: Any = None
        """The connection that was opened for it, without TLS."""

    async def __call__(self, event: str, info: Mapping[str, Any]) -> None:
        self.is_queued = False
        if event in OPENING:
            self.is_opening, self.is_begun, self.is_written = True, False, False
        elif event in OPENED:
            self.is_opening, self.stream = False, info["return_value"]
        elif event == SECURED:
            self.is_opening = False
        elif event.endswith(".send_request_headers.started"):
            # The CONNECT request for a proxy's tunnel does not count.
            self.is_begun = info["request"].method != b"CONNECT"
        elif event.endswith(".receive_response_headers.started"):
            self.is_written = self.is_begun

    @property
    def socket(self) -> Any:
        return self.stream and self.stream.get_extra_info("socket")

    async def close(self) -> None:
        """Close the connection. httpcore 1.0.9 does not close it if its TLS handshake is cancelled."""
        if self.stream is not None:
            await self.stream.aclose()
