"""The origin of a URL as browsers parse it (WHATWG URL, section 3.5), if all other URL parsers agree.

Browsers treat `0x7f.1`, `2130706433` and `127.0.0.1.` as addresses, decode `%6f` and map letters of other scripts. A
host on which parsers disagree must not be shown to a user or opened.
"""

import re
from ipaddress import IPv4Address, IPv6Address
from unicodedata import category, normalize
from urllib.parse import SplitResult

AUTHORITY = re.compile(
    r"(\[[0-9a-f:]+\]|[0-9a-z_-]{1,63}(?:\.[0-9a-z_-]{1,63})*)(?::[0-9]*)?", re.ASCII | re.IGNORECASE
)
NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
PUNCTUATION = "-\u00b7\u0375\u05f3\u05f4\u200c\u200d\u30fb"
"""Allowed in names in addition to letters, marks and digits (RFC 5892, appendix A)."""
DEFAULT_PORTS = {"http": 80, "https": 443}


def web_origin(parts: SplitResult) -> str:
    """Scheme, host and port, in lower case and without the scheme's default port.

    Raises:
        ValueError: There is no host, or parsers disagree on it.
    """
    authority = AUTHORITY.fullmatch(parts.netloc)
    if authority is None:
        raise ValueError("not the authority of a URL, or one that readers decode, map or strip")
    host, port = _host(authority[1].lower()), parts.port
    return f"{parts.scheme}://{host}{'' if port in {None, DEFAULT_PORTS.get(parts.scheme)} else f':{port}'}"


def _host(text: str) -> str:
    if text.startswith("["):
        address = IPv6Address(text[1:-1])
        if address.ipv4_mapped is not None:
            raise ValueError("an IPv4 address, for some readers")
        return f"[{address}]"
    labels = text.split(".")
    if NUMBER.fullmatch(labels[-1]):
        # IPv4Address accepts only four decimal numbers without leading zeros.
        return str(IPv4Address(text))
    for label in labels:
        _check_punycode(label)
    return text


def _check_punycode(label: str) -> None:
    """Refuse an internationalized label that parsers reject, or treat as another one (RFC 5891, section 4.4)."""
    if not label.startswith("xn--"):
        return
    name = label[4:].encode().decode("punycode")
    is_canonical = normalize("NFKC", name.lower()) == name and name.encode("punycode").decode() == label[4:]
    is_name = all(category(char)[0] in "LMN" or char in PUNCTUATION for char in name)
    if name.isascii() or not is_canonical or not is_name:
        raise ValueError("not how any name is written")


def origin(parts: SplitResult) -> tuple[str, str | None, int | None]:
    """Scheme, host and port (RFC 6454, section 4)."""
    return parts.scheme, parts.hostname, parts.port or DEFAULT_PORTS.get(parts.scheme)
