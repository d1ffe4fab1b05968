"""Proxies and certificates from the environment: only those that concern the host."""

import asyncio
import json
import sys
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from posthog_mcp_store import APIConnectionError, ConfigurationError, MCPStore, MCPStoreError
from posthog_mcp_store._transport.environment import HTTP_PROXIES, proxy_setting
from posthog_mcp_store.testing import EmbeddedService

from ..support.factories import open_store
from ..support.serving import Says, serving
from ..support.wire import ID, installation

NAME = "mcp-store.example.com"
KEY = "phx_the_secret_key"
CREDENTIALS = b64encode("me:sécret:word".encode())

our_transports = pytest.mark.parametrize("transport", ["httpx", "aiohttp"])


def make_store(host: str, transport: str, **options: Any) -> MCPStore:
    return MCPStore(KEY, host=host, transport=transport, max_retries=0, **options)  # type: ignore[arg-type]


# Proxies that are used


class Tunnel:
    """A proxy that connects whoever asks to one service, whatever host they name (RFC 9110, section 9.3.6)."""

    def __init__(self, port: int) -> None:
        self.heard: list[bytes] = []
        self._port = port

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.heard.append(await reader.readuntil(b"\r\n\r\n"))
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._port)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        back = asyncio.create_task(self._pass_on(far_reader, writer, []))
        await self._pass_on(reader, far_writer, self.heard)
        back.cancel()
        far_writer.transport.abort()

    async def _pass_on(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, seen: list[bytes]) -> None:
        while chunk := await source.read(65_536):
            seen.append(chunk)
            sink.write(chunk)


@our_transports
@pytest.mark.parametrize("credentials", ["", "me:s%C3%A9cret%3Aword@"])
@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
async def test_the_proxy_of_the_environment_is_used_and_sees_no_key(
    tls_port: int, monkeypatch: pytest.MonkeyPatch, transport: str, credentials: str, variable: str
) -> None:
    tunnel = Tunnel(tls_port)
    async with serving(tunnel) as proxy_port:
        monkeypatch.setenv(variable, f"http://{credentials}127.0.0.1:{proxy_port}")
        async with make_store(f"https://{NAME}", transport) as store:
            for _ in range(2):
                assert (await store.installations.retrieve(ID)).name == "My API Server"

    head = tunnel.heard[0]
    assert head.startswith(f"CONNECT {NAME}:443 HTTP/1.1\r\n".encode())
    assert (b"\r\nproxy-authorization: basic " + CREDENTIALS.lower() in head.lower()) is bool(credentials)
    assert KEY.encode() not in b"".join(tunnel.heard)


@our_transports
@pytest.mark.parametrize("credentials", ["", "me:s%C3%A9cret%3Aword@"])
@pytest.mark.parametrize("url", ["http://{}", "{}"])
async def test_a_plain_host_that_is_allowed_is_asked_for_by_its_proxy(
    monkeypatch: pytest.MonkeyPatch, transport: str, credentials: str, url: str
) -> None:
    proxy = Says(json.dumps(installation()).encode())
    async with serving(proxy) as port:
        monkeypatch.setenv("HTTP_PROXY", url.format(f"{credentials}127.0.0.1:{port}"))
        async with make_store(f"http://{NAME}", transport, allow_insecure_host=True) as store:
            assert (await store.installations.retrieve(ID)).name == "My API Server"

    (head,) = proxy.heads
    assert head.startswith(f"GET http://{NAME}/api/environments/@current/".encode())
    assert (b"\r\nproxy-authorization: basic " + CREDENTIALS.lower() in head.lower()) is bool(credentials)
    assert head.lower().count(b"\r\nauthorization: ") == 1


async def test_a_proxy_that_takes_tls_shows_a_certificate_that_is_trusted(
    tls_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proxy is the service itself here: it handles the requests it should pass on."""
    monkeypatch.setenv("HTTP_PROXY", f"https://127.0.0.1:{tls_port}")

    async with make_store(f"http://{NAME}", "httpx", allow_insecure_host=True) as store:
        assert (await store.installations.retrieve(ID)).name == "My API Server"


@our_transports
async def test_a_proxy_that_refuses_is_named(monkeypatch: pytest.MonkeyPatch, transport: str) -> None:
    async with serving(Says(b"", status=403)) as proxy_port:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy_port}")
        async with make_store(f"https://{NAME}", transport) as store:
            with pytest.raises(APIConnectionError, match=r"ProxyError: .*403"):
                await store.installations.retrieve(ID)


# Proxies that are not used


@our_transports
@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
@pytest.mark.parametrize("proxy", ["http://127.0.0.1:1", "socks://127.0.0.1:1", "http://127.0.0.1:port"])
async def test_plain_http_to_this_machine_needs_no_proxy(
    service: EmbeddedService, monkeypatch: pytest.MonkeyPatch, transport: str, variable: str, proxy: str
) -> None:
    """The proxy would see the key."""
    monkeypatch.setenv(variable, proxy)

    for host in (service.base_url, service.base_url.replace("127.0.0.1", "localhost")):
        async with open_store(service, host=host, transport=transport) as store:
            assert (await store.installations.list()).count == 0


@our_transports
@pytest.mark.parametrize(
    "no_proxy",
    ["127.0.0.1", "127.0.0.0/8", "x.example, 10.0.0.0/8 ,127.0.0.1", "*", "x.example,*", "https://127.0.0.1"],
)
async def test_a_host_that_needs_no_proxy_is_called_directly(
    tls_port: int, monkeypatch: pytest.MonkeyPatch, transport: str, no_proxy: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "socks5://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", no_proxy)

    async with make_store(f"https://127.0.0.1:{tls_port}", transport) as store:
        assert (await store.installations.retrieve(ID)).name == "My API Server"


MEANT = [
    ("https://us.posthog.com", "us.posthog.com"),
    ("https://us.posthog.com", ".us.posthog.com"),
    ("https://us.posthog.com", "posthog.com"),
    ("https://us.posthog.com", "POSTHOG.COM."),
    ("https://us.posthog.com", "*.posthog.com"),
    ("https://US.posthog.com.", "a.example b.example posthog.com"),
    ("https://us.posthog.com", "us.posthog.com:443"),
    ("https://us.posthog.com:8443", "https://us.posthog.com:8443"),
    ("https://us.posthog.com", "all://posthog.com"),
    ("https://[::1]:8000", "[::1]"),
    ("https://[::1]:8000", "::1"),
    ("https://[::1]:8000", "[::1]:8000"),
    ("https://[fd00:1::5]", "fd00:1::/32"),
    ("https://[fd00:1::5]", "[fd00:1::]/32"),
    ("https://[fd00:1::5]", "[fd00:1::/32]"),
    ("https://10.1.2.3", "10.0.0.0/8"),
    ("https://10.1.2.3", "10.1.2.3/8"),
]
NOT_MEANT = [
    ("https://us.posthog.com", "us.posthog.com:80"),
    ("https://us.posthog.com", "http://us.posthog.com"),
    ("https://us.posthog.com", "eu.posthog.com,hog.com,com.example"),
    ("https://us.posthog.com", ", ,.,*x,:,://,[,],[]"),
    ("https://us.posthog.com", "10.0.0.0/8,[fd00::]/8"),
    ("https://[fd00:1::5]", "[fd00:2::]/32,[::1],::1,[fd00:1::5]:8000,[fd00:1::/999]"),
    ("https://10.1.2.3", "10.1.2.4,11.0.0.0/8,10.1.2.3:80,::/0,10.1.2"),
]


@pytest.mark.parametrize(
    ("host", "no_proxy", "is_meant"), [(*e, True) for e in MEANT] + [(*e, False) for e in NOT_MEANT]
)
def test_no_proxy_names_hosts_in_all_forms_that_are_in_use(
    monkeypatch: pytest.MonkeyPatch, host: str, no_proxy: str, is_meant: bool
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("no_proxy", no_proxy)

    assert (proxy_setting(host, HTTP_PROXIES) is None) is is_meant


async def test_a_client_of_the_users_own_has_its_own_environment(
    service: EmbeddedService, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with httpx.AsyncClient() as client:
        for variable in ("ALL_PROXY", "SSL_CERT_FILE", "SSLKEYLOGFILE"):
            monkeypatch.setenv(variable, "http://127.0.0.1:port")
        async with open_store(service, http_client=client) as store:
            assert (await store.installations.list()).count == 0


# Unusable proxies


@our_transports
@pytest.mark.parametrize(
    ("proxy", "reason"),
    [
        ("socks://127.0.0.1:1080", "its URL must begin with http:// or https://"),
        ("socks4://127.0.0.1:1080", "its URL must begin with http:// or https://"),
        ("ftp://127.0.0.1", "its URL must begin with http:// or https://"),
        ("http://me:hidden@127.0.0.1:port", "its address or port can't be read"),
        ("http://me:hidden@127.0.0.1:70000", "its address or port can't be read"),
        ("http://[::1", "its address or port can't be read"),
        ("http://127.0.0.1:0", "its URL must name a host, and no port 0"),
        ("http://me:hidden@", "its URL must name a host"),
        ("//127.0.0.1:3128", "its URL must name a host"),
        ("http://\u2488com:3128", "its URL can't be read"),
    ],
)
@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "all_proxy"])
async def test_a_proxy_that_can_not_be_used_is_named_by_its_variable(
    monkeypatch: pytest.MonkeyPatch, transport: str, variable: str, proxy: str, reason: str
) -> None:
    monkeypatch.setenv(variable, proxy)

    async with make_store(f"https://{NAME}", transport) as store:
        for _ in range(2):
            with pytest.raises(ConfigurationError, match=f"^{variable} names a proxy that can't be used: ") as caught:
                await store.installations.retrieve(ID)

    assert reason.replace("http:// or https://", "http://") in str(caught.value)
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
async def test_a_socks_proxy_says_what_it_needs(monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    monkeypatch.setitem(sys.modules, "socksio", None)
    monkeypatch.setenv("ALL_PROXY", f"{scheme}://127.0.0.1:1080")

    for transport, needs in (("httpx", r'pip install "httpx\[socks\]"'), ("aiohttp", "must begin with http:// or ")):
        async with make_store(f"https://{NAME}", transport) as store:
            with pytest.raises(ConfigurationError, match=f"^ALL_PROXY .*{needs}"):
                await store.installations.retrieve(ID)


@our_transports
async def test_the_systems_proxy_and_its_exceptions_count_too(
    tls_port: int, monkeypatch: pytest.MonkeyPatch, transport: str
) -> None:
    settings = "posthog_mcp_store._transport.environment"
    monkeypatch.setattr(f"{settings}.getproxies", lambda: {"https": "gopher://proxy.example"})
    monkeypatch.setattr(f"{settings}.proxy_bypass", f"127.0.0.1:{tls_port}".__eq__)

    async with make_store(f"https://127.0.0.1:{tls_port}", transport) as store:
        assert (await store.installations.retrieve(ID)).name == "My API Server"
    async with make_store(f"https://{NAME}", transport) as store:
        with pytest.raises(ConfigurationError, match=r"^the system's setting for https_proxy names a proxy that"):
            await store.installations.retrieve(ID)


@our_transports
@pytest.mark.parametrize(
    "others",
    [
        {"HTTP_PROXY": "socks://127.0.0.1:1", "NO_PROXY": "[::1],fd00::/8,127.0.0.1"},
        {"ALL_PROXY": "socks://127.0.0.1:1", "HTTPS_PROXY": "http://127.0.0.1:{port}"},
        {"FTP_PROXY": "http://127.0.0.1:port", "SSL_CERT_DIR": "/does/not/exist"},
        {"HTTPS_PROXY": "", "HTTP_PROXY": "http://[::1"},
    ],
)
async def test_settings_that_do_not_concern_the_host_do_not_matter(
    tls_port: int, monkeypatch: pytest.MonkeyPatch, transport: str, others: dict[str, str]
) -> None:
    async with serving(Tunnel(tls_port)) as proxy_port:
        for variable, value in others.items():
            monkeypatch.setenv(variable, value.format(port=proxy_port))
        async with make_store(f"https://127.0.0.1:{tls_port}", transport) as store:
            assert (await store.installations.retrieve(ID)).name == "My API Server"


# Certificates


def missing(path: Path) -> str:
    return str(path / "missing")


def empty(path: Path) -> str:
    (path / "empty.pem").touch()
    return str(path / "empty.pem")


def rubbish(path: Path) -> str:
    (path / "rubbish.pem").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    return str(path / "rubbish.pem")


def directory(path: Path) -> str:
    (path / "directory").mkdir()
    (path / "directory" / "ca.pem").touch()
    return str(path / "directory")


def in_a_missing_directory(path: Path) -> str:
    return str(path / "missing" / "keys.log")


def two_missing(path: Path) -> str:
    (path / "5ed36f99.0").touch()
    return f":{path / 'one'}:{path / 'two'}"


BAD_FILES = [("SSL_CERT_FILE", kind) for kind in (missing, empty, rubbish, directory)]
BAD_FILES += [("SSL_CERT_DIR", kind) for kind in (missing, empty, directory, two_missing)]


@our_transports
@pytest.mark.parametrize(("variable", "make"), BAD_FILES)
async def test_a_file_for_tls_that_can_not_be_used_is_named_by_its_variable(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, transport: str, variable: str, make: Callable[[Path], str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(variable, make(tmp_path))

    async with make_store("https://127.0.0.1:1", transport) as store:
        for _ in range(2):
            with pytest.raises(ConfigurationError, match=f"^{variable} names "):
                await store.installations.retrieve(ID)


@our_transports
@pytest.mark.parametrize("make", [in_a_missing_directory, directory])
async def test_a_file_for_tls_keys_that_can_not_be_written_is_named_by_its_variable(
    tls_port: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, transport: str, make: Callable[[Path], str]
) -> None:
    monkeypatch.setenv("SSLKEYLOGFILE", make(tmp_path))

    async with make_store(f"https://127.0.0.1:{tls_port}", transport) as store:
        for _ in range(2):
            with pytest.raises(ConfigurationError, match=r"^SSLKEYLOGFILE names a file that can't be used: "):
                await store.installations.retrieve(ID)


@our_transports
async def test_files_for_tls_do_not_matter_without_tls(
    service: EmbeddedService, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, transport: str
) -> None:
    for variable in ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE"):
        monkeypatch.setenv(variable, in_a_missing_directory(tmp_path))

    async with open_store(service, transport=transport) as store:
        assert (await store.installations.list()).count == 0


async def test_a_directory_of_certificates_is_taken(
    tls_port: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Under such a name OpenSSL would look for one. It finds none that fits."""
    monkeypatch.delenv("SSL_CERT_FILE")
    (tmp_path / "5ed36f99.0").touch()
    monkeypatch.setenv("SSL_CERT_DIR", f"{tmp_path / 'missing'}:{tmp_path}")

    async with make_store(f"https://127.0.0.1:{tls_port}", "httpx") as store:
        with pytest.raises(APIConnectionError, match="CERTIFICATE_VERIFY_FAILED"):
            await store.installations.retrieve(ID)


@our_transports
async def test_tls_keys_are_logged_where_that_is_asked_for(
    tls_port: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, transport: str
) -> None:
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys.log"))

    async with make_store(f"https://127.0.0.1:{tls_port}", transport) as store:
        await store.installations.retrieve(ID)

    assert "CLIENT_TRAFFIC_SECRET_0" in (tmp_path / "keys.log").read_text()


# The same over aiohttp and httpx


@our_transports
@pytest.mark.parametrize(
    "entry", ["default login me password secret", "machine 127.0.0.1 login me password secret", "x"]
)
async def test_a_netrc_never_matters(
    service: EmbeddedService, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, transport: str, entry: str
) -> None:
    (tmp_path / ".netrc").write_text(f"{entry}\n")
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    row = service.add_installation()

    for variable in (None, "NETRC"):
        if variable is not None:
            monkeypatch.setenv(variable, str(tmp_path / ".netrc"))
        async with open_store(service, transport=transport) as store:
            assert (await store.installations.retrieve(row.id)).id == row.id

    assert {request.headers["authorization"] for request in service.requests} == {f"Bearer {service.api_key}"}


@our_transports
async def test_long_heads_are_read(transport: str) -> None:
    long, many = "x" * 60_000, {f"X-{number}": "y" for number in range(300)}
    server = Says(json.dumps(installation()).encode(), {"X-Long": long, **many})
    told: list[Any] = []

    async with serving(server) as port, make_store(f"http://127.0.0.1:{port}", transport) as store:
        await store.with_options(on_response=told.append).installations.retrieve(ID)

    (info,) = told
    assert (info.headers["x-long"], info.headers["x-299"]) == (long, "y")


@our_transports
async def test_an_endless_head_is_an_error(transport: str) -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
        while True:
            writer.write(b"x" * 10_000)
            await writer.drain()

    async with serving(drip) as port, make_store(f"http://127.0.0.1:{port}", transport) as store:
        async with asyncio.timeout(10):
            with pytest.raises(MCPStoreError):
                await store.installations.retrieve(ID)
