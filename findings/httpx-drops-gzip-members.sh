#!/usr/bin/env bash
# httpx gives the first member of a gzip body of several, and drops the others without an error: a body that is
# compressed in parts (`cat a.gz b.gz`, bgzip, servers that compress each record apart) arrives cut off and looks whole.
# RFC 1952 (section 2.2) allows any number of members, Python's own gzip and aiohttp read them all.
#
# Packages: httpx 0.28.1 and its successor httpx2 2.16.2; beside them aiohttp 3.14.5 and the standard library's gzip.
# Seen:     gzip b'first second'
#           httpx b'first '
#           httpx2 b'first '
#           aiohttp b'first second'
# Matters:  to whoever reads logs, exports or event streams over httpx: read the raw bytes (`aiter_raw`) and decode them
#           with a new zlib.decompressobj for what is left in `unused_data`.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --disable-pip-version-check "httpx==0.28.1" "httpx2==2.16.2" "aiohttp==3.14.5" 2>/dev/null
"$place/venv/bin/python" - <<'PYTHON'
import asyncio
import gzip
import sys

import aiohttp
import httpx
import httpx2
from aiohttp import web

BODY = gzip.compress(b"first ") + gzip.compress(b"second")


async def main() -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(body=BODY, headers={"Content-Encoding": "gzip"})

    app = web.Application()
    app.router.add_get("/", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    read = {"gzip": gzip.decompress(BODY)}
    for library in (httpx, httpx2):
        async with library.AsyncClient() as client:
            read[library.__name__] = (await client.get(url)).content
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        read["aiohttp"] = await response.read()
    await runner.cleanup()
    for name, content in read.items():
        print(name, content)
    whole, first = b"first second", b"first "
    sys.exit(read != {"gzip": whole, "httpx": first, "httpx2": first, "aiohttp": whole})


asyncio.run(main())
PYTHON
