"""The API key is sent to the host, and appears nowhere else."""

import asyncio
import html
import json
import pickle
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest

from posthog_mcp_store import (
    AlreadyInstalledError,
    APIConnectionError,
    APIStatusError,
    ConfigurationError,
    MCPStore,
    MCPStoreError,
    NotFoundError,
    ResponseDecodeError,
    ToolCallError,
    UnsafeRedirectError,
)

from ..support.crash_report import everything_said_by
from ..support.fake_mcp import FakeMCPServer, error_of, result_of
from ..support.wire import BASE, ID, SERVER_ID, Wire, installation, page

KEY = "phx_the_secret_key"
PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
Faked = Callable[..., MCPStore]


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(401, json={"detail": f"{KEY} is invalid"}, headers={"X-Echo": KEY}),
        httpx.Response(200, text=f"<html>{KEY}</html>", headers={"X-Echo": KEY}),
        httpx.Response(200, json={**installation(), "created_at": KEY}),
        httpx.Response(200, json={"detail": KEY}, headers={"Content-Type": KEY}),
        httpx.Response(302, headers={"Location": f"https://evil.example/{KEY}"}),
        httpx.Response(200, headers={"Content-Encoding": "gzip", "X-Echo": KEY}, stream=httpx.ByteStream(b"no")),
        httpx.ConnectError("refused"),
        httpx.RemoteProtocolError(f"illegal header line: {KEY}"),
        httpx.ReadTimeout("slow"),
    ],
)
async def test_no_error_shows_the_key(wire: Wire, faked: Faked, answer: httpx.Response | Exception) -> None:
    wire.answers(answer)

    with pytest.raises(MCPStoreError) as caught:
        await faked(api_key=KEY).installations.retrieve(ID)

    assert wire.request.headers["Authorization"] == f"Bearer {KEY}"
    assert KEY not in everything_said_by(caught.value)


@pytest.mark.parametrize("kind", ["httpx", "client", "aiohttp"])
async def test_no_error_shows_the_key_of_a_request_that_is_echoed_so_that_it_can_not_be_read(kind: str) -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        (line,) = (line for line in head.split(b"\r\n") if line.lower().startswith(b"authorization"))
        writer.write(b"HTTP/1.1 200 OK\r\nX Echo " + line + b"\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(echo, "127.0.0.1", 0) as server, httpx.AsyncClient() as client:
        options: dict[str, Any] = {"http_client": client} if kind == "client" else {"transport": kind}
        host = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with MCPStore(KEY, host=host, max_retries=0, **options) as store:
            with pytest.raises(
                APIConnectionError, match="Invalid header token" if kind == "aiohttp" else r"\*\*\*"
            ) as caught:
                await store.installations.retrieve(ID)

    assert KEY not in everything_said_by(caught.value)


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, text=f"data: {KEY}\n\n", headers={"Content-Type": "text/event-stream"}),
        httpx.Response(200, text="data: {", headers={"Content-Type": "text/event-stream", "X-Echo": KEY}),
        httpx.Response(200, text="<html>", headers={"Content-Type": f"text/{KEY}"}),
        httpx.Response(200, json=[{"jsonrpc": "2.0", "method": "x"}], headers={"X-Echo": KEY}),
    ],
)
async def test_no_error_of_the_proxy_shows_the_key(wire: Wire, faked: Faked, answer: httpx.Response) -> None:
    wire.answers(answer)

    with pytest.raises(MCPStoreError) as caught:
        (await faked(api_key=KEY).installations.proxy(ID, {"jsonrpc": "2.0", "id": 1, "method": "ping"})).result()

    assert KEY not in everything_said_by(caught.value)


ESCAPED = "".join(f"\\u{ord(char):04X}" for char in KEY[:5]) + KEY[5:]
SAID = f"the key {KEY} is no good"


@pytest.mark.parametrize(
    "content",
    [
        f'{{"detail": "{ESCAPED}", "more": {{"{ESCAPED}": ["{ESCAPED}"]}}}}'.encode(),
        f'{{"detail": "{SAID}"}}'.encode("utf-16"),
        f'{{"detail": "{SAID}"}}'.encode("utf-32"),
        SAID.encode("utf-16-le"),
        SAID.encode("utf-16-be"),
        b"x" * 70_000 + KEY.encode(),
        b"x" * (64 * 1024 - len(KEY) + 3) + KEY.encode(),
        f"<p>&#112;{KEY[1:]}".encode(),
        f"{{{ESCAPED}".encode(),
    ],
)
@pytest.mark.parametrize("is_proxied", [True, False])
async def test_no_error_shows_a_key_that_is_quoted_in_another_form(
    wire: Wire, faked: Faked, is_proxied: bool, content: bytes
) -> None:
    wire.answers(httpx.Response(400, content=content))
    installations = faked(api_key=KEY).installations

    with pytest.raises(MCPStoreError) as caught:
        await (installations.proxy(ID, PING) if is_proxied else installations.retrieve(ID))

    said = everything_said_by(caught.value)
    # As they are in a repr.
    for form in (KEY, KEY[:-3], ESCAPED.replace("\\", "\\\\"), "\\x00".join(KEY), "\\x00\\x00\\x00".join(KEY)):
        assert form not in said


@pytest.mark.parametrize("quoted", [KEY, "".join(f"\\u{ord(char):04x}" for char in KEY)])
@pytest.mark.parametrize("left", [len(KEY), len(KEY) - 3, len(KEY) - 6, 1])
@pytest.mark.parametrize("kind", ["application/json", "text/event-stream"])
async def test_no_part_of_the_key_is_left_where_a_body_is_cut(
    wire: Wire, faked: Faked, kind: str, left: int, quoted: str
) -> None:
    prefix = b"data: {" if kind == "text/event-stream" else b"{"
    content = prefix + b"x" * (1024 - left - len(prefix)) + quoted.encode() + b"\n\n"
    wire.answers(httpx.Response(200, content=content, headers={"Content-Type": kind}))
    installations = faked(api_key=KEY).installations

    with pytest.raises(ResponseDecodeError) as caught:
        await (installations.proxy(ID, PING) if kind == "text/event-stream" else installations.retrieve(ID))

    assert len(caught.value.body) <= 1024
    said = everything_said_by(caught.value)
    assert KEY[:5] not in said
    assert r"\\u0070" not in said


@pytest.mark.parametrize("is_stream", [True, False])
async def test_no_error_of_a_tool_shows_the_key(wire: Wire, faked: Faked, is_stream: bool) -> None:
    error = {"code": 1, "message": SAID, "data": {KEY: [SAID, {"said": SAID}]}}
    answer = {"jsonrpc": "2.0", "id": 1, "error": error}
    wire.answers(
        httpx.Response(200, text=f"data: {json.dumps(answer)}\n\n", headers={"Content-Type": "text/event-stream"})
        if is_stream
        else httpx.Response(200, json=answer)
    )
    reply = await faked(api_key=KEY).installations.proxy(ID, PING)

    with pytest.raises(ToolCallError, match=r"the key \*\*\* is no good") as caught:
        reply.result()

    assert caught.value.data == {"***": ["the key *** is no good", {"said": "the key *** is no good"}]}
    assert KEY not in everything_said_by(caught.value)
    assert KEY not in repr(reply)


@pytest.mark.parametrize("key", ['pa"ss\\word/1234', "sécret\twørd", "key😀with😀emoji", "a<b>&c'd\"e"])
@pytest.mark.parametrize(
    "written",
    [
        json.dumps,
        lambda key: json.dumps(key, ensure_ascii=False),
        lambda key: json.dumps(key).replace("/", "\\/"),
        html.escape,
    ],
)
async def test_no_error_shows_a_servers_key_however_it_is_written(
    wire: Wire, faked: Faked, written: Callable[[str], str], key: str
) -> None:
    wire.answers(httpx.Response(400, content=f"{{not json: {written(key)}".encode()))

    with pytest.raises(MCPStoreError) as caught:
        await faked().installations.install_custom(name="a", url="https://a.b", auth_type="api_key", api_key=key)

    assert isinstance(caught.value, APIStatusError)
    assert written(key).strip('"') not in str(caught.value.body)
    assert key not in str(caught.value)


@pytest.mark.parametrize("header", ["Content-Encoding", "Mcp-Session-Id"])
async def test_no_part_of_the_key_is_left_where_a_header_is_cut(wire: Wire, faked: Faked, header: str) -> None:
    for filling in range(40, 84):
        wire.answers(httpx.Response(200, content=b"x", headers={header: f"{'a ' * (filling // 2)}{KEY}"}))
        with pytest.raises(ResponseDecodeError) as caught:
            await faked(api_key=KEY).installations.proxy(ID, PING)
        assert KEY[:5] not in everything_said_by(caught.value)


async def test_no_error_about_a_tool_or_its_result_shows_the_key(caplog: pytest.LogCaptureFixture) -> None:
    schema = {"type": "object", "properties": {"sum": {"type": "integer"}}}
    add = {"name": "add", "inputSchema": {"type": "object"}, "outputSchema": schema}
    server = FakeMCPServer()
    server.answers["tools/list"] = lambda message: result_of(message, {"tools": [add, {"name": KEY}]})
    server.answers["tools/call"] = lambda message: result_of(
        message, {"content": [], "structuredContent": {"sum": SAID}}
    )
    async with (
        httpx.AsyncClient(transport=httpx.MockTransport(server)) as client,
        MCPStore(KEY, http_client=client).installations.connect(ID) as connection,
    ):
        with pytest.raises(ResponseDecodeError, match=r"\*\*\* is no good") as caught:
            await connection.call_tool("add")

    assert caught.value.result == {"content": [], "structuredContent": {"sum": "the key *** is no good"}}
    assert KEY not in everything_said_by(caught.value)
    assert "'***' violates MCP's schema" in caplog.text
    assert KEY not in caplog.text


async def test_no_error_of_a_connection_shows_the_key() -> None:
    server = FakeMCPServer()
    server.answers["tools/call"] = lambda message: error_of(message, 1, SAID, [SAID])
    async with (
        httpx.AsyncClient(transport=httpx.MockTransport(server)) as client,
        MCPStore(KEY, http_client=client).installations.connect(ID) as connection,
    ):
        with pytest.raises(ToolCallError) as caught:
            await connection.call_tool("add")

    assert (caught.value.message, caught.value.data) == ("the key *** is no good", ["the key *** is no good"])


async def test_a_state_behind_an_escaped_ampersand_is_in_no_error(wire: Wire, faked: Faked) -> None:
    body = b'{"redirect":"https://p.example.com/a?client=1\\u0026state=the_state_of_a_flow"}'
    wire.answers(httpx.Response(200, content=body, headers={"Content-Type": "application/json"}))

    with pytest.raises(ResponseDecodeError) as caught:
        await faked().installations.authorize(ID)

    assert b"the_state_of_a_flow" not in caught.value.body
    assert b"state=***" in caught.value.body


@pytest.mark.parametrize("url", [f"https://auth.example.com/{KEY}?state=s", f"https://a.example.com/?state=s&x={KEY}"])
async def test_a_url_that_quotes_the_key_is_not_opened(wire: Wire, faked: Faked, url: str) -> None:
    wire.answers(httpx.Response(302, headers={"Location": url}))

    with pytest.raises(UnsafeRedirectError, match="contains the API key") as caught:
        await faked(api_key=KEY).installations.authorize(server_id=SERVER_ID)

    assert KEY not in str(caught.value)


STATE = "Zx81-state-of-this-flow"


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(302, headers={"Location": f"http://auth.example.com/?state={STATE}"}),
        httpx.Response(303, headers={"Location": f"https://auth.example.com/?x=1&state={STATE}"}),
        httpx.Response(400, json={"detail": f"https://auth.example.com/?state={STATE}"}),
        httpx.Response(400, text=f"see https://auth.example.com/?state={STATE}#x"),
        httpx.Response(200, json={"redirect_uri": f"https://auth.example.com/?state={STATE}"}),
        httpx.Response(200, json={"redirect_url": f"https://0x7f.1/?state={STATE}"}),
    ],
)
async def test_no_error_shows_the_state_of_a_flow(wire: Wire, faked: Faked, answer: httpx.Response) -> None:
    wire.answers(answer)

    with pytest.raises(MCPStoreError) as caught:
        await faked().installations.authorize(server_id=SERVER_ID)

    assert STATE not in everything_said_by(caught.value)


async def test_a_warning_of_a_deprecation_does_not_show_the_key(
    wire: Wire, faked: Faked, caplog: pytest.LogCaptureFixture
) -> None:
    wire.answers(httpx.Response(200, json=installation(), headers={"Deprecation": SAID}))

    await faked(api_key=KEY).installations.retrieve(ID)

    assert "Deprecation: the key *** is no good" in caplog.text


async def test_an_error_of_the_proxy_keeps_its_cause(wire: Wire, faked: Faked) -> None:
    wire.answers(httpx.Response(200, text="data: {\n\n", headers={"Content-Type": "text/event-stream"}))

    with pytest.raises(MCPStoreError) as caught:
        await faked(api_key=KEY).installations.proxy(ID, {"jsonrpc": "2.0", "id": 1, "method": "ping"})

    assert isinstance(caught.value.__cause__, ValueError)


@pytest.mark.parametrize(
    "options",
    [
        {"api_key": KEY, "host": "elsewhere"},
        {"api_key": f"{KEY}\n"},
        {"api_key": f"{KEY} "},
        {"api_key": KEY, "project_id": ".."},
    ],
)
def test_no_error_about_settings_shows_the_key(options: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        MCPStore(**options)  # type: ignore[arg-type]

    assert KEY not in everything_said_by(caught.value)


async def later() -> str:
    return f"{KEY}\n"


@pytest.mark.parametrize("source", [lambda: f"{KEY}\n", later])
async def test_no_error_about_a_key_from_a_callback_shows_it(faked: Faked, source: Callable[[], str]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        await faked(api_key=source).installations.retrieve(ID)

    assert KEY not in everything_said_by(caught.value)


async def test_no_error_shows_the_key_of_an_mcp_server(wire: Wire, faked: Faked) -> None:
    wire.answers(httpx.Response(400, json={"detail": "OAuth discovery failed."}))

    with pytest.raises(MCPStoreError) as caught:
        await faked().installations.install_custom(
            name="a", url="https://a.example.com", auth_type="api_key", api_key=KEY
        )

    assert wire.sent_json["api_key"] == KEY
    assert KEY not in everything_said_by(caught.value)


SERVERS_KEY = "Zx81-key-of-this-server"


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(400, json={"detail": f"{SERVERS_KEY} is no good", "extra": [SERVERS_KEY]}),
        httpx.Response(500, text=f"<p>{SERVERS_KEY}"),
        httpx.Response(201, json={"id": SERVERS_KEY}),
        httpx.Response(200, json={"redirect_url": f"http://a.example.com/{SERVERS_KEY}?state=s"}),
    ],
)
async def test_no_error_quotes_the_key_of_an_mcp_server_back(wire: Wire, faked: Faked, answer: httpx.Response) -> None:
    wire.answers(answer)

    with pytest.raises(MCPStoreError) as caught:
        await faked().installations.install_custom(
            name="a", url="https://a.example.com", auth_type="api_key", api_key=SERVERS_KEY
        )

    assert SERVERS_KEY not in everything_said_by(caught.value)


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": None},
        {"auth_type": "none"},
        {"name": "\ud800"},
        {"api_key": f"{SERVERS_KEY}\ud800"},
        {"name": object()},
        {"install_source": "web"},
    ],
)
async def test_no_refusal_of_arguments_shows_the_key_of_an_mcp_server(
    wire: Wire, faked: Faked, wrong: dict[str, Any]
) -> None:
    arguments = {"name": "a", "url": "https://a.example.com", "auth_type": "api_key", "api_key": SERVERS_KEY, **wrong}

    with pytest.raises(ConfigurationError) as caught:
        await faked().installations.install_custom(**arguments)

    assert wire.requests == []
    assert SERVERS_KEY not in everything_said_by(caught.value)


@pytest.mark.parametrize("part", ["installations", "lowlevel", None])
def test_objects_that_hold_the_key_are_never_pickled(part: str | None) -> None:
    store = MCPStore(KEY)

    with pytest.raises(TypeError, match="never pickled"):
        pickle.dumps(getattr(store, part) if part else store)


async def test_a_short_key_leaves_the_words_of_an_error_alone(wire: Wire, faked: Faked) -> None:
    wire.answers(httpx.Response(400, json={"detail": "This server URL is already installed."}))

    with pytest.raises(AlreadyInstalledError, match="already installed"):
        await faked(api_key="a").installations.retrieve(ID)


def test_no_repr_shows_the_key() -> None:
    store = MCPStore(KEY, project_id=1)

    objects = [store, store.with_options(headers={"X-Trace": "a"}), store.lowlevel, vars(store)]

    assert KEY not in repr(objects)
    assert repr(store) == "MCPStore(host='https://us.posthog.com', project_id='1')"


@pytest.fixture
async def eager_client(wire: Wire) -> AsyncIterator[httpx.AsyncClient]:
    """A client with everything set that could lead the key astray."""
    client = httpx.AsyncClient(
        transport=httpx.MockTransport(wire),
        follow_redirects=True,
        base_url="https://evil.example/base/",
        auth=("user", "password"),
        headers={"Authorization": "Bearer other", "Host": "evil.example", "Content-Type": "x/y", "X-Own": "kept"},
        params={"limit": "2", "trace": "1"},
        cookies={"session": "mine"},
        timeout=1,
    )
    async with client:
        yield client


def everything_set(client: httpx.AsyncClient) -> tuple[object, ...]:
    hooks = {name: list(called) for name, called in client.event_hooks.items()}
    settings = (
        client.headers.raw,
        client.timeout,
        client.base_url,
        client.follow_redirects,
        client.params,
        client.auth,
    )
    return (*settings, dict(client.cookies), hooks)


async def test_hooks_of_the_users_own_client_are_called(wire: Wire) -> None:
    seen: list[str] = []

    async def on_request(request: httpx.Request) -> None:
        seen.append(request.method)

    async def on_response(response: httpx.Response) -> None:
        seen.append(str(response.status_code))

    hooks: dict[str, list[Callable[..., Any]]] = {"request": [on_request], "response": [on_response]}
    async with httpx.AsyncClient(transport=httpx.MockTransport(wire), event_hooks=hooks) as client:
        await MCPStore(KEY, http_client=client).installations.retrieve(ID)

    assert seen == ["GET", "200"]


@pytest.mark.parametrize("is_read", [False, True])
async def test_a_hook_that_raises_for_a_status_changes_no_error(wire: Wire, is_read: bool) -> None:
    async def on_response(response: httpx.Response) -> None:
        if is_read:
            await response.aread()
        response.raise_for_status()

    wire.answers(httpx.Response(404, stream=httpx.ByteStream(b'{"detail": "Not found."}')))
    hooks = {"response": [on_response]}
    async with httpx.AsyncClient(transport=httpx.MockTransport(wire), event_hooks=hooks) as client:
        with pytest.raises(NotFoundError) as caught:
            await MCPStore(KEY, http_client=client).installations.retrieve(ID)

    assert caught.value.detail == ("Not found." if is_read else None)
    assert KEY not in everything_said_by(caught.value)


async def test_a_client_of_the_users_own_is_neither_obeyed_nor_changed(
    wire: Wire, eager_client: httpx.AsyncClient
) -> None:
    cookie = {"Set-Cookie": "service=theirs"}
    wire.answers(
        httpx.Response(200, json=installation(), headers=cookie), httpx.Response(200, json=page(), headers=cookie)
    )
    before = everything_set(eager_client)

    async with MCPStore(KEY, http_client=eager_client) as store:
        await store.installations.retrieve(ID)
        await store.installations.list(limit=7)

    first, second = wire.requests
    assert str(first.url) == f"{BASE}{ID}/"
    assert str(second.url) == f"{BASE}?limit=7"
    for request in wire.requests:
        assert request.headers.get_list("Host") == ["us.posthog.com"]
        assert request.headers.get_list("Authorization") == [f"Bearer {KEY}"]
        assert request.headers["X-Own"] == "kept"
        assert {"Cookie", "Content-Type"}.isdisjoint(request.headers)
        assert request.extensions["timeout"]["read"] == 30.0
    assert everything_set(eager_client) == before
    assert not eager_client.is_closed


async def test_a_redirect_is_not_followed_whatever_the_client_is_set_to(
    wire: Wire, eager_client: httpx.AsyncClient
) -> None:
    wire.answers(httpx.Response(302, headers={"Location": "https://evil.example/?state=x"}))

    with pytest.raises(MCPStoreError, match="not followed"):
        await MCPStore(KEY, http_client=eager_client).installations.retrieve(ID)

    assert [request.url.host for request in wire.requests] == ["us.posthog.com"]


async def test_the_key_never_goes_to_the_provider(wire: Wire, eager_client: httpx.AsyncClient) -> None:
    wire.answers(httpx.Response(302, headers={"Location": "https://evil.example/?state=x"}))

    redirect = await MCPStore(KEY, http_client=eager_client).installations.authorize(ID)

    assert redirect.origin == "https://evil.example"
    assert [request.url.host for request in wire.requests] == ["us.posthog.com"]
