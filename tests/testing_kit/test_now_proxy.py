"""The proxy of today's service: the order of its checks, and its tool policy."""

from typing import Any

import httpx
import pytest

from posthog_mcp_store.testing import EmbeddedService, InstallationRecord

from .scripted_server import URL, ScriptedServer
from .support import of

BATCH = "Batch rejected: it contains a tool call that requires approval or is disabled; send items individually"


@pytest.fixture
def server(today: EmbeddedService) -> ScriptedServer:
    server = ScriptedServer()
    today.add_mcp_server(URL, server)
    return server


@pytest.fixture
def row(today: EmbeddedService) -> InstallationRecord:
    return today.add_installation(url=URL, tools={"add": "approved", "drop": "needs_approval"})


def calling(name: str, id: object = 1) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": {"name": name}}


async def send(api: httpx.AsyncClient, row: InstallationRecord, message: object) -> tuple[int, Any]:
    answer = await api.post(f"/{row.id}/proxy/", json=message)
    return answer.status_code, answer.json()


async def code_of(api: httpx.AsyncClient, row: InstallationRecord, name: str) -> int | None:
    """The error code for a call of the tool; None if the call was passed on."""
    status, body = await send(api, row, calling(name))
    assert status == 200
    code: int | None = body.get("error", {}).get("code")
    return code


async def test_its_checks_come_in_the_services_order(
    today: EmbeddedService, api: httpx.AsyncClient, row: InstallationRecord, server: ScriptedServer
) -> None:
    today.project().servers[URL] = False
    row.is_access_off = row.needs_reauth = True
    row.is_enabled, row.api_key = False, ""
    assert await send(api, row, []) == (403, {"error": "Server is disabled for this team"})
    today.project().servers[URL] = True
    assert await send(api, row, []) == (403, {"error": "Your access to this server has been turned off by an admin"})
    row.is_access_off = False
    assert await send(api, row, []) == (403, {"error": "Server is disabled"})
    row.is_enabled = True
    assert await send(api, row, []) == (401, {"error": "Installation needs re-authentication"})
    row.needs_reauth = False
    assert await send(api, row, []) == (401, {"error": "No credentials configured"})
    row.api_key, row.url = "key", "https://10.0.0.1/"
    assert await send(api, row, []) == (400, {"error": "URL not allowed: Private IP address not allowed"})
    row.url = URL
    assert await send(api, row, []) == (400, {"error": "Request body must be valid JSON"})
    large = calling("drop")
    large["params"]["arguments"] = "x" * 1_100_000
    assert (await send(api, row, large))[1]["error"]["code"] == -32001
    large["params"]["name"] = "add"
    assert await send(api, row, large) == (413, {"error": "Request body too large"})
    assert server.requests == []
    assert await send(api, row, calling("add")) == (200, {"jsonrpc": "2.0", "id": 1, "result": {}})


async def test_each_refusal_has_its_code_and_its_text(
    api: httpx.AsyncClient, row: InstallationRecord, server: ScriptedServer
) -> None:
    assert row.tools is not None
    row.tools["mine"], row.tools["theirs"], row.tools["gone"] = "do_not_use", "blocked_by_team", "removed"
    for name, code, text in [
        ("drop", -32001, "Tool 'drop' requires approval before it can be called"),
        ("mine", -32002, "Tool 'mine' is blocked by team policy"),
        ("theirs", -32002, "Tool 'theirs' is blocked by team policy"),
        ("gone", -32601, "Tool 'gone' is no longer available on the upstream server"),
        ("new", -32601, "Tool 'new' is not registered for this installation"),
        ("", -32601, "tools/call missing 'name' parameter"),
    ]:
        error = {"jsonrpc": "2.0", "id": "a", "error": {"code": code, "message": text}}
        assert await send(api, row, calling(name, "a")) == (200, error)
    notification = calling("drop")
    del notification["id"]
    assert (await send(api, row, notification))[1]["id"] is None
    assert server.requests == []


async def test_a_batch_passes_whole_or_not_at_all(
    api: httpx.AsyncClient, row: InstallationRecord, server: ScriptedServer
) -> None:
    status, body = await send(api, row, [calling("drop", 1), calling("new", 2)])
    assert (status, [each["error"]["code"] for each in body]) == (200, [-32001, -32601])
    status, body = await send(api, row, [calling("add", 1), calling("drop", 2)])
    mixed = {"code": -32000, "message": BATCH}
    assert (status, body) == (200, [{"jsonrpc": "2.0", "id": id, "error": mixed} for id in (1, 2)])
    assert server.requests == []


@pytest.mark.parametrize(
    ("preset", "codes"),
    [
        ("", (-32001, -32001)),
        ("allow", (None, None)),
        ("user", (-32001, -32001)),
        ("ask", (None, -32001)),
        ("block", (None, -32002)),
    ],
)
async def test_a_projects_preset_decides_about_tools_that_nobody_chose(
    today: EmbeddedService, api: httpx.AsyncClient, server: ScriptedServer, preset: Any, codes: tuple[Any, Any]
) -> None:
    row = today.add_installation(url=URL, tools={"add": "needs_approval", "drop": "needs_approval"})
    today.project().tool_preset = preset
    assert (await code_of(api, row, "add"), await code_of(api, row, "drop")) == codes


async def test_a_rule_outranks_the_approval(
    today: EmbeddedService, api: httpx.AsyncClient, row: InstallationRecord, server: ScriptedServer
) -> None:
    assert await code_of(api, row, "add") is None
    today.project().tool_rules["a*"] = "do_not_use"
    assert await code_of(api, row, "add") == -32002


async def test_a_choice_counts_for_the_user_who_made_it(
    today: EmbeddedService, api: httpx.AsyncClient, row: InstallationRecord, server: ScriptedServer
) -> None:
    row.scope = "shared"
    assert row.tools is not None
    row.tools["add"].choices["bob"] = "do_not_use"
    async with of(today, "bob") as bob:
        assert (await code_of(api, row, "add"), await code_of(bob, row, "add")) == (None, -32002)


async def test_tools_that_will_be_refused_are_listed_all_the_same(
    api: httpx.AsyncClient, row: InstallationRecord, server: ScriptedServer
) -> None:
    status, body = await send(api, row, {"jsonrpc": "2.0", "id": 1, "method": "tools/list"})
    assert (status, [tool["name"] for tool in body["result"]["tools"]]) == (200, ["add", "drop_table"])


async def test_a_prepared_row_without_tools_passes_every_call(
    today: EmbeddedService, api: httpx.AsyncClient, server: ScriptedServer
) -> None:
    row = today.add_installation(url=URL)
    assert await code_of(api, row, "anything") is None
    assert server.methods == ["tools/call"]


async def test_other_members_use_a_shared_row(
    today: EmbeddedService, row: InstallationRecord, server: ScriptedServer
) -> None:
    row.scope = "shared"
    async with of(today, "bob") as bob:
        assert await code_of(bob, row, "add") is None
    assert server.requests[0].headers["authorization"] == "Bearer upstream-key"
