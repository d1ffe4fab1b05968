"""Run tests on httpx2: call `httpx2.alias_httpx()` before anything imports httpx, as an application may.

Run it as `nox -s http_libraries`. All arguments are passed to pytest.
"""

import argparse
import sys

import httpx2
import pytest

httpx2.alias_httpx()

import httpx  # noqa: E402  # this is httpx2 now

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    _, arguments = parser.parse_known_args()
    if httpx.__name__ != "httpx2":
        sys.exit("httpx was imported before it was replaced by httpx2")
    # httpx2 imports anyio, so pytest warns that it can't rewrite the assertions of anyio's pytest plugin.
    sys.exit(pytest.main(["-W", "ignore::pytest.PytestAssertRewriteWarning", *arguments]))
