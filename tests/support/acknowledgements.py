"""Responses of MCP servers to a notification, where MCP asks for 202 and no body."""

import httpx

ACKNOWLEDGEMENTS = [
    httpx.Response(202, text="Accepted"),
    httpx.Response(202, json={"status": "accepted"}),
    httpx.Response(202, content=b"   "),
    httpx.Response(200, json=None),
    httpx.Response(200, json=""),
    httpx.Response(200, json={}),
    httpx.Response(200, json=[]),
    httpx.Response(200, json={"jsonrpc": "2.0", "result": {}}),
    httpx.Response(200, content=b"{", headers={"Content-Type": "application/json"}),
    httpx.Response(200, html="<html><body>OK</body></html>"),
    httpx.Response(200, text="data: ok\n\n", headers={"Content-Type": "text/event-stream"}),
    httpx.Response(204),
]
