"""An embedded PostHog MCP store, to test services against without the real one.

Its state is plain data that a test prepares before a call and inspects after it:

    service = EmbeddedService()
    service.add_installation(url="https://mcp.example.com/mcp", display_name="Orders")
    with service.serve() as base_url:
        ...  # point the code under test at base_url, service.api_key and service.project_id
    assert service.requests[0].method == "GET"

It misbehaves on request, once or for good: `service.inject(Fault(path="/proxy", status=502))`, `throttle()`,
`environments`. `before_each` changes its rows between two requests.

It needs the extra `testing`, and `tool_server` the package `mcp` as well.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._faults import Fault as Fault
    from ._records import ApiKey as ApiKey
    from ._records import InstallationRecord as InstallationRecord
    from ._records import OAuthServerRecord as OAuthServerRecord
    from ._records import RecordedRequest as RecordedRequest
    from ._server import serve_app as serve_app
    from ._service import EmbeddedService as EmbeddedService
    from ._tools import tool_server as tool_server

__all__ = [
    "ApiKey",
    "EmbeddedService",
    "Fault",
    "InstallationRecord",
    "OAuthServerRecord",
    "RecordedRequest",
    "serve_app",
    "tool_server",
]

# Looked up on first use: pytest imports this package in every run, to find the plugin, and must not pay for a
# web framework there.
_HOMES = {
    "ApiKey": "._records",
    "EmbeddedService": "._service",
    "Fault": "._faults",
    "InstallationRecord": "._records",
    "OAuthServerRecord": "._records",
    "RecordedRequest": "._records",
    "serve_app": "._server",
    "tool_server": "._tools",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name], __name__), name)
