"""Installing and authorizing servers."""

import asyncio
import webbrowser
from collections.abc import Iterator

import pytest

from posthog_mcp_store.testing import EmbeddedService, Fault, RecordedRequest, give_consent

from ..support.oauth_stack import SERVER_URL, OAuthStack, serve_oauth_stack
from .support import Outcome, invoke, on_terminal

CUSTOM = ("install", "Calendar", "--url", SERVER_URL, "--timeout", "20")


@pytest.fixture
def stack() -> Iterator[OAuthStack]:
    with serve_oauth_stack(EmbeddedService()) as stack:
        yield stack


def run(stack: OAuthStack, *arguments: str, **options: object) -> Outcome:
    return invoke(*arguments, **{"env": environment(stack), **options})  # type: ignore[arg-type]


def environment(stack: OAuthStack) -> dict[str, str]:
    return {"POSTHOG_PERSONAL_API_KEY": stack.service.api_key, "POSTHOG_HOST": stack.service.base_url}


def finish_after_a_poll(stack: OAuthStack) -> None:
    """Finish each flow between its first and its second poll."""
    polls: list[RecordedRequest] = []

    def finish(request: RecordedRequest) -> None:
        if "install_" in request.path or "authorize" in request.path:
            polls.clear()
            return
        polls.append(request)
        if len(polls) == 2:
            row = stack.service.installations[-1]
            row.access_token, row.needs_reauth = "token", False

    stack.service.before_each = finish


def test_a_server_with_an_api_key_is_installed(stack: OAuthStack) -> None:
    options = ("--auth", "api_key", "--description", "All orders", "--shared")
    given = {**environment(stack), "MCP_SERVER_API_KEY": "the server's key"}
    stack.service.project().admins.add("alice")

    outcome = run(stack, "install", "Orders", "--url", "https://orders.example.com/mcp", *options, env=given)

    (row,) = stack.service.installations
    assert outcome.exit_code == 0, outcome.stderr
    assert (row.display_name, row.api_key, row.description, row.scope) == (
        "Orders",
        "the server's key",
        "All orders",
        "shared",
    )
    assert "the server's key" not in outcome.stdout + outcome.stderr


def test_the_servers_key_is_asked_for_on_a_terminal(stack: OAuthStack) -> None:
    stack.service.add_template(name="Orders", url="https://orders.example.com/mcp", auth_type="api_key")

    outcome = run(stack, "install", "orders", "--json", typed="typed key\n")

    assert outcome.exit_code == 0, outcome.stderr
    assert stack.service.installations[0].api_key == "typed key"
    assert "MCP_SERVER_API_KEY is not set" in outcome.stderr
    assert outcome.json["name"] == "Orders"


def test_without_the_servers_key_nothing_is_installed(stack: OAuthStack) -> None:
    outcome = run(stack, "install", "Orders", "--url", "https://orders.example.com/mcp", "--auth", "api_key")

    assert outcome.exit_code == 2
    assert outcome.stderr == "mcp-store: no API key of the MCP server: set MCP_SERVER_API_KEY\n"
    assert stack.service.installations == []


def test_in_a_pipe_the_url_is_printed_and_the_installation_is_the_only_output(stack: OAuthStack) -> None:
    finish_after_a_poll(stack)

    outcome = run(stack, *CUSTOM, "--json")

    assert outcome.exit_code == 0, outcome.stderr
    assert outcome.json["pending_oauth"] is False
    assert outcome.stderr.splitlines()[1].startswith(f"{stack.provider.issuer}/authorize?")


def test_a_template_that_uses_oauth_is_installed(stack: OAuthStack) -> None:
    template = stack.service.add_template(name="Calendar", url=SERVER_URL)
    finish_after_a_poll(stack)

    outcome = run(stack, "install", "Calendar", "--json", "--timeout", "20")

    assert outcome.exit_code == 0, outcome.stderr
    assert outcome.json["template_id"] == str(template.id)


def test_an_unknown_template_is_not_found(stack: OAuthStack) -> None:
    outcome = run(stack, "install", "Nothing")

    assert outcome.exit_code == 5
    assert outcome.stderr == "mcp-store: the catalogue has no server 'Nothing'\nTry: mcp-store templates\n"


def test_an_installation_that_nobody_authorizes_in_time_is_deleted(stack: OAuthStack) -> None:
    stack.service.add_installation(display_name="Bystander", auth_type="oauth", pending_oauth=True)

    outcome = run(stack, *CUSTOM, "--timeout", "1")

    assert outcome.exit_code == 12
    assert "Deleted the unfinished installation Calendar." in outcome.stderr
    assert "the access was not allowed within 1 s" in outcome.stderr
    assert [row.display_name for row in stack.service.installations] == ["Bystander"]


def test_an_installation_that_was_there_before_is_kept(stack: OAuthStack) -> None:
    finish_after_a_poll(stack)
    assert run(stack, *CUSTOM).exit_code == 0
    stack.service.before_each = None

    assert run(stack, *CUSTOM, "--timeout", "1").exit_code == 12
    assert [row.display_name for row in stack.service.installations] == ["Calendar"]


def test_an_unfinished_installation_that_can_not_be_deleted_is_reported(stack: OAuthStack) -> None:
    stack.service.inject(Fault(method="DELETE", status=403))

    outcome = run(stack, *CUSTOM, "--timeout", "1")

    assert "An unfinished installation may be left. See: mcp-store list" in outcome.stderr
    assert outcome.exit_code == 12


def test_a_refused_installation_says_why(stack: OAuthStack) -> None:
    outcome = run(stack, "install", "Mine", "--url", "http://localhost/mcp", "--json")

    assert outcome.exit_code == 6
    assert (outcome.error["kind"], outcome.error["exit_code"]) == ("refused", 6)
    assert "Local/Loopback host not allowed" in outcome.error["message"]


def test_a_server_that_is_installed_already_is_in_the_list(stack: OAuthStack) -> None:
    row = stack.service.add_installation(display_name="Orders")
    given = {**environment(stack), "MCP_SERVER_API_KEY": "key"}

    outcome = run(stack, "install", "Mine", "--url", row.url, "--auth", "api_key", env=given)

    assert outcome.exit_code == 6
    said, action = outcome.stderr.splitlines()
    assert said.endswith(f"Find it by its url ({row.url}) in `mcp-store list`, and use it or delete it first.")
    assert action == "Try: mcp-store list"


def test_an_installation_is_authorized_again(stack: OAuthStack) -> None:
    finish_after_a_poll(stack)
    assert run(stack, *CUSTOM).exit_code == 0
    stack.service.installations[0].needs_reauth = True

    outcome = run(stack, "authorize", "Calendar", "--timeout", "20")

    assert outcome.exit_code == 0, outcome.stderr
    assert "state           ready" in outcome.stdout


def test_an_installation_with_an_api_key_can_not_be_authorized(stack: OAuthStack) -> None:
    stack.service.add_installation(display_name="Orders")

    outcome = run(stack, "authorize", "Orders")

    assert outcome.exit_code == 2
    assert "Orders uses an API key" in outcome.stderr


@pytest.mark.parametrize("command", [CUSTOM, ("authorize", "Calendar")])
def test_consent_without_a_browser_is_for_the_demo(command: tuple[str, ...], stack: OAuthStack) -> None:
    outcome = run(stack, *command, "--yes")

    assert outcome.exit_code == 2
    assert "--yes works with --demo only" in outcome.stderr
    assert stack.service.requests == []


@pytest.mark.parametrize("command", [CUSTOM, ("authorize", "Wiki")])
def test_ctrl_c_leaves_nothing_behind(command: tuple[str, ...], stack: OAuthStack) -> None:
    if command[0] == "authorize":
        stack.service.add_installation(display_name="Wiki", auth_type="oauth", pending_oauth=True)
    before = list(stack.service.installations)

    with on_terminal(*command, "--no-browser", env=environment(stack)) as terminal:
        terminal.until("Waiting for you")
        terminal.until("authorize?")
        exit_code = terminal.end_with_ctrl_c()

    assert exit_code == 130
    assert terminal.text.endswith("mcp-store: interrupted\n")
    assert stack.service.installations == before


def test_the_page_opens_in_the_browser_and_the_status_line_ends_with_the_consent(
    stack: OAuthStack, tmp_path_factory: pytest.TempPathFactory
) -> None:
    directory = tmp_path_factory.mktemp("browser")
    browser = directory / "browser"
    browser.write_text(
        f'#!/bin/sh\nprintf "%s" "$1" > "{directory}/new" && mv "{directory}/new" "{directory}/opened"\n'
    )
    browser.chmod(0o755)

    with on_terminal(*CUSTOM, env={"BROWSER": str(browser), **environment(stack)}) as terminal:
        terminal.until(f"Allow the access at {stack.provider.issuer}")
        url = (directory / "opened").read_text()
        asyncio.run(give_consent(url))
        exit_code = terminal.finish()

    assert exit_code == 0, terminal.text
    assert url not in terminal.text
    assert "\x1b[?25h" in terminal.shown, "the cursor is still hidden"
    assert "state           ready" in terminal.text


def test_only_where_a_browser_opens_the_url_is_not_shown(stack: OAuthStack, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda url: not opened.append(url))  # type: ignore[func-returns-value]
    finish_after_a_poll(stack)
    terminal = {**environment(stack), "FORCE_COLOR": "1", "DISPLAY": ":1"}

    outcome = run(stack, *CUSTOM, env=terminal)

    assert outcome.exit_code == 0, outcome.stderr
    (url,) = opened
    assert url.startswith(f"{stack.provider.issuer}/authorize?")
    assert url not in outcome.stderr
    assert run(stack, "authorize", "Calendar", "--no-browser", "--timeout", "1", env=terminal).exit_code == 12
    assert len(opened) == 1


def test_a_terminal_without_a_browser_gets_the_url(stack: OAuthStack) -> None:
    finish_after_a_poll(stack)

    outcome = run(stack, *CUSTOM, env={**environment(stack), "FORCE_COLOR": "1", "DISPLAY": "", "WAYLAND_DISPLAY": ""})

    assert outcome.exit_code == 0, outcome.stderr
    assert f"{stack.provider.issuer}/authorize?" in outcome.stderr
