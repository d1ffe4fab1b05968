#!/usr/bin/env bash
# aiohttp sends a DELETE or PUT a second time by itself when the server hangs up after it has read the first one, even
# on a connection that was opened for that very request. Clients are known to repeat what they sent on a kept connection
# that the server had closed; here no connection is reused, and the server has received the whole request. The caller
# sees the outcome of the second attempt only, and there is no public option that turns this off.
#
# aiohttp 3.14.5, Python 3.11. Output seen:
#
#     DELETE on a new connection: the server received 2 requests on 2 connections; the caller saw ServerDisconnectedError
#     PUT on a new connection: the server received 2 requests on 2 connections; the caller saw ServerDisconnectedError
#     POST on a new connection: the server received 1 requests on 1 connections; the caller saw ServerDisconnectedError
#     DELETE, second one answered: the server received 2 requests on 2 connections; the caller saw 404
#
# It matters to everyone who deletes or replaces something over aiohttp, directly or in an SDK with its own retries: the
# attempts multiply, and a deletion that succeeded and was repeated is reported as a 404.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q aiohttp==3.14.5

cat >"$folder/try.py" <<'PYTHON'
import asyncio

import aiohttp


async def attempt(name: str, method: str, *, answers_second: bool) -> int:
    requests = connections = 0

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal requests, connections
        connections += 1
        try:
            await reader.readuntil(b"\r\n\r\n")
            requests += 1
            if answers_second and requests == 2:
                # What a service says of a row that the first request has deleted.
                writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
                await writer.drain()
        finally:
            writer.close()

    server = await asyncio.start_server(converse, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, aiohttp.ClientSession() as session:
        try:
            async with session.request(method, f"http://127.0.0.1:{port}/rows/1") as response:
                seen = str(response.status)
        except aiohttp.ClientError as error:
            seen = type(error).__name__
    print(f"{name}: the server received {requests} requests on {connections} connections; the caller saw {seen}")
    return requests


async def main() -> None:
    counts = [await attempt(f"{method} on a new connection", method, answers_second=False) for method in ("DELETE", "PUT", "POST")]
    counts.append(await attempt("DELETE, second one answered", "DELETE", answers_second=True))
    if counts != [2, 2, 1, 2]:
        raise SystemExit("this has changed")


asyncio.run(main())
PYTHON
"$folder/venv/bin/python" "$folder/try.py"
