"""The URLs to which OAuth flows send the user's browser, at their start and end (docs/service.md, section 6). Pure."""

from base64 import urlsafe_b64encode
from hashlib import sha256
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from .._framework.errors import view_error
from .._model.flows import Flow
from .._model.records import OAuthServerRecord
from .._model.urls import is_allowed_return_path, is_local

_OUTCOMES = ("oauth_complete", "oauth_error")


def issuer_of(url: str) -> str:
    """The issuer of an MCP server that no test has added: its own host, with https."""
    return f"https://{urlsplit(url).netloc.rpartition('@')[2]}"


def redirect_uri_at(site: str) -> str:
    return f"{site}/api/mcp_store/oauth_redirect/"


def authorization_url(
    server: OAuthServerRecord, *, redirect_uri: str, state: str, verifier: str, resource: str, is_template: bool
) -> str:
    """The URL of the provider's page for a flow. `resource` is the MCP server's URL, and is omitted if empty."""
    endpoint = server.authorization_endpoint
    # Unlike the real service, allow http on this machine, because a test's own provider has no certificate.
    if not endpoint.startswith("https://") and not is_local(endpoint):
        reason = "Could not build OAuth authorize URL" if is_template else "Authorization endpoint must use HTTPS"
        raise view_error(400, reason)
    query = {
        "client_id": server.client_id,
        "redirect_uri": redirect_uri,
        "response_type": "code",
        "state": state,
        "code_challenge": _challenge(verifier),
        "code_challenge_method": "S256",
        "scope": server.scope,
        "resource": resource,
    }
    joint = "&" if urlsplit(endpoint).query else "?"
    return f"{endpoint}{joint}{urlencode({name: value for name, value in query.items() if value})}"


def destination(flow: Flow, error: str | None, *, site: str) -> str:
    """The URL at which the browser ends. `error` is the reason if the flow failed."""
    if flow.install_source == "posthog-code" and flow.callback:
        joint = "&" if "?" in flow.callback else "?"
        outcome = {"status": "success"} if error is None else {"status": "error", "error": error}
        return f"{flow.callback}{joint}{urlencode(outcome)}"
    key = "oauth_complete" if error is None else "oauth_error"
    if is_allowed_return_path(flow.return_path):
        return site + _with_outcome(flow.return_path, key)
    return f"{site}/project/{flow.row.project_id}/settings/mcp-servers?{key}=true"


def _with_outcome(path: str, key: str) -> str:
    """The path with the outcome in its query, in place of an earlier one."""
    parts = urlsplit(path)
    kept = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0] not in _OUTCOMES]
    return urlunsplit(("", "", parts.path, urlencode([*kept, (key, "true")]), parts.fragment))


def _challenge(verifier: str) -> str:
    return urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()
