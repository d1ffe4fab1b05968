"""A call of an operation as plain data, with the operation's timeout, rate limit and media types."""

from collections.abc import Mapping
from enum import Enum
from typing import Literal

from attrs import field, frozen

from . import defaults
from .secret import Secret

RateLimitScope = Literal["default", "mcp_oauth", "mcp_proxy"]
"""The service's rate limits: for ordinary calls, for `install_custom` and `authorize` together, and for the proxy."""

CREATE = "mcp_server_installations_create"
AUTHORIZE = "mcp_server_installations_authorize_retrieve"
INSTALL_CUSTOM = "mcp_server_installations_install_custom_create"
PROXY = "mcp_server_installations_proxy_create"

TIMEOUTS = {
    # The service sends several requests of its own, of up to 10 seconds each (docs/service.md, section 5).
    INSTALL_CUSTOM: 60.0,
    AUTHORIZE: 60.0,
    # Longer than the 180 seconds that the service waits for the MCP server (docs/service.md, section 7).
    PROXY: 190.0,
}
# Operations not listed here count towards the service's default limit (docs/service.md, section 4).
RATE_LIMITS: dict[str, RateLimitScope] = {INSTALL_CUSTOM: "mcp_oauth", AUTHORIZE: "mcp_oauth", PROXY: "mcp_proxy"}
# A repeated PATCH sets the same fields again; the service has no idempotency keys (docs/service.md, section 5).
REPEATABLE = {"GET", "HEAD", "OPTIONS", "DELETE", "PATCH"}
ACCEPT = {PROXY: "application/json, text/event-stream"}


class ResponseMode(Enum):
    """When the response to a call is returned."""

    BUFFERED = "whole"
    """After its body has been read."""
    STREAMED = "streamed"
    """After its headers. The SDK itself reads the body."""
    DETACHED = "apart"
    """After its headers. The user reads the body and may make other calls while doing so, so the request no longer
    counts towards `max_concurrency`: those calls could otherwise wait for it forever."""


@frozen
class Call:
    """One call of an operation."""

    operation_id: str
    method: str
    path_template: str
    path: str
    url: str
    """The path and query on the configured host."""
    headers: Mapping[str, str] = field(factory=dict)
    content: bytes | None = field(default=None, repr=False)
    secret: Secret | None = None
    """A secret in `content`, such as the key of an MCP server."""
    response_mode: ResponseMode = ResponseMode.BUFFERED
    """For the operation's result. The bodies of error responses are always read first."""
    timeout: float | None = None
    """Seconds to wait for each network operation; None for the timeout in the settings, or else the default."""

    @property
    def default_timeout(self) -> float:
        """Seconds to wait for each network operation, unless the user sets a timeout."""
        return TIMEOUTS.get(self.operation_id, defaults.TIMEOUT)

    @property
    def rate_limit(self) -> RateLimitScope:
        """The limit of the service that the call counts towards."""
        return RATE_LIMITS.get(self.operation_id, "default")

    @property
    def is_idempotent(self) -> bool:
        """True if the service can safely act on the call twice."""
        return self.method in REPEATABLE

    @property
    def accept(self) -> str:
        """The media types that the response may have."""
        return ACCEPT.get(self.operation_id, "application/json")

    def is_streamed_by(self, status_code: int) -> bool:
        """True if a response with this status is returned after its headers."""
        return self.response_mode is not ResponseMode.BUFFERED and self.is_answered_by(status_code)

    def is_answered_by(self, status_code: int) -> bool:
        """True if a response with this status is the operation's result, not an error."""
        return 200 <= status_code < 300 or (status_code == 302 and self.operation_id == AUTHORIZE)
