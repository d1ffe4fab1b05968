"""A session with an MCP server behind the proxy, which begins anew when the server has lost it."""

import asyncio
import logging
import re
from collections.abc import Mapping
from typing import Any, Protocol

from ._errors import UpstreamError
from ._proxy_call import ProxyCall
from ._proxy_stream import ProxyStream

logger = logging.getLogger(__name__)

REPEATABLE = {
    "completion/complete",
    "logging/setLevel",
    "ping",
    "prompts/get",
    "prompts/list",
    "resources/list",
    "resources/read",
    "resources/subscribe",
    "resources/templates/list",
    "resources/unsubscribe",
    "tools/list",
}
"""The requests that may be sent again: they read, or set what was set already."""
INITIALIZED = {"jsonrpc": "2.0", "method": "notifications/initialized"}


class Post(Protocol):
    """How messages get to the server."""

    def __call__(
        self, message: Mapping[str, Any], *, session_id: str | None, headers: Mapping[str, str] | None = None
    ) -> ProxyCall: ...


class MCPSession:
    """Sends messages under the server's session id, if it gives one.

    A session that is lost, because the server was restarted, is begun anew with the same `initialize` before the next
    message. The request that met the loss is repeated where that does no harm; others raise it.
    """

    def __init__(self, post: Post) -> None:
        self._post = post
        self._id: str | None = None
        self._greeting: Mapping[str, Any] = {}
        self._is_lost = False
        self._renewing = asyncio.Lock()

    async def open(self, message: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> ProxyStream:
        """Send a message; the stream of its answers, to be closed by the caller.

        Raises as entering `proxy()` does.
        """
        if message.get("method") == "initialize":
            return await self._begin(message)
        await self._renew_if_lost()
        used = self._id
        try:
            return await self._post(message, session_id=used, headers=headers).open()
        except UpstreamError as error:
            if used is None or not is_session_lost(error):
                raise
            # Another call may have met the loss before, and begun anew.
            self._is_lost = self._is_lost or self._id == used
            if message.get("method") not in REPEATABLE:
                raise
        await self._renew_if_lost()
        return await self._post(message, session_id=self._id, headers=headers).open()

    async def _begin(self, greeting: Mapping[str, Any]) -> ProxyStream:
        stream = await self._post(greeting, session_id=None).open()
        self._greeting, self._id = greeting, stream.session_id
        return stream

    async def _renew_if_lost(self) -> None:
        if not self._is_lost:
            return
        async with self._renewing:
            if self._is_lost:
                await self._renew()

    async def _renew(self) -> None:
        reply = await self._post(self._greeting, session_id=None)
        reply.result()
        await self._post(INITIALIZED, session_id=reply.session_id)
        self._id, self._is_lost = reply.session_id, False
        logger.info("the MCP server had lost the session: it was begun anew")


def is_session_lost(error: UpstreamError) -> bool:
    """Whether an answer says that the server does not know the session (MCP 2025-06-18, session management).

    That is a 404; many servers, the reference server among them, send a 400 that speaks of the session.
    """
    if error.status_code != 400:
        return error.status_code == 404
    reason = error.body.get("error") if isinstance(error.body, Mapping) else None
    return isinstance(reason, Mapping) and re.search("session", str(reason.get("message")), re.IGNORECASE) is not None
