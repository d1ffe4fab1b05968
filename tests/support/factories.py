"""Stores on the embedded service, on the transport that this run of the tests is for."""

import os
from typing import Any

import pytest

from posthog_mcp_store import MCPStore
from posthog_mcp_store.testing import EmbeddedService

httpx_only = pytest.mark.skipif(
    "TESTED_TRANSPORT" in os.environ, reason="only httpx and the SDK's own connection pool do this"
)
TRANSPORT = os.environ.get("TESTED_TRANSPORT", "httpx")


def open_store(service: EmbeddedService, **options: Any) -> MCPStore:
    """A store with the service's ready key."""
    transport = "httpx" if options.get("http_client") else TRANSPORT
    return MCPStore(service.api_key, **{"host": service.base_url, "transport": transport, **options})
