"""The certificates that clients of the kit trust."""

import ssl
from functools import cache

import httpx


@cache
def trusted_certificates() -> ssl.SSLContext:
    """Those that httpx trusts by default. Loading them takes longer than most requests, so it is done once."""
    return httpx.create_ssl_context()
