"""The program the README's first command runs."""

import subprocess
import sys
from pathlib import Path

from posthog_mcp_store.testing import EmbeddedService

TOUR = Path(__file__).parents[2] / "examples" / "tour.py"


def run_tour(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", TOUR, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_the_tour_shows_the_whole_job() -> None:
    run = run_tour()

    assert (run.returncode, run.stderr) == (0, "")
    shown = [
        "The catalogue:",
        "Send the user's browser to",
        "The user has pressed `Allow`",
        "add          needs_approval  Add two numbers.",
        "raises ToolApprovalRequiredError",
        "approval_state='approved')",
        "add          approved        Add two numbers.",
        "in one request:\n    {'result': 42}",
        "with a connected `mcp.Client`:\n    {'result': 42}",
        "Disabled it",
        "Deleted it",
        "ValidationError in url",
        "it needs project:write",
        "NotFoundError",
        "That was the tour",
    ]
    positions = [run.stdout.index(text) for text in shown]
    assert positions == sorted(positions)


def test_the_live_tour_only_reads(service: EmbeddedService) -> None:
    service.add_template(name="Linear", url="https://mcp.linear.app/mcp", description="Issues")
    service.add_installation(display_name="Orders", tools={"add": "approved", "drop": "needs_approval"})

    run = run_tour("--live", POSTHOG_PERSONAL_API_KEY=service.api_key, POSTHOG_HOST=service.base_url)

    assert (run.returncode, run.stderr) == (0, "")
    shown = ["Linear       oauth    Issues", "Orders       api_key", "add          approved", "drop         needs_appr"]
    assert all(text in run.stdout for text in shown), run.stdout
    assert {request.method for request in service.requests} == {"GET"}


def test_the_live_tour_reads_what_an_old_instance_has(old_service: EmbeddedService) -> None:
    old_service.add_installation(display_name="Orders")

    run = run_tour("--live", POSTHOG_PERSONAL_API_KEY=old_service.api_key, POSTHOG_HOST=old_service.base_url)

    assert (run.returncode, run.stderr) == (0, "")
    assert "The catalogue is empty." in run.stdout
    assert "The tools of Orders can't be listed:\n    NotFoundError" in run.stdout


def test_the_live_tour_without_a_key_says_what_to_set() -> None:
    run = run_tour("--live")

    assert run.returncode == 1
    assert run.stderr == "ConfigurationError: no API key: pass api_key= or set POSTHOG_PERSONAL_API_KEY\n"
