"""What every layer around the application shares."""

from abc import ABC, abstractmethod

from starlette.types import ASGIApp, Receive, Scope, Send

from .._model.state import ServiceState


class Middleware(ABC):
    """A layer that handles requests; what else a server says, such as its lifespan, passes it by."""

    def __init__(self, app: ASGIApp, state: ServiceState) -> None:
        self._app = app
        self._state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        handle = self.handle if scope["type"] == "http" else self._app
        await handle(scope, receive, send)

    @abstractmethod
    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request, as an ASGI application does."""
