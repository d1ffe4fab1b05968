"""Serving any ASGI application over real HTTP, in a separate thread."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from .client_connection import ConnectionProtocol

# How long a request that is still running when the server stops may take to end on its own.
_GRACE_SECONDS = 1


@contextmanager
def serve_app(app: ASGIApp, *, timeout: float = 10.0) -> Iterator[str]:
    """Serve the application on a free port of 127.0.0.1, with its lifespan, and yield the base URL.

    It accepts connections as soon as the context is entered; when it is left, thread and socket are closed.

    Args:
        app: The ASGI application.
        timeout: The maximum number of seconds for starting, and again for stopping.

    Raises:
        RuntimeError: The application did not start, or did not stop in time. If its lifespan failed, that exception is
            the cause.
    """
    # asyncio only disables Nagle's algorithm, which would delay small responses by 40 ms, on sockets that are created
    # with an explicit protocol.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        host, port = listener.getsockname()
        server = _ServerThread(app, listener)
        try:
            server.wait_until_started(timeout)
            yield f"http://{host}:{port}"
        finally:
            server.stop(timeout)


class _ServerThread:
    """One uvicorn server and the event loop it runs in."""

    def __init__(self, app: ASGIApp, listener: socket.socket) -> None:
        self._app = app
        self._listener = listener
        self._failure: BaseException | None = None
        self._settled = threading.Event()
        self._server = _Server(_config(self._watched), self._settled)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="posthog-mcp-store-testing", daemon=True)
        self._thread.start()

    def wait_until_started(self, timeout: float) -> None:
        if not self._settled.wait(timeout):
            self._cancel()
            raise RuntimeError(f"the application did not start within {timeout} seconds")
        if not self._server.started:
            raise RuntimeError("the application did not start") from self._failure

    def stop(self, timeout: float) -> None:
        """Ask the server to end. If it does not in time, cancel its tasks."""
        self._server.leave(self._loop)
        self._thread.join(timeout)
        if self._thread.is_alive():
            self._cancel()
            self._thread.join(timeout)
            raise RuntimeError(f"the application did not stop within {timeout} seconds")

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
                runner.run(self._server.serve([self._listener]))
        except (SystemExit, asyncio.CancelledError):
            pass  # uvicorn exits if the start fails, and _cancel() cancels its tasks
        finally:
            self._settled.set()

    def _cancel(self) -> None:
        # A RuntimeError means that the loop has just been closed: there is nothing left to cancel.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(lambda: [task.cancel() for task in asyncio.all_tasks(self._loop)])

    async def _watched(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        except BaseException as error:
            # uvicorn only logs the exceptions of a lifespan.
            if scope["type"] == "lifespan":
                self._failure = error
            raise


class _Server(uvicorn.Server):
    """Signals when it accepts connections, and stops on request, both without polling."""

    def __init__(self, config: uvicorn.Config, settled: threading.Event) -> None:
        super().__init__(config)
        self._settled = settled
        self._leaving = asyncio.Event()

    def leave(self, loop: asyncio.AbstractEventLoop) -> None:
        """Ask it to stop, from another thread."""
        self.should_exit = True
        # A RuntimeError means that the loop is closed: the server has already stopped.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(self._leaving.set)

    async def main_loop(self) -> None:
        """Run uvicorn's main loop, which ticks ten times a second, except that `leave` ends the wait early."""
        ticks = 0
        while not await self.on_tick(ticks):
            ticks += 1
            with suppress(TimeoutError):
                await asyncio.wait_for(self._leaving.wait(), 0.1)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._settled.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # Closing the server would leak a connection that asyncio has accepted but has no transport for yet.
        for listener in sockets or ():
            asyncio.get_running_loop().remove_reader(listener)
        await asyncio.sleep(0)
        await super().shutdown(sockets)


def _config(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        # uvicorn's detection would mistake a bound method for an ASGI 2 application.
        interface="asgi3",
        http=ConnectionProtocol,
        ws="none",
        lifespan="on",
        # Logging is up to the test suite.
        log_config=None,
        # There is no reverse proxy, so X-Forwarded-Proto is not trusted.
        proxy_headers=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
