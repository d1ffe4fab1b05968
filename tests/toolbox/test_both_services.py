"""The toolbox on both versions of the embedded service, over HTTP, with real MCP servers."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from posthog_mcp_store import (
    InstallationDisabledError,
    MCPStore,
    ReauthenticationRequiredError,
    ToolApprovalRequiredError,
    ToolCallError,
    UpstreamError,
)
from posthog_mcp_store.testing import EmbeddedService, serve_app, tool_server

from ..support.event_loop import until_alone
from ..support.factories import open_store
from ..support.mcp_servers import EverythingServer

URL = "https://mcp.example.com/mcp"


@contextmanager
def served(version: str) -> Iterator[EmbeddedService]:
    service = EmbeddedService(version=version)  # type: ignore[arg-type]
    with service.serve():
        yield service


@pytest.fixture
def everything() -> EverythingServer:
    return EverythingServer(token="upstream-key")


@pytest.fixture(params=["2026-04", "2026-09"])
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def any_service(version: str, everything: EverythingServer) -> Iterator[EmbeddedService]:
    """A service of either version, with an installation whose tools may all be called."""
    with served(version) as service, serve_app(everything) as host:
        service.add_mcp_server(URL, f"{host}/mcp")
        service.add_installation(url=URL)
        yield service


async def test_tools_are_called_and_their_results_told(
    any_service: EmbeddedService, everything: EverythingServer
) -> None:
    async with open_store(any_service) as store, store.installations.connect_all() as toolbox:
        assert toolbox.failures == []
        assert {"add", "echo", "draw", "fail"} <= {tool.unique_name for tool in toolbox}
        add = toolbox["add"]
        assert add.description == "Add two numbers."
        assert set(add.input_schema["properties"]) == {"a", "b"}
        result = await add.call({"a": 19, "b": 23})
        texts = [
            await add.run(a=19, b=23),
            await asyncio.to_thread(toolbox["echo"].run_sync, text="é漢🙂"),
            await toolbox["draw"].run(),
            await toolbox["fail"].run(reason="too hot"),
        ]
        refused = await add.run(a="x")

    assert (result.structured_content, result.is_error) == ({"result": 42}, False)
    assert texts[:3] == ["42", "é漢🙂", "[image/png, 68 bytes, not shown]"]
    assert texts[3].startswith("The tool failed: ")
    assert "too hot" in texts[3]
    assert refused.startswith("The tool failed: ")
    assert everything.calls == ["add", "add", "echo", "draw", "fail"]


async def test_calls_from_a_loop_and_many_threads_at_once(
    any_service: EmbeddedService, everything: EverythingServer
) -> None:
    async with open_store(any_service) as store, store.installations.connect_all() as toolbox:
        add = toolbox["add"]
        sums = await asyncio.gather(
            *(add.run(a=number, b=1) for number in range(5)),
            *(asyncio.to_thread(add.run_sync, a=number, b=2) for number in range(5)),
        )

    assert sums == [str(number + more) for more in (1, 2) for number in range(5)]
    await until_alone()


async def test_a_restarted_server_is_asked_again(
    any_service: EmbeddedService, everything: EverythingServer, version: str
) -> None:
    async with open_store(any_service) as store, store.installations.connect_all() as toolbox:
        assert await toolbox["tally"].run() == "1"
        await everything.restart()
        if version == "2026-04":
            with pytest.raises(UpstreamError):
                await toolbox["tally"].run()
        assert await toolbox["tally"].run() == "2"


async def test_what_ended_meanwhile_has_its_typed_error(any_service: EmbeddedService) -> None:
    (row,) = any_service.installations
    async with open_store(any_service) as store, store.installations.connect_all() as toolbox:
        row.is_enabled = False
        with pytest.raises(InstallationDisabledError):
            await toolbox["add"].run(a=1, b=2)
        row.is_enabled = True
        row.api_key = ""
        with pytest.raises(ReauthenticationRequiredError):
            await toolbox["add"].run(a=1, b=2)


async def test_a_deadline_bounds_a_call(any_service: EmbeddedService, everything: EverythingServer) -> None:
    async with open_store(any_service) as store:
        view = store.with_options(deadline=2)
        async with view.installations.connect_all() as toolbox:
            with pytest.raises(TimeoutError, match="deadline of 2 s"):
                await asyncio.wait_for(toolbox["hold"].call(), 10)
    everything.gate.open()


async def install_twenty(service: EmbeddedService, store: MCPStore, host: str) -> None:
    for number in range(20):
        url = f"https://mcp{number}.example.com/mcp"
        service.add_mcp_server(url, f"{host}/mcp")
        await store.installations.install_custom(name=f"Server {number}", url=url, auth_type="api_key", api_key="key")
    service.requests.clear()


@pytest.mark.parametrize(
    ("version", "listing", "calling"),
    [
        ("2026-04", {"mcp_server_installations": 1, "proxy": 60}, {"proxy": 1}),
        ("2026-09", {"mcp_server_installations": 1, "available_tools": 1}, {"call_tool": 1}),
    ],
)
async def test_the_requests_that_listing_twenty_installations_and_calling_a_tool_take(
    version: str, listing: dict[str, int], calling: dict[str, int]
) -> None:
    with served(version) as service, serve_app(tool_server()) as host:
        async with open_store(service, api_prefix="environments") as store:
            await install_twenty(service, store, host)

            def counted() -> Counter[str]:
                return Counter(request.path.split("?")[0].split("/")[-2] for request in service.requests)

            async with store.installations.connect_all() as toolbox:
                assert len(toolbox.tools) == len({tool.unique_name for tool in toolbox}) == 40
                found = counted()
                found.pop("available_tools", None) if version == "2026-04" else None
                assert found == listing
                # The oldest has the tool's own name.
                if version == "2026-09":
                    service.approve_tools()
                assert toolbox["add"].installation.name == "Server 0"
                service.requests.clear()
                assert await toolbox["server_7__add"].run(a=19, b=23) == "42"
                assert counted() == calling


async def test_a_tool_that_needs_approval_says_so(service: EmbeddedService, store: MCPStore) -> None:
    with serve_app(tool_server()) as host:
        service.add_mcp_server(URL, f"{host}/mcp")
        await store.installations.install_custom(name="Tools", url=URL, auth_type="api_key", api_key="key")

        async with store.installations.connect_all() as toolbox:
            add = toolbox["add"]
            assert add.approval_state == "needs_approval"
            with pytest.raises(ToolApprovalRequiredError, match="update_tool"):
                await add.call({"a": 19, "b": 23})
            assert await add.run(a=19, b=23) == (
                "The tool was not called: 'add' of 'Tools' needs approval: its user approves it in PostHog."
            )
            await store.installations.update_tool(add.installation, add.name, approval_state="approved")
            assert (await add.call({"a": 19, "b": 23})).structured_content == {"result": 42}
            await store.installations.update_tool(add.installation, add.name, approval_state="do_not_use")
            with pytest.raises(ToolCallError):
                await add.call()
