"""Keeping every request for the test to look at, unknown paths included."""

from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ._records import RecordedRequest
from ._state import ServiceState


class RequestRecorder:
    """Middleware that reads each request whole, records it and hands it on. One cut short is dropped."""

    def __init__(self, app: ASGIApp, state: ServiceState) -> None:
        self._app = app
        self._state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            body = await request.body()
        except ClientDisconnect:
            return
        self._state.requests.append(_recorded(request, body))
        await self._app(scope, _after(body, receive), send)


def _recorded(request: Request, body: bytes) -> RecordedRequest:
    return RecordedRequest(
        method=request.method,
        path=request.url.path,
        query=dict(request.query_params),
        headers=dict(request.headers),
        body=body,
    )


def _after(body: bytes, receive: Receive) -> Receive:
    """What the application receives in place of the body that was read: that body, then what follows it."""
    unread: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return unread.pop() if unread else await receive()

    return replay
