"""`available_tools`: what it lists, what it leaves out, and the servers' slugs."""

from typing import Any

import httpx
import pytest

from posthog_mcp_store.testing import EmbeddedService, ToolRecord

from .scripted_server import URL, ScriptedServer
from .support import of


async def servers(api: httpx.AsyncClient) -> list[dict[str, Any]]:
    answer = await api.get("/available_tools/")
    assert (answer.status_code, list(answer.json())) == (200, ["servers"])
    found: list[dict[str, Any]] = answer.json()["servers"]
    return found


async def test_a_server_has_its_tools_by_name(today: EmbeddedService, api: httpx.AsyncClient) -> None:
    schema = {"type": "object"}
    sell = ToolRecord(name="sell", description="Sells", input_schema=schema, annotations={"readOnlyHint": False})
    row = today.add_installation(
        display_name="My  Orders (EU)", tools={"sell": sell, "add": "approved", "drop": "do_not_use", "gone": "removed"}
    )
    assert await servers(api) == [
        {
            "installation_id": str(row.id),
            "name": "My  Orders (EU)",
            "slug": "my-orders-eu",
            "tools": [
                {
                    "name": "add",
                    "description": "",
                    "input_schema": {},
                    "annotations": {},
                    "approval_state": "approved",
                },
                {
                    "name": "sell",
                    "description": "Sells",
                    "input_schema": schema,
                    "annotations": {"readOnlyHint": False},
                    "approval_state": "needs_approval",
                },
            ],
        }
    ]


async def test_servers_come_in_the_order_of_their_installation(today: EmbeddedService, api: httpx.AsyncClient) -> None:
    rows = [today.add_installation(display_name=name, tools={"t": "approved"}) for name in ("C", "A", "B")]
    assert [server["installation_id"] for server in await servers(api)] == [str(row.id) for row in rows]


@pytest.mark.parametrize(
    "fields",
    [
        {"is_enabled": False},
        {"is_disabled_for_team": True},
        {"is_access_off": True},
        {"api_key": ""},
        {"needs_reauth": True},
        {"auth_type": "oauth"},
        {"tools": {}},
        {"tools": {"add": "do_not_use", "gone": "removed"}},
        {"user": "bob"},
        {"project_id": "2"},
    ],
)
async def test_what_can_not_be_used_is_left_out(
    today: EmbeddedService, api: httpx.AsyncClient, fields: dict[str, Any]
) -> None:
    row = today.add_installation(tools={"add": "approved"})
    assert len(await servers(api)) == 1
    for name, value in fields.items():
        setattr(row, name, value)
    assert await servers(api) == []


async def test_a_server_that_is_off_for_the_team_is_left_out(today: EmbeddedService, api: httpx.AsyncClient) -> None:
    row = today.add_installation(tools={"add": "approved"})
    today.project().servers[row.url] = False
    assert await servers(api) == []


async def test_a_projects_policy_holds(today: EmbeddedService, api: httpx.AsyncClient) -> None:
    today.add_installation(tools={"add": "needs_approval", "drop": "needs_approval"})
    today.project().tool_preset = "block"
    [server] = await servers(api)
    assert [(tool["name"], tool["approval_state"]) for tool in server["tools"]] == [("add", "approved")]


async def test_shared_rows_of_others_are_there(today: EmbeddedService, api: httpx.AsyncClient) -> None:
    row = today.add_installation(user="bob", scope="shared", tools={"add": "approved"})
    assert [server["installation_id"] for server in await servers(api)] == [str(row.id)]


async def test_a_slug_that_several_rows_would_have_gets_the_end_of_the_id(
    today: EmbeddedService, api: httpx.AsyncClient
) -> None:
    one = today.add_installation(display_name="Linear", tools={"t": "approved"})
    # It can't be reached, but counts.
    other = today.add_installation(display_name="linear!", is_enabled=False, tools={"t": "approved"})
    today.add_installation(display_name="Linear", user="bob", tools={"t": "approved"})
    assert [server["slug"] for server in await servers(api)] == [f"linear--{one.id.hex[-6:]}"]
    other.is_enabled = True
    assert [server["slug"] for server in await servers(api)] == [
        f"linear--{one.id.hex[-6:]}",
        f"linear--{other.id.hex[-6:]}",
    ]
    async with of(today, "bob") as bob:
        assert [server["slug"] for server in await servers(bob)] == ["linear"]


@pytest.mark.parametrize(
    ("display_name", "url", "slug"),
    [
        ("", "https://mcp.example.com/mcp", "https-mcp-example-com-mcp"),
        ("日本", "https://mcp.example.com/mcp", "mcp-example-com"),
        ("日本", "", "server"),
    ],
)
async def test_a_name_without_letters_gets_a_slug_too(
    today: EmbeddedService, api: httpx.AsyncClient, display_name: str, url: str, slug: str
) -> None:
    today.add_installation(display_name=display_name, url=url, tools={"t": "approved"})
    assert [(server["name"], server["slug"]) for server in await servers(api)] == [(display_name or url, slug)]


async def test_a_template_lends_its_name(today: EmbeddedService, api: httpx.AsyncClient) -> None:
    template = today.add_template(name="Linear", url=URL)
    today.add_installation(display_name="", url=URL, template=template, tools={"t": "approved"})
    assert [server["name"] for server in await servers(api)] == ["Linear"]


async def test_tools_of_a_prepared_row_are_read_when_they_are_needed(
    today: EmbeddedService, api: httpx.AsyncClient
) -> None:
    row, server = today.add_installation(url=URL), ScriptedServer()
    today.add_mcp_server(URL, server)
    [listed] = await servers(api)
    assert [(tool["name"], tool["approval_state"]) for tool in listed["tools"]] == [
        ("add", "approved"),
        ("drop_table", "approved"),
    ]
    await servers(api)
    assert server.methods.count("tools/list") == 1
    assert row.last_synced_at is not None


async def test_a_prepared_row_without_a_server_has_no_tools(today: EmbeddedService, api: httpx.AsyncClient) -> None:
    row = today.add_installation()
    assert await servers(api) == []
    assert (row.tools, row.last_sync_error) == (None, "Upstream MCP server unreachable")
    assert (await api.get(f"/{row.id}/tools/")).json() == {"results": []}
