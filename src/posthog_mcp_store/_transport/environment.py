"""Proxy and certificate settings for a host from the environment."""

import importlib.util
import os
import re
from collections.abc import Sequence
from ipaddress import ip_address, ip_network
from pathlib import Path
from urllib.parse import SplitResult, urlsplit
from urllib.request import getproxies, proxy_bypass

from attrs import field, frozen

from .._core.errors import ConfigurationError
from .._core.hosts import is_loopback

HTTP_PROXIES = ("http", "https")
SOCKS_PROXIES = ("socks5", "socks5h")
DEFAULT_PORTS = {"http": 80, "https": 443}
HASHED_NAME = re.compile(r"[0-9a-f]{8}\.\d+")
"""The file names by which OpenSSL finds certificates in a directory."""


@frozen
class ProxySetting:
    """The proxy for a host, and the setting that names it."""

    source: str
    url: str = field(repr=False)
    """May contain a password."""

    @property
    def scheme(self) -> str:
        return urlsplit(self.url).scheme

    def unusable(self, reason: str) -> ConfigurationError:
        return ConfigurationError(f"{self.source} names a proxy that can't be used: {reason}")


def proxy_setting(host: str, schemes: Sequence[str]) -> ProxySetting | None:
    """The proxy for a host, which must have one of these schemes; None if the host is called directly.

    Raises:
        ConfigurationError: There is a proxy for the host, but its URL is not valid.
    """
    target = urlsplit(host)
    proxies = getproxies()
    kind = next((kind for kind in (target.scheme, "all") if proxies.get(kind)), None)
    if kind is None or _is_called_directly(target, proxies.get("no", "")):
        return None
    url = proxies[kind]
    setting = ProxySetting(_variable(f"{kind}_proxy"), url if "://" in url else f"http://{url}")
    if fault := _fault(setting.url, schemes):
        raise setting.unusable(fault)
    return setting


def _is_called_directly(target: SplitResult, no_proxy: str) -> bool:
    hostname, port = (target.hostname or "").rstrip("."), target.port or DEFAULT_PORTS[target.scheme]
    # Plain http to this machine is allowed because nobody else sees the API key. A proxy would see it.
    if target.scheme == "http" and is_loopback(hostname):
        return True
    # urllib handles host names, and the system's settings on macOS and Windows.
    if proxy_bypass(f"{hostname}:{port}"):
        return True
    return any(_is_meant(entry, target.scheme, hostname, port) for entry in re.split(r"[\s,]+", no_proxy))


def _is_meant(entry: str, scheme: str, hostname: str, port: int) -> bool:
    """True if an entry of NO_PROXY matches a host, in any of the forms that libraries accept."""
    entry_scheme, _, place = entry.lower().rpartition("://")
    name, entry_port = _name_and_port(place)
    if entry_scheme not in {"", "all", scheme} or entry_port not in {None, str(port)}:
        return False
    if name == "*":
        return True
    suffix = name.removeprefix("*").strip(".")
    return f".{hostname}".endswith(f".{suffix}") or _is_within(hostname, name)


def _name_and_port(place: str) -> tuple[str, str | None]:
    if parts := re.fullmatch(r"\[([^\]]*)\](/\d+)?(?::(\d+))?", place):
        return parts[1] + (parts[2] or ""), parts[3]
    name, colon, port = place.rpartition(":")
    # More than one colon means an IPv6 address without brackets.
    return (name, port) if colon and ":" not in name else (place, None)


def _is_within(hostname: str, network: str) -> bool:
    """True if a host is an address in a network, which may be a single address."""
    try:
        return ip_address(hostname) in ip_network(network, strict=False)
    except ValueError:
        return False


def _variable(name: str) -> str:
    """The name of the variable that is set, in lower or upper case."""
    found = [each for each in (name, name.upper()) if os.environ.get(each)]
    return found[0] if found else f"the system's setting for {name}"


def _fault(url: str, schemes: Sequence[str]) -> str | None:
    """Why the URL of a proxy can't be used; None if it can."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "its address or port can't be read"
    if parts.scheme not in schemes:
        return f"its URL must begin with {' or '.join(f'{scheme}://' for scheme in schemes)}"
    if not parts.hostname or port == 0:
        return "its URL must name a host, and no port 0"
    if parts.scheme in SOCKS_PROXIES and importlib.util.find_spec("socksio") is None:
        return 'a SOCKS proxy needs: pip install "httpx[socks]"'
    return None


def certificates_fault() -> str | None:
    """Why SSL_CERT_DIR can't be used; None if it can. OpenSSL would find no certificates, and not say why."""
    directories = os.environ.get("SSL_CERT_DIR")
    # With SSL_CERT_FILE, httpx ignores SSL_CERT_DIR.
    is_overruled = bool(os.environ.get("SSL_CERT_FILE"))
    if not directories or is_overruled or any(map(_may_hold_certificates, directories.split(os.pathsep))):
        return None
    return "SSL_CERT_DIR names no directory with certificates under the names that `openssl rehash` gives them"


def _may_hold_certificates(name: str) -> bool:
    directory = Path(name)
    if not name or not directory.is_dir():
        return False
    # A directory that can't be listed may still contain files that can be opened.
    return not os.access(directory, os.R_OK) or any(HASHED_NAME.fullmatch(each.name) for each in directory.iterdir())
