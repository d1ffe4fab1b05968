"""A plugin of pytest that runs the tests on httpx2, as an application does that calls `httpx2.alias_httpx()` first.

`pytest -p tests.support.on_httpx2`: plugins that are named so are loaded first, in every worker.
"""

import httpx2

httpx2.alias_httpx()

import httpx  # noqa: E402  # this is httpx2 now

if httpx.__name__ != "httpx2":
    raise RuntimeError("httpx was imported before it was replaced by httpx2")
