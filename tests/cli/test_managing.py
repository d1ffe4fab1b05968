"""Showing and changing installations."""

import pytest

from posthog_mcp_store.testing import EmbeddedService

from .conftest import Run
from .support import invoke


def test_list_shows_each_installation_and_whether_it_can_be_used(service: EmbeddedService, run: Run) -> None:
    for name, options in {
        "Ready": {},
        "Off": {"is_enabled": False},
        "Waiting": {"auth_type": "oauth", "pending_oauth": True},
        "Expired": {"auth_type": "oauth", "needs_reauth": True},
        "Broken": {"last_sync_error": "502"},
    }.items():
        service.add_installation(display_name=name, **options)  # type: ignore[arg-type]

    outcome = run("list")

    assert outcome.exit_code == 0
    lines = [line.split("  ") for line in outcome.stdout.splitlines()]
    assert lines[0][0] == "NAME"
    states = {line[0]: next(word.strip() for word in line[1:] if word) for line in lines[1:]}
    assert states == {
        "Broken": "server failed",
        "Expired": "needs reauth",
        "Waiting": "not authorized",
        "Off": "disabled",
        "Ready": "ready",
    }


def test_list_as_json_has_the_fields_of_the_api(service: EmbeddedService, run: Run) -> None:
    row = service.add_installation(display_name="Orders")

    (listed,) = run("list", "--json").json

    assert (listed["id"], listed["name"], listed["url"], listed["is_enabled"]) == (str(row.id), "Orders", row.url, True)


def test_list_says_that_nothing_is_installed_and_what_to_do(run: Run) -> None:
    assert run("list").stdout == "Nothing is installed. See what there is with: mcp-store templates\n"
    assert run("list", "--json").json == []


def test_templates_are_listed(service: EmbeddedService, run: Run) -> None:
    template = service.add_template(name="Calendar", url="https://calendar.example.com/mcp", description="Meetings")

    outcome = run("templates")

    assert outcome.stdout.splitlines()[1].split() == ["Calendar", "oauth", "dev", "Meetings"]
    assert [each["id"] for each in run("templates", "--json").json] == [str(template.id)]


@pytest.mark.parametrize("called", ["Orders", "ORDERS", "https://orders.example.com/mcp", "id", "beginning"])
def test_an_installation_is_found_by_what_people_call_it(called: str, service: EmbeddedService, run: Run) -> None:
    service.add_installation(display_name="Other", scope="shared")
    row = service.add_installation(
        display_name="Orders", url="https://orders.example.com/mcp", description="All of them"
    )
    text = {"id": str(row.id), "beginning": str(row.id)[:8]}.get(called, called)

    outcome = run("show", text)

    fields = dict(line.split(maxsplit=1) for line in outcome.stdout.splitlines())
    assert (fields["name"], fields["url"], fields["description"]) == ("Orders", row.url, "All of them")
    assert fields["scope"] == "personal, owned by you"
    assert run("show", text, "--json").json["id"] == str(row.id)


def test_a_shared_installation_of_somebody_else_says_so(service: EmbeddedService, run: Run) -> None:
    service.add_installation(display_name="Team", user="bob", scope="shared")

    assert "shared, owned by somebody else in the project" in run("show", "Team").stdout


def test_a_suggested_command_repeats_the_host_and_the_project(service: EmbeddedService) -> None:
    options = ["--host", service.base_url, "--project", service.project_id]

    outcome = invoke("show", "Nobody", *options, env={"POSTHOG_PERSONAL_API_KEY": service.api_key})

    assert outcome.stderr.splitlines()[1] == f"Try: mcp-store {' '.join(options)} list"


def test_a_suggested_command_repeats_the_region(run: Run) -> None:
    outcome = run("list", "--region", "eu", env={"HTTPS_PROXY": "http://127.0.0.1:9"})

    assert outcome.stderr.splitlines()[1] == "Try: mcp-store --region eu doctor"


def test_a_name_of_several_is_refused_with_their_ids(service: EmbeddedService, run: Run) -> None:
    rows = [service.add_installation(display_name="Orders") for _ in range(2)]

    outcome = run("delete", "Orders", "--yes")

    assert outcome.exit_code == 2
    assert all(str(row.id) in outcome.stderr for row in rows)
    assert len(service.installations) == 2


@pytest.mark.parametrize("text", ["Nobody", "0195f3", "0195f3a0-0000-7000-8000-000000000001"])
def test_an_unknown_installation_is_not_found(text: str, run: Run) -> None:
    outcome = run("show", text)

    assert (outcome.exit_code, outcome.stdout) == (5, "")
    assert outcome.stderr.startswith("mcp-store: ")


def test_an_installation_is_disabled_and_enabled(service: EmbeddedService, run: Run) -> None:
    row = service.add_installation(display_name="Orders")

    assert "disabled" in run("disable", "Orders").stdout
    assert not row.is_enabled
    assert run("enable", "Orders", "--json").json["is_enabled"]
    assert row.is_enabled


@pytest.mark.parametrize(("answer", "exit_code", "left"), [("y\n", 0, 0), ("n\n", 6, 1), ("", 130, 1)])
def test_delete_asks_first(answer: str, exit_code: int, left: int, service: EmbeddedService, run: Run) -> None:
    row = service.add_installation(display_name="Orders")

    outcome = run("delete", "Orders", typed=answer)

    assert f"Delete Orders ({row.url}) and its credentials? [y/N]" in outcome.stderr
    assert (outcome.exit_code, len(service.installations)) == (exit_code, left)
    assert ("Deleted Orders." in outcome.stdout) is (exit_code == 0)


def test_delete_does_not_ask_with_yes(service: EmbeddedService, run: Run) -> None:
    row = service.add_installation(display_name="Orders")

    outcome = run("delete", "Orders", "--yes", "--json")

    assert outcome.json == {"id": str(row.id), "deleted": True}
    assert service.installations == []


def test_delete_needs_an_answer_or_yes(service: EmbeddedService, run: Run) -> None:
    service.add_installation(display_name="Orders")

    outcome = run("delete", "Orders")

    assert outcome.exit_code == 2
    said = "there is no terminal to ask for confirmation on"
    assert outcome.stderr == f"mcp-store: {said}\nTry: mcp-store delete Orders --yes\n"
    assert len(service.installations) == 1


def test_the_key_is_asked_for_on_a_terminal(service: EmbeddedService) -> None:
    service.add_installation(display_name="Orders")

    outcome = invoke("list", "--host", service.base_url, typed=f"{service.api_key}\n")

    assert "Orders" in outcome.stdout
    assert "POSTHOG_PERSONAL_API_KEY is not set" in outcome.stderr
    assert service.api_key not in outcome.stderr


def test_without_an_answer_to_the_question_for_the_key_nothing_is_done() -> None:
    outcome = invoke("list", typed="")

    assert outcome.exit_code == 130
    assert outcome.stderr.endswith("mcp-store: interrupted\n")


def test_without_a_key_and_a_terminal_one_line_says_what_to_set() -> None:
    outcome = invoke("list")

    assert outcome.exit_code == 2
    assert outcome.stderr == "mcp-store: no PostHog personal API key: set POSTHOG_PERSONAL_API_KEY\n"


def test_a_key_in_the_variable_of_other_sdks_is_not_read() -> None:
    outcome = invoke("list", env={"POSTHOG_API_KEY": "phx_other"})

    assert outcome.exit_code == 2
    assert outcome.stderr == (
        "mcp-store: no PostHog personal API key: set POSTHOG_PERSONAL_API_KEY "
        "(POSTHOG_API_KEY is set, but is not read: it usually is a project token)\n"
    )


@pytest.mark.parametrize(
    ("arguments", "key", "said"),
    [
        ([], "phc_token", "pass a personal API key (phx_...) with POSTHOG_PERSONAL_API_KEY"),
        ([], "phx_ token", "check POSTHOG_PERSONAL_API_KEY"),
        (["--host", "http://example.com"], "phx_token", "would send the API key unencrypted: use https://"),
        (["--project", "abc"], "phx_token", "the project must be a number or '@current', not 'abc'"),
    ],
)
def test_wrong_settings_are_named_as_the_command_line_names_them(
    arguments: list[str], key: str, said: str, run: Run
) -> None:
    outcome = run("list", *arguments, env={"POSTHOG_PERSONAL_API_KEY": key})

    assert outcome.exit_code == 2
    assert outcome.stderr.endswith(f"{said}\n")
    assert key not in outcome.stderr


@pytest.mark.parametrize("at", ["before", "after"])
def test_common_options_may_come_before_the_command_or_after_it(at: str, service: EmbeddedService, run: Run) -> None:
    project = service.add_project()
    service.add_installation(display_name="Elsewhere", project_id=project)
    options = ["--project", project, "--json", "--host", service.base_url]

    outcome = run(*options, "list") if at == "before" else run("list", *options)

    assert [each["name"] for each in outcome.json] == ["Elsewhere"]


@pytest.mark.parametrize(
    "options", [["--host", "https://eu.posthog.com", "--region", "eu"], ["--demo", "--region", "us"]]
)
def test_options_that_contradict_each_other_are_refused(options: list[str]) -> None:
    outcome = invoke("list", *options)

    assert outcome.exit_code == 2
    assert "can't be used together" in outcome.stderr


def test_a_region_is_a_host(run: Run) -> None:
    outcome = run("doctor", "--region", "eu", env={"HTTPS_PROXY": "http://127.0.0.1:9"})

    assert "https://eu.posthog.com, PostHog Cloud EU" in outcome.stdout


def test_the_version_is_printed() -> None:
    from posthog_mcp_store import __version__  # noqa: PLC0415

    assert invoke("--version").stdout == f"{__version__}\n"


def test_without_a_command_the_help_is_shown() -> None:
    outcome = invoke()

    assert outcome.exit_code == 2
    assert "Commands:" in outcome.stdout + outcome.stderr
