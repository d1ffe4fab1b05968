"""The tools of an installation: listing them, choosing their states, reading them again."""

from typing import Any

import httpx
import pytest
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp

from posthog_mcp_store.testing import EmbeddedService, InstallationRecord, ToolRecord, serve_app, tool_server

from .scripted_server import URL, ScriptedServer, broken, error, result, silent, tool
from .support import NOT_FOUND, forbidden, framework, invalid, of

CEILING = invalid(
    "invalid_input",
    "A team admin set a stricter ceiling for this tool. Choose the ceiling or a more restrictive state.",
    "approval_state",
)
NO = "{'code': -32603, 'message': 'no'}"
PREVIEW = f"content-type='text/plain; charset=utf-8', body_preview='{'x' * 200}'"
OWNERS_ONLY = forbidden("Only the credential owner can modify a shared server.")


@pytest.fixture
def server(today: EmbeddedService) -> ScriptedServer:
    server = ScriptedServer()
    today.add_mcp_server(URL, server)
    return server


@pytest.fixture
def row(today: EmbeddedService) -> InstallationRecord:
    return today.add_installation(url=URL, tools={"add": "needs_approval", "drop_table": "needs_approval"})


async def states(api: httpx.AsyncClient, row: InstallationRecord, query: str = "") -> dict[str, tuple[Any, ...]]:
    """What each tool's effective state is, and why."""
    answer = await api.get(f"/{row.id}/tools/{query}")
    assert (answer.status_code, list(answer.json())) == (200, ["results"])
    return {
        each["tool_name"]: (each["approval_state"], each["decided_by"], each["team_state"], each["locked"])
        for each in answer.json()["results"]
    }


async def choose(api: httpx.AsyncClient, row: InstallationRecord, name: str, state: str) -> tuple[int, Any]:
    answer = await api.patch(f"/{row.id}/tools/{name}/", json={"approval_state": state})
    return answer.status_code, answer.json()


async def refresh(api: httpx.AsyncClient, row: InstallationRecord) -> tuple[int, Any]:
    answer = await api.post(f"/{row.id}/tools/refresh/")
    return answer.status_code, answer.json()


async def test_a_tool_has_thirteen_fields(today: EmbeddedService, api: httpx.AsyncClient) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
    add = ToolRecord(name="add", display_name="Add", description="Adds", input_schema=schema, annotations={"x": 1})
    row = today.add_installation(tools={"add": add})
    [body] = (await api.get(f"/{row.id}/tools/")).json()["results"]
    assert body.pop("last_seen_at").endswith("Z")
    assert body.pop("created_at").endswith("Z")
    assert body == {
        "id": str(add.id),
        "tool_name": "add",
        "display_name": "Add",
        "description": "Adds",
        "input_schema": schema,
        "approval_state": "needs_approval",
        "team_state": None,
        "locked": False,
        "decided_by": "default",
        "removed_at": None,
        "updated_at": None,
    }


async def test_tools_are_sorted_and_removed_ones_are_left_out(today: EmbeddedService, api: httpx.AsyncClient) -> None:
    row = today.add_installation(tools={"z": "approved", "m": "removed", "a": "disabled"})
    assert list(await states(api, row)) == ["a", "z"]
    assert list(await states(api, row, "?include_removed=1")) == ["a", "m", "z"]
    assert list(await states(api, row, "?include_removed=true&limit=1")) == ["a", "z"]
    assert (await api.get(f"/{row.id}/tools/?include_removed=1")).json()["results"][1]["removed_at"].endswith("Z")


async def test_a_choice_takes_effect_at_once(
    api: httpx.AsyncClient, row: InstallationRecord, server: ScriptedServer
) -> None:
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "add"}}
    assert (await api.post(f"/{row.id}/proxy/", json=call)).json()["error"]["code"] == -32001
    before = row.updated_at
    status, body = await choose(api, row, "add", "approved")
    assert (status, body["tool_name"], body["approval_state"]) == (200, "add", "approved")
    assert (body["decided_by"], body["updated_at"] is None, row.updated_at) == ("scope", False, before)
    assert (await api.post(f"/{row.id}/proxy/", json=call)).json()["result"] == {}
    assert await states(api, row) == {
        "add": ("approved", "scope", None, False),
        "drop_table": ("needs_approval", "default", None, False),
    }


@pytest.mark.parametrize(
    ("body", "error_"),
    [
        ({}, invalid("required", "This field is required.", "approval_state")),
        ({"approval_state": None}, invalid("null", "This field may not be null.", "approval_state")),
        ({"approval_state": "no"}, invalid("invalid_choice", '"no" is not a valid choice.', "approval_state")),
    ],
)
@pytest.mark.parametrize("name", ["add", "unknown"])
async def test_a_choice_is_checked_before_the_tool_is_looked_up(
    api: httpx.AsyncClient, row: InstallationRecord, name: str, body: dict[str, Any], error_: object
) -> None:
    answer = await api.patch(f"/{row.id}/tools/{name}/", json=body)
    assert (answer.status_code, answer.json()) == (400, error_)


async def test_an_unknown_tool_is_not_found(api: httpx.AsyncClient, row: InstallationRecord) -> None:
    assert await choose(api, row, "unknown", "approved") == (404, {"detail": "Tool not found"})
    answer = await api.patch("/x/tools/add/", json={"approval_state": "approved"})
    assert (answer.status_code, answer.json()) == (404, NOT_FOUND)


@pytest.mark.parametrize("name", ["a b", "ä", "a.b", "a%2Cb"])
async def test_a_name_may_have_any_character_but_a_slash(
    today: EmbeddedService, api: httpx.AsyncClient, name: str
) -> None:
    row = today.add_installation(tools={name: "needs_approval"})
    status, body = await choose(api, row, name.replace("%", "%25"), "approved")
    assert (status, body.get("tool_name")) == (200, name)


@pytest.mark.parametrize("path", ["a/b", "a%2Fb"])
async def test_a_name_with_a_slash_is_not_reached(today: EmbeddedService, api: httpx.AsyncClient, path: str) -> None:
    row = today.add_installation(tools={"a/b": "needs_approval"})
    missing = framework("invalid_request", "not_found", "Endpoint not found.")
    assert await choose(api, row, path, "approved") == (404, missing)


async def test_a_tool_named_refresh_is_not_reached(today: EmbeddedService, api: httpx.AsyncClient) -> None:
    row = today.add_installation(tools={"refresh": "needs_approval"})
    refused = framework("invalid_request", "method_not_allowed", 'Method "PATCH" not allowed.')
    assert await choose(api, row, "refresh", "approved") == (405, refused)


async def test_others_see_the_tools_of_a_shared_row_but_do_not_change_them(
    today: EmbeddedService, api: httpx.AsyncClient, row: InstallationRecord, server: ScriptedServer
) -> None:
    today.project().admins.add("bob")
    row.scope = "shared"
    async with of(today, "bob") as bob:
        assert await choose(bob, row, "add", "approved") == (403, OWNERS_ONLY)
        assert await refresh(bob, row) == (403, OWNERS_ONLY)
        await choose(api, row, "add", "approved")
        assert (await states(bob, row))["add"] == ("approved", "legacy", None, False)
    assert (await states(api, row))["add"] == ("approved", "scope", None, False)
    assert server.requests == []


class TestPolicy:
    @pytest.mark.parametrize(
        ("preset", "expected"),
        [
            ("", ["needs_approval", "needs_approval"]),
            ("allow", ["approved", "approved"]),
            ("user", ["needs_approval", "needs_approval"]),
            ("ask", ["approved", "needs_approval"]),
            ("block", ["approved", "do_not_use"]),
        ],
    )
    async def test_a_preset_is_the_ceiling_where_nothing_else_is_said(
        self, today: EmbeddedService, api: httpx.AsyncClient, row: InstallationRecord, preset: Any, expected: list[str]
    ) -> None:
        today.project().tool_preset = preset
        by_preset = [(state, "preset", state, state == "do_not_use") for state in expected]
        by_default = [("needs_approval", "default", None, False)] * 2
        assert list((await states(api, row)).values()) == (by_preset if preset else by_default)

    @pytest.mark.parametrize(
        ("name", "annotations", "is_destructive"),
        [
            ("dropTable", {}, True),
            ("revoked-keys", {}, True),
            ("WIPE", {}, True),
            ("dropbox_list", {}, False),
            ("undo", {"destructiveHint": True}, True),
            ("delete", {"destructiveHint": False}, True),
            ("get", {"destructiveHint": "yes"}, False),
        ],
    )
    async def test_a_verb_or_a_hint_makes_a_tool_destructive(
        self,
        today: EmbeddedService,
        api: httpx.AsyncClient,
        name: str,
        annotations: dict[str, Any],
        is_destructive: bool,
    ) -> None:
        today.project().tool_preset = "block"
        row = today.add_installation(tools={name: ToolRecord(name=name, annotations=annotations)})
        assert (await states(api, row))[name][0] == ("do_not_use" if is_destructive else "approved")

    async def test_the_teams_own_row_outranks_the_preset(
        self, today: EmbeddedService, api: httpx.AsyncClient, row: InstallationRecord
    ) -> None:
        today.project().tool_preset = "allow"
        assert row.tools is not None
        row.tools["add"].team_state = "needs_approval"
        row.tools["drop_table"] = "blocked_by_team"
        assert await states(api, row) == {
            "add": ("needs_approval", "team", "needs_approval", False),
            "drop_table": ("do_not_use", "team", "do_not_use", True),
        }

    @pytest.mark.parametrize("ceiling", ["approved", "needs_approval", "do_not_use"])
    @pytest.mark.parametrize("choice", ["approved", "needs_approval", "do_not_use"])
    async def test_the_stricter_of_choice_and_ceiling_holds(
        self,
        api: httpx.AsyncClient,
        row: InstallationRecord,
        choice: Any,
        ceiling: Any,
    ) -> None:
        strictness = ["approved", "needs_approval", "do_not_use"]
        assert row.tools is not None
        tool = row.tools["add"]
        tool.choices["alice"], tool.team_state = choice, ceiling
        is_allowed = strictness.index(choice) >= strictness.index(ceiling)
        state = (choice, "scope") if is_allowed else (ceiling, "team")
        assert (await states(api, row))["add"] == (*state, ceiling, ceiling == "do_not_use")

    async def test_less_than_the_ceiling_can_not_be_chosen(
        self, api: httpx.AsyncClient, row: InstallationRecord
    ) -> None:
        assert row.tools is not None
        row.tools["add"].team_state = "needs_approval"
        assert await choose(api, row, "add", "approved") == (400, CEILING)
        assert (await choose(api, row, "add", "do_not_use"))[0] == 200
        assert (await states(api, row))["add"][:2] == ("do_not_use", "scope")

    @pytest.mark.parametrize(("pattern", "name"), [("dr*", "drop_table"), ("", "drop_table"), ("a?d", "add")])
    async def test_a_rule_locks_a_tool_in_its_state(
        self, today: EmbeddedService, api: httpx.AsyncClient, row: InstallationRecord, pattern: str, name: str
    ) -> None:
        today.project().tool_rules[pattern] = "do_not_use"
        await choose(api, row, "add", "approved")
        await choose(api, row, "drop_table", "approved")
        found = await states(api, row)
        assert found.pop(name) == ("do_not_use", "rule", None, True)
        assert list(found.values()) == [("approved", "scope", None, False)]

    async def test_the_strictest_rule_decides_and_may_allow_too(
        self, today: EmbeddedService, api: httpx.AsyncClient, row: InstallationRecord
    ) -> None:
        today.project().tool_preset = "block"
        today.project().tool_rules["*"] = "approved"
        assert (await states(api, row))["drop_table"] == ("approved", "rule", "do_not_use", True)
        today.project().tool_rules[""] = "needs_approval"
        assert (await states(api, row))["drop_table"] == ("needs_approval", "rule", "do_not_use", True)

    async def test_asking_for_the_stored_state_changes_nothing(
        self, today: EmbeddedService, api: httpx.AsyncClient, row: InstallationRecord
    ) -> None:
        today.project().tool_preset = "allow"
        status, body = await choose(api, row, "add", "needs_approval")
        assert (status, body["approval_state"], body["decided_by"]) == (200, "approved", "preset")
        assert body["updated_at"] is None
        await choose(api, row, "add", "do_not_use")
        status, body = await choose(api, row, "add", "needs_approval")
        assert (status, body["approval_state"], body["decided_by"]) == (200, "needs_approval", "scope")


class TestRefreshing:
    async def test_reads_the_tools_by_the_handshake_of_2024(
        self, today: EmbeddedService, api: httpx.AsyncClient, row: InstallationRecord, server: ScriptedServer
    ) -> None:
        row.tools = {}
        server.tools = [
            tool("sell", title="Sell", description="Sells", annotations={"readOnlyHint": False}),
            tool("buy", displayName="Buy", inputSchema=None),
        ]
        before = row.updated_at
        status, body = await refresh(api, row)
        assert (status, list(body), [each["tool_name"] for each in body["results"]]) == (
            200,
            ["results"],
            ["buy", "sell"],
        )
        buy, sell = body["results"]
        assert (sell["display_name"], sell["description"], sell["input_schema"]) == (
            "Sell",
            "Sells",
            {"type": "object"},
        )
        assert (buy["display_name"], buy["description"], buy["input_schema"]) == ("Buy", "", {})
        assert {buy["approval_state"], sell["approval_state"]} == {"needs_approval"}
        assert server.methods == ["initialize", "notifications/initialized", "tools/list", "DELETE"]
        assert server.messages[0]["params"]["protocolVersion"] == "2024-11-05"
        sessions = [request.headers.get("mcp-session-id") for request in server.requests]
        assert sessions == [None, "session-1", "session-1", "session-1"]
        assert {request.headers["authorization"] for request in server.requests} == {"Bearer upstream-key"}
        assert (row.last_sync_error, row.updated_at) == ("", before)
        assert row.last_synced_at is not None
        assert row.tools is not None
        assert row.tools["sell"].annotations == {"readOnlyHint": False}

    async def test_reads_the_first_page_only(
        self, api: httpx.AsyncClient, row: InstallationRecord, server: ScriptedServer
    ) -> None:
        server.answers["tools/list"] = result({"tools": [tool("add")], "nextCursor": "2"})
        _, body = await refresh(api, row)
        assert [each["tool_name"] for each in body["results"]] == ["add"]
        assert server.methods.count("tools/list") == 1

    async def test_keeps_the_states_of_known_tools_and_marks_those_that_are_gone(
        self, api: httpx.AsyncClient, row: InstallationRecord, server: ScriptedServer
    ) -> None:
        await choose(api, row, "add", "approved")
        await choose(api, row, "drop_table", "do_not_use")
        server.tools = [tool("add", description="New")]
        _, body = await refresh(api, row)
        assert [(each["tool_name"], each["description"], each["approval_state"]) for each in body["results"]] == [
            ("add", "New", "approved")
        ]
        assert row.tools is not None
        gone_since = row.tools["drop_table"].removed_at
        assert gone_since is not None
        await refresh(api, row)
        assert row.tools["drop_table"].removed_at == gone_since
        server.tools = [tool("drop_table")]
        _, body = await refresh(api, row)
        assert [(each["tool_name"], each["approval_state"]) for each in body["results"]] == [
            ("drop_table", "do_not_use")
        ]

    async def test_skips_what_is_no_tool(
        self, api: httpx.AsyncClient, row: InstallationRecord, server: ScriptedServer
    ) -> None:
        server.answers["tools/list"] = result({"tools": ["add", {}, {"name": ""}, tool("add")]})
        _, body = await refresh(api, row)
        assert [each["tool_name"] for each in body["results"]] == ["add"]

    async def test_is_refused_for_a_disabled_row(
        self, api: httpx.AsyncClient, row: InstallationRecord, server: ScriptedServer
    ) -> None:
        row.is_enabled = False
        assert await refresh(api, row) == (400, {"detail": "Installation is disabled"})
        assert server.requests == []

    async def test_needs_no_session(
        self, api: httpx.AsyncClient, row: InstallationRecord, server: ScriptedServer
    ) -> None:
        server.session = ""
        assert (await refresh(api, row))[0] == 200
        assert server.methods == ["initialize", "notifications/initialized", "tools/list"]

    @pytest.mark.parametrize("answer", [Response(status_code=500), broken])
    async def test_does_not_need_the_notification(
        self, api: httpx.AsyncClient, row: InstallationRecord, server: ScriptedServer, answer: ASGIApp
    ) -> None:
        server.answers["notifications/initialized"] = answer
        assert (await refresh(api, row))[0] == 200

    async def test_reads_event_streams(
        self, api: httpx.AsyncClient, row: InstallationRecord, server: ScriptedServer
    ) -> None:
        stream = (
            ': comment\n\ndata: {"method": "notifications/message"}\n\ndata: no JSON\n\nevent: message\n'
            'data: {"jsonrpc":"2.0","id":2,"result":{"tools":[{"name":"streamed"}]}}\n\n'
        )
        server.answers["tools/list"] = Response(stream, media_type="text/event-stream")
        _, body = await refresh(api, row)
        assert [each["tool_name"] for each in body["results"]] == ["streamed"]

    @pytest.mark.parametrize(
        ("method", "answer", "reason"),
        [
            ("initialize", Response(status_code=401), "Upstream initialize returned status 401"),
            ("initialize", error("no"), f"Upstream initialize returned error: {NO}"),
            ("tools/list", Response(status_code=500), "Upstream returned status 500"),
            ("tools/list", error("no"), f"Upstream tools/list returned error: {NO}"),
            ("tools/list", result({}), "tools/list response missing 'result.tools' array"),
            ("tools/list", result([]), "tools/list response missing 'result.tools' array"),
            ("tools/list", PlainTextResponse("[]"), "tools/list response missing 'result.tools' array"),
            ("tools/list", PlainTextResponse("x" * 300), f"Upstream tools/list response was not JSON ({PREVIEW})"),
            (
                "tools/list",
                Response('data: {"id": 7}\n\n', media_type="text/event-stream"),
                "Upstream tools/list SSE response did not contain a JSON-RPC message with id=2",
            ),
        ],
    )
    async def test_reports_why_the_server_failed(  # noqa: PLR0917
        self,
        api: httpx.AsyncClient,
        row: InstallationRecord,
        server: ScriptedServer,
        method: str,
        answer: Response,
        reason: str,
    ) -> None:
        server.answers[method] = answer
        synced_at = row.last_synced_at
        detail = f"Could not refresh tools from the upstream MCP server: {reason}"
        assert await refresh(api, row) == (502, {"detail": detail})
        assert (row.last_sync_error, row.last_synced_at) == (reason, synced_at)
        assert list(await states(api, row)) == ["add", "drop_table"]
        # The session is ended all the same.
        assert (server.methods[-1] == "DELETE") is (method == "tools/list")

    async def test_reports_what_is_not_reached(self, api: httpx.AsyncClient, row: InstallationRecord) -> None:
        _, body = await refresh(api, row)
        assert body["detail"].endswith(": Upstream MCP server unreachable")
        row.url = "https://10.0.0.1/"
        _, body = await refresh(api, row)
        assert body["detail"].endswith(": URL not allowed: Private IP address not allowed")

    async def test_reports_a_server_that_is_gone(
        self, today: EmbeddedService, api: httpx.AsyncClient, row: InstallationRecord
    ) -> None:
        today.add_mcp_server(URL, "http://127.0.0.1:1/mcp")
        _, body = await refresh(api, row)
        assert body["detail"].endswith(": Upstream MCP server unreachable")

    async def test_reports_a_server_that_is_slow(self) -> None:
        service = EmbeddedService(upstream_timeout=0.05)
        row = service.add_installation(url=URL, tools={})
        service.add_mcp_server(URL, ScriptedServer(answers={"tools/list": silent}))
        async with of(service, "alice") as client:
            _, body = await refresh(client, row)
        assert body["detail"].endswith(": Upstream MCP server timed out")

    async def test_keeps_no_record_of_a_connection_that_breaks(
        self, api: httpx.AsyncClient, row: InstallationRecord, server: ScriptedServer
    ) -> None:
        server.answers["tools/list"] = broken
        assert (await refresh(api, row))[0] == 500
        assert row.last_sync_error == ""

    async def test_cuts_long_reasons(
        self, api: httpx.AsyncClient, row: InstallationRecord, server: ScriptedServer
    ) -> None:
        server.answers["tools/list"] = error("x" * 1000)
        _, body = await refresh(api, row)
        assert (len(row.last_sync_error), len(body["detail"]) > 1000) == (500, True)

    async def test_follows_a_redirect_within_the_origin(
        self, today: EmbeddedService, api: httpx.AsyncClient, row: InstallationRecord
    ) -> None:
        server, paths = ScriptedServer(), []

        async def moved(scope: Any, receive: Any, send: Any) -> None:
            paths.append(scope["path"])
            is_old = scope["path"] == "/mcp"
            app = Response(status_code=307, headers={"Location": "/mcp/"}) if is_old else server
            await app(scope, receive, send)

        today.add_mcp_server(URL, moved)
        assert (await refresh(api, row))[0] == 200
        # The handshake's first redirect holds for the rest of the session.
        assert paths == ["/mcp", *["/mcp/"] * 4]

    @pytest.mark.parametrize("json_response", [True, False])
    async def test_works_with_a_real_server(self, json_response: bool) -> None:
        service = EmbeddedService(approve_new_tools=True)
        row = service.add_installation(url=URL, tools={})
        with serve_app(tool_server(json_response=json_response, stateless=False)) as host:
            service.add_mcp_server(URL, f"{host}/mcp")
            async with of(service, "alice") as client:
                status, body = await refresh(client, row)
        assert status == 200
        assert [(each["tool_name"], each["description"], each["approval_state"]) for each in body["results"]] == [
            ("add", "Add two numbers.", "approved"),
            ("greet", "Greet somebody by name.", "approved"),
        ]
