"""`connect_all()` where the service lists the tools of all installations itself."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import httpx
import pytest

from posthog_mcp_store import (
    ConfigurationError,
    MCPStore,
    MCPStoreError,
    ReauthenticationRequiredError,
    ResponseDecodeError,
    ToolApprovalRequiredError,
    UpstreamError,
)
from posthog_mcp_store.testing import EmbeddedService, serve_app, tool_server

from ..support.event_loop import loop_rounds
from ..support.fake_mcp import FakeMCPServer, result_of, text_result
from ..support.wire import installation, page


class Project:
    """Installations as the service lists them, with a fake MCP server for each."""

    def __init__(self) -> None:
        self.rows: list[dict[str, object]] = []
        self.servers: list[dict[str, object]] = []
        self.fakes: dict[str, FakeMCPServer] = {}
        self.requests: list[str] = []
        self.gate: asyncio.Event | None = None

    def add(self, name: str, *tools: dict[str, Any], is_listed: bool = True, **row: object) -> FakeMCPServer:
        id = str(UUID(int=len(self.rows)))
        known = {"is_owner": True, "scope": "personal", "tool_count": len(tools), "last_synced_at": None}
        self.rows.append({**installation(id=id, name=name), **known, **row})
        if is_listed:
            self.servers.append({"installation_id": id, "name": name, "slug": name.lower(), "tools": list(tools)})
        self.fakes[id] = FakeMCPServer()
        return self.fakes[id]

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(f"{request.method} {request.url.path.split('/')[-2]}")
        if request.url.path.endswith("/available_tools/"):
            return httpx.Response(200, json={"servers": self.servers})
        if request.method == "GET":
            return httpx.Response(200, json=page(*self.rows))
        if self.gate is not None:
            await self.gate.wait()
        return await self.fakes[request.url.path.split("/")[-3]](request)


def tool(name: str = "add", **changes: object) -> dict[str, Any]:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
    known = {"description": "Add.", "input_schema": schema, "annotations": {}, "approval_state": "approved"}
    return {"name": name, **known, **changes}


@pytest.fixture
def project() -> Project:
    return Project()


@pytest.fixture
async def store(project: Project) -> AsyncIterator[MCPStore]:
    async with httpx.AsyncClient(transport=httpx.MockTransport(project)) as client:
        yield MCPStore("phx_key", http_client=client, max_retries=0)


async def test_the_tools_come_from_the_service_with_their_states(project: Project, store: MCPStore) -> None:
    project.add("Orders", tool(annotations={"readOnlyHint": True}), tool("drop", approval_state="needs_approval"))
    project.add("Off", tool(), is_enabled=False)
    project.add("Mail", tool("send", description="", input_schema=None))

    async with store.installations.connect_all() as toolbox:
        assert toolbox.failures == []
        assert [(each.installation.name, each.name, each.approval_state) for each in toolbox.tools] == [
            ("Orders", "add", "approved"),
            ("Orders", "drop", "needs_approval"),
            ("Mail", "send", "approved"),
        ]
        add, _, send = toolbox.tools
        assert add.tool.input_schema["properties"] == {"a": {"type": "integer"}}
        assert add.tool.annotations is not None
        assert add.tool.annotations.read_only_hint
        assert (send.description, send.tool.input_schema, send.tool.annotations) == ("", {"type": "object"}, None)

    assert project.requests == ["GET mcp_server_installations", "GET available_tools"]


async def test_a_session_is_opened_with_the_first_call_of_an_installation(project: Project, store: MCPStore) -> None:
    orders, mail = project.add("Orders", tool(), tool("sub")), project.add("Mail", tool())
    orders.answers["tools/call"] = lambda message: result_of(message, text_result("42"))

    async with store.installations.connect_all() as toolbox:
        assert orders.messages == []
        results = await asyncio.gather(*(each.call({"a": 1}) for each in toolbox.tools[:2]))
        await toolbox.tools[0].call({"a": 2})

    assert [result.content[0].text for result in results] == ["42", "42"]  # type: ignore[union-attr]
    assert [method for method, _ in orders.messages].count("initialize") == 1
    assert mail.messages == []


async def test_after_the_toolbox_no_tool_can_be_called(project: Project, store: MCPStore) -> None:
    orders = project.add("Orders", tool())

    async with store.installations.connect_all() as toolbox:
        pass

    with pytest.raises(ConfigurationError, match="this toolbox is closed"):
        await toolbox.tools[0].call()
    assert orders.messages == []


async def test_a_connection_that_fails_is_tried_again_by_the_next_call(project: Project, store: MCPStore) -> None:
    orders = project.add("Orders", tool())
    orders.answers["initialize"] = lambda _: httpx.Response(502, json={"error": "Upstream MCP server unreachable"})

    async with store.installations.connect_all() as toolbox:
        with pytest.raises(UpstreamError, match="unreachable"):
            await toolbox.tools[0].call()
        del orders.answers["initialize"]
        assert (await toolbox.tools[0].call()).is_error is False


async def test_a_toolbox_that_is_left_while_it_connects_ends_the_call(project: Project, store: MCPStore) -> None:
    project.add("Orders", tool())
    project.gate = asyncio.Event()

    async with store.installations.connect_all() as toolbox:
        calling = asyncio.ensure_future(toolbox.tools[0].call())
        await loop_rounds(20)

    with pytest.raises(ConfigurationError, match="closed while it was connecting"):
        await calling


@pytest.mark.parametrize("rounds", range(30))
async def test_a_call_that_is_cancelled_as_the_toolbox_is_left_is_cancelled(
    project: Project, store: MCPStore, rounds: int
) -> None:
    project.add("Orders", tool())
    project.gate = asyncio.Event()
    manager = store.installations.connect_all()
    toolbox = await manager.__aenter__()
    calling = asyncio.ensure_future(toolbox.tools[0].call())
    await loop_rounds(20)

    leaving = asyncio.ensure_future(manager.__aexit__(None, None, None))
    await loop_rounds(rounds)
    is_in_time = calling.cancel()
    await asyncio.wait([leaving, calling], timeout=5)

    assert calling.cancelled() == is_in_time
    if not is_in_time:
        assert isinstance(calling.exception(), ConfigurationError)


async def test_a_cancelled_call_leaves_the_connection_to_the_others(project: Project, store: MCPStore) -> None:
    project.add("Orders", tool())
    project.gate = asyncio.Event()

    async with store.installations.connect_all() as toolbox:
        given_up, waiting = (asyncio.ensure_future(toolbox.tools[0].call()) for _ in range(2))
        await loop_rounds(20)
        given_up.cancel()
        await loop_rounds(5)
        project.gate.set()
        result = await asyncio.wait_for(waiting, 5)

    assert given_up.cancelled()
    assert result.is_error is False


async def leave_with(error: Exception, store: MCPStore) -> None:
    async with store.installations.connect_all() as toolbox:
        await toolbox.tools[0].call()
        raise error


async def test_what_is_raised_inside_comes_out_as_it_is(project: Project, store: MCPStore) -> None:
    project.add("Orders", tool())

    with pytest.raises(KeyError, match="mine"):
        await leave_with(KeyError("mine"), store)


@pytest.mark.parametrize(
    ("row", "kind", "text"),
    [
        (
            {"needs_reauth": True},
            ReauthenticationRequiredError,
            r"'Orders' must be authorized by its user: .* authorize\(\)",
        ),
        ({"pending_oauth": True}, ReauthenticationRequiredError, "'Orders' must be authorized by its user"),
        ({"last_sync_error": "Upstream\ntimed out"}, UpstreamError, "read the tools of 'Orders': Upstream timed out"),
        ({"tool_count": 3}, MCPStoreError, "none of the 3 tools of 'Orders' can be called"),
        ({"tool_count": 0}, MCPStoreError, "PostHog knows no tools of 'Orders'"),
        ({"tool_count": 0, "display_name": ""}, MCPStoreError, "call refresh_tools"),
    ],
)
async def test_an_installation_that_the_service_leaves_out_is_a_failure_that_says_why(
    project: Project, store: MCPStore, row: dict[str, Any], kind: type[MCPStoreError], text: str
) -> None:
    project.add("Mail", tool())
    project.add("Orders", is_listed=False, **row)

    async with store.installations.connect_all() as toolbox:
        assert [each.installation.name for each in toolbox.tools] == ["Mail"]
        [failure] = toolbox.failures

    assert type(failure.error) is kind
    with pytest.raises(MCPStoreError, match=text):
        raise failure.error


async def test_an_installation_that_just_has_no_tools_is_no_failure(project: Project, store: MCPStore) -> None:
    project.add("Orders", is_listed=False, last_synced_at="2026-09-18T09:13:44Z")

    async with store.installations.connect_all() as toolbox:
        assert (toolbox.tools, toolbox.failures) == ([], [])


async def test_a_tool_that_breaks_mcps_schema_is_left_out_and_named(project: Project, store: MCPStore) -> None:
    project.add("Orders", tool("bad", annotations={"readOnlyHint": "perhaps"}), tool())

    async with store.installations.connect_all() as toolbox:
        assert [each.name for each in toolbox.tools] == ["add"]
        [failure] = toolbox.failures

    assert isinstance(failure.error, ResponseDecodeError)
    assert "the tool 'bad' violates MCP's schema" in str(failure.error)


async def test_an_installation_without_a_name_is_known_by_its_url(project: Project, store: MCPStore) -> None:
    project.add("", is_listed=False, tool_count=0)

    async with store.installations.connect_all() as toolbox:
        [failure] = toolbox.failures

    assert "https://mcp.custom.com" in str(failure.error)


@pytest.mark.parametrize("bad", [{"input_schema": []}, {"annotations": "x"}, {"approval_state": None}, {"name": 5}])
async def test_one_malformed_entry_makes_the_servers_be_asked(
    project: Project, store: MCPStore, bad: dict[str, object]
) -> None:
    project.add("Orders", tool())
    project.add("Mail", tool("bad", **bad) if "name" not in bad else {**tool(), **bad})

    async with store.installations.connect_all() as toolbox:
        assert [(each.installation.name, each.name, each.approval_state) for each in toolbox.tools] == [
            ("Orders", "add", None),
            ("Mail", "add", None),
        ]


async def test_only_its_owner_can_authorize_a_shared_installation(project: Project, store: MCPStore) -> None:
    project.add("Orders", is_listed=False, needs_reauth=True, is_owner=False, scope="shared")

    async with store.installations.connect_all() as toolbox:
        [failure] = toolbox.failures

    assert "only its owner can do that" in str(failure.error)


async def test_a_key_that_a_server_quotes_is_in_no_failure(project: Project) -> None:
    project.add("Orders", is_listed=False, last_sync_error="401 for phx_the_secret_key")
    project.add("Mail", tool("phx_the_secret_key", annotations={"readOnlyHint": "perhaps"}))

    async with httpx.AsyncClient(transport=httpx.MockTransport(project)) as client:
        store = MCPStore("phx_the_secret_key", http_client=client)
        async with store.installations.connect_all() as toolbox:
            errors = [failure.error for failure in toolbox.failures]

    assert len(errors) == 2
    assert "phx_the_secret_key" not in repr([(str(error), vars(error)) for error in errors])


async def test_without_installations_nothing_more_is_asked(project: Project, store: MCPStore) -> None:
    async with store.installations.connect_all() as toolbox:
        assert (toolbox.tools, toolbox.failures) == ([], [])

    assert project.requests == ["GET mcp_server_installations"]


async def test_listing_twenty_installations_takes_two_requests_and_no_proxy_call(
    service: EmbeddedService, store_of_service: MCPStore
) -> None:
    with serve_app(tool_server()) as host:
        for number in range(20):
            url = f"https://mcp{number}.example.com/mcp"
            service.add_mcp_server(url, f"{host}/mcp")
            await store_of_service.installations.install_custom(
                name=f"Server {number}", url=url, auth_type="api_key", api_key="key"
            )
        service.requests.clear()

        async with store_of_service.installations.connect_all() as toolbox:
            assert len(toolbox.tools) == 40
            assert {each.approval_state for each in toolbox.tools} == {"needs_approval"}
            assert [request.method for request in service.requests] == ["GET", "GET"]
            first = toolbox.tools[0]
            with pytest.raises(ToolApprovalRequiredError, match="update_tool"):
                await first.call({"a": 19, "b": 23})
            await store_of_service.installations.update_tool(first.installation, first.name, approval_state="approved")
            assert (await first.call({"a": 19, "b": 23})).structured_content == {"result": 42}


@pytest.fixture
async def store_of_service(service: EmbeddedService) -> AsyncIterator[MCPStore]:
    async with MCPStore(service.api_key, host=service.base_url) as store:
        yield store
