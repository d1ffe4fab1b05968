"""What the environment says of the way to one host: which proxy is for it, and whose certificates are trusted."""

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
"""By which OpenSSL finds a certificate in a directory."""


@frozen
class ProxySetting:
    """The proxy that is for a host, and who says so."""

    source: str
    url: str = field(repr=False)
    """May hold a password."""

    @property
    def scheme(self) -> str:
        return urlsplit(self.url).scheme

    def unusable(self, reason: str) -> ConfigurationError:
        return ConfigurationError(f"{self.source} names a proxy that can't be used: {reason}")


def proxy_setting(host: str, schemes: Sequence[str]) -> ProxySetting | None:
    """The proxy that is for a host, with one of these schemes; None where the host is called directly.

    Raises:
        ConfigurationError: A proxy is for the host, and its URL is none.
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
    # To this machine, plain http is allowed because nobody else sees the key. A proxy would.
    if target.scheme == "http" and is_loopback(hostname):
        return True
    # urllib knows names, and on macOS and Windows the settings of the system.
    if proxy_bypass(f"{hostname}:{port}"):
        return True
    return any(_is_meant(entry, target.scheme, hostname, port) for entry in re.split(r"[\s,]+", no_proxy))


def _is_meant(entry: str, scheme: str, hostname: str, port: int) -> bool:
    """Whether an entry of NO_PROXY stands for a host, in all forms that libraries read."""
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
    # More colons than one are an IPv6 address without brackets.
    return (name, port) if colon and ":" not in name else (place, None)


def _is_within(hostname: str, network: str) -> bool:
    """Whether a host is an address in a network, or of one address."""
    try:
        return ip_address(hostname) in ip_network(network, strict=False)
    except ValueError:
        return False


def _variable(name: str) -> str:
    """The variable that sets this, as it is written there: both cases are read."""
    found = [each for each in (name, name.upper()) if os.environ.get(each)]
    return found[0] if found else f"the system's setting for {name}"


def _fault(url: str, schemes: Sequence[str]) -> str | None:
    """What is wrong with the URL of a proxy."""
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
    """What is wrong with SSL_CERT_DIR. OpenSSL does not say: it finds no certificates there, and trusts nobody."""
    directories = os.environ.get("SSL_CERT_DIR")
    # httpx then looks at nothing else.
    is_overruled = bool(os.environ.get("SSL_CERT_FILE"))
    if not directories or is_overruled or any(map(_may_hold_certificates, directories.split(os.pathsep))):
        return None
    return "SSL_CERT_DIR names no directory with certificates under the names that `openssl rehash` gives them"


def _may_hold_certificates(name: str) -> bool:
    directory = Path(name)
    if not name or not directory.is_dir():
        return False
    # Who may not list it may still open what is in it.
    return not os.access(directory, os.R_OK) or any(HASHED_NAME.fullmatch(each.name) for each in directory.iterdir())
