"""What a test prepares in today's service, and reads from it."""

from datetime import UTC, datetime

import pytest

from posthog_mcp_store.testing import EmbeddedService, ToolRecord


def test_today_is_the_default(today: EmbeddedService) -> None:
    row = today.add_installation()
    assert (row.version, today.environments, today.serves_projects) == ("2026-09", "deprecated", True)
    assert (today.approve_new_tools, today.requires_login) == (False, False)


def test_former_versions_are_named_in_the_error() -> None:
    with pytest.raises(ValueError, match="'2026-08' is not one of '2026-04', '2026-09'"):
        EmbeddedService(version="2026-08")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("state", "stored", "team", "is_removed"),
    [
        ("approved", "approved", None, False),
        ("needs_approval", "needs_approval", None, False),
        ("do_not_use", "do_not_use", None, False),
        ("disabled", "do_not_use", None, False),
        ("blocked_by_team", "needs_approval", "do_not_use", False),
        ("removed", "needs_approval", None, True),
    ],
)
def test_a_tool_can_be_prepared_by_a_word(
    today: EmbeddedService, state: str, stored: str, team: str | None, is_removed: bool
) -> None:
    row = today.add_installation(tools={"add": state})  # type: ignore[dict-item]
    assert row.tools is not None
    add = row.tools["add"]
    assert (add.name, add.approval_state, add.team_state, add.removed_at is not None) == (
        "add",
        stored,
        team,
        is_removed,
    )


def test_an_unknown_word_is_refused(today: EmbeddedService) -> None:
    row = today.add_installation(tools={})
    assert row.tools is not None
    with pytest.raises(ValueError, match="'yes' is not one of 'approved', 'needs_approval', 'do_not_use', 'disabled'"):
        row.tools["add"] = "yes"  # type: ignore[assignment]


def test_tools_can_be_replaced_and_taken_away(today: EmbeddedService) -> None:
    row = today.add_installation()
    assert row.tools is None
    add = ToolRecord(name="add")
    row.tools = {"add": add, "drop": "disabled"}
    assert row.tools is not None
    assert row.tools["add"] is add
    del row.tools["drop"]
    assert list(row.tools) == ["add"]
    row.tools = None
    assert row.tools is None


def test_the_times_of_a_tool_may_be_set() -> None:
    moment = datetime(2026, 9, 18, tzinfo=UTC)
    shown = ToolRecord(name="add", created_at=moment, updated_at=moment, removed_at=moment).to_json()
    assert {shown["created_at"], shown["updated_at"], shown["removed_at"]} == {"2026-09-18T00:00:00Z"}


def test_projects_have_their_own_settings(today: EmbeddedService) -> None:
    other = today.add_project()
    assert (today.project().id, today.project(other).id) == ("1", other)
    today.project(other).admins.add("alice")
    assert today.project().admins == set()
    with pytest.raises(ValueError, match="no project '9'"):
        today.project("9")


def test_a_prepared_row_registers_its_server(today: EmbeddedService) -> None:
    today.project().servers["https://mcp.example.com/mcp"] = False
    row = today.add_installation(url="https://mcp.example.com/mcp")
    other = today.add_installation()
    assert today.project().servers == {row.url: False, other.url: True}
