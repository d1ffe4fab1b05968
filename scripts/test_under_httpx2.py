"""Run tests as an application sees the SDK that calls `httpx2.alias_httpx()` first.

Run it as `nox -s http_libraries`. All arguments are pytest's.
"""

import argparse
import sys

import httpx2
import pytest

httpx2.alias_httpx()

import httpx  # noqa: E402  # only now is it httpx2

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    _, arguments = parser.parse_known_args()
    if httpx.__name__ != "httpx2":
        sys.exit("something had imported httpx before")
    # httpx2 has loaded anyio, whose pytest plugin pytest would rather have loaded itself.
    sys.exit(pytest.main(["-W", "ignore::pytest.PytestAssertRewriteWarning", *arguments]))
