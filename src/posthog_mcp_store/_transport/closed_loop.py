"""Letting go of what an event loop held that was closed since. Nothing there can be awaited any more."""

import asyncio
from asyncio.trsock import TransportSocket
from collections.abc import Coroutine, Iterable
from contextlib import suppress
from typing import Any, cast


def let_go(
    loop: asyncio.AbstractEventLoop, sockets: Iterable[TransportSocket], tasks: Iterable[asyncio.Task[Any]]
) -> None:
    """Close the sockets of connections, and end the tasks that use them, in an event loop that is closed."""
    transports = _transports(loop)
    for number in {sock.fileno() for sock in sockets} & transports.keys():
        # It marks it as closed for whoever closes it again, and then wants the loop to call something.
        with suppress(RuntimeError):
            transports[number].abort()
    for task in tasks:
        _end(task)
    # Those, and what was not connected yet and was closed by its task just now.
    _finish_closing(loop)


def _transports(loop: asyncio.AbstractEventLoop) -> dict[int, Any]:
    """Asyncio's transports by the number of their sockets. Other event loops close these when they are closed."""
    return dict(getattr(loop, "_transports", {}))


def _finish_closing(loop: asyncio.AbstractEventLoop) -> None:
    """Do what the loop was to do for transports that were closed: close their sockets.

    There is no public way to do that, and asyncio warns of a transport that is just dropped.
    """
    for number, transport in _transports(loop).items():
        if transport.is_closing() and transport.get_extra_info("socket").fileno() == number:
            # A reader that waits for the connection would be woken up in the loop.
            with suppress(RuntimeError):
                transport._call_connection_lost(None)  # noqa: SLF001


def _end(task: asyncio.Task[Any]) -> None:
    """End a task of ours, and keep asyncio from reporting to the user that it was never finished."""
    task._log_destroy_pending = False  # type: ignore[attr-defined]  # noqa: SLF001
    # What it does on its way out may want the loop, too.
    with suppress(Exception):
        cast("Coroutine[Any, Any, Any]", task.get_coro()).close()
