"""An application that lets many services share a server, because starting one takes longer than most tests."""

from collections.abc import Iterator
from contextlib import contextmanager

from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send


class SwappableApp:
    """An ASGI application that passes every request to another one, which can be replaced."""

    def __init__(self) -> None:
        # It handles the server's lifespan, and responds to every request with 404.
        self._empty = Starlette()
        self._app: ASGIApp = self._empty

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)

    @contextmanager
    def using(self, app: ASGIApp) -> Iterator[None]:
        """Pass requests to `app`, whose lifespan is not run."""
        self._app = app
        try:
            yield
        finally:
            self._app = self._empty
