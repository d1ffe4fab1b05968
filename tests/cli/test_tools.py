"""Listing, approving and calling tools."""

import subprocess
import sys

import pytest

from posthog_mcp_store.testing import EmbeddedService, InstallationRecord, ToolRecord, serve_app

from ..support.mcp_servers import EverythingServer
from .conftest import Run
from .support import invoke, on_terminal

URL = "https://tools.example.com/mcp"
WITHOUT_MCP = """
import sys
sys.modules["mcp"] = None
from posthog_mcp_store.cli import main
main()
"""


def install(service: EmbeddedService, tools_url: str, name: str = "Tools", **options: object) -> InstallationRecord:
    tools = {
        "add": ToolRecord(name="add", description="Add two numbers.", approval_state="approved"),
        "greet": ToolRecord(name="greet", description="Greet\x1b[31m somebody\nby name."),
        "wipe": ToolRecord(name="wipe", approval_state="do_not_use"),
    }
    service.add_mcp_server(URL, tools_url)
    return service.add_installation(display_name=name, **{"url": URL, "tools": tools, **options})  # type: ignore[arg-type]


def test_tools_are_listed_with_their_states(service: EmbeddedService, tools_url: str, run: Run) -> None:
    row = install(service, tools_url)

    outcome = run("tools")

    lines = [line.split(maxsplit=3) for line in outcome.stdout.splitlines()]
    assert lines == [
        ["TOOL", "STATE", "INSTALLATION", "DESCRIPTION"],
        ["add", "approved", "Tools", "Add two numbers."],
        ["greet", "needs_approval", "Tools", "Greet [31m somebody by name."],
        ["wipe", "do_not_use", "Tools"],
    ]
    listed = run("tools", "Tools", "--json").json
    assert {tool["installation_id"] for tool in listed} == {str(row.id)}
    assert [tool["tool_name"] for tool in listed] == ["add", "greet", "wipe"]


def test_tools_are_read_from_the_server_again(service: EmbeddedService, tools_url: str, run: Run) -> None:
    install(service, tools_url, tools={})

    outcome = run("tools", "Tools", "--refresh")

    assert [line.split()[0] for line in outcome.stdout.splitlines()] == ["TOOL", "add", "greet"]


def test_no_tools_are_said_to_be_none(run: Run) -> None:
    assert run("tools").stdout == "There are no tools.\n"


def test_a_tool_is_approved_and_blocked(service: EmbeddedService, tools_url: str, run: Run) -> None:
    install(service, tools_url)

    assert "approved" in run("approve", "greet").stdout
    assert run("call", "greet", '{"name": "Ada"}').stdout == "Hello, Ada!\n"
    assert run("approve", "greet", "--state", "do_not_use", "--json").json["approval_state"] == "do_not_use"
    assert run("call", "greet", '{"name": "Ada"}').exit_code == 11


def test_a_stricter_rule_of_the_project_is_reported(service: EmbeddedService, tools_url: str, run: Run) -> None:
    install(service, tools_url)
    service.project().tool_rules["greet"] = "needs_approval"

    outcome = run("approve", "greet")

    assert outcome.exit_code == 4
    assert outcome.stderr == "The project's rules keep greet at needs_approval.\n"
    assert "needs_approval" in outcome.stdout


def test_a_state_that_the_project_does_not_allow_is_refused(service: EmbeddedService, tools_url: str, run: Run) -> None:
    row = install(service, tools_url)
    assert row.tools is not None
    row.tools["greet"].team_state = "do_not_use"

    outcome = run("approve", "greet")

    assert outcome.exit_code == 6
    assert "stricter ceiling" in outcome.stderr


def test_a_call_prints_the_result(service: EmbeddedService, tools_url: str, run: Run) -> None:
    install(service, tools_url)

    assert run("call", "add", '{"a": 19, "b": 23}').stdout == "42\n"
    assert run("call", "add", '{"a": 19, "b": 23}', "--json").json == {
        "content": [{"type": "text", "text": "42"}],
        "is_error": False,
        "structured_content": {"result": 42},
    }


def test_arguments_are_read_from_standard_input(service: EmbeddedService, tools_url: str, run: Run) -> None:
    install(service, tools_url)

    assert run("call", "add", "-", "-i", "Tools", typed='{"a": 1, "b": 2}').stdout == "3\n"


def test_ctrl_c_ends_the_wait_for_standard_input(service: EmbeddedService) -> None:
    environment = {"POSTHOG_PERSONAL_API_KEY": service.api_key, "POSTHOG_HOST": service.base_url}

    with on_terminal("call", "add", "-", env=environment) as terminal:
        exit_code = terminal.end_with_ctrl_c()

    assert exit_code == 130
    assert terminal.text == "mcp-store: interrupted\n"


@pytest.mark.parametrize("arguments", ["[1]", "{", "1", "[" * 100_000])
def test_arguments_that_are_no_json_object_are_refused(arguments: str, service: EmbeddedService, run: Run) -> None:
    outcome = run("call", "add", arguments)

    assert outcome.exit_code == 2
    assert outcome.stderr.startswith("mcp-store: the arguments ")
    assert service.requests == []


def test_a_call_that_needs_approval_says_how_to_approve(service: EmbeddedService, tools_url: str, run: Run) -> None:
    row = install(service, tools_url)

    outcome = run("call", "greet", '{"name": "Ada"}')

    assert outcome.exit_code == 10
    assert outcome.stderr == (
        "mcp-store: Tool 'greet' requires approval before it can be called\n"
        f"Try: mcp-store approve greet --installation {row.id}\n"
    )


def test_a_tool_that_fails_has_an_exit_code_of_its_own(service: EmbeddedService, tools_url: str, run: Run) -> None:
    install(service, tools_url)

    outcome = run("call", "add", '{"a": 1}')

    assert outcome.exit_code == 11
    assert "Field required" in outcome.stdout


def test_a_tool_that_nobody_has_is_not_found(service: EmbeddedService, tools_url: str, run: Run) -> None:
    install(service, tools_url)

    outcome = run("call", "fly")

    assert outcome.exit_code == 5
    assert outcome.stderr == "mcp-store: no installation has the tool fly\nTry: mcp-store tools\n"


def test_a_tool_that_the_named_installation_does_not_have_is_refused(
    service: EmbeddedService, tools_url: str, run: Run
) -> None:
    row = install(service, tools_url)

    outcome = run("call", "fly", "--installation", "Tools")

    assert outcome.exit_code == 11
    assert outcome.stderr.endswith(f"Try: mcp-store tools {row.id} --refresh\n")


def test_a_tool_that_can_not_be_approved_is_looked_for_with_a_command(
    service: EmbeddedService, tools_url: str, run: Run
) -> None:
    install(service, tools_url)

    outcome = run("approve", "fly", "--installation", "Tools")

    assert outcome.exit_code == 5
    assert "`mcp-store tools INSTALLATION --refresh` reads the server's tools again." in outcome.stderr
    assert "store.installations" not in outcome.stderr


def test_a_tool_of_several_installations_needs_its_installation(
    service: EmbeddedService, tools_url: str, run: Run
) -> None:
    install(service, tools_url)
    other = install(service, tools_url, "Others", url="https://others.example.com/mcp")

    outcome = run("call", "add", '{"a": 1, "b": 2}')

    assert outcome.exit_code == 2
    assert "several installations have the tool add: choose one with --installation" in outcome.stderr
    assert f"{other.id} (Others)" in outcome.stderr
    assert run("call", "add", '{"a": 1, "b": 2}', "-i", "Tools").stdout == "3\n"


def test_progress_is_shown_while_a_tool_runs(service: EmbeddedService) -> None:
    with serve_app(EverythingServer()) as host:
        install(service, f"{host}/mcp", tools=None)
        environment = {"POSTHOG_PERSONAL_API_KEY": service.api_key, "POSTHOG_HOST": service.base_url}

        with on_terminal("call", "count", '{"to": 3}', "-i", "Tools", env=environment) as terminal:
            exit_code = terminal.finish()

    assert exit_code == 0, terminal.text
    assert "Calling count of Tools" in terminal.text
    assert "count: 3 of 3" in terminal.text


def test_progress_without_a_total_and_content_that_is_no_text_are_shown(service: EmbeddedService, run: Run) -> None:
    with serve_app(EverythingServer()) as host:
        install(service, f"{host}/mcp", tools=None)

        outcome = run("call", "draw", "-i", "Tools")
        assert outcome.stdout == "[image image/png: see --json]\n"
        assert run("call", "count", '{"to": 2}', "-i", "Tools", env={"FORCE_COLOR": "1"}).stdout == "2\n"


def test_without_the_package_mcp_a_tool_is_called_in_one_request(service: EmbeddedService, tools_url: str) -> None:
    install(service, tools_url)
    environment = {"POSTHOG_PERSONAL_API_KEY": service.api_key, "POSTHOG_HOST": service.base_url}

    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", WITHOUT_MCP, "call", "add", '{"a": 19, "b": 23}'],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (ran.stdout, ran.stderr) == ("42\n", "")
    assert service.requests[-1].path.endswith("/call_tool/")


def test_what_mcp_would_do_in_a_session_is_done_in_one_request(
    service: EmbeddedService, tools_url: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(service, tools_url)
    monkeypatch.setitem(sys.modules, "posthog_mcp_store._mcp.connection", None)

    assert run("call", "add", '{"a": 19, "b": 23}', "--json").json["structured_content"] == {"result": 42}
    assert run("call", "greet", '{"name": "Ada"}').exit_code == 10


def test_an_old_instance_that_lists_no_tools_says_so(old_service: EmbeddedService) -> None:
    old_service.add_installation(display_name="Tools")
    environment = {"POSTHOG_PERSONAL_API_KEY": old_service.api_key, "POSTHOG_HOST": old_service.base_url}

    outcome = invoke("tools", env=environment)

    assert outcome.exit_code == 5
    assert "too old for this operation" in outcome.stderr


def test_a_tool_of_an_old_instance_is_called_all_the_same(old_service: EmbeddedService, tools_url: str) -> None:
    old_service.add_mcp_server(URL, tools_url)
    old_service.add_installation(display_name="Tools", url=URL)
    environment = {"POSTHOG_PERSONAL_API_KEY": old_service.api_key, "POSTHOG_HOST": old_service.base_url}

    assert invoke("call", "add", '{"a": 19, "b": 23}', "-i", "Tools", env=environment).stdout == "42\n"
