"""The README and the documentation are true: their examples run, and CI runs the README's commands."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from posthog_mcp_store.testing import EmbeddedService, RecordedRequest

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
# The recipes for agents and for frameworks have sessions of their own.
ELSEWHERE = {ROOT / "docs" / "guides" / f"{name}.md" for name in ("agents", "frameworks")}
PAGES = [README, *sorted({*(ROOT / "docs").rglob("*.md")} - ELSEWHERE)]


def blocks(page: Path, language: str) -> list[str]:
    """The code blocks of a page in a language; an empty one is a command of a shell."""
    found = re.findall(r"^```(\w*)\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)
    return [text for named, text in found if named == language]


PYTHON = {f"{page.relative_to(ROOT)}-{at}": text for page in PAGES for at, text in enumerate(blocks(page, "python"))}
PROGRAMS = {name: text for name, text in PYTHON.items() if "asyncio.run" in text}
TESTS = {name: text for name, text in PYTHON.items() if "async def test_" in text}
BARE = [word for plugin in ("cacheprovider", "hypothesispytest", "schemathesis") for word in ("-p", f"no:{plugin}")]
"""pytest without plugins that the example does not need, and that take longer to load than it takes."""
COMMANDS = [text.strip() for text in blocks(README, "") if "nox" in text]


def consent(service: EmbeddedService, request: RecordedRequest) -> None:
    """Act as the user who finishes the flow that an example started, before its second poll."""
    row = service.installations[-1]
    if row.display_name == "Calendar" and str(row.id) in request.path:
        row.access_token = "token"
        row.tools = {"add": "needs_approval"}


def test_every_example_is_a_program_or_a_test() -> None:
    assert PYTHON.keys() == PROGRAMS.keys() | TESTS.keys()


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_every_example_runs(program: str, service: EmbeddedService, tools_url: str) -> None:
    service.add_installation(display_name="Tools", url="https://tools.example.com/mcp")
    service.add_installation(display_name="Waiting", auth_type="oauth", pending_oauth=True)
    service.add_installation(display_name="Off", is_enabled=False)
    service.add_mcp_server("https://tools.example.com/mcp", tools_url)
    service.add_template(name="Invoices", url="https://invoices.example.com/mcp", auth_type="api_key")
    service.before_each = lambda request: consent(service, request)
    environment = {"POSTHOG_PERSONAL_API_KEY": service.api_key, "POSTHOG_HOST": service.base_url}

    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout


def test_the_first_example_keeps_the_connection_when_it_is_run_again(service: EmbeddedService) -> None:
    row = service.add_installation(url="https://calendar.example.com/mcp", auth_type="oauth", tools={"add": "approved"})
    row.access_token = "kept"
    environment = {"POSTHOG_PERSONAL_API_KEY": service.api_key, "POSTHOG_HOST": service.base_url}

    subprocess.run([sys.executable, "-c", PYTHON["README.md-0"]], env=environment, check=False, timeout=60)

    assert any(request.path.endswith("/call_tool/") for request in service.requests)
    assert not any(request.path.endswith("/install_custom/") for request in service.requests)
    assert row.access_token == "kept"


@pytest.mark.parametrize("example", TESTS.values(), ids=TESTS)
def test_every_example_of_a_test_passes(tmp_path: Path, example: str) -> None:
    (tmp_path / "test_example.py").write_text(example)

    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-o", "asyncio_mode=auto", *BARE, tmp_path],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert "1 passed" in run.stdout, run.stdout


def test_ci_runs_the_commands_of_the_readme() -> None:
    script = (ROOT / ".ci" / "run").read_text().splitlines()

    assert len(COMMANDS) == 2
    assert [line for line in script if line in COMMANDS] == COMMANDS


def test_ci_runs_the_tests_on_every_python_the_package_names() -> None:
    script = (ROOT / ".ci" / "run").read_text()
    named = re.findall(r"Python :: (3\.\d+)", (ROOT / "pyproject.toml").read_text())
    tested = re.findall(r"3\.\d+", *re.findall(r"^ *for python in (3\..+); do$", script, re.MULTILINE))

    assert named
    assert sorted(tested) == sorted(named)
