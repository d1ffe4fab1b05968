#!/usr/bin/env bash
# mcp.Client changes the arguments of a tool call on their way out, where Python's json module would refuse them: a NaN
# or an infinity arrives at the server as null, bytes arrive as text, and a set as a list. No error and no warning.
#
# `call_tool()` takes `dict[str, Any]`, so a type checker is content, too. NaN is what a division of two numpy values or
# an empty mean gives, and a tool that takes `number | null` does something else with null than its caller meant.
#
# Package: mcp 2.3.0 with pydantic 2.14.4 (its `mode="json"` writes the request).
# Seen:    ratio nan arrives as null
#          limit inf arrives as null
#          data b'abc' arrives as "abc"
#          tags {7} arrives as [7]
# Matters: to whoever hands a model's or a program's values to tools through this client. `json.dumps(arguments,
#          allow_nan=False)` before the call finds all four.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --disable-pip-version-check "mcp==2.3.0" "pydantic==2.14.4" 2>/dev/null

cat > "$place/server.py" <<'PYTHON'
"""A server on standard input and output whose one tool says which arguments arrived, as JSON."""

import json
import sys

for line in sys.stdin:
    message = json.loads(line)
    if "id" not in message:
        continue
    if message["method"] == "initialize":
        result = {
            "protocolVersion": message["params"]["protocolVersion"],
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "echo", "version": "1"},
        }
    elif message["method"] == "tools/list":
        result = {"tools": [{"name": "echo", "inputSchema": {"type": "object"}}]}
    else:
        result = {"content": [{"type": "text", "text": json.dumps(message["params"]["arguments"])}]}
    print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}), flush=True)
PYTHON

cat > "$place/client.py" <<'PYTHON'
import asyncio
import json
import sys

from mcp import Client, StdioServerParameters

SENT = {"ratio": float("nan"), "limit": float("inf"), "data": b"abc", "tags": {7}}
SEEN = {"ratio": None, "limit": None, "data": "abc", "tags": [7]}


async def main() -> bool:
    server = StdioServerParameters(command=sys.executable, args=[sys.argv[1]])
    async with Client(server, mode="legacy") as client:
        result = await client.call_tool("echo", SENT)
    arrived = json.loads(result.content[0].text)
    for name, value in SENT.items():
        print(f"{name} {value!r} arrives as {json.dumps(arrived[name])}")
    return arrived == SEEN


sys.exit(0 if asyncio.run(main()) else 1)
PYTHON
"$place/venv/bin/python" "$place/client.py" "$place/server.py"
