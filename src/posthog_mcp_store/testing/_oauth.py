"""The start of an OAuth flow: where the user's browser is sent (service facts, section 6)."""

import secrets
from base64 import urlsafe_b64encode
from hashlib import sha256
from urllib.parse import urlencode, urlsplit

from ._errors import view_error
from ._records import OAuthServerRecord


def issuer_of(url: str) -> str:
    """The issuer of an MCP server: its own host, over https. The real service asks the server."""
    return f"https://{urlsplit(url).netloc.rpartition('@')[2]}"


def authorization_url(server: OAuthServerRecord, *, site: str) -> str:
    """The provider's URL with a fresh state and PKCE challenge."""
    if not server.authorization_endpoint.startswith("https://"):
        raise view_error(400, "Authorization endpoint must use HTTPS")
    query = {
        "client_id": server.client_id,
        "redirect_uri": f"{site}/api/mcp_store/oauth_redirect/",
        "response_type": "code",
        "state": secrets.token_urlsafe(32),
        "code_challenge": _challenge(secrets.token_urlsafe(64)),
        "code_challenge_method": "S256",
    }
    joint = "&" if urlsplit(server.authorization_endpoint).query else "?"
    return f"{server.authorization_endpoint}{joint}{urlencode(query)}"


def _challenge(verifier: str) -> str:
    return urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()
