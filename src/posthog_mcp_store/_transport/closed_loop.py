"""Releasing the resources of an event loop that has been closed, so that nothing in it can be awaited any more."""

import asyncio
from asyncio.trsock import TransportSocket
from collections.abc import Coroutine, Iterable
from contextlib import suppress
from typing import Any, cast


def release_sockets_and_tasks(
    loop: asyncio.AbstractEventLoop, sockets: Iterable[TransportSocket], tasks: Iterable[asyncio.Task[Any]]
) -> None:
    """Close the sockets of connections in a closed event loop, and end the tasks that use them."""
    transports = _transports(loop)
    for number in {sock.fileno() for sock in sockets} & transports.keys():
        # This marks the transport as closing, before it fails to schedule a callback in the closed loop.
        with suppress(RuntimeError):
            transports[number].abort()
    for task in tasks:
        _end(task)
    # These transports, and those that were still connecting and that their tasks have just closed.
    _finish_closing(loop)


def _transports(loop: asyncio.AbstractEventLoop) -> dict[int, Any]:
    """Asyncio's transports by socket number. Other event loops close their transports when they are closed."""
    return dict(getattr(loop, "_transports", {}))


def _finish_closing(loop: asyncio.AbstractEventLoop) -> None:
    """Close the sockets of closing transports, as the loop would have done.

    There is no public way to do this, and asyncio warns about transports that are merely dropped.
    """
    for number, transport in _transports(loop).items():
        if transport.is_closing() and transport.get_extra_info("socket").fileno() == number:
            # It fails if it has to wake up a waiting reader in the closed loop.
            with suppress(RuntimeError):
                transport._call_connection_lost(None)  # noqa: SLF001


def _end(task: asyncio.Task[Any]) -> None:
    """End one of our tasks, and keep asyncio from warning that it was destroyed while pending."""
    task._log_destroy_pending = False  # type: ignore[attr-defined]  # noqa: SLF001
    # Its cleanup may need the closed loop, too.
    with suppress(Exception):
        cast("Coroutine[Any, Any, Any]", task.get_coro()).close()
