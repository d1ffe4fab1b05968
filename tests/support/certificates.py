"""Certificates for clients of plain HTTP."""

import ssl

NO_CERTIFICATES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Trusts nobody. Pass it as `verify` to a client that only uses plain HTTP, or whose handshakes are to fail: without
it, httpx loads the certificates of all public authorities, which takes 20 ms for each client."""
