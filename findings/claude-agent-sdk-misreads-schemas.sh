#!/usr/bin/env bash
# claude-agent-sdk takes a JSON Schema without `properties` for its own shorthand, in which a dict maps the names of
# parameters to types. A tool with the schema {"type": "object"} then has a required parameter named "type", and calls
# without it are refused before they reach the tool.
#
# MCP servers list tools without parameters in this way, some with "additionalProperties": false, which then becomes
# another required parameter.
#
# Package: claude-agent-sdk 0.2.189 with mcp 2.3.0
# Seen:    {"type": "object"} requires ["type"]; a call without arguments: Input validation error: 'type' is a required
#          property
#          {"type": "object", "additionalProperties": false} requires ["type", "additionalProperties"]
#          {"type": "object", "properties": {}} requires []; the tool was called
# Matters: to whoever passes the schemas of MCP servers or of an API on to `SdkMcpTool` or `@tool`. Adding an empty
#          `properties` avoids it.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check \
  "claude-agent-sdk==0.2.189" "mcp==2.3.0" 2>/dev/null

cat > "$place/check.py" <<'PYTHON'
import asyncio
import json
import sys

import mcp
from claude_agent_sdk import SdkMcpTool, create_sdk_mcp_server


async def ping(arguments: dict) -> dict:
    return {"content": [{"type": "text", "text": "the tool was called"}]}


async def required(schema: dict) -> list[str]:
    """What a call of a tool with this schema has to contain."""
    server = create_sdk_mcp_server("example", tools=[SdkMcpTool("ping", "Answer.", schema, ping)])
    async with mcp.Client(server["instance"]) as client:
        (tool,) = (await client.list_tools()).tools
        result = await client.call_tool("ping", {})
    names = tool.input_schema.get("required", [])
    print(f"{json.dumps(schema)} requires {json.dumps(names)}; a call without arguments: {result.content[0].text}")
    return names


async def main() -> None:
    seen = [
        await required({"type": "object"}),
        await required({"type": "object", "additionalProperties": False}),
        await required({"type": "object", "properties": {}}),
    ]
    sys.exit(seen != [["type"], ["type", "additionalProperties"], []])


asyncio.run(main())
PYTHON

"$place/venv/bin/python" "$place/check.py"
