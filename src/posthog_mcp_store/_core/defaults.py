"""The defaults of everything a user can set."""

HOST = "https://us.posthog.com"
PROJECT_ID = "@current"
TIMEOUT = 30.0
"""Seconds for each step of the network, for operations that `call.TIMEOUTS` does not name."""
CONNECT_TIMEOUT = 10.0
STREAM_TIMEOUT = 300.0
"""Seconds for which an MCP server may be silent while it works on a request of `connect()`."""
MAX_RETRIES = 2
MAX_RETRY_AFTER = 60.0
MAX_RESPONSE_BYTES = 16 * 1024 * 1024
MAX_CONCURRENCY = 100
"""Of 32, 64, 100 and 128 the width at which 1,000 calls to a service that takes 50 ms were done first."""
PAGE_CONCURRENCY = 4
PAGE_LIMIT = 100
"""The size of a page where the request names none (docs/service.md, section 3)."""
