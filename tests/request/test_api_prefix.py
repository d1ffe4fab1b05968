"""Which prefix the paths of the service have, and how a store finds out."""

import asyncio
import logging
from collections.abc import Callable
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from posthog_mcp_store import (
    APIPrefix,
    APIStatusError,
    ConfigurationError,
    MCPStore,
    NotFoundError,
    RateLimitError,
    ReauthenticationRequiredError,
    ResponseDecodeError,
    ResponseInfo,
    ToolApprovalRequiredError,
    UpstreamError,
)
from posthog_mcp_store.lowlevel.types import Request

from ..support.wire import ID, Wire, installation, page

Faked = Callable[..., MCPStore]
Answers = Callable[[httpx.Request], httpx.Response]

HOST = "https://us.posthog.com"
RETIRED = {"Deprecation": "true", "Sunset": "Fri, 31 Jul 2026 00:00:00 GMT"}
UNKNOWN_PATH = httpx.Response(404, html="<h1>Not Found</h1>")
NO_ENDPOINT = httpx.Response(
    404, json={"type": "invalid_request", "code": "not_found", "detail": "Endpoint not found.", "attr": None}
)
NO_ROW = httpx.Response(
    404, json={"type": "invalid_request", "code": "not_found", "detail": "Not found.", "attr": None}
)
ROW = httpx.Response(200, json=installation())
PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
PONG = {"jsonrpc": "2.0", "id": 1, "result": {}}


class Service:
    """Answers by prefix, and keeps the methods and paths of what it got."""

    def __init__(self, **by_prefix: Answers | httpx.Response) -> None:
        self._by_prefix = by_prefix
        self.requests: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        prefix, *rest = request.url.path.removeprefix("/api/").split("/")
        self.requests.append(" ".join([request.method, prefix, *rest[2:-1]]))
        answer = self._by_prefix[prefix]
        return answer if isinstance(answer, httpx.Response) else answer(request)


def linked(target: str, **headers: str) -> httpx.Response:
    return httpx.Response(
        200, json=installation(), headers={**RETIRED, "Link": f'{target}; rel="successor-version"', **headers}
    )


def successor(request: httpx.Request) -> str:
    return f"<{request.url.raw_path.decode().replace('environments', 'projects', 1)}>"


def alias(request: httpx.Request) -> httpx.Response:
    return linked(successor(request))


def store_on(service: Callable[[httpx.Request], httpx.Response], **options: Any) -> MCPStore:
    client = httpx.AsyncClient(transport=httpx.MockTransport(service))
    return MCPStore("phx_key", **{"http_client": client, "max_retries": 0, **options})


async def test_a_store_moves_to_the_successor_that_the_service_names(caplog: pytest.LogCaptureFixture) -> None:
    service = Service(environments=alias, projects=ROW)
    store = store_on(service)

    with caplog.at_level(logging.INFO, logger="posthog_mcp_store"):
        for _ in range(3):
            await store.installations.retrieve(ID)

    assert service.requests == [f"GET environments {ID}", f"GET projects {ID}", f"GET projects {ID}"]
    [moved] = [record for record in caplog.records if record.levelno == logging.INFO]
    assert "/api/projects/" in moved.getMessage()


async def test_log_lines_and_errors_show_the_path_that_was_used(caplog: pytest.LogCaptureFixture) -> None:
    sent: list[str] = []

    async def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request.url.path)
        if len(sent) == 1:
            return alias(request)
        if len(sent) == 2:
            return httpx.Response(429, headers={"Retry-After": "600"})
        raise AssertionError("nothing more is sent")

    store = store_on(answer)  # type: ignore[arg-type]
    with caplog.at_level(logging.DEBUG, logger="posthog_mcp_store"):
        await store.installations.retrieve(ID)
        with pytest.raises(RateLimitError):
            await store.installations.retrieve(ID)
        with pytest.raises(RateLimitError, match="was not sent") as caught:
            await store.installations.delete(ID)

    attempts = [record.getMessage() for record in caplog.records if record.levelno == logging.DEBUG]
    assert [line.split(" ")[1].split("/")[2] for line in attempts] == ["environments", "projects"]
    assert "/api/projects/" in caught.value.url


async def test_a_call_that_was_sent_under_both_prefixes_is_logged_with_the_one_that_answered(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = store_on(Service(environments=UNKNOWN_PATH, projects=ROW))

    with caplog.at_level(logging.DEBUG, logger="posthog_mcp_store"):
        await store.installations.retrieve(ID)

    [line] = [record.getMessage() for record in caplog.records if record.levelno == logging.DEBUG]
    assert line.startswith("GET /api/projects/{project_id}/mcp_server_installations/{id}/: 200 ")


async def test_views_share_what_was_learned() -> None:
    service = Service(environments=alias, projects=ROW)
    store = store_on(service)

    await store.with_options(timeout=3).installations.retrieve(ID)
    await store.with_options(project_id=7).installations.retrieve(ID)

    assert service.requests == [f"GET environments {ID}", f"GET projects {ID}"]


@pytest.mark.parametrize(
    "link",
    [
        '<{path}>; rel="successor-version"',
        "<{path}>; rel=successor-version",
        '<{path}>; rel="canonical successor-version"',
        '<{path}>;title="next, or not"; rel="successor-version"',
        '<https://us.posthog.com{path}>; rel="Successor-Version"',
        '<https://us.posthog.com:443{path}?limit=1>; rel="successor-version"',
        '</status>; rel="status", <{path}>; rel="successor-version"',
        '<{quoted}>; rel="successor-version"',
    ],
)
async def test_a_link_is_read_in_every_form_that_the_rfc_allows(link: str) -> None:
    path = f"/api/projects/@current/mcp_server_installations/{ID}/"
    header = link.format(path=path, quoted=path.replace("@", "%40"))
    service = Service(
        environments=httpx.Response(200, json=installation(), headers={"Deprecation": "@1785456000", "Link": header}),
        projects=ROW,
    )
    store = store_on(service)

    await store.installations.retrieve(ID)
    await store.installations.retrieve(ID)

    assert service.requests[1] == f"GET projects {ID}"


@pytest.mark.parametrize(
    "link",
    [
        '<https://evil.example.com{path}>; rel="successor-version"',
        '<http://us.posthog.com{path}>; rel="successor-version"',
        '<https://us.posthog.com:444{path}>; rel="successor-version"',
        '<https://key@us.posthog.com{path}>; rel="successor-version"',
        '<//evil.example.com{path}>; rel="successor-version"',
        '</api/projects/2/mcp_server_installations/>; rel="successor-version"',
        '</api/projects/>; rel="successor-version"',
        '</api/v2{path}>; rel="successor-version"',
        '<{path}>; rel="latest-version"',
        '<{path}>; rel="not-successor-version"',
        '<{path}>; title="rel=successor-version"',
        "{path}; rel=successor-version",
        '<https://[{path}>; rel="successor-version"',
        "<" * 5000,
        "",
    ],
)
async def test_no_other_link_moves_a_store(link: str) -> None:
    header = link.replace("{path}", f"/api/projects/@current/mcp_server_installations/{ID}/")
    service = Service(environments=httpx.Response(200, json=installation(), headers={**RETIRED, "Link": header}))
    store = store_on(service)

    await store.installations.retrieve(ID)
    await store.installations.retrieve(ID)

    assert service.requests == [f"GET environments {ID}"] * 2


async def test_a_link_without_deprecation_moves_nothing() -> None:
    def linking(request: httpx.Request) -> httpx.Response:
        header = f'{successor(request)}; rel="successor-version"'
        return httpx.Response(200, json=installation(), headers={"Link": header})

    service = Service(environments=linking)
    store = store_on(service)

    await store.installations.retrieve(ID)
    await store.installations.retrieve(ID)

    assert service.requests == [f"GET environments {ID}"] * 2


async def test_behind_a_gateway_that_removes_the_path_of_the_host_the_link_still_counts() -> None:
    urls: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        urls.append(str(request.url))
        return linked(f"</api/projects/@current/mcp_server_installations/{ID}/>")

    store = store_on(answer, host="https://tools.example.com/posthog")

    await store.installations.retrieve(ID)
    await store.installations.retrieve(ID)

    assert [urlsplit(url).path.split("/")[1:4] for url in urls] == [
        ["posthog", "api", "environments"],
        ["posthog", "api", "projects"],
    ]


@pytest.mark.parametrize("missing", [UNKNOWN_PATH, NO_ENDPOINT, NO_ROW])
async def test_without_the_older_prefix_the_newer_one_is_tried_and_kept(missing: httpx.Response) -> None:
    service = Service(environments=missing, projects=ROW)
    store = store_on(service)

    await store.installations.retrieve(ID)
    await store.installations.update(ID, is_enabled=True)

    assert service.requests == [f"GET environments {ID}", f"GET projects {ID}", f"PATCH projects {ID}"]


async def test_a_post_that_met_no_path_is_sent_under_the_other_prefix() -> None:
    service = Service(environments=UNKNOWN_PATH, projects=httpx.Response(201, json=installation()))

    made = await store_on(service).installations.install_custom(
        name="a", url="https://mcp.custom.com", auth_type="api_key"
    )

    assert str(made.id) == ID
    assert service.requests == ["POST environments install_custom", "POST projects install_custom"]


async def test_once_a_prefix_has_worked_a_404_is_about_the_row() -> None:
    answers = iter([ROW, NO_ROW])
    service = Service(environments=lambda _: next(answers))
    store = store_on(service)

    await store.installations.retrieve(ID)
    with pytest.raises(NotFoundError):
        await store.installations.retrieve(ID)

    assert service.requests == [f"GET environments {ID}"] * 2


@pytest.mark.parametrize("own_text_under", ["environments", "projects"])
@pytest.mark.parametrize("other", [UNKNOWN_PATH, NO_ENDPOINT])
async def test_of_two_404s_the_error_has_the_services_own_text(own_text_under: str, other: httpx.Response) -> None:
    answers: dict[str, Any] = {"environments": other, "projects": other, own_text_under: NO_ROW}

    with pytest.raises(NotFoundError, match="Not found") as caught:
        await store_on(Service(**answers)).installations.retrieve(ID)

    assert f"/api/{own_text_under}/" in caught.value.url


async def test_two_404s_settle_nothing() -> None:
    rows = {"environments": UNKNOWN_PATH, "projects": NO_ROW}
    service = Service(**rows)
    store = store_on(service)
    with pytest.raises(NotFoundError):
        await store.installations.retrieve(ID)

    rows["projects"] = ROW
    service._by_prefix.update(rows)  # a class of this file

    assert str((await store.installations.retrieve(ID)).id) == ID
    assert service.requests == [f"GET environments {ID}", f"GET projects {ID}"] * 2


@pytest.mark.parametrize("prefix", ["environments", "projects"])
async def test_a_pinned_prefix_never_changes(prefix: APIPrefix) -> None:
    service = Service(**{prefix: alias})
    store = store_on(service, api_prefix=prefix)
    for _ in range(2):
        await store.installations.retrieve(ID)
    missing = Service(**{prefix: UNKNOWN_PATH})
    with pytest.raises(NotFoundError):
        await store_on(missing, api_prefix=prefix).installations.retrieve(ID)

    assert service.requests == [f"GET {prefix} {ID}"] * 2
    assert missing.requests == [f"GET {prefix} {ID}"]


async def test_the_path_of_another_api_stays_as_it_is() -> None:
    urls: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        urls.append(request.url.path)
        return UNKNOWN_PATH if len(urls) == 1 else httpx.Response(200, json={})

    client = store_on(answer).lowlevel
    path = "/api/users/@me/"
    request = Request(operation_id="users_retrieve", method="GET", path_template=path, path=path)

    with pytest.raises(NotFoundError):
        await client.send(request)
    assert (await client.send(request)).status_code == 200

    assert urls == [path] * 2


@pytest.mark.parametrize("given", ["", "v2", "/api/projects/", 7, True])
def test_a_prefix_that_no_service_has_is_refused(given: Any) -> None:
    with pytest.raises(ConfigurationError, match="api_prefix must be 'environments' or 'projects'"):
        MCPStore("phx_key", api_prefix=given)


async def test_the_servers_own_404_through_the_proxy_is_not_sent_again() -> None:
    def environments(request: httpx.Request) -> httpx.Response:
        return ROW if request.method == "GET" else UNKNOWN_PATH

    service = Service(environments=environments)

    with pytest.raises(UpstreamError) as caught:
        await store_on(service).installations.proxy(ID, PING)

    assert caught.value.status_code == 404
    assert service.requests == [f"POST environments {ID} proxy", f"GET environments {ID}"]


@pytest.mark.parametrize("missing", [UNKNOWN_PATH, NO_ENDPOINT, httpx.Response(404, content=b"typecodedetailattr")])
async def test_a_proxy_call_is_sent_again_once_the_installation_shows_that_its_path_was_wrong(
    missing: httpx.Response,
) -> None:
    def projects(request: httpx.Request) -> httpx.Response:
        return ROW if request.method == "GET" else httpx.Response(200, json=PONG)

    service = Service(environments=missing, projects=projects)

    reply = await store_on(service).installations.proxy(ID, PING)

    assert reply.result() == {}
    assert service.requests == [
        f"POST environments {ID} proxy",
        f"GET environments {ID}",
        f"GET projects {ID}",
        f"POST projects {ID} proxy",
    ]


async def test_a_tool_that_is_gone_is_called_once() -> None:
    gone = httpx.Response(404, json={"detail": "Tool 'add' is no longer available", "reason": "removed"})
    service = Service(environments=gone)

    with pytest.raises(Exception, match="no longer available"):
        await store_on(service).installations.call_tool(ID, "add")

    assert service.requests == [f"POST environments {ID} call_tool"]


async def test_calls_that_begin_together_all_find_the_prefix() -> None:
    service = Service(environments=UNKNOWN_PATH, projects=httpx.Response(200, json=page(installation())))
    store = store_on(service)

    pages = await asyncio.gather(*(store.installations.list() for _ in range(20)))

    assert {len(page) for page in pages} == {1}
    assert len(service.requests) <= 40


async def test_a_deprecation_that_the_store_follows_is_no_warning(caplog: pytest.LogCaptureFixture) -> None:
    store = store_on(Service(environments=alias, projects=ROW))

    with caplog.at_level(logging.WARNING, logger="posthog_mcp_store"):
        await store.installations.retrieve(ID)
        await store.installations.retrieve(ID)

    assert caplog.records == []


async def test_with_a_pinned_prefix_the_deprecation_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    store = store_on(Service(environments=alias), api_prefix="environments")

    with caplog.at_level(logging.WARNING, logger="posthog_mcp_store"):
        await store.installations.retrieve(ID)
        await store.installations.retrieve(ID)

    [warning] = caplog.records
    assert "Fri, 31 Jul 2026" in warning.getMessage()


async def test_a_call_on_its_way_when_the_prefix_is_found_is_sent_again_under_it() -> None:
    both_sent, found = asyncio.Event(), asyncio.Event()
    requests: list[str] = []

    async def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request.url.path.split("/")[2])
        if "/projects/" in request.url.path:
            return ROW
        if requests.count("environments") == 2:
            both_sent.set()
            await found.wait()
        await both_sent.wait()
        return NO_ENDPOINT

    store = store_on(answer)  # type: ignore[arg-type]
    calls = [asyncio.ensure_future(store.installations.retrieve(ID)) for _ in range(2)]
    await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
    found.set()

    assert [str(row.id) for row in await asyncio.gather(*calls)] == [ID, ID]
    assert requests == ["environments", "environments", "projects", "projects"]


async def test_a_row_that_is_missing_under_a_deprecated_path_is_missing() -> None:
    def gone(request: httpx.Request) -> httpx.Response:
        header = f'{successor(request)}; rel="successor-version"'
        return httpx.Response(404, json=NO_ROW.json(), headers={**RETIRED, "Link": header})

    service = Service(environments=gone)

    with pytest.raises(NotFoundError, match="Not found"):
        await store_on(service).installations.retrieve(ID)

    assert service.requests == [f"GET environments {ID}"]


PAGE = httpx.Response(200, html="<h1>Maintenance</h1>")


async def test_a_page_of_a_gateway_settles_nothing() -> None:
    first = iter([PAGE])
    service = Service(environments=lambda _: next(first, NO_ENDPOINT), projects=ROW)
    store = store_on(service)
    with pytest.raises(ResponseDecodeError):
        await store.installations.retrieve(ID)

    assert str((await store.installations.retrieve(ID)).id) == ID


@pytest.mark.parametrize("page", [PAGE, httpx.Response(302, headers={"Location": "/login"})], ids=["page", "login"])
async def test_a_page_under_the_other_prefix_is_no_answer(page: httpx.Response) -> None:
    answers = iter([NO_ROW, ROW])
    service = Service(environments=lambda _: next(answers), projects=page)
    store = store_on(service)

    with pytest.raises(APIStatusError) as caught:
        await store.installations.retrieve(ID)
    assert caught.value.status_code in {404, 302}
    assert str((await store.installations.retrieve(ID)).id) == ID


async def test_an_error_of_the_service_settles_the_prefix() -> None:
    refused = httpx.Response(403, json={"detail": "It needs approval", "reason": "needs_approval"})
    service = Service(environments=NO_ENDPOINT, projects=refused)
    store = store_on(service)

    for _ in range(3):
        with pytest.raises(ToolApprovalRequiredError):
            await store.installations.call_tool(ID, "add")

    assert service.requests == [f"POST environments {ID} call_tool", *[f"POST projects {ID} call_tool"] * 3]


@pytest.mark.parametrize("link", ["<x>; rel=" + " " * 60_000, "<x>" + "; a" * 20_000, "<" * 60_000])
async def test_a_long_link_holds_nobody_up(link: str) -> None:
    store = store_on(Service(environments=httpx.Response(200, json=installation(), headers={**RETIRED, "Link": link})))

    async with asyncio.timeout(5):
        assert str((await store.installations.retrieve(ID)).id) == ID


async def test_a_second_attempt_waits_for_a_cool_down_that_began_meanwhile() -> None:
    sent_at: dict[str, float] = {}
    refused = asyncio.Event()

    async def answer(request: httpx.Request) -> httpx.Response:
        if request.headers.get("X-Other"):
            refused.set()
            return httpx.Response(429, headers={"Retry-After": "1"})
        sent_at[request.url.path.split("/")[2]] = monotonic()
        if "/projects/" in request.url.path:
            return ROW
        await refused.wait()
        return NO_ENDPOINT

    store = store_on(answer)  # type: ignore[arg-type]
    first = asyncio.ensure_future(store.installations.retrieve(ID))
    began = monotonic()
    with pytest.raises(RateLimitError):
        await store.with_options(headers={"X-Other": "1"}).installations.retrieve(ID)

    await first

    assert sent_at["projects"] - began >= 1


REFUSED = {"error": "Installation needs re-authentication"}
USES: dict[str, tuple[Callable[[MCPStore], Any], httpx.Response, httpx.Response]] = {
    "proxy": (
        lambda store: store.installations.proxy(ID, PING),
        httpx.Response(401, json=REFUSED),
        httpx.Response(200, json=PONG),
    ),
    "call_tool": (
        lambda store: store.installations.call_tool(ID, "add"),
        httpx.Response(401, json={"detail": "Installation needs re-authentication", "reason": "disabled"}),
        httpx.Response(200, json={"content": [], "is_error": False, "structured_content": None}),
    ),
}


@pytest.mark.parametrize("use", USES)
async def test_a_token_that_two_calls_refreshed_at_once_is_used_again(use: str) -> None:
    call, refused, fine = USES[use]
    answers = iter([refused, ROW, fine])
    service = Service(projects=lambda _: next(answers))

    await call(store_on(service, api_prefix="projects"))

    path = f"POST projects {ID} {use}"
    assert service.requests == [path, f"GET projects {ID}", path]


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize(
    "row",
    [
        httpx.Response(200, json=installation(needs_reauth=True)),
        httpx.Response(200, json=installation(pending_oauth=True)),
        httpx.Response(200, json=[]),
        httpx.Response(200, content=b"{"),
        NO_ROW,
        httpx.Response(500),
    ],
)
async def test_an_installation_that_needs_its_user_is_asked_once(use: str, row: httpx.Response) -> None:
    call, refused, _ = USES[use]
    answers = iter([refused, row])
    service = Service(projects=lambda _: next(answers))

    with pytest.raises(ReauthenticationRequiredError):
        await call(store_on(service, api_prefix="projects"))

    assert service.requests == [f"POST projects {ID} {use}", f"GET projects {ID}"]


@pytest.mark.parametrize("use", USES)
async def test_a_second_refusal_of_a_usable_installation_is_raised(use: str) -> None:
    call, refused, _ = USES[use]
    answers = iter([refused, ROW, refused])
    service = Service(projects=lambda _: next(answers))

    with pytest.raises(ReauthenticationRequiredError):
        await call(store_on(service, api_prefix="projects"))

    assert len(service.requests) == 3


async def test_the_look_at_the_installation_is_one_request_without_waiting() -> None:
    busy = httpx.Response(503, headers={"Retry-After": "50"})
    answers = iter([httpx.Response(401, json=REFUSED), busy])
    service = Service(projects=lambda _: next(answers))

    async with asyncio.timeout(5):
        with pytest.raises(ReauthenticationRequiredError):
            await store_on(service, api_prefix="projects", max_retries=3).installations.proxy(ID, PING)

    assert service.requests == [f"POST projects {ID} proxy", f"GET projects {ID}"]


async def test_what_on_response_raises_at_the_look_comes_out() -> None:
    def check(info: ResponseInfo) -> None:
        if info.method == "GET":
            raise ValueError("mine")

    answers = iter([httpx.Response(401, json=REFUSED), ROW])
    store = store_on(lambda _: next(answers), api_prefix="projects").with_options(on_response=check)

    with pytest.raises(ValueError, match="mine"):
        await store.installations.proxy(ID, PING)


@pytest.mark.parametrize("words", ["No credentials configured", "Authentication failed"])
async def test_other_refusals_of_credentials_need_no_look(wire: Wire, faked: Faked, words: str) -> None:
    wire.answers(httpx.Response(401, json={"error": words}))

    with pytest.raises(ReauthenticationRequiredError):
        await faked().installations.proxy(ID, PING)

    assert len(wire.requests) == 1
