"""Listening on one port of this machine, on both of the addresses that `localhost` may stand for."""

import asyncio
import errno
import socket
from contextlib import ExitStack
from typing import Any

from .._core.errors import ConfigurationError

ATTEMPTS = 10
"""How often a free port is looked for: one that is free on 127.0.0.1 may be taken on ::1."""
BACKLOG = 128
PAUSE_SECONDS = 0.5
"""After a connection that could not be accepted: with no file descriptor left, the next one can't be either."""
NO_SUCH_ADDRESS = {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}
# SO_REUSEADDR takes a port that is left over from an ended program; on Windows it takes one that is in use.
PORT_OPTION = getattr(socket, "SO_EXCLUSIVEADDRUSE", socket.SO_REUSEADDR)


class Listener(socket.socket):
    """A listening socket that loses no connection when it is told to stop."""

    _accepted: socket.socket | None = None
    _is_stopped = False

    def stop(self) -> None:
        """Accept no more. To be called before `next_connection` is cancelled."""
        self._is_stopped = True

    def accept(self) -> tuple[socket.socket, Any]:
        if self._is_stopped:
            # What came in the moment of the cancellation: asyncio would accept it and log that nobody takes it.
            raise BlockingIOError
        self._accepted, address = super().accept()
        return self._accepted, address

    async def next_connection(self) -> socket.socket:
        """The next one, for as long as it takes."""
        while True:
            self._accepted = None
            try:
                connection, _ = await asyncio.get_running_loop().sock_accept(self)
            except OSError:
                await asyncio.sleep(PAUSE_SECONDS)
            except asyncio.CancelledError:
                # In the moment a connection comes, `sock_accept` has accepted it and won't hand it over any more.
                if self._accepted is not None:
                    self._accepted.close()
                raise
            else:
                return connection


def listen(port: int) -> list[Listener]:
    """Listeners on 127.0.0.1 and, where the machine has it, ::1; 0 is any port that is free on both.

    Both, because a browser may take `localhost` for either, and another user's program must not have the other one.

    Raises:
        ConfigurationError: The port is taken, or may not be had.
    """
    fault = ""
    for _ in range(1 if port else ATTEMPTS):
        try:
            return _listeners(port)
        except OSError as error:
            fault = error.strerror or str(error)
    if port:
        raise ConfigurationError(
            f"port {port} of localhost can't be had ({fault}): end the program that uses it, or leave port= out to get "
            "a free one"
        )
    raise ConfigurationError(f"no port of localhost can be had ({fault}): pass port= with one that is free")


def _listeners(port: int) -> list[Listener]:
    with ExitStack() as opened:
        first = opened.enter_context(_listener(socket.AF_INET, "127.0.0.1", port))
        others = _listeners_ipv6(first.getsockname()[1])
        opened.pop_all()
    return [first, *others]


def _listeners_ipv6(port: int) -> list[Listener]:
    if not socket.has_ipv6:
        return []
    try:
        return [_listener(socket.AF_INET6, "::1", port)]
    except OSError as error:
        if error.errno in NO_SUCH_ADDRESS:
            return []
        raise


def _listener(family: socket.AddressFamily, address: str, port: int) -> Listener:
    with ExitStack() as opened:
        listener = opened.enter_context(Listener(family, socket.SOCK_STREAM))
        listener.setsockopt(socket.SOL_SOCKET, PORT_OPTION, 1)
        listener.bind((address, port))
        listener.listen(BACKLOG)
        listener.settimeout(0)
        opened.pop_all()
    return listener
