"""Injecting faults into requests and their responses."""

import json
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any

import anyio
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from .._model.faults import Fault
from .client_connection import ConnectionCutError, disconnected_within
from .middleware import ServiceMiddleware


class FaultInjector(ServiceMiddleware):
    """Middleware that applies the first matching fault to each request."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        fault = self._state.next_fault(scope["method"], scope["path"])
        if fault is None:
            await self._app(scope, receive, send)
            return
        response = await self._real_response(fault, scope, receive) if fault.reaches_service else Response()
        if response is None:
            return
        if fault.delay and await disconnected_within(fault.delay, receive):
            return
        if fault.reset in ("before", "after"):
            raise ConnectionCutError(reset=True)
        await _deliver(_with_fault(response, fault), fault, receive, send)

    async def _real_response(self, fault: Fault, scope: Scope, receive: Receive) -> Response | None:
        """The application's complete response; None if the client disconnected before its headers.

        A stream that the fault discards is not read, because it may never end.
        """
        head: MutableMapping[str, Any] = {}
        body = bytearray()

        async def keep(message: Message) -> None:
            head.update(message)
            body.extend(message.get("body", b""))
            if not fault.keeps_answer and _is_stream(head):
                enough.cancel()

        with anyio.CancelScope() as enough:
            await self._app(scope, receive, keep)
        if not head:
            return None
        response = Response(bytes(body), head["status"])
        response.raw_headers = list(head["headers"])
        return response


def _is_stream(head: Mapping[str, Any]) -> bool:
    return Headers(raw=head["headers"]).get("content-type", "").startswith("text/event-stream")


def _with_fault(response: Response, fault: Fault) -> Response:
    if fault.replaces:
        response = Response(fault.body, fault.status or 200)
    elif fault.edit is not None:
        response.body = json.dumps(fault.edit(json.loads(bytes(response.body)))).encode()
        response.headers["Content-Length"] = str(len(response.body))
    response.headers.update(fault.headers)
    return response


async def _deliver(response: Response, fault: Fault, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": response.status_code, "headers": response.raw_headers})
    is_cut = fault.truncate or fault.reset == "inside"
    body = bytes(response.body)
    for piece in _pieces(body[: len(body) // 2] if is_cut else body, single=fault.drip is not None):
        if fault.drip and await disconnected_within(fault.drip, receive):
            return
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    if is_cut:
        raise ConnectionCutError(reset=fault.reset == "inside")
    await send({"type": "http.response.body"})


def _pieces(body: bytes, *, single: bool) -> Iterator[bytes]:
    size = 1 if single else max(len(body), 1)
    return (body[start : start + size] for start in range(0, len(body), size))
