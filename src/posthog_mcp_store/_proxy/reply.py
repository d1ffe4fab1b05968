"""The complete response to a message or batch. Pure."""

from typing import Any

from attrs import field, frozen

from .._core.call import Call
from .._core.errors import ConfigurationError
from .._core.headers import Headers
from .._core.response import Response
from .._core.text import short_repr
from .._core.validation import SESSION_ID
from .._request.status_errors import decode_error
from .requests import Message, RequestId, SentRequests, has_method, is_error
from .tool_errors import reply_error


@frozen
class ProxyReply:
    """The complete response of an MCP server to a message or batch.

    Attributes:
        messages: The JSON-RPC messages in the order received; empty if only notifications were sent and accepted.
        session_id: The server's `Mcp-Session-Id`, to pass as `session_id=` in later calls; None if it has no sessions.
    """

    messages: list[dict[str, Any]]
    session_id: str | None
    _sent: SentRequests = field(alias="sent", repr=False)
    _answer: Response = field(alias="answer", repr=False)
    _call: Call = field(alias="call", repr=False)

    def result(self, request_id: RequestId = None) -> Any:
        """The `result` member of the response to a request.

        Args:
            request_id: The `id` of the request. It can be left out if only one was sent.

        Raises:
            ToolCallError: The response is an error object. PostHog's own refusals have subclasses.
            ResponseDecodeError: The server did not respond to this request.
            ConfigurationError: No such request was sent. Notifications have no result.
        """
        position = self._position(request_id)
        for message in self.messages:
            if not has_method(message) and self._sent.position(message.get("id")) == position:
                return self._result(message)
        for message in self.messages:
            # If the server could not read a request, its error has a null id (JSON-RPC 2.0, section 5).
            if message.get("id") is None and is_error(message):
                return self._result(message)
        wanted = self._sent.request_ids[position]
        raise decode_error(self._answer, self._call, f"it has no response to request {wanted!r}")

    def _position(self, request_id: RequestId) -> int:
        ids = self._sent.request_ids
        if request_id is None and len(ids) == 1:
            return 0
        if request_id in ids:
            return ids.index(request_id)
        sent = ", ".join(map(short_repr, ids[:10])) or "none, a notification has no result"
        more = ", ..." if len(ids) > 10 else ""
        raise ConfigurationError(f"request_id must name a request that was sent: {sent}{more}")

    def _result(self, message: Message) -> Any:
        if is_error(message):
            raise reply_error(message, self._sent, self._answer)
        return message.get("result")


def server_session_id(headers: Headers) -> str | None:
    """The session that a response belongs to, if the server uses sessions.

    Raises:
        ValueError: The server's session id is not valid and can't be sent back.
    """
    # A header that was sent more than once is received as one, joined by commas (RFC 9110, section 5.3).
    named = headers.get("Mcp-Session-Id", "").strip()
    session_id = ", ".join(dict.fromkeys(named.split(", ")))
    if session_id and not SESSION_ID.fullmatch(session_id):
        raise ValueError("the server's Mcp-Session-Id is not visible ASCII text without spaces")
    return session_id or None
