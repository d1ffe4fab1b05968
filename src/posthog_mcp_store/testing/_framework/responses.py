"""Responses: JSON, streams, and errors in the format of the endpoint that raised them."""

import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from .errors import FrameworkError, ServiceError


class StreamedResponse(Response):
    """A response whose body is sent in pieces, as they become available."""

    def __init__(self, pieces: AsyncGenerator[bytes], *, headers: Mapping[str, str]) -> None:
        self._pieces = pieces
        self.status_code = 200
        self.init_headers(headers)

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        async with aclosing(self._pieces):
            async for piece in self._pieces:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body"})


def json_response(content: Any, *, status: int = 200) -> Response:
    # A lone surrogate from a request has no UTF-8 encoding; backslashreplace turns it into a JSON escape.
    body = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace")
    return Response(body, status, media_type="application/json")


def error_response(error: ServiceError) -> Response:
    return json_response(error.body, status=error.status)


def proxy_error_response(error: ServiceError) -> Response:
    """Render an error as the proxy does: its own as JSON, the framework's as their concatenated key names.

    The framework has no renderer for that endpoint's `*/*`, and writes the keys of the body instead.
    """
    if not isinstance(error, FrameworkError):
        return error_response(error)
    return Response("".join(error.body), error.status, headers={"content-type": "*/*; charset=utf-8"})
