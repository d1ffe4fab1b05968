"""One server for many services, one after the other: starting one takes longer than most tests."""

from collections.abc import Iterator
from contextlib import contextmanager

from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send


class Switchboard:
    """An ASGI application that leads to whichever application is connected."""

    def __init__(self) -> None:
        # It answers the server's lifespan, and 404 to whoever calls when nothing is connected.
        self._nothing = Starlette()
        self._app: ASGIApp = self._nothing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)

    @contextmanager
    def connected(self, app: ASGIApp) -> Iterator[None]:
        """Lead to `app`, whose lifespan is not run."""
        self._app = app
        try:
            yield
        finally:
            self._app = self._nothing
