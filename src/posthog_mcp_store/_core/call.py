"""A call of an operation as plain data, with the operation's timeout, rate limit and media types."""

import re
from collections.abc import Mapping
from enum import Enum
from typing import Literal

from attrs import field, frozen

from . import defaults
from .secret import Secret

RateLimitScope = Literal["default", "mcp_oauth", "mcp_proxy"]

CREATE = "mcp_server_installations_create"
AUTHORIZE = "mcp_server_installations_authorize_retrieve"
INSTALL_CUSTOM = "mcp_server_installations_install_custom_create"
INSTALL_TEMPLATE = "mcp_server_installations_install_template_create"
PROXY = "mcp_server_installations_proxy_create"
CALL_TOOL = "mcp_server_installations_call_tool_create"
REFRESH_TOOLS = "mcp_server_installations_tools_refresh_create"
AVAILABLE_TOOLS = "mcp_server_installations_available_tools_retrieve"
RETRIEVE = "mcp_server_installations_retrieve"

TIMEOUTS = {
    # The service sends several requests of its own, of up to 10 seconds each (docs/service.md, section 5).
    INSTALL_CUSTOM: 60.0,
    INSTALL_TEMPLATE: 60.0,
    AUTHORIZE: 60.0,
    REFRESH_TOOLS: 60.0,
    # It may refresh the tokens of several installations, 10 seconds each (docs/service.md, section 10).
    AVAILABLE_TOOLS: 60.0,
    # Four requests to the MCP server, 60 seconds each (docs/service.md, section 10).
    CALL_TOOL: 250.0,
    # Longer than the 180 seconds that the service waits for the MCP server (docs/service.md, section 7).
    PROXY: 190.0,
}
# Operations not listed here count towards the service's default limit (docs/service.md, section 4).
RATE_LIMITS: dict[str, RateLimitScope] = {
    INSTALL_CUSTOM: "mcp_oauth",
    INSTALL_TEMPLATE: "mcp_oauth",
    AUTHORIZE: "mcp_oauth",
    REFRESH_TOOLS: "mcp_oauth",
    PROXY: "mcp_proxy",
    CALL_TOOL: "mcp_proxy",
}
# A repeated PATCH sets the same fields again; the service has no idempotency keys (docs/service.md, section 5).
REPEATABLE = {"GET", "HEAD", "OPTIONS", "DELETE", "PATCH"}
INSTALLATION = re.compile(r"(.*?/mcp_server_installations/([^/]+)/).*")
ID_PARAMETER = "/mcp_server_installations/{id}/"
ACCEPT = {PROXY: "application/json, text/event-stream"}


class ResponseMode(Enum):
    """When the response to a call is returned."""

    BUFFERED = "buffered"
    """After its body has been read."""
    STREAMED = "streamed"
    """After its headers. The SDK itself reads the body."""
    DETACHED = "detached"
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
    secrets: tuple[Secret, ...] = ()
    """The secrets in `content`, such as the key of an MCP server."""
    response_mode: ResponseMode = ResponseMode.BUFFERED
    """For the operation's result. The bodies of error responses are always read first."""
    timeout: float | None = None
    """Seconds to wait for each network operation; None for the timeout in the settings, or else the default."""

    def for_installation(self) -> "Call":
        """The call that retrieves the installation that this one is for."""
        template, path, url = (INSTALLATION.sub(r"\1", text) for text in (self.path_template, self.path, self.url))
        return Call(RETRIEVE, "GET", path_template=template, path=path, url=url)

    @property
    def installation_id(self) -> str | None:
        """The id in the path, if the call is for one installation."""
        found = INSTALLATION.fullmatch(self.path) if ID_PARAMETER in self.path_template else None
        return found[2] if found else None

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
        return self.response_mode is not ResponseMode.BUFFERED and self.is_success(status_code)

    def is_success(self, status_code: int) -> bool:
        """True if a response with this status is the operation's result, not an error."""
        return 200 <= status_code < 300 or (status_code == 302 and self.operation_id == AUTHORIZE)
