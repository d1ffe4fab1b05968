import pytest

from .stage import stage


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many cases schemathesis made."""
    if stage.answers:
        operations = len({operation for operation, _ in stage.answers})
        terminalreporter.write_line(f"schemathesis: {stage.answers.total()} cases of {operations} operations")
