"""Install MCP servers for users of PostHog, guide the users through OAuth, and call the servers' tools.

Start with `MCPStore`.

Attributes:
    APIKey: A personal API key, or a callable, plain or async, that returns one.
    APIPrefix: How the service's paths begin: `environments` for `/api/environments/`, `projects` for `/api/projects/`.
    AgentScope: In which runs PostHog's built-in agents may use an installation: `personal` for its owner's, `team` for
        all of the project.
    ApprovalState: Whether a tool may be called: `approved`, `needs_approval`, or `do_not_use`, which blocks it.
    InstallSource: The kind of program that starts an OAuth flow: `posthog`, or `posthog-code` with a callback URL.
    InstallationID: An Installation, its id, or the id as text.
    InstallationScope: Who can use an installation: its owner (`personal`) or everyone in the project (`shared`).
    Message: A JSON-RPC request, notification or response.
    OnConnectionError: A plain function that is called with a ConnectionErrorInfo.
    OnResponse: A plain function that is called with a ResponseInfo.
    RateLimitScope: A rate limit of the service (docs/service.md, section 4): `mcp_oauth` for installing, authorizing
        and `refresh_tools()`, `mcp_proxy` for the proxy and `call_tool()`, `default` for all other calls.
    Rates: The rates of each limit, which all apply at once. A limit that is missing or has no rates is not enforced.
    SERVICE_RATES: The limits of PostHog Cloud (docs/service.md, section 4): `default` for each API key, the others for
        each user.
    TransportName: The HTTP library that sends requests: `httpx` or `aiohttp`.
    UNSET: The default of optional arguments that are not sent, which is different from null.
    __document_version__: The version of openapi.yaml, the description of the API that the SDK was made from.
    __version__: The version of the SDK.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from ._version import __version__ as __version__

if TYPE_CHECKING:
    from ._api import *
else:
    # Hidden from type checkers, which would otherwise accept every misspelt name.
    def __getattr__(name: str) -> object:
        """Load the SDK when one of its names is first used (PEP 562).

        Importing the package then costs next to nothing where it is not used: pytest imports it for the fixture of the
        testing kit.
        """
        if not name.startswith("_") or name in {"__all__", "__document_version__"}:
            api = import_module("._api", __name__)
            globals().update({public: getattr(api, public) for public in api.__all__}, __all__=api.__all__)
            if name in api.DEPRECATED:
                return api.DEPRECATED[name].use(name)
        if name not in globals():
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return globals()[name]


def __dir__() -> list[str]:
    return sorted({*globals(), *import_module("._api", __name__).__all__})
