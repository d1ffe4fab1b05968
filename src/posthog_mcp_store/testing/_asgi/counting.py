"""Counting the requests that are being handled at once."""

from contextlib import ExitStack

from starlette.types import Message, Receive, Scope, Send

from .middleware import ServiceMiddleware


class InFlightCounter(ServiceMiddleware):
    """Middleware that counts each request from its arrival to the last byte of its response."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        with ExitStack() as flight:
            self._state.request_began()
            flight.callback(self._state.request_ended)

            async def watched(message: Message) -> None:
                # Before the message is sent, so that a client that has its response is no longer counted.
                if _completes(message, scope["method"]):
                    flight.close()
                await send(message)

            await self._app(scope, receive, watched)


def _completes(message: Message, method: str) -> bool:
    """Whether this message completes the response. If there is no body, the headers do."""
    if message["type"] == "http.response.body":
        return not message.get("more_body", False)
    return method == "HEAD" or message["status"] in (204, 304) or (b"content-length", b"0") in message["headers"]
