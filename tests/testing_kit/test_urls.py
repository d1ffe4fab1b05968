"""Which server URLs the service takes."""

import httpx
import pytest

from posthog_mcp_store.testing import EmbeddedService

from .support import GOOD_INSTALL, invalid

GOOD_URLS = [
    "https://a.com",
    "http://a.com:8080/mcp?x=1#y",
    "HTTPS://A.com",
    "https://user:pw@a.com/",
    "https://a.com.",
    "https://é.com/ü",
    "https://xn--9ca.com",
    "http://8.8.8.8/mcp",
    "http://[2606:4700::1111]:80/",
    "https://mcp.local.example.com",
]


@pytest.mark.parametrize("url", GOOD_URLS)
async def test_a_public_url_is_taken(service: EmbeddedService, client: httpx.AsyncClient, url: str) -> None:
    answer = await client.post("/install_custom/", json=GOOD_INSTALL | {"url": url})
    assert (answer.status_code, service.installations[0].url) == (201, url)


NO_URLS = [
    "x",
    "//a.com",
    "http://a",
    "http://a_b.com",
    "https://-a.com",
    "https://a-.com",
    "https://a.com/ b",
    "https://a.com:",
    "https://a.com:123456",
    "gopher://a.com",
    "http://a.123",
    "http://1.2.3",
    "http://999.1.1.1",
    "http://[zz]/",
    "https:a.com",
]


@pytest.mark.parametrize("url", NO_URLS)
async def test_a_value_that_is_not_a_url_leads_to_400(client: httpx.AsyncClient, url: str) -> None:
    answer = await client.post("/install_custom/", json=GOOD_INSTALL | {"url": url})
    assert answer.status_code == 400
    assert answer.json() == invalid("invalid_input", "Enter a valid URL.", "url")


REFUSED_URLS = [
    ("http://localhost:8000", "Local/Loopback host not allowed"),
    ("http://127.0.0.1/", "Local/Loopback host not allowed"),
    ("http://[::1]/", "Local/Loopback host not allowed"),
    ("http://[::ffff:127.0.0.1]/", "Local/Loopback host not allowed"),
    ("http://169.254.169.254/latest", "Local/metadata host"),
    ("http://METADATA.google.internal/", "Local/metadata host"),
    ("http://10.0.0.1", "Private IP address not allowed"),
    ("http://192.168.1.1", "Private IP address not allowed"),
    ("http://[fd00::1]/", "Private IP address not allowed"),
    ("https://mcp.local/", "Internal domain pattern blocked: .local"),
    ("https://mcp.local./", "Internal domain pattern blocked: .local"),
    ("https://mcp.corp.internal/", "Internal domain pattern blocked: .internal"),
    ("ftp://a.com", "URL must start with http:// or https://"),
]


@pytest.mark.parametrize(("url", "reason"), REFUSED_URLS)
async def test_a_url_that_the_security_policy_refuses_leads_to_400(
    client: httpx.AsyncClient, url: str, reason: str
) -> None:
    for auth_type in ("api_key", "oauth"):
        body = GOOD_INSTALL | {"url": url, "auth_type": auth_type}
        answer = await client.post("/install_custom/", json=body)
        assert answer.status_code == 400
        assert answer.json() == invalid("invalid_input", f"URL not allowed: {reason}", "url")
