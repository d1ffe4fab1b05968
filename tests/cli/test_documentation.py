"""docs/cli.md says what `--help` says, and what the code does."""

import re
from pathlib import Path

import pytest

from posthog_mcp_store.cli._app import COMMANDS
from posthog_mcp_store.cli._errors import ExitCode

from .support import invoke

PAGE = (Path(__file__).parents[2] / "docs" / "cli.md").read_text()
ROWS = re.findall(r"^\| `mcp-store (\w+)(.*?)` \| (.*?) \|$", PAGE, re.MULTILINE)


def test_the_page_lists_the_commands_in_the_order_of_the_help() -> None:
    assert [name for name, _, _ in ROWS] == list(COMMANDS)


@pytest.mark.parametrize(("name", "arguments", "text"), ROWS, ids=[row[0] for row in ROWS])
def test_a_command_is_described_as_its_help_describes_it(name: str, arguments: str, text: str) -> None:
    # typer puts the names of arguments into braces.
    shown = re.sub("[{}]", "", " ".join(invoke(name, "--help").stdout.split()))

    assert shown.startswith(f"Usage: mcp-store {name} [OPTIONS]{arguments} {text}")


def test_no_short_help_is_cut() -> None:
    shown = invoke("--help", env={"COLUMNS": "90"}).stdout

    assert "..." not in shown.partition("Commands:")[2]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_prints_json_and_the_page_says_what(name: str) -> None:
    assert "--json" in invoke(name, "--help").stdout
    table = PAGE.partition("## JSON")[2].partition("## ")[0]
    assert f"`{name}`" in table


def test_the_page_lists_the_exit_codes() -> None:
    listed = re.findall(r"^\| (\d+) \| `(\w+)` \|", PAGE, re.MULTILINE)

    assert [(int(code), kind) for code, kind in listed] == [(int(code), code.name.lower()) for code in ExitCode]


@pytest.mark.parametrize("option", ["--host", "--region", "--project", "--demo", "--json", "--yes", "--no-browser"])
def test_the_page_explains_the_options_of_several_commands(option: str) -> None:
    assert f"`{option}`" in PAGE


def test_no_option_takes_a_key() -> None:
    for name in COMMANDS:
        assert not re.search(r"--\S*(key|secret|token)", invoke(name, "--help").stdout)


def test_completion_knows_the_commands() -> None:
    outcome = invoke(env={"_MCP_STORE_COMPLETE": "complete_bash", "COMP_WORDS": "mcp-store te", "COMP_CWORD": "1"})

    assert outcome.stdout.split() == ["templates"]
