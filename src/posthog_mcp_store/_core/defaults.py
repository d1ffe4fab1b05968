"""The defaults of all settings."""

HOST = "https://us.posthog.com"
PROJECT_ID = "@current"
TIMEOUT = 30.0
"""Seconds for each network operation, in calls that `call.TIMEOUTS` does not list."""
CONNECT_TIMEOUT = 10.0
STREAM_TIMEOUT = 300.0
"""Seconds that an MCP server may be silent while it handles a request in a session."""
MAX_RETRIES = 2
MAX_RETRY_AFTER = 60.0
MAX_RESPONSE_BYTES = 16 * 1024 * 1024
MAX_CONCURRENCY = 100
"""The fastest of 32, 64, 100 and 128 for 1,000 calls to a service that takes 50 ms."""
PAGE_CONCURRENCY = 4
PAGE_LIMIT = 100
"""The service's page size if a request has no `limit` (docs/service.md, section 3)."""
MAX_TEXT_LENGTH = 50_000
"""Characters of a tool's result that are given to a model."""
