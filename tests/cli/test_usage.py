"""Wrong arguments."""

import pytest
import typer

from posthog_mcp_store.cli._app import COMMANDS, usage_failure

from .support import invoke


@pytest.mark.parametrize(
    ("arguments", "said", "suggested"),
    [
        ("list --nope", "No such option: --nope", "list --help"),
        ("list extra", "Got unexpected extra argument(s) (extra)", "list --help"),
        ("list --region fr", "Invalid value for '--region': 'fr' is not one of 'us', 'eu'", "list --help"),
        ("--region fr list", "Invalid value for '--region': 'fr' is not one of 'us', 'eu'", "--help"),
        ("nonsense", "No such command 'nonsense'", "--help"),
        ("install", "Missing argument 'NAME'", "install --help"),
        ("--demo", "Missing command", "--help"),
        ("--region", "Option '--region' requires an argument", None),
    ],
)
def test_wrong_arguments_are_one_line_or_an_object(arguments: str, said: str, suggested: str | None) -> None:
    action = f"mcp-store {suggested}" if suggested else None

    outcome = invoke(*arguments.split())
    as_json = invoke("--json", *arguments.split())

    assert (outcome.exit_code, outcome.stdout) == (as_json.exit_code, as_json.stdout) == (2, "")
    assert outcome.stderr == f"mcp-store: {said}\n" + (f"Try: {action}\n" if action else "")
    assert as_json.error == {"kind": "usage", "exit_code": 2, "message": said, "action": action}
    assert len(as_json.stderr.splitlines()) == 1


@pytest.mark.parametrize("name", COMMANDS)
def test_json_may_come_before_the_mistake_or_after_it(name: str) -> None:
    for arguments in ([name, "--json", "--nope"], [name, "--nope", "--json"]):
        assert invoke(*arguments).error["action"] == f"mcp-store {name} --help"


def test_json_after_two_dashes_is_no_option() -> None:
    outcome = invoke("list", "--", "--json")

    assert outcome.stderr.startswith("mcp-store: Got unexpected extra argument(s) (--json)\n")


def test_the_beginning_of_the_message_in_some_versions_of_typer_is_left_out() -> None:
    error = typer.BadParameter("Value error, 'fr' is not one of 'us', 'eu'.", param_hint="'--region'")

    assert usage_failure(error).message == "Invalid value for '--region': 'fr' is not one of 'us', 'eu'"
