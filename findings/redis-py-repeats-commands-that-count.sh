#!/usr/bin/env bash
# redis-py sends a command that is not idempotent again when the connection breaks before its answer: with a client's
# default settings one `await client.incr("calls")` runs eleven times on a server that counts it and then hangs up, and
# raises ConnectionError in the end; where the fourth answer arrives, it returns 4 as if one call had made it 4.
#
# Package: redis 8.1.0 (redis.asyncio.Redis without `retry=`: ten retries, for whatever command it is).
# Seen:    INCR arrived 11 times for one call whose answers were lost, and raised ConnectionError
#          INCR arrived 4 times for one call, which returned 4
# Matters: to whoever counts in Redis (rate limiters, quotas, counters, LPUSH queues, EVALSHA of scripts that write):
#          `retry=Retry(NoBackoff(), 0)` leaves the decision to the caller.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --disable-pip-version-check "redis==8.1.0" 2>/dev/null
"$place/venv/bin/python" - <<'PYTHON'
import asyncio
import sys

import redis.asyncio as redis


async def incremented(lost: int) -> tuple[int, object]:
    """How often a server is asked that hangs up on the first questions, once it has counted; and what the caller gets."""
    count = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        while line := await reader.readline():
            parts = []
            for _ in range(int(line[1:])):
                length = int((await reader.readline())[1:])
                parts.append((await reader.readexactly(length + 2))[:-2])
            if parts[0] == b"INCRBY":  # what incr() sends
                count += 1
                if count <= lost:
                    break
                writer.write(b":%d\r\n" % count)
            else:
                writer.write(b"%1\r\n$5\r\nproto\r\n:3\r\n" if parts[0] == b"HELLO" else b"+OK\r\n")
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    client = redis.Redis(port=server.sockets[0].getsockname()[1])
    try:
        got: object = await client.incr("calls")
    except redis.ConnectionError as error:
        got = type(error).__name__
    await client.aclose()
    server.close()
    return count, got


async def main() -> int:
    all_lost, some_lost = await asyncio.gather(incremented(lost=99), incremented(lost=3))
    print(f"INCR arrived {all_lost[0]} times for one call whose answers were lost, and raised {all_lost[1]}")
    print(f"INCR arrived {some_lost[0]} times for one call, which returned {some_lost[1]}")
    return 0 if (all_lost, some_lost) == ((11, "ConnectionError"), (4, 4)) else 1


sys.exit(asyncio.run(main()))
PYTHON
