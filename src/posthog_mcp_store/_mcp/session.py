"""A session with an MCP server behind the proxy, which begins anew when the server has lost it."""

import asyncio
import logging
import re
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from .._core.errors import ToolCallError, UpstreamError
from .._proxy.call import ProxyCall
from .._proxy.stream import ProxyStream

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

WORDS = ("error", "message", "detail", "title", "error_description", "data", "reason")
"""Where error bodies of any form say what is wrong."""
LOST_STATUSES = {404, 410, 422}
"""404 is what MCP asks for; servers that expect `initialize` first answer 422 in some languages."""
LOST = re.compile(r"session|not (been )?initiali[sz]ed|(initialize request|before initiali[sz]ation)", re.IGNORECASE)
LOST_CODES = {0, -32000, -32001, -32002, -32600, -32602}
LOST_FOR_CERTAIN = re.compile(
    r"session\b.{0,80}\b(not found|unknown|invalid|expired|terminated|does not exist)"
    r"|\b(no|unknown|invalid)( or expired)?( valid)? session|\bnot initiali[sz]ed|before initiali[sz]ation",
    re.IGNORECASE,
)
"""An error object in a successful answer may also be a tool's, and about a session of its own."""


class SendMessage(Protocol):
    """How messages get to the server."""

    def __call__(
        self, message: Mapping[str, Any], *, session_id: str | None, headers: Mapping[str, str] | None = None
    ) -> ProxyCall: ...


class MCPSession:
    """Sends messages under the server's session id, if it gives one.

    A session that is lost, because the server was restarted, is begun anew with the same `initialize` before the next
    message. The request that met the loss is repeated where that does no harm; others raise it.
    """

    def __init__(self, post: SendMessage, on_renewed: Callable[[], None]) -> None:
        self._post = post
        self._on_renewed = on_renewed
        self._id: str | None = None
        self._greeting: Mapping[str, Any] = {}
        self._is_lost = False
        self._renewing = asyncio.Lock()

    async def open(
        self, message: Mapping[str, Any], headers: Mapping[str, str] | None = None
    ) -> tuple[ProxyStream, str | None]:
        """Send a message: the stream of its answers, to be closed by the caller, and the session it was sent in.

        Raises as entering `proxy()` does.
        """
        if message.get("method") == "initialize":
            return await self._begin(message), None
        await self._renew_if_lost()
        used = self._id
        try:
            return await self._post(message, session_id=used, headers=headers).open(), used
        except UpstreamError as error:
            if not self.is_lost_by(error, used) or message.get("method") not in REPEATABLE:
                raise
        await self._renew_if_lost()
        used = self._id
        return await self._post(message, session_id=used, headers=headers).open(), used

    def is_lost_by(self, error: UpstreamError | ToolCallError, used: str | None) -> bool:
        """Whether an error says that the session it was sent in is lost; the next message then begins a new one."""
        if used is None or not is_session_lost(error):
            return False
        # Another call may have met the loss before, and begun a new one.
        self._is_lost = self._is_lost or self._id == used
        return True

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
        # A server that was restarted may have other tools.
        self._on_renewed()
        logger.info("the MCP server had lost the session: started a new one")


def is_session_lost(error: UpstreamError | ToolCallError) -> bool:
    """Whether an answer says that the server does not know the session (MCP 2025-06-18, session management).

    That is a 404; many servers, the reference server among them, say it in other ways.
    """
    if isinstance(error, ToolCallError):
        return error.code in LOST_CODES and LOST_FOR_CERTAIN.search(error.message) is not None
    if error.status_code in LOST_STATUSES:
        return True
    return error.status_code in {400, 401} and LOST.search(_words(error.body)) is not None


def _words(body: object) -> str:
    """What an error body says, whichever of the usual forms it has."""
    if isinstance(body, str):
        return body
    objects = [each for each in (body if isinstance(body, list) else [body])[:10] if isinstance(each, Mapping)]
    inner = [each for one in objects for each in one.values()]
    objects += [each for each in inner if isinstance(each, Mapping)]
    objects += [each for some in inner if isinstance(some, list) for each in some[:10] if isinstance(each, Mapping)]
    words = [one.get(name) for one in objects for name in WORDS]
    return "\n".join(word for word in words if isinstance(word, str))
