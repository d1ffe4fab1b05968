"""The client's connection: cutting it, and detecting that the client has disconnected."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import STATUS_PHRASES, H11Protocol

from .middleware import ServiceMiddleware

_KEY = "posthog_mcp_store.connection"

# uvicorn looks up a reason phrase for every status, and has none for these, which are valid in HTTP.
STATUS_PHRASES.update(dict.fromkeys(range(600, 1000), b""))


class ConnectionCutError(Exception):
    """Raised while a response is sent, to end the connection immediately, by a reset or by closing it."""

    def __init__(self, *, reset: bool) -> None:
        super().__init__(reset)
        self.reset = reset


class ConnectionCutter(ServiceMiddleware):
    """Middleware that ends the connection when a ConnectionCutError is raised.

    In process there is no connection, so it raises ConnectionResetError from the application instead.
    """

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        except ConnectionCutError as cut:
            connection = connection_of(scope)
            if connection is None:
                raise ConnectionResetError("A fault of the embedded service cut this response short") from None
            connection.cut(reset=cut.reset)
            # If the application returned before uvicorn notices, uvicorn would report an incomplete response.
            await disconnected_within(None, receive)


class ClientConnection:
    """The connection on which a request was received."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport

    def cut(self, *, reset: bool) -> None:
        """End the connection: with RST, dropping unsent data, or with FIN after sending it."""
        if self._transport.is_closing():
            return
        if not reset:
            self._transport.close()
            return
        # With a linger time of 0, the socket is closed with RST.
        self._transport.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )
        self._transport.abort()


def connection_of(scope: Scope) -> ClientConnection | None:
    """The connection on which the request was received, or None in process."""
    connection: ClientConnection | None = scope.get("state", {}).get(_KEY)
    return connection


class ConnectionProtocol(H11Protocol):
    """uvicorn's HTTP protocol, with the connection added to the state that is copied to every request."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state = {**self.app_state, _KEY: ClientConnection(transport)}


@asynccontextmanager
async def while_connected(receive: Receive) -> AsyncIterator[None]:
    """Cancel the block when the client disconnects. The request must have been read."""

    async def cancel_when_it_leaves() -> None:
        await disconnected_within(None, receive)
        tasks.cancel_scope.cancel()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(cancel_when_it_leaves)
        yield
        tasks.cancel_scope.cancel()


async def disconnected_within(seconds: float | None, receive: Receive) -> bool:
    """Wait until the client disconnects, for at most `seconds`. Return whether it did."""
    with anyio.move_on_after(seconds):
        while (await receive())["type"] != "http.disconnect":
            pass
        return True
    return False
