"""A server of bare sockets: the bytes sent to it until a certain moment, and closed connections."""

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from attrs import define, field


@define
class Listener:
    """A server that accepts and reads only on `take()`, and sends nothing."""

    listening: socket.socket
    accepted: list[socket.socket] = field(factory=list)
    received: bytearray = field(factory=bytearray)
    ended: set[socket.socket] = field(factory=set)

    @property
    def port(self) -> int:
        return int(self.listening.getsockname()[1])

    def take(self) -> int:
        """Read what was sent so far, and return the number of all bytes."""
        with suppress(BlockingIOError):
            while True:
                connection, _ = self.listening.accept()
                connection.setblocking(False)
                self.accepted.append(connection)
        for connection in self.accepted:
            self._read(connection)
        return len(self.received)

    def _read(self, connection: socket.socket) -> None:
        try:
            while chunk := connection.recv(65_536):
                self.received += chunk
        except BlockingIOError:
            return
        except ConnectionError:
            pass
        self.ended.add(connection)

    async def until(self, holds: Callable[["Listener"], bool]) -> None:
        async with asyncio.timeout(5):
            while not holds(self):
                await asyncio.sleep(0)
                self.take()


@contextmanager
def listening() -> Iterator[Listener]:
    with socket.create_server(("127.0.0.1", 0), backlog=128) as server:
        server.setblocking(False)
        listener = Listener(server)
        yield listener
        for connection in listener.accepted:
            connection.close()


def is_over(listener: Listener) -> bool:
    return len(listener.ended) == len(listener.accepted)
