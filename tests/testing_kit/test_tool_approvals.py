"""Calls of tools that the service does not let pass."""

from typing import Any

import httpx
import pytest

from posthog_mcp_store.testing import EmbeddedService, InstallationRecord

from .support import SITE, Version, client_of

URL = "https://mcp.example.com/mcp"
LIST = {"jsonrpc": "2.0", "id": 9, "method": "tools/list"}
PASSED = (502, {"error": "Upstream MCP server unreachable"})
NAMELESS = (-32601, "tools/call missing 'name' parameter")
MIXED = (
    -32000,
    "Batch rejected: it contains a tool call that requires approval or is disabled; send items individually",
)
REFUSALS = {
    "sell": (-32001, "Tool 'sell' requires approval before it can be called"),
    "drop": (-32002, "Tool 'drop' has been disabled by the user"),
    "leak": (-32002, "Tool 'leak' is blocked by team policy"),
    "gone": (-32601, "Tool 'gone' is no longer available on the upstream server"),
    "new": (-32601, "Tool 'new' is not registered for this installation"),
}


@pytest.fixture(params=["2026-04", "2026-09"])
def service(request: pytest.FixtureRequest) -> EmbeddedService:
    """One of each version: a policy is there when a test sets it."""
    return EmbeddedService(version=request.param)


@pytest.fixture
def refusals(service: EmbeddedService) -> dict[str, tuple[int, str]]:
    """Version 2026-09 calls every blocked tool blocked by the team."""
    later = {"drop": (-32002, "Tool 'drop' is blocked by team policy")}
    return REFUSALS if service._state.version == "2026-04" else REFUSALS | later


@pytest.fixture
def row(service: EmbeddedService) -> InstallationRecord:
    """There is no MCP server behind it: calls that pass get a 502."""
    return service.add_installation(
        url=URL,
        tools={
            "add": "approved",
            "sell": "needs_approval",
            "drop": "disabled",
            "leak": "blocked_by_team",
            "gone": "removed",
        },
    )


def calling(name: object, id: object = 1) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": {"name": name, "arguments": {}}}


def error(id: object, code: int, message: str) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": message}}


async def answer_to(client: httpx.AsyncClient, row: InstallationRecord, message: object) -> tuple[int, Any]:
    answer = await client.post(f"/{row.id}/proxy/", json=message)
    assert answer.headers["content-type"] == "application/json"
    return answer.status_code, answer.json()


@pytest.mark.parametrize("name", REFUSALS)
@pytest.mark.parametrize("id", [1, "a", None])
async def test_a_call_that_is_not_approved_is_refused_with_its_id(
    client: httpx.AsyncClient,
    row: InstallationRecord,
    refusals: dict[str, tuple[int, str]],
    name: str,
    id: object,
) -> None:
    assert await answer_to(client, row, calling(name, id)) == (200, error(id, *refusals[name]))


async def test_a_call_without_an_id_is_refused_with_none(client: httpx.AsyncClient, row: InstallationRecord) -> None:
    message = calling("sell")
    del message["id"]
    assert await answer_to(client, row, message) == (200, error(None, *REFUSALS["sell"]))


@pytest.mark.parametrize("params", [{}, {"name": ""}, {"name": 5}, {"name": None}, [], "add", None])
async def test_a_call_that_names_no_tool_is_refused(
    client: httpx.AsyncClient, row: InstallationRecord, params: object
) -> None:
    message = calling("add") | {"params": params}
    assert await answer_to(client, row, message) == (200, error(1, *NAMELESS))


@pytest.mark.parametrize(
    "message",
    [calling("add"), LIST, {"method": "prompts/get", "params": {"name": "sell"}}, [calling("add"), LIST], [LIST, 5]],
)
async def test_all_else_passes(client: httpx.AsyncClient, row: InstallationRecord, message: object) -> None:
    assert await answer_to(client, row, message) == PASSED


async def test_a_batch_of_refused_calls_returns_the_refusal_of_each(
    client: httpx.AsyncClient, row: InstallationRecord, refusals: dict[str, tuple[int, str]]
) -> None:
    message = [calling("sell", 1), calling("drop", "b")]
    expected = [error(1, *refusals["sell"]), error("b", *refusals["drop"])]
    assert await answer_to(client, row, message) == (200, expected)


@pytest.mark.parametrize("other", [calling("add", 2), LIST | {"id": 2}])
async def test_a_mixed_batch_is_refused_completely(
    client: httpx.AsyncClient, row: InstallationRecord, other: dict[str, Any]
) -> None:
    expected = [error(1, *MIXED), error(2, *MIXED), error(None, *MIXED)]
    assert await answer_to(client, row, [calling("sell"), other, "?"]) == (200, expected)


async def test_without_a_policy_every_call_passes(
    service: EmbeddedService, client: httpx.AsyncClient, row: InstallationRecord
) -> None:
    free = service.add_installation()
    assert free.tools is None
    assert await answer_to(client, free, calling("new")) == PASSED
    row.tools = None
    assert await answer_to(client, row, [calling("sell"), LIST]) == PASSED


async def test_a_policy_that_knows_no_tool_refuses_all(client: httpx.AsyncClient, row: InstallationRecord) -> None:
    row.tools = {}
    assert await answer_to(client, row, calling("new")) == (200, error(1, *REFUSALS["new"]))
    assert await answer_to(client, row, LIST) == PASSED


async def test_a_tool_may_be_approved_between_two_calls(client: httpx.AsyncClient, row: InstallationRecord) -> None:
    assert row.tools is not None
    row.tools["sell"] = "approved"
    assert await answer_to(client, row, calling("sell")) == PASSED


async def test_a_call_is_refused_before_its_size_is_looked_at(
    client: httpx.AsyncClient, row: InstallationRecord
) -> None:
    for name, expected in (("sell", 200), ("add", 413)):
        message = calling(name)
        message["params"]["arguments"] = {"text": "x" * 2_000_000}
        assert (await answer_to(client, row, message))[0] == expected


async def test_a_call_is_refused_after_everything_else(client: httpx.AsyncClient, row: InstallationRecord) -> None:
    row.url = "http://127.0.0.1/"
    assert (await answer_to(client, row, calling("sell")))[0] == 400


@pytest.mark.parametrize(
    ("field", "message"),
    [
        ("is_disabled_for_team", "Server is disabled for this team"),
        ("is_access_off", "Your access to this server has been turned off by an admin"),
    ],
)
async def test_a_team_may_refuse_a_server(
    client: httpx.AsyncClient, row: InstallationRecord, field: str, message: str
) -> None:
    row.is_enabled = False
    setattr(row, field, True)
    assert await answer_to(client, row, calling("sell")) == (403, {"error": message})
    assert (await client.get(f"/{row.id}/")).status_code == 200


async def test_a_disabled_team_comes_before_an_access_turned_off(
    client: httpx.AsyncClient, row: InstallationRecord
) -> None:
    row.is_disabled_for_team = row.is_access_off = True
    assert await answer_to(client, row, LIST) == (403, {"error": "Server is disabled for this team"})


@pytest.mark.parametrize(("version", "count"), [("2026-04", None), ("2026-09", 4)])
def test_version_2026_09_counts_the_tools_that_are_there(
    row: InstallationRecord, version: Version, count: int | None
) -> None:
    assert row.to_json(SITE, version=version).get("tool_count") == count


async def test_no_server_is_asked_for_a_refused_call(service: EmbeddedService, row: InstallationRecord) -> None:
    asked: list[object] = []

    async def server(scope: object, receive: object, send: object) -> None:
        asked.append(scope)

    service.add_mcp_server(URL, server)
    async with client_of(service) as client:
        assert (await answer_to(client, row, calling("sell")))[0] == 200
        assert asked == []
        assert (await client.post(f"/{row.id}/proxy/", json=calling("add"))).status_code == 500
    assert len(asked) == 1
