"""Opening the provider's page, in a separate process: Python reads the browsers from the environment when it starts."""

import os
import subprocess
import sys
import webbrowser
from pathlib import Path

import pytest

from posthog_mcp_store import AuthorizationRedirect, ConfigurationError, open_in_browser

URL = "https://auth.example.com/authorize?state=s&next=$(id)&x=';id;'&y=%s"
PROGRAM = """
import sys
from posthog_mcp_store import AuthorizationRedirect, open_in_browser
print(open_in_browser(AuthorizationRedirect(sys.argv[1])))
"""

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="Linux tells a browser by environment variables")


def open_in_new_process(**environment: str) -> str:
    variables = {
        name: value
        for name, value in os.environ.items()
        if name not in {"BROWSER", "DISPLAY", "WAYLAND_DISPLAY", "XDG_CURRENT_DESKTOP"}
    }
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, URL],
        env=variables | environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert run.stderr == ""
    return run.stdout.strip()


def browser(directory: Path, *, exit_status: int) -> str:
    """A browser that records the URLs it opens."""
    program = directory / "browser"
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > "{directory}/opened"\nexit {exit_status}\n')
    program.chmod(0o755)
    return str(program)


@on_linux
def test_the_page_is_opened_as_one_argument_that_no_shell_reads(tmp_path: Path) -> None:
    assert open_in_new_process(BROWSER=browser(tmp_path, exit_status=0)) == "True"
    assert (tmp_path / "opened").read_text() == f"{URL}\n"


@on_linux
def test_a_browser_that_fails_is_reported(tmp_path: Path) -> None:
    assert open_in_new_process(BROWSER=browser(tmp_path, exit_status=1), PATH="/nowhere") == "False"


@on_linux
def test_without_a_screen_nothing_is_opened(tmp_path: Path) -> None:
    # A browser for terminals, which webbrowser would start.
    (tmp_path / "w3m").write_text(f"#!/bin/sh\ntouch {tmp_path}/opened\n")
    (tmp_path / "w3m").chmod(0o755)

    assert open_in_new_process(PATH=f"{tmp_path}:{os.environ['PATH']}") == "False"
    assert not (tmp_path / "opened").exists()


@on_linux
def test_with_a_screen_and_no_browser_nothing_is_opened() -> None:
    assert open_in_new_process(DISPLAY=":99", PATH="/nowhere") == "False"


def test_only_a_validated_url_is_opened() -> None:
    with pytest.raises(ConfigurationError, match=r"takes an AuthorizationRedirect, not 'https://example\.com'"):
        open_in_browser("https://example.com")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("platform", "variable", "is_opened"),
    [
        ("darwin", None, True),
        ("win32", None, True),
        ("linux", None, False),
        ("linux", "BROWSER", True),
        ("linux", "DISPLAY", True),
        ("linux", "WAYLAND_DISPLAY", True),
    ],
)
def test_the_platform_or_the_environment_says_whether_there_is_a_screen(
    monkeypatch: pytest.MonkeyPatch, platform: str, variable: str | None, is_opened: bool
) -> None:
    opened: list[str] = []

    def note(url: str) -> bool:
        opened.append(url)
        return True

    monkeypatch.setattr(webbrowser, "open", note)
    for name in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    if variable is not None:
        monkeypatch.setenv(variable, "x")
    redirect = AuthorizationRedirect(URL)

    with monkeypatch.context() as there:
        there.setattr(sys, "platform", platform)
        assert open_in_browser(redirect) is is_opened

    assert opened == [URL] * is_opened


@pytest.mark.parametrize("error", [webbrowser.Error("no browser"), FileNotFoundError("gone")])
def test_a_browser_that_can_not_be_started_is_reported(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail(url: str) -> bool:
        raise error

    monkeypatch.setattr(webbrowser, "open", fail)
    monkeypatch.setenv("DISPLAY", ":99")

    assert open_in_browser(AuthorizationRedirect(URL)) is False
