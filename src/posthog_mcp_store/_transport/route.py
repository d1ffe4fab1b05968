"""How to reach the configured host: through which proxy, and with which certificates."""

import ssl
from collections.abc import Sequence

import httpx
from attrs import field, frozen

from .._core.errors import ConfigurationError
from .environment import HTTP_PROXIES, SOCKS_PROXIES, ProxySetting, certificates_fault, proxy_setting


@frozen
class Proxy:
    """A proxy, and the user name and password for it."""

    url: str
    """Without the user name and password."""
    auth: tuple[str, str] | None = field(repr=False)


@frozen
class Route:
    """The route to the host. Connections depend on nothing else in the environment."""

    tls: ssl.SSLContext
    """For the host, and for a proxy that is reached over TLS."""
    proxy: Proxy | None


def route_to(host: str, proxies: Sequence[str] = HTTP_PROXIES + SOCKS_PROXIES) -> Route:
    """The route to a host according to the environment, over proxies with these schemes.

    Raises:
        ConfigurationError: A variable that applies to the host is not valid.
    """
    setting = proxy_setting(host, proxies)
    is_encrypted = host.startswith("https:") or (setting is not None and setting.scheme == "https")
    tls = _tls_context() if is_encrypted else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return Route(tls, None if setting is None else _proxy(setting))


def _proxy(setting: ProxySetting) -> Proxy:
    try:
        proxy = httpx.Proxy(setting.url)
    except (httpx.InvalidURL, UnicodeError):
        raise setting.unusable("its URL can't be read") from None
    return Proxy(str(proxy.url), proxy.auth)


def _tls_context() -> ssl.SSLContext:
    if fault := certificates_fault():
        raise ConfigurationError(fault)
    try:
        return httpx.create_ssl_context()
    except OSError as error:
        # It is one of these two; OpenSSL's error contains the file name only for the file that it writes.
        variable = "SSL_CERT_FILE" if error.filename is None else "SSLKEYLOGFILE"
        reason = error.strerror
    raise ConfigurationError(f"{variable} names a file that can't be used: {reason}")
