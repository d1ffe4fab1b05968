"""The base of the middleware around the application."""

from abc import ABC, abstractmethod

from starlette.types import ASGIApp, Receive, Scope, Send

from .._model.state import ServiceState


class ServiceMiddleware(ABC):
    """Middleware that handles requests; other scopes, such as the lifespan, go to the application directly."""

    def __init__(self, app: ASGIApp, state: ServiceState) -> None:
        self._app = app
        self._state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        handle = self.handle if scope["type"] == "http" else self._app
        await handle(scope, receive, send)

    @abstractmethod
    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request, as an ASGI application does."""
