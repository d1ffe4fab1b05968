"""`--demo`, which needs no account."""

import runpy
import subprocess
import sys

import pytest

from posthog_mcp_store.cli import main

from .support import invoke

WITHOUT = """
import sys
for name in {missing!r}:
    sys.modules[name] = None
from posthog_mcp_store.cli import main
main()
"""


def test_it_shows_installations_in_every_state() -> None:
    outcome = invoke("--demo", "list")

    assert outcome.exit_code == 0
    for state in ("ready", "disabled", "not authorized", "needs reauth", "server failed"):
        assert state in outcome.stdout


@pytest.mark.parametrize("command", ["install Tracker", "install Calendar", "authorize Calendar", "authorize Wiki"])
def test_servers_are_authorized_without_a_browser(command: str) -> None:
    outcome = invoke("--demo", *command.split(), "--yes", "--json", "--timeout", "20")

    assert outcome.exit_code == 0, outcome.stderr
    assert (outcome.json["pending_oauth"], outcome.json["needs_reauth"]) == (False, False)


@pytest.mark.parametrize("options", [["--yes"], ["--no-browser"]])
def test_a_server_that_is_none_of_the_demos_has_no_provider(options: list[str]) -> None:
    outcome = invoke("--demo", "install", "Mine", "--url", "https://mine.example.com/mcp", *options)

    assert outcome.exit_code == 2
    said = "the demo has no OAuth provider for https://mine.example.com/mcp, only for its own servers"
    assert outcome.stderr == f"mcp-store: {said}\nTry: mcp-store --demo install Tracker\n"


@pytest.mark.parametrize(
    "options", [["https://tracker.example.com/mcp", "--yes"], ["https://mine.example.com/mcp", "--auth", "api_key"]]
)
def test_other_servers_that_are_not_in_the_catalogue_can_be_installed(options: list[str]) -> None:
    outcome = invoke("--demo", "install", "Mine", "--url", *options, "--json", env={"MCP_SERVER_API_KEY": "key"})

    assert outcome.exit_code == 0, outcome.stderr
    assert outcome.json["name"] == "Mine"


@pytest.mark.parametrize(
    ("command", "suggested"),
    [
        ("delete Notes", "--demo delete Notes --yes"),
        ("--project 1 delete Notes", "--project 1 --demo delete Notes --yes"),
        ("show nothing", "--demo list"),
        ("install nothing --project 1", "--project 1 --demo templates"),
    ],
)
def test_a_suggested_command_is_about_the_same_service_and_project(command: str, suggested: str) -> None:
    outcome = invoke("--demo", *command.split())

    assert outcome.stderr.splitlines()[-1] == f"Try: mcp-store {suggested}"


def test_tools_are_called_refused_and_approved() -> None:
    assert invoke("--demo", "call", "add", '{"a": 19, "b": 23}').stdout == "42\n"
    assert invoke("--demo", "call", "greet", '{"name": "Ada"}').exit_code == 10
    assert invoke("--demo", "call", "wipe").exit_code == 11
    assert "approved" in invoke("--demo", "approve", "greet").stdout


def test_the_doctor_finds_what_there_is_to_fix() -> None:
    outcome = invoke("--demo", "doctor")

    assert outcome.exit_code == 13
    assert "Try: mcp-store --demo authorize Calendar" in outcome.stdout


@pytest.fixture
def without_typer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "typer", None)
    monkeypatch.delitem(sys.modules, "posthog_mcp_store.cli._app")


def test_without_the_extra_one_line_says_what_to_install(
    without_typer: None, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main("acme")

    assert end.value.code == 2
    assert capsys.readouterr().err == 'acme needs: pip install "posthog-mcp-store[cli]"\n'


def test_another_missing_module_is_not_mistaken_for_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "posthog_mcp_store.cli._options", None)
    monkeypatch.delitem(sys.modules, "posthog_mcp_store.cli._app")

    with pytest.raises(ModuleNotFoundError, match="_options"):
        main()


def test_without_the_testing_kit_the_demo_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a vendored copy."""
    monkeypatch.setitem(sys.modules, "posthog_mcp_store.cli._demo", None)

    outcome = invoke("--demo", "list")

    assert outcome.exit_code == 2
    said = "--demo needs the testing kit, which this copy of posthog-mcp-store was made without"
    assert outcome.stderr == f"mcp-store: {said}\n"


def test_where_the_testing_kit_can_not_be_imported_the_demo_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(sys.modules, "posthog_mcp_store.cli._demo", raising=False)
    monkeypatch.setitem(sys.modules, "posthog_mcp_store.testing._service", None)

    outcome = invoke("--demo", "list")

    assert outcome.exit_code == 2
    assert outcome.stderr == 'mcp-store: --demo needs: pip install "posthog-mcp-store[testing]"\n'


def test_the_package_is_the_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["posthog_mcp_store", "list", "--help"])

    with pytest.raises(SystemExit) as end:
        runpy.run_module("posthog_mcp_store", run_name="__main__")

    assert not end.value.code
    assert capsys.readouterr().out.startswith("Usage: python -m posthog_mcp_store list [OPTIONS]")


@pytest.mark.parametrize(
    ("missing", "arguments", "said"),
    [
        (["typer"], ["list"], 'mcp-store needs: pip install "posthog-mcp-store[cli]"'),
        (["rich"], ["list"], 'mcp-store needs: pip install "posthog-mcp-store[cli]"'),
        (["starlette"], ["--demo", "list"], 'mcp-store: --demo needs: pip install "posthog-mcp-store[testing]"'),
        (["mcp"], ["--demo", "list"], 'mcp-store: --demo needs: pip install "posthog-mcp-store[testing]"'),
    ],
)
def test_a_missing_extra_is_named_in_one_line(missing: list[str], arguments: list[str], said: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", WITHOUT.format(missing=missing), *arguments],
        env={},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (ran.returncode, ran.stdout, ran.stderr) == (2, "", f"{said}\n")
