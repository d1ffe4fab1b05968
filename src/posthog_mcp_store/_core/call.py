"""A call of an operation as plain data, and what the pipeline knows of each operation."""

from collections.abc import Mapping
from enum import Enum
from typing import Literal

from attrs import field, frozen

from . import defaults
from .secret import Secret

RateLimitScope = Literal["default", "mcp_oauth", "mcp_proxy"]
"""A limit of the service: ordinary calls, `install_custom` and `authorize` together, and the proxy."""

CREATE = "mcp_server_installations_create"
AUTHORIZE = "mcp_server_installations_authorize_retrieve"
INSTALL_CUSTOM = "mcp_server_installations_install_custom_create"
PROXY = "mcp_server_installations_proxy_create"

TIMEOUTS = {
    # The service calls out several times, 10 seconds each (docs/service.md, section 5).
    INSTALL_CUSTOM: 60.0,
    AUTHORIZE: 60.0,
    # Above the 180 seconds for which the service waits for the MCP server (docs/service.md, section 7).
    PROXY: 190.0,
}
# What a limit does not name counts under the service's own default (docs/service.md, section 4).
RATE_LIMITS: dict[str, RateLimitScope] = {INSTALL_CUSTOM: "mcp_oauth", AUTHORIZE: "mcp_oauth", PROXY: "mcp_proxy"}
# Repeating a PATCH sets the same fields again, and the service keeps no idempotency keys (docs/service.md, section 5).
REPEATABLE = {"GET", "HEAD", "OPTIONS", "DELETE", "PATCH"}
ACCEPT = {PROXY: "application/json, text/event-stream"}


class ResponseMode(Enum):
    """How the answer to a call is handed up."""

    BUFFERED = "whole"
    """When it has been read whole."""
    STREAMED = "streamed"
    """At its head, to be read on by the SDK itself."""
    DETACHED = "apart"
    """At its head, to be read on by the user, who may make other calls meanwhile: it no longer counts as one of the
    `max_concurrency` requests, or these would wait for each other."""


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
    """A secret in its content, such as the key of an MCP server."""
    response_mode: ResponseMode = ResponseMode.BUFFERED
    """Of an answer that counts as a result; errors are read whole."""
    timeout: float | None = None
    """Seconds to wait for each step of the network; None for those of the settings, or the operation's own."""

    @property
    def default_timeout(self) -> float:
        """Seconds to wait for each step of the network, unless the user says otherwise."""
        return TIMEOUTS.get(self.operation_id, defaults.TIMEOUT)

    @property
    def rate_limit(self) -> RateLimitScope:
        """Which of the service's limits it counts under."""
        return RATE_LIMITS.get(self.operation_id, "default")

    @property
    def is_idempotent(self) -> bool:
        """Whether the service may act on it twice with no harm."""
        return self.method in REPEATABLE

    @property
    def accept(self) -> str:
        """The media types its answer may have."""
        return ACCEPT.get(self.operation_id, "application/json")

    def is_streamed_by(self, status_code: int) -> bool:
        """Whether an answer with this status is handed up at its head."""
        return self.response_mode is not ResponseMode.BUFFERED and self.is_answered_by(status_code)

    def is_answered_by(self, status_code: int) -> bool:
        """Whether an answer with this status is the operation's result, not an error."""
        return 200 <= status_code < 300 or (status_code == 302 and self.operation_id == AUTHORIZE)
