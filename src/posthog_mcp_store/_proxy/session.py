"""A session with an MCP server behind the proxy, which is started again when the server has lost it."""

import asyncio
import logging
import re
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from .._core.errors import ToolCallError, UpstreamError
from .call import ProxyCall
from .stream import ProxyStream

logger = logging.getLogger(__name__)

IDEMPOTENT = {
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
"""Idempotent requests, which may be sent again."""
INITIALIZED = {"jsonrpc": "2.0", "method": "notifications/initialized"}

TEXT_FIELDS = ("error", "message", "detail", "title", "error_description", "data", "reason")
"""Fields with the reason in the usual forms of error bodies."""
LOST_STATUSES = {404, 410, 422}
"""MCP specifies 404; some SDKs for servers respond with 422 when they expect `initialize`."""
LOST = re.compile(r"session|not (been )?initiali[sz]ed|(initialize request|before initiali[sz]ation)", re.IGNORECASE)
LOST_CODES = {0, -32000, -32001, -32002, -32600, -32602}
LOST_FOR_CERTAIN = re.compile(
    r"session\b.{0,80}\b(not found|unknown|invalid|expired|terminated|does not exist)"
    r"|\b(no|unknown|invalid)( or expired)?( valid)? session|\bnot initiali[sz]ed|before initiali[sz]ation",
    re.IGNORECASE,
)
"""Stricter, because an error object in a successful response may be a tool's, about some other session."""


class SendMessage(Protocol):
    """The function that sends a message to the server."""

    def __call__(
        self, message: Mapping[str, Any], *, session_id: str | None, headers: Mapping[str, str] | None = None
    ) -> ProxyCall: ...


class MCPSession:
    """Sends messages with the server's session id, if it has one.

    If the session is lost because the server was restarted, the same `initialize` starts a new one before the next
    message. The request that ran into the loss is repeated if it is idempotent; others raise.

    The caller opens the session with `initialize` as the first message. If it is passed to the constructor instead, the
    session starts by itself before the first message.
    """

    def __init__(
        self, post: SendMessage, on_renewed: Callable[[], None], *, initialize: Mapping[str, Any] | None = None
    ) -> None:
        self._post = post
        self._on_renewed = on_renewed
        self._id: str | None = None
        self._initialize = initialize or {}
        self._is_lost = initialize is not None
        self._renewing = asyncio.Lock()

    async def open(
        self, message: Mapping[str, Any], headers: Mapping[str, str] | None = None
    ) -> tuple[ProxyStream, str | None]:
        """Send a message. Return the stream of responses, which the caller closes, and the session id it was sent with.

        Raises the errors of entering `proxy()`.
        """
        if message.get("method") == "initialize":
            return await self._begin(message), None
        await self._renew_if_lost()
        used = self._id
        try:
            return await self._post(message, session_id=used, headers=headers).open(), used
        except UpstreamError as error:
            if not self.note_loss(error, used) or message.get("method") not in IDEMPOTENT:
                raise
        await self._renew_if_lost()
        used = self._id
        return await self._post(message, session_id=used, headers=headers).open(), used

    def note_loss(self, error: UpstreamError | ToolCallError, used: str | None) -> bool:
        """Whether an error means that the session `used` is lost; if so, the next message starts a new one."""
        if used is None or not is_session_lost(error):
            return False
        # Another call may have noticed the loss earlier and started a new session already.
        self._is_lost = self._is_lost or self._id == used
        return True

    async def _begin(self, initialize: Mapping[str, Any]) -> ProxyStream:
        stream = await self._post(initialize, session_id=None).open()
        self._initialize, self._id = initialize, stream.session_id
        return stream

    async def _renew_if_lost(self) -> None:
        if not self._is_lost:
            return
        async with self._renewing:
            if self._is_lost:
                await self._renew()

    async def _renew(self) -> None:
        reply = await self._post(self._initialize, session_id=None)
        reply.result()
        await self._post(INITIALIZED, session_id=reply.session_id)
        lost, self._id, self._is_lost = self._id, reply.session_id, False
        # A restarted server may have other tools.
        self._on_renewed()
        if lost is not None:
            logger.info("the MCP server had lost the session: started a new one")


def is_session_lost(error: UpstreamError | ToolCallError) -> bool:
    """Whether an error means that the server does not know the session (MCP 2025-06-18, session management).

    The specification requires 404, but many servers, including the reference server, respond differently.
    """
    if isinstance(error, ToolCallError):
        return error.code in LOST_CODES and LOST_FOR_CERTAIN.search(error.message) is not None
    if error.status_code in LOST_STATUSES:
        return True
    return error.status_code in {400, 401} and LOST.search(_texts(error.body)) is not None


def _texts(body: object) -> str:
    """The texts of an error body in any of the usual forms."""
    if isinstance(body, str):
        return body
    objects = [each for each in (body if isinstance(body, list) else [body])[:10] if isinstance(each, Mapping)]
    inner = [each for one in objects for each in one.values()]
    objects += [each for each in inner if isinstance(each, Mapping)]
    objects += [each for some in inner if isinstance(some, list) for each in some[:10] if isinstance(each, Mapping)]
    texts = [one.get(name) for one in objects for name in TEXT_FIELDS]
    return "\n".join(text for text in texts if isinstance(text, str))
