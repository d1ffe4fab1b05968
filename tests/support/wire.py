"""A fake service for `httpx.MockTransport`, and bodies of its responses."""

import json
from typing import Any

import httpx

ID = "0195f3a0-0000-7000-8000-000000000001"
SERVER_ID = "820efca4-4a15-4ab7-82fc-9e76f6d61325"
BASE = "https://us.posthog.com/api/environments/@current/mcp_server_installations/"


def installation(**changes: object) -> dict[str, Any]:
    """An installation as the service sends it (docs/service.md, section 11)."""
    return {
        "id": ID,
        "server_id": None,
        "name": "My API Server",
        "display_name": "My API Server",
        "url": "https://mcp.custom.com",
        "description": "",
        "auth_type": "api_key",
        "is_enabled": True,
        "needs_reauth": False,
        "pending_oauth": False,
        "proxy_url": f"https://us.posthog.com/api/environments/123/mcp_server_installations/{ID}/proxy/",
        "created_at": "2026-03-04T09:13:44.123456Z",
        "updated_at": "2026-03-04T09:13:44.123470Z",
        **changes,
    }


def page(*rows: object, count: int | None = None, next: str | None = None) -> dict[str, Any]:
    return {"count": len(rows) if count is None else count, "next": next, "previous": None, "results": list(rows)}


class Wire:
    """Returns the queued responses, one for each request, and repeats the last one."""

    def __init__(self) -> None:
        self.requests: list[httpx.Request] = []
        self._answers: list[httpx.Response | Exception] = [httpx.Response(200, json=installation())]

    def answers(self, *answers: httpx.Response | Exception) -> None:
        self._answers = list(answers)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    @property
    def request(self) -> httpx.Request:
        """The one request that was sent."""
        (request,) = self.requests
        return request

    @property
    def sent_json(self) -> Any:
        return json.loads(self.request.content)
