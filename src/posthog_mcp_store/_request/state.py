"""What a store and all its views have in common: connections, limits, and what was warned of already."""

import logging

from .._core.call import Call, RateLimitScope
from .._core.headers import Headers
from .._core.secret import Secret
from .._core.text import single_line
from .._ratelimit.local import RateLimiter
from .._transport.protocol import RequestSender
from .cooldown import Cooldown

logger = logging.getLogger(__name__)


class StoreState:
    """One for a store and its views."""

    def __init__(self, transport: RequestSender, rate_limiter: RateLimiter | None) -> None:
        self.transport = transport
        self.rate_limiter = rate_limiter
        self._cooldowns: dict[RateLimitScope, Cooldown] = {}
        self._has_warned = False

    def cooldown(self, scope: RateLimitScope) -> Cooldown:
        if scope not in self._cooldowns:
            self._cooldowns[scope] = Cooldown()
        return self._cooldowns[scope]

    def warn_of_deprecation(self, call: Call, headers: Headers, api_key: Secret) -> None:
        """Log once what the service says of the end of a path (RFC 9745, RFC 8594)."""
        if self._has_warned or not ("Deprecation" in headers or "Sunset" in headers):
            return
        self._has_warned = True
        said = (api_key.redact(headers.get(name, "not said")) for name in ("Deprecation", "Sunset"))
        since, end = (single_line(text, limit=100) for text in said)
        logger.warning(
            "the service is retiring %s (Deprecation: %s, Sunset: %s): MCPStore(api_prefix=...) may help",
            call.path_template,
            since,
            end,
        )
