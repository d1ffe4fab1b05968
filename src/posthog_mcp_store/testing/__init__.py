"""An embedded PostHog MCP store, for testing services without the real one.

Its state is plain data that a test prepares before a call and inspects afterwards:

    service = EmbeddedService()
    service.add_installation(url="https://mcp.example.com/mcp", display_name="Orders")
    with service.serve() as base_url:
        ...  # point the code under test at base_url, service.api_key and service.project_id
    assert service.requests[0].method == "GET"

It can be made to fail, once or always: `service.inject(Fault(path="/proxy", status=502))`, `throttle()`,
`environments`. `before_each` can change its rows between two requests.

Its proxy supports streaming. All tools of an installation that a test adds can be called, unless it is added with
`tools`, such as `{"add": "approved", "drop": "do_not_use"}`. Those of an installation that the code under test makes
have to be approved first, as at PostHog: by that code, by `service.approve_tools()`, or all in advance:

    service.approve_new_tools = True

Projects have settings and admins (`project()`), and a catalogue (`add_template()`). Installations can be shared
(`add_installation(scope="shared")`). `EmbeddedService(version="2026-04")` imitates an instance that has not been
updated since spring 2026.

OAuth flows can be completed, by a browser or by `give_consent`:

    provider = OAuthProvider()
    with provider.serve(), serve_app(tool_server(provider)) as host, service.serve() as base_url:
        service.add_mcp_server("https://mcp.example.com/mcp", f"{host}/mcp")
        ...  # install it with auth_type="oauth", and send the browser to the redirect_url

It requires the extra `testing`; `tool_server` and `OAuthProvider` use the package `mcp`, which is part of that extra.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ._extra import needing_extra

if TYPE_CHECKING:
    from ._asgi.server import serve_app as serve_app
    from ._model.faults import Fault as Fault
    from ._model.installations import InstallationRecord as InstallationRecord
    from ._model.projects import ProjectRecord as ProjectRecord
    from ._model.records import ApiKey as ApiKey
    from ._model.records import OAuthServerRecord as OAuthServerRecord
    from ._model.records import RecordedRequest as RecordedRequest
    from ._model.records import TemplateRecord as TemplateRecord
    from ._model.tools import ToolRecord as ToolRecord
    from ._provider.consent import give_consent as give_consent
    from ._provider.provider import OAuthProvider as OAuthProvider
    from ._provider.tools import tool_server as tool_server
    from ._service import EmbeddedService as EmbeddedService

__all__ = [
    "ApiKey",
    "EmbeddedService",
    "Fault",
    "InstallationRecord",
    "OAuthProvider",
    "OAuthServerRecord",
    "ProjectRecord",
    "RecordedRequest",
    "TemplateRecord",
    "ToolRecord",
    "give_consent",
    "serve_app",
    "tool_server",
]

# Imported on first use: pytest imports this package in every run, to find the plugin, and must not have to load a web
# framework for that.
_HOMES = {
    "ApiKey": "._model.records",
    "EmbeddedService": "._service",
    "Fault": "._model.faults",
    "InstallationRecord": "._model.installations",
    "OAuthProvider": "._provider.provider",
    "OAuthServerRecord": "._model.records",
    "ProjectRecord": "._model.projects",
    "RecordedRequest": "._model.records",
    "TemplateRecord": "._model.records",
    "ToolRecord": "._model.tools",
    "give_consent": "._provider.consent",
    "serve_app": "._asgi.server",
    "tool_server": "._provider.tools",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with needing_extra(f"{__name__}.{name}"):
        home = import_module(_HOMES[name], __name__)
    return getattr(home, name)
