"""What a store and all its views have in common: connections, limits, and what was warned of already."""

import logging

from ._answer import Headers
from ._gates import Gate
from ._operations import Call
from ._rate_limiters import RateLimiter, RateLimitScope
from ._secret import Secret
from ._text import one_line
from ._transport import Transport

logger = logging.getLogger(__name__)


class Shared:
    """One for a store and its views."""

    def __init__(self, transport: Transport, rate_limiter: RateLimiter | None) -> None:
        self.transport = transport
        self.rate_limiter = rate_limiter
        self._gates: dict[RateLimitScope, Gate] = {}
        self._has_warned = False

    def gate(self, scope: RateLimitScope) -> Gate:
        if scope not in self._gates:
            self._gates[scope] = Gate()
        return self._gates[scope]

    def warn_of_deprecation(self, call: Call, headers: Headers, api_key: Secret) -> None:
        """Log once what the service says of the end of a path (RFC 9745, RFC 8594)."""
        if self._has_warned or not ("Deprecation" in headers or "Sunset" in headers):
            return
        self._has_warned = True
        said = (api_key.blot_out(headers.get(name, "not said")) for name in ("Deprecation", "Sunset"))
        since, end = (one_line(text, limit=100) for text in said)
        logger.warning(
            "the service is giving up %s (Deprecation: %s, Sunset: %s): MCPStore(api_prefix=...) may help",
            call.path_template,
            since,
            end,
        )
