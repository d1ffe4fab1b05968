"""Install MCP servers for users of PostHog, guide the users through OAuth, and call the servers' tools.

Start with `MCPStore`.
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
