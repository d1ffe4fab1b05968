"""Validation of the host, to which the API key is sent."""

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

from .errors import ConfigurationError
from .text import short_repr

OWN_PATHS = re.compile(
    r"/(project/([0-9]+|@current)|((project|organization|me)/)?settings|login|logout|signup|api/(projects|environments))(/|$)"
)
"""Paths of web pages and API endpoints, which can't be the path prefix of a self-hosted instance."""
CLOUDS = "https://us.posthog.com or https://eu.posthog.com"
INGESTION_HOSTS = {"us.i.posthog.com": "https://us.posthog.com", "eu.i.posthog.com": "https://eu.posthog.com"}


def checked_host(value: object, *, allow_insecure: bool) -> str:
    """The base URL of the API: an origin with an optional path, without a trailing slash."""
    readable = short_repr(_without_user_info(value) if isinstance(value, str) else value)
    if not isinstance(value, str) or not re.fullmatch(r"[!-~]+", value):
        raise ConfigurationError(f"host must be a URL such as {CLOUDS}, not {readable}")
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        raise ConfigurationError(f"host {readable} is not a URL: its address or port can't be read") from None
    if fault := _fault(parts, allow_insecure=allow_insecure):
        raise ConfigurationError(f"host {readable} {fault}")
    name = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{name}{f':{port}' if port else ''}{parts.path.rstrip('/')}"


def _fault(parts: SplitResult, *, allow_insecure: bool) -> str | None:
    """Why the host can't be used, as the end of an error message; None if it can."""
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return f"must start with https:// and name a host, such as {CLOUDS}"
    if "@" in parts.netloc:
        return "must not hold a user name or password"
    if parts.port == 0:
        return "must not have the port 0"
    if parts.hostname in INGESTION_HOSTS:
        return f"takes events only: use {INGESTION_HOSTS[parts.hostname]}"
    if page := _page(parts):
        return f"must not name a page or an endpoint: leave out {short_repr(page)}{_project_hint(page)}"
    if parts.query or parts.fragment or "\\" in parts.geturl():
        return "must not have a query, a fragment or a backslash"
    if re.search(r"(^|/)\.{1,2}(/|$)|%|//", parts.path):
        return "must not have dots, double slashes or percent signs in its path"
    if parts.scheme == "http" and not allow_insecure and not is_loopback(parts.hostname):
        return "would send the API key unencrypted: use https://, or allow_insecure_host=True"
    return None


def _page(parts: SplitResult) -> str | None:
    """The end of the path, from where it names a web page or an API endpoint."""
    path = parts.path.rstrip("/")
    # PostHog Cloud has no path prefix.
    if f".{parts.hostname}".endswith(".posthog.com"):
        return path or None
    page = OWN_PATHS.search(path)
    return path[page.start() :] if page else None


def _project_hint(page: str) -> str:
    project = re.search(r"/(?:project|projects|environments)/([0-9]+)", page)
    return f", and pass project_id={project[1][:20]}" if project else ""


def is_loopback(hostname: str) -> bool:
    """True if a host is this machine (for the name, see RFC 6761, section 6.3)."""
    try:
        return ipaddress.ip_address(hostname).is_loopback
    except ValueError:
        return hostname == "localhost" or hostname.endswith(".localhost")


def _without_user_info(url: str) -> str:
    """`url` without the part that may hold a password."""
    scheme, separator, rest = url.partition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}"
