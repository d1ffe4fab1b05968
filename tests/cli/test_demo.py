"""`--demo`, which needs no account."""

import subprocess
import sys

import pytest

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


def test_tools_are_called_refused_and_approved() -> None:
    assert invoke("--demo", "call", "add", '{"a": 19, "b": 23}').stdout == "42\n"
    assert invoke("--demo", "call", "greet", '{"name": "Ada"}').exit_code == 10
    assert invoke("--demo", "call", "wipe").exit_code == 11
    assert "approved" in invoke("--demo", "approve", "greet").stdout


def test_the_doctor_finds_what_there_is_to_fix() -> None:
    outcome = invoke("--demo", "doctor")

    assert outcome.exit_code == 13
    assert "Try: mcp-store authorize Calendar" in outcome.stdout


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
