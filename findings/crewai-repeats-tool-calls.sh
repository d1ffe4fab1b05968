#!/usr/bin/env bash
# crewai's MCP client sends a tool call that takes longer than its timeout again, up to twice more, although the server
# is still working on the first one. The tool is run three times, and the agent is told that the call failed.
#
# The timeout is 30 seconds by default (`MCP_TOOL_EXECUTION_TIMEOUT`), which tools that search, build or deploy often
# take. No annotation of the tool, such as `idempotentHint: false`, prevents it. Other exceptions of a call, such as a
# lost connection, are treated in the same way.
#
# Package: crewai 1.15.30 with mcp 1.30.0
# Seen:    the call raised "Operation timed out after 1 seconds"
#          the tool was run 3 times
# Matters: to whoever gives a CrewAI agent an MCP server (`mcps=`) with tools that change something. `max_retries=1` of
#          the client turns it off, but an agent creates its client itself and does not pass one on.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check "crewai==1.15.30" "mcp==1.30.0" 2>/dev/null

cat > "$place/server.py" <<'PYTHON'
import asyncio
import sys

from mcp.server.fastmcp import FastMCP

server = FastMCP("Payments", log_level="ERROR")


@server.tool()
async def pay(amount: int) -> str:
    """Pay an amount."""
    with open(sys.argv[1], "a") as ledger:
        print(amount, file=ledger)
    await asyncio.sleep(3)
    return "paid"


server.run()
PYTHON

cat > "$place/client.py" <<'PYTHON'
import asyncio
import sys
from pathlib import Path

from crewai.mcp.client import MCPClient
from crewai.mcp.transports import StdioTransport

server, ledger = sys.argv[1:]


async def main() -> None:
    client = MCPClient(StdioTransport(command=sys.executable, args=[server, ledger]), execution_timeout=1)
    await client.connect()
    try:
        await client.call_tool("pay", {"amount": 5})
    except ConnectionError as error:
        print(f'the call raised "{error}"')
    await client.disconnect()


asyncio.run(main())
runs = len(Path(ledger).read_text().split())
print(f"the tool was run {runs} times")
sys.exit(runs != 3)
PYTHON

export CREWAI_DISABLE_TELEMETRY=true OTEL_SDK_DISABLED=true HOME="$place"
"$place/venv/bin/python" "$place/client.py" "$place/server.py" "$place/ledger" | grep "^the "
