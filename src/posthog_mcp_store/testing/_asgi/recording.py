"""Recording every request, including those to unknown paths, for tests to inspect."""

import time

from starlette.requests import ClientDisconnect, Request
from starlette.types import Message, Receive, Scope, Send

from .._model.records import RecordedRequest
from .middleware import ServiceMiddleware


class RequestRecorder(ServiceMiddleware):
    """Middleware that reads each request completely, records it, calls `before_each` and passes it on.

    An incomplete request is dropped.
    """

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        received_at = time.monotonic()
        request = Request(scope, receive)
        try:
            body = await request.body()
        except ClientDisconnect:
            return
        recorded = _recorded(request, body, received_at)
        self._state.requests.append(recorded)
        hook = self._state.before_each
        if hook is not None:
            hook(recorded)
        await self._app(scope, _after(body, receive), send)


def _recorded(request: Request, body: bytes, received_at: float) -> RecordedRequest:
    return RecordedRequest(
        method=request.method,
        path=request.url.path,
        query=dict(request.query_params),
        headers=dict(request.headers),
        body=body,
        received_at=received_at,
    )


def _after(body: bytes, receive: Receive) -> Receive:
    """A `receive` for the application that first returns the body that was already read."""
    unread: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return unread.pop() if unread else await receive()

    return replay
