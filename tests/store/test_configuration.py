"""Arguments, environment and views; errors in them are raised before anything is sent."""

import asyncio
from collections.abc import Awaitable, Callable
from enum import Enum
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from posthog_mcp_store import (
    UNSET,
    AuthorizationRedirect,
    ConfigurationError,
    MCPStore,
    MCPStoreError,
    ResponseInfo,
    open_in_browser,
)

from ..support.wire import BASE, ID, SERVER_ID, Wire, installation

Faked = Callable[..., MCPStore]

UNSAFE_SEGMENTS = ["..", ".", "", "a/b", "%2e%2e", "%2E%2E%2F", "..%2f", "a\nb", "a\r\nb", "1\n", " ", "a b"]
UNSAFE_SEGMENTS += ["\\", "a?b", "a#b", "é", "١", "phx_key"]
HUGE = pytest.param(10**5000, id="huge")
NOT_QUITE_UUIDS = [f"{ID[:-1]}\n", f"\n{ID[1:]}", f" {ID}", f"+{ID[1:]}", f"0x{ID[2:]}", "٠" * 32, f"{{{ID}}}", ID[:-1]]


async def test_everything_can_come_from_the_environment(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTHOG_PERSONAL_API_KEY", "phx_env")
    monkeypatch.setenv("POSTHOG_PROJECT_ID", "42")
    monkeypatch.setenv("POSTHOG_HOST", "https://eu.posthog.com/")

    async with httpx.AsyncClient(transport=httpx.MockTransport(wire)) as client:
        await MCPStore(http_client=client).installations.retrieve(ID)

    assert str(wire.request.url) == f"https://eu.posthog.com/api/environments/42/mcp_server_installations/{ID}/"
    assert wire.request.headers["Authorization"] == "Bearer phx_env"


async def test_arguments_outrank_the_environment(wire: Wire, faked: Faked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTHOG_PERSONAL_API_KEY", "phx_env")
    monkeypatch.setenv("POSTHOG_PROJECT_ID", "42")
    monkeypatch.setenv("POSTHOG_HOST", "https://eu.posthog.com")

    await faked(project_id="@current", host="https://us.posthog.com").installations.retrieve(ID)

    assert str(wire.request.url) == f"{BASE}{ID}/"
    assert wire.request.headers["Authorization"] == "Bearer phx_key"


async def test_empty_variables_count_as_not_set(wire: Wire, faked: Faked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTHOG_PROJECT_ID", "")
    monkeypatch.setenv("POSTHOG_HOST", "")

    await faked().installations.retrieve(ID)

    assert str(wire.request.url) == f"{BASE}{ID}/"


@pytest.mark.parametrize("key", [None, ""])
def test_a_missing_key_names_the_variable_to_set(key: str | None) -> None:
    with pytest.raises(ConfigurationError, match="POSTHOG_PERSONAL_API_KEY"):
        MCPStore(key)


def test_a_key_in_the_variable_of_other_sdks_is_not_read_and_the_error_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTHOG_API_KEY", "phc_project")

    with pytest.raises(ConfigurationError, match="POSTHOG_API_KEY is set, and is not read") as caught:
        MCPStore()

    assert "phc_project" not in str(caught.value)
    MCPStore("phx_given")


@pytest.mark.parametrize("key", ["phx_a\n", " phx_a", "phx a", "phx\0a", "phx_é", "phx\x7f"])
def test_a_key_that_can_not_be_sent_in_a_header_is_refused_without_being_shown(key: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        MCPStore(key)

    assert key.strip() not in str(refused.value)


@pytest.mark.parametrize("key", ["phc_abcdef", "phs_abcdef"])
async def test_a_key_of_a_project_says_which_one_is_needed(wire: Wire, faked: Faked, key: str) -> None:
    meant = rf"{key[:4]}.* pass a personal API key \(phx_"
    with pytest.raises(ConfigurationError, match=meant) as at_once:
        MCPStore(key)
    with pytest.raises(ConfigurationError, match=meant) as later:
        await faked(api_key=lambda: key).installations.retrieve(ID)

    assert "abcdef" not in f"{at_once.value} {later.value}"
    assert wire.requests == []


@pytest.mark.parametrize("key", ["phx_key", "pha_key", "0123456789abcdef", "PHC_key", "phc"])
async def test_keys_of_other_kinds_are_left_to_the_service(wire: Wire, faked: Faked, key: str) -> None:
    await faked(api_key=key).installations.retrieve(ID)

    assert wire.request.headers["Authorization"] == f"Bearer {key}"


@pytest.mark.parametrize("is_async", [False, True])
async def test_a_callable_is_asked_for_the_key_of_every_request(wire: Wire, faked: Faked, is_async: bool) -> None:
    keys = iter(["phx_first", "phx_second"])

    async def later() -> str:
        await asyncio.sleep(0)
        return next(keys)

    store = faked(api_key=later if is_async else lambda: next(keys))
    await store.installations.retrieve(ID)
    await store.installations.retrieve(ID)

    assert [request.headers["Authorization"] for request in wire.requests] == ["Bearer phx_first", "Bearer phx_second"]


async def test_a_callable_that_gives_no_usable_key_sends_nothing(wire: Wire, faked: Faked) -> None:
    with pytest.raises(ConfigurationError):
        await faked(api_key=lambda: "phx_a\n").installations.retrieve(ID)

    assert wire.requests == []


@pytest.mark.parametrize(
    "host",
    [
        "us.posthog.com",
        "https://",
        "https:///api",
        "ftp://us.posthog.com",
        "http://us.posthog.com",
        "https://user:secret@us.posthog.com",
        "https://us.posthog.com/../admin",
        "https://us.posthog.com/a/..",
        "https://us.posthog.com/%2e%2e/admin",
        "https://us.posthog.com//admin",
        "https://posthog.example.com/../admin",
        "https://posthog.example.com/a/.",
        "https://posthog.example.com/%2e%2e/admin",
        "https://posthog.example.com//admin",
        "https://us.posthog.com?x=1",
        "https://us.posthog.com#x",
        "https://us.posthog.com\\@evil.example",
        "https://us.posthog.com\n",
        " https://us.posthog.com",
        "https://us.posthog.com:port",
        "https://us.posthog.com:99999",
        "https://[::1",
        "https://us.posthog.com:0",
        "http://evillocalhost",
        "http://localhost.evil.example",
        "https://us.i.posthog.com",
        "https://eu.i.posthog.com",
        "",
        7,
    ],
)
def test_a_host_that_could_mislead_the_key_is_refused(host: Any) -> None:
    with pytest.raises(ConfigurationError, match="host") as refused:
        MCPStore("phx_key", host=host)

    assert "secret" not in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("http://localhost:8000", "http://localhost:8000"),
        ("http://app.localhost", "http://app.localhost"),
        ("http://127.0.0.1:8000/", "http://127.0.0.1:8000"),
        ("http://[::1]:8000", "http://[::1]:8000"),
        ("https://posthog.example.com/sub/", "https://posthog.example.com/sub"),
    ],
)
async def test_a_host_may_be_this_machine_or_have_a_path(wire: Wire, faked: Faked, host: str, url: str) -> None:
    await faked(host=host).installations.retrieve(ID)

    assert str(wire.request.url) == f"{url}/api/environments/@current/mcp_server_installations/{ID}/"


def test_a_host_for_events_says_which_one_is_meant() -> None:
    for host in ("https://us.i.posthog.com", "https://US.i.posthog.com/project/1"):
        with pytest.raises(ConfigurationError, match=r"takes events only: use https://us\.posthog\.com"):
            MCPStore("phx_key", host=host)


@pytest.mark.parametrize(
    ("host", "meant"),
    [
        ("https://us.posthog.com/project/123", "leave out '/project/123', and pass project_id=123"),
        ("https://eu.posthog.com/project/123/settings/mcp-servers?tab=1#x", "pass project_id=123"),
        ("https://us.posthog.com/project/@current/", "leave out '/project/@current'"),
        ("https://us.posthog.com/settings/user-api-keys", "leave out '/settings/user-api-keys'"),
        ("https://us.posthog.com/login?next=/", "leave out '/login'"),
        ("https://us.posthog.com/insights/abc", "leave out '/insights/abc'"),
        ("https://us.posthog.com/api", "leave out '/api'"),
        ("https://us.posthog.com/api/projects/7/mcp_server_installations/", "pass project_id=7"),
        ("https://app.posthog.com/posthog", "leave out '/posthog'"),
        ("https://PostHog.com/docs", "leave out '/docs'"),
        ("https://posthog.example.com/project/123", "leave out '/project/123', and pass project_id=123"),
        ("https://example.com/posthog/project/9/dashboard", "leave out '/project/9/dashboard'"),
        ("https://posthog.example.com/login", "leave out '/login'"),
        ("https://posthog.example.com/organization/settings", "leave out '/organization/settings'"),
        ("https://example.com/posthog/api/environments/@current", "leave out '/api/environments/@current'"),
        ("http://localhost:8000/signup", "leave out '/signup'"),
    ],
)
def test_a_host_that_names_a_page_says_what_was_meant(host: str, meant: str) -> None:
    with pytest.raises(ConfigurationError, match="must not name a page or an endpoint") as refused:
        MCPStore("phx_key", host=host)

    assert meant in str(refused.value)


@pytest.mark.parametrize(
    "prefix",
    ["/posthog", "/project", "/projects/123", "/project/posthog", "/api", "/api/posthog", "/logins", "/team/a/posthog"],
)
async def test_a_self_hosted_instance_may_have_a_prefix(wire: Wire, faked: Faked, prefix: str) -> None:
    await faked(host=f"https://notposthog.com{prefix}").installations.retrieve(ID)

    assert wire.request.url.path.startswith(f"{prefix}/api/environments/")


async def test_plain_http_elsewhere_has_to_be_allowed(wire: Wire, faked: Faked) -> None:
    await faked(host="http://posthog.internal", allow_insecure_host=True).installations.retrieve(ID)

    assert wire.request.url.host == "posthog.internal"


@pytest.mark.parametrize("segment", [*UNSAFE_SEGMENTS, *NOT_QUITE_UUIDS, True, None, 1.5])
async def test_an_id_that_could_name_another_path_is_never_sent(wire: Wire, faked: Faked, segment: Any) -> None:
    installations = faked().installations
    calls: list[Callable[[], Awaitable[object]]] = [
        lambda: installations.retrieve(segment),
        lambda: installations.update(segment, is_enabled=True),
        lambda: installations.delete(segment),
        lambda: installations.proxy(segment, {"jsonrpc": "2.0", "method": "ping"}),
        lambda: installations.authorize(segment),
        lambda: installations.create(url="https://a.example.com", server_id=segment),
    ]
    for call in calls:
        with pytest.raises(ConfigurationError, match="UUID"):
            await call()
    assert wire.requests == []


@pytest.mark.parametrize("segment", [*UNSAFE_SEGMENTS, True, 1.5, -1, HUGE, "@other"])
def test_a_project_that_could_name_another_path_is_refused(segment: Any) -> None:
    with pytest.raises(ConfigurationError, match="project_id"):
        MCPStore("phx_key", project_id=segment)
    with pytest.raises(ConfigurationError, match="project_id"):
        MCPStore("phx_key").with_options(project_id=segment)


@pytest.mark.parametrize("timeout", [0, -1, float("inf"), float("nan"), "30", True, pytest.param(10**400, id="huge")])
def test_a_timeout_is_a_number_of_seconds_above_zero(timeout: Any) -> None:
    with pytest.raises(ConfigurationError, match="timeout"):
        MCPStore("phx_key", timeout=timeout)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": "10"}, "limit"),
        ({"limit": True}, "limit"),
        ({"offset": -1}, "offset"),
        pytest.param({"limit": 10**5000}, "limit", id="huge limit"),
        ({"offset": 2**31}, "offset"),
    ],
)
def test_a_page_that_does_not_exist_is_refused(faked: Faked, options: dict[str, Any], word: str) -> None:
    with pytest.raises(ConfigurationError, match=word):
        faked().installations.list(**options)


async def test_values_outside_a_closed_list_are_refused_before_sending(wire: Wire, faked: Faked) -> None:
    installations: Any = faked().installations
    with pytest.raises(ConfigurationError, match="auth_type must be 'api_key' or 'oauth', not 'none'"):
        await installations.install_custom(name="a", url="https://a.example.com", auth_type="none")
    with pytest.raises(ConfigurationError, match="install_source"):
        await installations.authorize(server_id=SERVER_ID, install_source="twig")
    with pytest.raises(ConfigurationError, match="auth_type"):
        await installations.create(url="https://a.example.com", auth_type="none")
    with pytest.raises(ConfigurationError, match="auth_type"):
        await installations.install_custom(name="a", url="https://a.example.com", auth_type=UNSET)
    assert wire.requests == []


async def test_none_is_refused_where_the_service_refuses_null(wire: Wire, faked: Faked) -> None:
    installations: Any = faked().installations
    install = {"name": "a", "url": "https://a.example.com", "auth_type": "api_key"}
    calls: list[tuple[str, Callable[[], Awaitable[object]]]] = [
        ("display_name", lambda: installations.update(ID, display_name=None)),
        ("is_enabled", lambda: installations.update(ID, is_enabled=None)),
        ("description", lambda: installations.create(url="https://a.example.com", description=None)),
        ("install_source", lambda: installations.authorize(server_id=SERVER_ID, install_source=None)),
        ("name", lambda: installations.install_custom(**{**install, "name": None})),
        ("api_key", lambda: installations.install_custom(**install, api_key=None)),
        ("posthog_code_callback_url", lambda: installations.install_custom(**install, posthog_code_callback_url=None)),
    ]
    for name, call in calls:
        with pytest.raises(ConfigurationError, match=f"{name} can't be None: leave it out"):
            await call()
    assert wire.requests == []


@pytest.mark.parametrize("url", ["\ud800", "x" * 70_000])
async def test_a_query_that_can_not_be_sent_is_refused(wire: Wire, faked: Faked, url: str) -> None:
    with pytest.raises(ConfigurationError):
        await faked().installations.authorize(server_id=SERVER_ID, posthog_code_callback_url=url)
    assert wire.requests == []


@pytest.mark.parametrize("host", ["https://999.1.1.1", "https://xn--"])
async def test_a_host_that_is_no_address_is_refused_at_the_first_call(wire: Wire, faked: Faked, host: str) -> None:
    with pytest.raises(ConfigurationError, match="not a valid request URL"):
        await faked(host=host).installations.retrieve(ID)
    assert wire.requests == []


async def test_a_header_is_sent_once_whoever_sets_it(wire: Wire, faked: Faked) -> None:
    view = faked().with_options(headers={"ACCEPT": "application/json; q=1", "x-trace": "a"})

    await view.with_options(headers={"X-TRACE": "b"}).installations.retrieve(ID)

    assert wire.request.headers.get_list("Accept") == ["application/json; q=1"]
    assert wire.request.headers.get_list("X-Trace") == ["b"]
    assert wire.request.headers["User-Agent"].startswith("posthog-mcp-store/")


async def test_a_display_name_that_would_crash_the_service_is_refused(wire: Wire, faked: Faked) -> None:
    with pytest.raises(ConfigurationError, match="200 characters or less, not 201"):
        await faked().installations.update(ID, display_name="x" * 201)
    await faked().installations.update(ID, display_name="x" * 200)

    assert len(wire.requests) == 1


@pytest.mark.parametrize("value", [float("nan"), "\ud800", {1, 2}, object()])
async def test_values_that_json_can_not_express_are_refused_before_sending(
    wire: Wire, faked: Faked, value: object
) -> None:
    with pytest.raises(ConfigurationError, match="JSON"):
        await faked().installations.proxy(ID, {"jsonrpc": "2.0", "method": "ping", "params": value})
    assert wire.requests == []


async def test_only_fields_that_are_given_are_sent(wire: Wire, faked: Faked) -> None:
    await faked().installations.update(ID, description="")

    assert wire.sent_json == {"description": ""}


async def test_all_fields_of_an_installation_can_be_given(wire: Wire, faked: Faked) -> None:
    wire.answers(httpx.Response(201, json=installation()))

    await faked().installations.install_custom(
        name="Orders",
        url="https://mcp.example.com",
        auth_type="api_key",
        api_key="secret",
        description="",
        install_source="posthog-code",
        posthog_code_callback_url="posthog-code://callback",
    )

    assert wire.sent_json == {
        "name": "Orders",
        "url": "https://mcp.example.com",
        "auth_type": "api_key",
        "api_key": "secret",
        "description": "",
        "install_source": "posthog-code",
        "posthog_code_callback_url": "posthog-code://callback",
    }


async def test_a_view_changes_nothing_in_its_store(wire: Wire, faked: Faked) -> None:
    store = faked(project_id=1)
    view = store.with_options(project_id=2, headers={"X-Trace": "a"}).with_options(headers={"X-Other": "b"})

    await view.installations.retrieve(ID)
    await store.installations.retrieve(ID)

    seen = [(request.url.path.split("/")[3], request.headers.get("X-Trace")) for request in wire.requests]
    assert seen == [("2", "a"), ("1", None)]
    assert wire.requests[0].headers["X-Other"] == "b"


@pytest.mark.parametrize(
    ("headers", "word"),
    [
        ({"Authorization": "Bearer other"}, "api_key"),
        ({"X Trace": "a"}, "name of a header"),
        ({"X-Trace": "a\r\nX-Evil: b"}, "control characters"),
        ({"X-Trace": 1}, "control characters"),
        ({1: "a"}, "name of a header"),
        ({"X-Trace": " a"}, "spaces around it"),
        ({"host": "evil.example"}, "belongs to the request"),
        ({"Content-Length": "3"}, "belongs to the request"),
        ("X-Trace: a", "mapping"),
    ],
)
async def test_headers_that_would_break_the_request_are_refused(
    wire: Wire, faked: Faked, headers: Any, word: str
) -> None:
    with pytest.raises(ConfigurationError, match=word):
        faked().with_options(headers=headers)
    with pytest.raises(ConfigurationError, match=word):
        await faked().installations.proxy(ID, {"jsonrpc": "2.0", "method": "ping"}, headers=headers)
    assert wire.requests == []


@pytest.mark.parametrize("session_id", ["a\nb", "a b", "", " ", "é", 7])
async def test_a_session_that_would_break_the_request_is_refused(wire: Wire, faked: Faked, session_id: Any) -> None:
    with pytest.raises(ConfigurationError, match="session_id"):
        await faked().installations.proxy(ID, {"jsonrpc": "2.0", "method": "ping"}, session_id=session_id)
    assert wire.requests == []


async def test_every_response_is_reported_as_plain_data(wire: Wire, faked: Faked) -> None:
    seen: list[ResponseInfo] = []
    store = faked().with_options(on_response=seen.append).with_options(timeout=5)
    broken = httpx.Response(200, headers={"Content-Encoding": "gzip"}, stream=httpx.ByteStream(b"not gzip"))
    first = httpx.Response(200, json=installation(), headers={"X-Request-Id": "cafe"})
    wire.answers(first, httpx.Response(500), broken)

    await store.installations.retrieve(ID)
    for _ in range(2):
        with pytest.raises(MCPStoreError):
            await store.installations.retrieve(ID)

    assert [info.status_code for info in seen] == [200, 500, 200]
    assert [info.request_id for info in seen] == ["cafe", None, None]
    info = seen[0]
    assert (info.method, info.status_code, info.attempt) == ("GET", 200, 1)
    assert info.path_template == "/api/environments/{project_id}/mcp_server_installations/{id}/"
    assert info.headers["content-TYPE"] == "application/json"
    assert info.seconds >= 0


@pytest.mark.parametrize(
    ("options", "timeouts"),
    [({}, [30.0, 60.0, 190.0, 60.0, 60.0, 60.0, 60.0, 250.0]), ({"timeout": 5}, [5.0] * 8)],
)
async def test_timeouts_fit_the_operation_unless_one_is_given(
    wire: Wire, faked: Faked, options: dict[str, Any], timeouts: list[float]
) -> None:
    store = faked(**options)
    wire.answers(
        httpx.Response(200, json=installation()),
        httpx.Response(201, json=installation()),
        httpx.Response(202),
        httpx.Response(302, headers={"Location": "https://a.example.com/?state=s"}),
        httpx.Response(201, json=installation()),
        httpx.Response(200, json={"results": []}),
        httpx.Response(200, json={"servers": []}),
        httpx.Response(200, json={"content": [], "is_error": False}),
    )
    await store.installations.retrieve(ID)
    await store.installations.install_custom(name="a", url="https://a.example.com", auth_type="api_key")
    await store.installations.proxy(ID, {"jsonrpc": "2.0", "method": "ping"})
    await store.installations.authorize(server_id=SERVER_ID)
    await store.installations.install_template(ID)
    await store.installations.refresh_tools(ID)
    await store.installations.available_tools()
    await store.installations.call_tool(ID, "add")

    read = [request.extensions["timeout"]["read"] for request in wire.requests]
    assert read == timeouts
    steps = wire.requests[0].extensions["timeout"]
    assert steps == {"connect": min(10.0, read[0]), "read": read[0], "write": read[0], "pool": None}


@pytest.mark.parametrize("callback", [7, asyncio.sleep])
@pytest.mark.parametrize("option", ["on_response", "on_connection_error"])
def test_only_a_plain_function_is_called_with_attempts(faked: Faked, option: str, callback: Any) -> None:
    with pytest.raises(ConfigurationError, match=f"{option} must be a plain function"):
        faked().with_options(**{option: callback})


def test_only_an_httpx_client_is_taken() -> None:
    client: Any = SimpleNamespace()

    with pytest.raises(ConfigurationError, match=r"httpx\.AsyncClient, not types\.SimpleNamespace"):
        MCPStore("phx_key", http_client=client)


async def test_a_view_can_have_its_own_timeout(wire: Wire, faked: Faked) -> None:
    await faked().with_options(timeout=3).installations.retrieve(ID)

    assert wire.request.extensions["timeout"]["read"] == 3.0


class Unshowable:
    """A value whose repr fails."""

    def __repr__(self) -> str:
        raise RuntimeError("no")


ODD = [b"bytes", bytearray(b"x"), float("inf"), float("nan"), HUGE, object(), Unshowable(), {1}, memoryview(b"x")]


@pytest.mark.parametrize("value", ODD)
@pytest.mark.parametrize(
    "call",
    [
        lambda store, value: store.with_options(timeout=value if isinstance(value, int | float) else [value]),
        lambda store, value: store.with_options(project_id=value),
        lambda store, value: store.with_options(headers=value),
        lambda store, value: store.installations.list(limit=value if not isinstance(value, int) else -value),
        lambda store, value: store.installations.retrieve(value),
        lambda store, value: store.installations.proxy(value, {"jsonrpc": "2.0"}),
        lambda store, value: store.installations.proxy(ID, value),
        lambda store, value: store.installations.proxy(ID, {"jsonrpc": "2.0"}, session_id=value),
        lambda store, value: store.installations.authorize(value),
        lambda store, value: store.installations.install_custom(name="a", url=value, auth_type="oauth"),
        lambda store, value: store.installations.wait_until_authorized(value),
        lambda store, value: store.installations.connect(value),
        lambda _, value: AuthorizationRedirect(value),
        lambda _, value: AuthorizationRedirect("https://a.example.com/?state=s", value),
        lambda _, value: AuthorizationRedirect.from_json(value),
        lambda _, value: open_in_browser(value),
    ],
)
async def test_a_value_of_an_odd_type_is_refused_in_one_short_line(
    wire: Wire, faked: Faked, call: Callable[[MCPStore, Any], Any], value: Any
) -> None:
    async def made() -> None:
        outcome = call(faked(), value)
        if hasattr(outcome, "__await__"):
            await outcome

    with pytest.raises(ConfigurationError) as caught:
        await made()

    assert wire.requests == []
    assert len(str(caught.value)) < 300
    assert "\n" not in str(caught.value)


async def test_the_ids_that_were_sent_are_named_in_part(wire: Wire, faked: Faked) -> None:
    messages = [{"jsonrpc": "2.0", "id": 10**200 + number, "method": "ping"} for number in range(100)]
    wire.answers(httpx.Response(200, json=[]))
    reply = await faked().installations.proxy(ID, messages)

    with pytest.raises(ConfigurationError, match=r"request_id must name .* \.\.\.$") as caught:
        reply.result(7)

    assert len(str(caught.value)) < 1000


class Prefix(str, Enum):  # noqa: UP042  # such enums are formatted otherwise from Python 3.12 on
    PROJECTS = "projects"


async def test_a_prefix_from_an_enum_is_sent_as_its_value(wire: Wire) -> None:
    wire.answers(httpx.Response(200, json=installation()))
    client = httpx.AsyncClient(transport=httpx.MockTransport(wire))

    await MCPStore("phx_key", http_client=client, api_prefix=Prefix.PROJECTS.value).installations.retrieve(ID)
    await MCPStore("phx_key", http_client=client, api_prefix=Prefix.PROJECTS).installations.retrieve(ID)  # type: ignore[arg-type]

    assert [request.url.path.split("/")[2] for request in wire.requests] == ["projects", "projects"]
