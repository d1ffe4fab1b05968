"""The embedded service in a process of its own: frameworks need other packages than the testing kit does.

It prints one line of JSON, the arguments of `MCPStore`, and ends when its standard input does.
"""

import json
import sys
from typing import Annotated, Any

import anyio
from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import BaseModel, Field

from posthog_mcp_store.testing import EmbeddedService, Fault, RecordedRequest, serve_app

TOOLS = "https://tools.example.com/mcp"
server = MCPServer("Tools", log_level="WARNING")


@server.tool()
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@server.tool()
def divide(a: int, b: int) -> float:
    """Divide one number by another."""
    if b == 0:
        raise ToolError("the divisor is 0")
    return a / b


class Filter(BaseModel):
    field: str
    values: list[str | None]


URL = Annotated[str, Field(json_schema_extra={"format": "uri"})]


def hide_default(schema: dict[str, Any]) -> None:
    del schema["default"]


OPTIONAL = Field(json_schema_extra=hide_default)
"""An argument that may be left out, whose default only the server knows, as usual in servers written in TypeScript."""


@server.tool(description="Search a site, and say what for. " * 100)
def search(
    # Frameworks use this name for a parameter of their own.
    config: str,
    site: URL,
    limit: Annotated[int, OPTIONAL] = 20,
    filters: Annotated[list[Filter], OPTIONAL] = [],  # noqa: B006
) -> str:
    return json.dumps([config, site, limit, [each.model_dump() for each in filters]])


@server.tool()
async def wait() -> None:
    """Wait for something that does not happen."""
    await anyio.sleep_forever()


def main() -> None:
    service = EmbeddedService()
    service.add_installation(display_name="Tools", url=TOOLS)
    service.add_installation(display_name="Trash", tools={"delete": "needs_approval"})
    files = service.add_installation(display_name="Files", auth_type="oauth", tools={"read": "approved"})
    messages = service.add_installation(display_name="Messages", tools={"send": "approved"})
    service.inject(Fault(path=f"{messages.id}/call_tool", status=429, headers={"Retry-After": "120"}, times=None))

    def expire(request: RecordedRequest) -> None:
        """The credentials of `files` are valid while tools are listed, and have expired when one is called."""
        files.needs_reauth = str(files.id) in request.path

    service.before_each = expire
    tools = server.streamable_http_app(json_response=True, stateless_http=True)
    with serve_app(tools) as host, service.serve() as base_url:
        service.add_mcp_server(TOOLS, f"{host}/mcp")
        print(json.dumps({"api_key": service.api_key, "host": base_url}), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
