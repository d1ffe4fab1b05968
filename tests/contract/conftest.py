import pytest

from .application import application


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many cases schemathesis made."""
    if application.answers:
        operations = len({operation for operation, _ in application.answers})
        terminalreporter.write_line(f"schemathesis: {application.answers.total()} cases of {operations} operations")
