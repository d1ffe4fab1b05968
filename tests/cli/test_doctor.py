"""What `doctor` finds."""

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from posthog_mcp_store.testing import EmbeddedService

from ..support.serving import Says, serving
from ..support.wire import installation, page
from .conftest import Run
from .support import Outcome, invoke


def findings(outcome: Outcome) -> dict[str, tuple[str, str, str | None]]:
    """Level, text and action of each finding."""
    return {each["about"]: (each["level"], each["text"], each["action"]) for each in outcome.json["findings"]}


def test_a_service_where_all_is_well(service: EmbeddedService, run: Run) -> None:
    service.add_installation(display_name="Orders", tools={"add": "approved"})

    outcome = run("doctor")

    assert outcome.exit_code == 0
    assert {line.split()[0] for line in outcome.stdout.splitlines()} == {"ok"}
    found = findings(run("doctor", "--json"))
    assert found["host"][1] == f"{service.base_url}, not PostHog Cloud"
    assert found["project"][1] == f"your current project, {service.project_id}"
    assert found["API paths"] == ("ok", "uses /api/projects/, the successor of /api/environments/", None)
    assert found["Orders"] == ("ok", "ready", None)
    assert {request.method for request in service.requests} == {"GET"}


def test_each_installation_is_told_with_what_to_do(service: EmbeddedService, run: Run) -> None:
    service.add_installation(display_name="Old CRM", is_enabled=False)
    service.add_installation(display_name="Waiting", auth_type="oauth", pending_oauth=True)
    service.add_installation(display_name="Expired", auth_type="oauth", needs_reauth=True)
    service.add_installation(display_name="Broken", last_sync_error="502\nBad Gateway")
    service.add_installation(display_name="New", tools=dict.fromkeys(["a", "b", "c", "d"], "needs_approval"))
    service.add_installation(display_name="Theirs", user="bob", scope="shared", is_enabled=False)

    outcome = run("doctor", "--json")

    assert outcome.exit_code == 13
    assert outcome.json["ok"] is False
    found = findings(outcome)
    assert found["Old CRM"] == ("note", "disabled", "mcp-store enable 'Old CRM'")
    assert found["Waiting"] == ("fix", "not authorized yet", "mcp-store authorize Waiting")
    assert found["Expired"] == ("fix", "must be authorized again", "mcp-store authorize Expired")
    assert found["Broken"][1:] == (
        "PostHog could not read its tools: 502 Bad Gateway",
        "mcp-store tools Broken --refresh",
    )
    assert found["New"] == ("note", "tools that need approval: a, b, c, …", "mcp-store approve a --installation New")
    assert found["Theirs"][2] == "ask its owner for: mcp-store enable Theirs"


def test_without_a_key_it_says_so_and_sends_nothing(service: EmbeddedService, run: Run) -> None:
    outcome = run("doctor", "--json", env={"POSTHOG_PERSONAL_API_KEY": ""})

    assert outcome.exit_code == 13
    assert findings(outcome)["key"] == ("fix", "not set", "set POSTHOG_PERSONAL_API_KEY")
    assert service.requests == []


@pytest.mark.parametrize(
    ("key", "level", "text"),
    [
        ("pha_token", "note", "an OAuth access token, which expires"),
        ("0123456789", "note", "of an unknown kind, perhaps an old personal API key"),
    ],
)
def test_the_kind_of_the_key_and_that_it_is_unknown(key: str, level: str, text: str, run: Run) -> None:
    outcome = run("doctor", "--json", env={"POSTHOG_PERSONAL_API_KEY": key})

    kinds = [each for each in outcome.json["findings"] if each["about"] == "key"]
    assert [(each["level"], each["text"]) for each in kinds] == [
        (level, text),
        ("fix", "the service does not accept it"),
    ]
    assert key not in outcome.stdout + outcome.stderr


@pytest.mark.parametrize(
    ("key", "text"),
    [("phc_project", "a project API key, which only sends events"), ("phs_secret", "a project secret key")],
)
def test_a_key_of_the_wrong_kind_is_not_sent(key: str, text: str, service: EmbeddedService, run: Run) -> None:
    found = findings(run("doctor", "--json", env={"POSTHOG_PERSONAL_API_KEY": key}))

    assert found["key"] == ("fix", text, "use a personal API key (phx_)")
    assert found.keys() == {"host", "key"}
    assert service.requests == []


def test_a_key_without_the_scope(service: EmbeddedService, run: Run) -> None:
    key = service.add_key(scopes=["insight:read"]).token

    found = findings(run("doctor", "--json", env={"POSTHOG_PERSONAL_API_KEY": key}))

    assert found["scopes"][0] == "fix"
    assert found["scopes"][2] == "use a key with the scope project:read"


def test_an_unknown_project(run: Run) -> None:
    found = findings(run("doctor", "--json", "--project", "404404"))

    assert found["project"] == ("fix", "the service has no project 404404", "check --project or POSTHOG_PROJECT_ID")


def test_a_host_that_can_not_be_used(run: Run) -> None:
    found = findings(run("doctor", "--json", "--host", "https://us.i.posthog.com"))

    assert found["settings"][0] == "fix"
    assert "https://us.posthog.com" in found["settings"][1]


def test_settings_are_named_as_the_command_line_names_them(run: Run) -> None:
    found = findings(run("doctor", "--json", "--project", "abc"))

    assert found["settings"] == ("fix", "the project must be a number or '@current', not 'abc'", None)


def test_a_service_that_does_not_respond(run: Run) -> None:
    outcome = run(
        "doctor", "--json", "--host", "https://eu.posthog.com", env={"https_proxy": "http://u:secret@127.0.0.1:9"}
    )

    found = findings(outcome)
    assert found["connection"][0] == "fix"
    assert found["proxy"] == ("note", "requests go through 127.0.0.1:9 (https_proxy)", None)
    assert "secret" not in outcome.stdout + outcome.stderr


def test_a_proxy_that_does_not_apply_is_not_told(run: Run) -> None:
    environment = {"https_proxy": "127.0.0.1:9", "no_proxy": "eu.posthog.com"}

    assert "proxy" not in findings(run("doctor", "--json", env=environment))
    # The name ends in .invalid, so that nobody is called.
    proxied = run("doctor", "--json", "--host", "https://mcp-store.invalid", env=environment)
    assert findings(proxied)["proxy"][1] == "requests go through 127.0.0.1:9 (https_proxy)"
    direct = run("doctor", "--json", "--host", "https://mcp-store.invalid", env={**environment, "no_proxy": "*"})
    assert "proxy" not in findings(direct)


async def answered(headers: dict[str, str], *rows: object) -> dict[str, tuple[str, str, str | None]]:
    """The findings about a service that gives this response to everything."""
    import asyncio  # noqa: PLC0415

    body = json.dumps(page(*rows)).encode()
    async with serving(Says(body, {"Content-Type": "application/json", **headers})) as port:
        environment = {"POSTHOG_PERSONAL_API_KEY": "phx_key", "POSTHOG_HOST": f"http://127.0.0.1:{port}"}
        return findings(await asyncio.to_thread(lambda: invoke("doctor", "--json", env=environment)))


@pytest.mark.parametrize(
    ("minutes", "level", "text"),
    [
        (0, "ok", "agrees with the service"),
        (-10, "fix", "s ahead"),
        (10, "fix", "s behind"),
    ],
)
async def test_a_clock_that_is_wrong(minutes: int, level: str, text: str) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(minutes=minutes), usegmt=True)

    found = await answered({"Date": date})

    assert found["clock"][0] == level
    assert text in found["clock"][1]


@pytest.mark.parametrize("headers", [{}, {"Date": "yesterday"}])
async def test_a_clock_that_can_not_be_compared_is_not_told(headers: dict[str, str]) -> None:
    assert "clock" not in await answered(headers)


async def test_api_paths_that_are_current_or_deprecated_without_a_successor() -> None:
    upgrade, sunset = "pip install --upgrade posthog-mcp-store", "Fri, 31 Jul 2026 00:00:00 GMT"
    deprecated = "uses /api/environments/, which is deprecated"

    assert (await answered({}))["API paths"] == ("ok", "uses /api/environments/", None)
    assert (await answered({"Deprecation": "true"}))["API paths"] == ("fix", deprecated, upgrade)
    found = await answered({"Deprecation": "true", "Sunset": sunset})
    assert found["API paths"] == ("fix", f"{deprecated} (until {sunset})", upgrade)


async def test_installations_of_several_projects_name_no_project() -> None:
    rows = [
        installation(
            proxy_url=f"https://x/api/environments/{n}/"[: n + 40], id=f"0195f3a0-0000-7000-8000-00000000000{n}"
        )
        for n in (1, 2)
    ]

    assert (await answered({}, *rows))["project"][1] == "your current project"


def test_an_old_instance_that_lists_no_tools_is_no_problem(old_service: EmbeddedService) -> None:
    old_service.add_installation(display_name="Orders")
    environment = {"POSTHOG_PERSONAL_API_KEY": old_service.api_key, "POSTHOG_HOST": old_service.base_url}

    outcome = invoke("doctor", "--json", "--project", old_service.project_id, env=environment)

    assert outcome.exit_code == 0
    found = findings(outcome)
    assert found["Orders"] == ("ok", "ready", None)
    assert found["project"][1] == old_service.project_id
