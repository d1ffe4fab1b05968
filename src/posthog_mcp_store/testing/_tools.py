"""A small real MCP server, for something to stand behind the proxy."""

from starlette.applications import Starlette


def tool_server() -> Starlette:
    """An MCP server at `/mcp` with the tools `add` and `greet`, answering in JSON and keeping no sessions.

    It needs its lifespan run: `with serve_app(tool_server()) as base_url`, then
    `service.add_mcp_server("https://mcp.example.com/mcp", f"{base_url}/mcp")`. Needs the package `mcp`, 2.x.
    """
    # Imported here because the rest of the testing kit works without this package.
    from mcp.server import MCPServer  # noqa: PLC0415
    from mcp.server.transport_security import TransportSecuritySettings  # noqa: PLC0415

    # At its default level it sets up the logging of the whole process to tell of every request.
    server = MCPServer("Example tools", log_level="WARNING")

    @server.tool()
    def add(a: int, b: int) -> int:
        """Add two numbers."""
        return a + b

    @server.tool()
    def greet(name: str) -> str:
        """Greet somebody by name."""
        return f"Hello, {name}!"

    return server.streamable_http_app(
        json_response=True,
        stateless_http=True,
        # Tests reach it under whatever host name suits them, which the default refuses as DNS rebinding.
        transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
    )
