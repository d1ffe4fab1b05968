"""The installations of the benchmarks' service. They are numbered, so that clients can derive their ids."""

import json
from datetime import datetime
from typing import Any
from uuid import UUID

COUNT = 10_000
COLLECTION = "/api/environments/1/mcp_server_installations/"
JSON_INDEX, EVENT_STREAM_INDEX = 0, 1
"""The installations whose MCP servers respond with JSON and with an event stream."""

FIELDS: list[tuple[Any, ...]] = [
    *((name, str) for name in ("name", "url", "auth_type", "proxy_url")),
    *((name, bool) for name in ("needs_reauth", "pending_oauth")),
    *(("id", UUID), ("created_at", datetime)),
    *((name, str, "") for name in ("icon_key", "icon_domain", "display_name", "description", "last_sync_error")),
    *((name, bool, True) for name in ("is_enabled", "is_owner")),
    *((name, UUID | None, None) for name in ("server_id", "template_id")),
    *((name, datetime | None, None) for name in ("last_synced_at", "updated_at")),
    *(("scope", str, "personal"), ("tool_count", int | None, None)),
]
"""Name, type and default of each field of an installation, required ones first."""


def installation_id(index: int) -> str:
    return f"0195f3a0-0000-7000-8000-{index % COUNT:012x}"


def proxy_path(id: str) -> str:
    return f"{COLLECTION}{id}/proxy/"


def installation_json(index: int) -> bytes:
    """An installation as the service serializes it."""
    id = installation_id(index)
    row = {
        "id": id,
        "template_id": f"0195f3a0-0000-7000-9000-{index:012x}",
        "name": f"Linear {index}",
        "icon_key": "linear",
        "icon_domain": "linear.app",
        "display_name": "",
        "url": f"https://mcp-{index}.linear.app/sse",
        "description": "Issues and projects of the whole company",
        "auth_type": "oauth",
        "is_enabled": True,
        "scope": "personal",
        "is_owner": True,
        "needs_reauth": False,
        "pending_oauth": False,
        "proxy_url": f"https://us.posthog.com{proxy_path(id)}",
        "tool_count": 12,
        "last_synced_at": f"2026-09-18T09:{index // 60 % 60:02}:{index % 60:02}.789012Z",
        "last_sync_error": "",
        "created_at": f"2026-03-04T05:{index // 60 % 60:02}:{index % 60:02}.123456Z",
        "updated_at": f"2026-04-05T06:{index // 60 % 60:02}:{index % 60:02}.654321Z",
    }
    return json.dumps(row, separators=(",", ":")).encode()
