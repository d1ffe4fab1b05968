"""A small real MCP server for the proxy to call."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from starlette.applications import Starlette

from .._extra import needing_extra
from .provider import OAuthProvider

if TYPE_CHECKING:
    from mcp.server.auth.settings import AuthSettings


def tool_server(
    provider: OAuthProvider | None = None,
    url: str = "https://mcp.example.com/mcp",
    *,
    json_response: bool = True,
    stateless: bool = True,
) -> Starlette:
    """An MCP server at `/mcp` with the tools `add` and `greet`.

    Its lifespan has to be run: `with serve_app(tool_server()) as base_url`, then
    `service.add_mcp_server("https://mcp.example.com/mcp", f"{base_url}/mcp")`. Requires the package `mcp`, 2.x.

    Args:
        provider: Accept only requests with a token of this provider, which must already be served.
        url: The server's public URL, which its metadata contains together with the provider.
        json_response: Respond with a JSON body; else with an event stream.
        stateless: Keep no sessions; else issue an `Mcp-Session-Id` to each client that initializes a session, and
            refuse other requests without one.
    """
    # Imported here because the rest of the testing kit works without `mcp`.
    with needing_extra("tool_server()"):
        from mcp.server import MCPServer  # noqa: PLC0415
        from mcp.server.transport_security import TransportSecuritySettings  # noqa: PLC0415

    with _root_logger_unchanged():
        server = MCPServer(
            "Example tools",
            auth=None if provider is None else _protection(provider, url),
            token_verifier=provider,
        )

    @server.tool()
    def add(a: int, b: int) -> int:
        """Add two numbers."""
        return a + b

    @server.tool()
    def greet(name: str) -> str:
        """Greet somebody by name."""
        return f"Hello, {name}!"

    return server.streamable_http_app(
        json_response=json_response,
        stateless_http=stateless,
        # Tests use arbitrary host names, which the default refuses as DNS rebinding.
        transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
    )


@contextmanager
def _root_logger_unchanged() -> Iterator[None]:
    """Make `logging.basicConfig()` do nothing: `MCPServer()` calls it (issue 1656 of the package `mcp`)."""
    placeholder = logging.NullHandler()
    logging.root.addHandler(placeholder)
    try:
        yield
    finally:
        logging.root.removeHandler(placeholder)


def _protection(provider: OAuthProvider, url: str) -> "AuthSettings":
    from mcp.server.auth.settings import AuthSettings  # noqa: PLC0415  # as above

    return AuthSettings.model_validate(
        {
            "issuer_url": provider.issuer,
            "resource_server_url": url,
            # Version 2026-04 of the service requests tokens without naming a resource.
            "validate_token_resource": False,
        }
    )
