"""The URLs that the service accepts: the framework's syntax of URLs, the security policy, the ends of OAuth flows.

Pure: unlike the real service, it does not resolve names.
"""

import re
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import urlsplit

_SHAPE = re.compile(
    r"(?:http|ftp)s?://"
    r"(?:[^\s:@/]+(?::[^\s:@/]*)?@)?"
    r"(?P<host>\[[^\]\s]*\]|[^\s:@/?#\[\]]+)"
    r"(?::[0-9]{1,5})?"
    r"(?:[/?#]\S*)?",
    re.IGNORECASE,
)
_LABEL = r"[a-z0-9\u00a1-\uffff](?:[a-z0-9\u00a1-\uffff-]{0,61}[a-z0-9\u00a1-\uffff])?"
# The last label must be letters, so that numbers can only be IP addresses. A name without a dot is not a domain.
_DOMAIN = re.compile(
    rf"(?:{_LABEL}\.)+(?!-)(?:[a-z\u00a1-\uffff-]{{2,63}}|xn--[a-z0-9]{{1,59}})(?<!-)\.?", re.IGNORECASE
)

_METADATA_HOSTS = {"169.254.169.254", "metadata.google.internal"}
_INTERNAL_SUFFIXES = (".local", ".internal", ".localhost")
_CALLBACK_SCHEMES = {"array", "posthog-code"}
_DEVELOPMENT_CALLBACK = re.compile(r"http://localhost(?::[0-9]{1,5})?(?:[/?#]\S*)?")


def is_url(text: str) -> bool:
    """Whether the framework accepts the text as a URL. `refusal` decides whether it may be contacted."""
    match = _SHAPE.fullmatch(text)
    if match is None:
        return False
    host = match["host"]
    return _address(host) is not None or host.lower() == "localhost" or _DOMAIN.fullmatch(host) is not None


def refusal(url: str) -> str | None:
    """The reason why the security policy refuses to contact the URL, or None if it allows it."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "Invalid URL"
    if parts.scheme not in ("http", "https"):
        return "URL must start with http:// or https://"
    if not parts.hostname:
        return "Missing host"
    return _host_refusal(parts.hostname.rstrip("."))


def _host_refusal(host: str) -> str | None:
    address = _address(f"[{host}]" if ":" in host else host)
    if host in _METADATA_HOSTS:
        return "Local/metadata host"
    if _is_loopback(host):
        return "Local/Loopback host not allowed"
    if address is not None and not address.is_global:
        return "Private IP address not allowed"
    suffix = next((suffix for suffix in _INTERNAL_SUFFIXES if host.endswith(suffix)), None)
    return f"Internal domain pattern blocked: {suffix}" if suffix else None


def is_local(url: str) -> bool:
    """Whether the URL is an http or https URL of this machine."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  # raises ValueError if the port is invalid
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and _is_loopback(parts.hostname or "")


def _is_loopback(host: str) -> bool:
    address = _address(f"[{host}]" if ":" in host else host)
    return host == "localhost" or (address is not None and address.is_loopback)


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        address = IPv6Address(host[1:-1]) if host.startswith("[") else IPv4Address(host)
    except ValueError:
        return None
    # An IPv4-mapped IPv6 address counts as the IPv4 address.
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def is_allowed_callback(url: str, *, development: bool) -> bool:
    """Whether a browser may be sent there after an OAuth flow: only to PostHog's desktop schemes, as a rule."""
    if development and _DEVELOPMENT_CALLBACK.fullmatch(url):
        return True
    return url.partition("://")[0] in _CALLBACK_SCHEMES and "://" in url


def is_allowed_return_path(path: str) -> bool:
    """Whether a browser may be sent to this path of PostHog's site after an OAuth flow."""
    return path.startswith("/") and not path.startswith("//") and ":" not in path.partition("?")[0]
