"""What a person sees on a terminal, in a pipe, in color and without, and what a program sees."""

import io
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pytest
from typer.main import get_command

from posthog_mcp_store.cli._app import app
from posthog_mcp_store.testing import EmbeddedService, Fault

from .conftest import Run
from .support import on_terminal

LONG = "A server with a name that is much longer than any column of a table can be"


@pytest.mark.parametrize("columns", [80, 40, 20])
def test_a_table_fits_the_terminal_and_nothing_is_lost(columns: int, service: EmbeddedService) -> None:
    rows = [service.add_installation(display_name=name) for name in ("Orders", LONG)]
    environment = {"POSTHOG_PERSONAL_API_KEY": service.api_key, "POSTHOG_HOST": service.base_url}

    with on_terminal("list", columns=columns, env=environment) as terminal:
        assert terminal.finish() == 0

    assert all(len(line) <= columns for line in terminal.text.splitlines())
    squeezed = re.sub(r"\s", "", terminal.text)
    assert "Orders" in squeezed
    if columns < 80:
        assert all(text.replace(" ", "") in squeezed for text in (LONG, *(str(row.id) for row in rows)))
    else:
        assert all(str(row.id) in terminal.text for row in rows)
        assert {word for word in LONG.split() if word in terminal.text.split()} == set(LONG.split())


@pytest.mark.parametrize("command", ["list", "templates", "tools"])
def test_a_narrow_table_becomes_lists_of_fields(command: str, service: EmbeddedService, run: Run) -> None:
    service.add_template(name="Orders", url="https://orders.example.com/mcp", auth_type="api_key")
    service.add_installation(display_name="Orders", tools={"add": "approved"})

    wide = run(command, env={"COLUMNS": "80"})
    narrow = run(command, env={"COLUMNS": "39"})

    titles = wide.stdout.splitlines()[0].lower().split()
    assert [line.split()[0] for line in narrow.stdout.splitlines() if line[0] != " "] == titles


def test_a_terminal_gets_color_and_no_color_gets_none(service: EmbeddedService) -> None:
    service.add_installation(display_name="Orders")
    environment = {"POSTHOG_PERSONAL_API_KEY": service.api_key, "POSTHOG_HOST": service.base_url}

    with on_terminal("list", env=environment) as terminal:
        assert terminal.finish() == 0
    assert "\x1b[32mready" in terminal.shown

    with on_terminal("list", env={"NO_COLOR": "1", **environment}) as terminal:
        assert terminal.finish() == 0
    assert "\x1b" not in terminal.shown
    assert "ready" in terminal.shown


def test_the_key_that_is_asked_for_is_not_shown(service: EmbeddedService) -> None:
    service.add_installation(display_name="Orders")

    with on_terminal("list", env={"POSTHOG_HOST": service.base_url}) as terminal:
        terminal.until("PostHog personal API key (POSTHOG_PERSONAL_API_KEY is not set): ")
        terminal.type(f"{service.api_key}\n")
        assert terminal.finish() == 0

    assert "Orders" in terminal.text
    assert service.api_key not in terminal.shown


@pytest.mark.parametrize("command", ["list", "delete Orders", "install Mine --url https://x.example --auth api_key"])
def test_ctrl_c_at_a_question_ends_the_command_at_once(command: str, service: EmbeddedService) -> None:
    service.add_installation(display_name="Orders")
    environment = {"POSTHOG_HOST": service.base_url}
    if command != "list":
        environment["POSTHOG_PERSONAL_API_KEY"] = service.api_key

    with on_terminal(*command.split(), env=environment) as terminal:
        terminal.until("[y/N]: " if command == "delete Orders" else "not set): ")
        assert terminal.end_with_ctrl_c() == 130

    assert terminal.text.endswith("mcp-store: interrupted\n")
    assert len(service.installations) == 1


def in_a_pipe(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "posthog_mcp_store", *arguments],
        env=environment,
        capture_output=True,
        stdin=subprocess.DEVNULL,
        timeout=60,
        check=False,
    )


def test_in_a_pipe_nothing_is_wrapped_cut_or_colored(service: EmbeddedService) -> None:
    row = service.add_installation(display_name=LONG)

    ran = in_a_pipe("list", POSTHOG_PERSONAL_API_KEY=service.api_key, POSTHOG_HOST=service.base_url)

    assert (ran.returncode, ran.stderr) == (0, b"")
    lines = ran.stdout.decode().splitlines()
    assert len(lines) == 2
    assert LONG in lines[1]
    assert lines[1].endswith(str(row.id))
    assert b"\x1b" not in ran.stdout


def test_characters_that_the_encoding_lacks_are_escaped(service: EmbeddedService) -> None:
    service.add_installation(display_name="Größe 中")

    environment = {"POSTHOG_PERSONAL_API_KEY": service.api_key, "POSTHOG_HOST": service.base_url}
    ran = in_a_pipe("list", PYTHONIOENCODING="latin-1", **environment)

    assert (ran.returncode, ran.stderr) == (0, b"")
    assert "Größe \\u4e2d".encode("latin-1") in ran.stdout


@pytest.fixture
def closed_pipe() -> Iterator[int]:
    """The end to write to of a pipe that nobody reads."""
    reading, writing = os.pipe()
    os.close(reading)
    yield writing
    os.close(writing)


def run_with(
    *arguments: str, service: EmbeddedService, stdout: int | IO[bytes], stderr: int
) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(
        [sys.executable, "-m", "posthog_mcp_store", *arguments],
        env={"POSTHOG_PERSONAL_API_KEY": service.api_key, "POSTHOG_HOST": service.base_url},
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("options", [[], ["--json"]])
@pytest.mark.parametrize(("command", "exit_code"), [("list", 0), ("doctor", 13)])
def test_a_reader_that_goes_away_is_no_error(
    command: str, exit_code: int, options: list[str], closed_pipe: int, service: EmbeddedService
) -> None:
    for number in range(200):
        service.add_installation(display_name=f"Waiting {number}", auth_type="oauth", pending_oauth=True)

    ran = run_with(command, *options, service=service, stdout=closed_pipe, stderr=subprocess.PIPE)

    assert (ran.returncode, ran.stderr) == (exit_code, b"")


@pytest.mark.parametrize("options", [[], ["--json"]])
@pytest.mark.parametrize(("command", "exit_code"), [("show nothing", 5), ("list --nothing", 2), ("approve greet", 4)])
def test_nobody_has_to_read_errors(
    command: str, exit_code: int, options: list[str], closed_pipe: int, service: EmbeddedService
) -> None:
    service.add_installation(display_name="Orders", tools={"greet": "needs_approval"})
    service.project().tool_rules["greet"] = "needs_approval"

    ran = run_with(*command.split(), *options, service=service, stdout=subprocess.PIPE, stderr=closed_pipe)

    assert ran.returncode == exit_code
    assert (b"needs_approval" in ran.stdout) is (exit_code == 4)


def in_this_process(command: str, service: EmbeddedService, monkeypatch: pytest.MonkeyPatch, **streams: Any) -> object:
    """The exit code of the command, with these standard streams."""
    monkeypatch.setenv("POSTHOG_PERSONAL_API_KEY", service.api_key)
    monkeypatch.setenv("POSTHOG_HOST", service.base_url)
    for name, stream in streams.items():
        monkeypatch.setattr(sys, name, stream)
    with pytest.raises(SystemExit) as end:
        get_command(app).main(command.split(), prog_name="mcp-store")
    return end.value.code


@pytest.mark.parametrize(("stream", "command"), [("stdout", "list"), ("stderr", "show nothing")])
def test_a_stream_that_is_no_longer_read_or_closed_is_no_error(
    stream: str, command: str, closed_pipe: int, service: EmbeddedService, monkeypatch: pytest.MonkeyPatch
) -> None:
    exit_code = 0 if command == "list" else 5

    with os.fdopen(os.dup(closed_pipe), "w") as unread:
        assert in_this_process(command, service, monkeypatch, **{stream: unread}) == exit_code
    assert in_this_process(command, service, monkeypatch, **{stream: None}) == exit_code


def test_standard_input_that_is_no_text_is_refused(
    service: EmbeddedService, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stdin = io.TextIOWrapper(io.BytesIO(b"\xff"), encoding="utf-8")

    assert in_this_process("call add -", service, monkeypatch, stdin=stdin) == 2
    assert capsys.readouterr().err == "mcp-store: standard input is not utf-8 text\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has it")
def test_a_full_disk_is_an_error_of_one_line(
    service: EmbeddedService, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with Path("/dev/full").open("w") as full:
        assert in_this_process("list", service, monkeypatch, stdout=full) == 1

    assert capsys.readouterr().err == "mcp-store: the output can't be written: No space left on device\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has it")
@pytest.mark.parametrize("options", [[], ["--json"]])
def test_output_that_can_not_be_written_is_an_error(options: list[str], service: EmbeddedService) -> None:
    with Path("/dev/full").open("wb") as full:
        ran = run_with("list", *options, service=service, stdout=full, stderr=subprocess.PIPE)

    assert ran.returncode == 1
    (line,) = ran.stderr.decode().splitlines()
    assert "the output can't be written: No space left on device" in line


@pytest.mark.parametrize(
    ("redirections", "command", "exit_code", "said"),
    [
        (">&-", "list", 0, ""),
        ("2>&-", "show nothing", 5, ""),
        ("<&-", "delete Orders", 2, "there is no terminal to ask for confirmation on"),
        ("<&-", "call add -", 2, "the arguments are not JSON"),
        ("<&- >&- 2>&-", "list --json", 0, ""),
    ],
)
def test_standard_streams_may_be_closed(
    redirections: str, command: str, exit_code: int, said: str, service: EmbeddedService
) -> None:
    service.add_installation(display_name="Orders")

    ran = subprocess.run(
        ["sh", "-c", f'"$0" -m posthog_mcp_store {command} {redirections}', sys.executable],
        env={"POSTHOG_PERSONAL_API_KEY": service.api_key, "POSTHOG_HOST": service.base_url},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (ran.returncode, ran.stdout) == (exit_code, "")
    assert said in ran.stderr
    assert len(ran.stderr.splitlines()) == (2 if "delete" in command else bool(said))


@pytest.mark.parametrize("forced", ["1", None])
def test_json_is_never_colored_and_holds_no_control_characters(
    forced: str | None, service: EmbeddedService, run: Run
) -> None:
    service.add_installation(display_name="Or\x1b[31mders \u202e中")

    outcome = run("list", "--json", env={"FORCE_COLOR": forced})

    assert outcome.stdout.isascii()
    assert "\x1b" not in outcome.stdout
    assert outcome.json[0]["name"] == "Or\x1b[31mders \u202e中"


def test_control_characters_of_servers_do_not_reach_the_terminal(service: EmbeddedService, run: Run) -> None:
    service.add_installation(display_name="Or\x1b[31m[bold]ders\n\u202eevil")

    outcome = run("list", env={"NO_COLOR": "1", "FORCE_COLOR": "1"})

    assert "Or [31m[bold]ders evil" in outcome.stdout


@pytest.mark.parametrize(
    ("fault", "exit_code", "kind"),
    [
        (Fault(status=401), 3, "credentials"),
        (Fault(status=403), 4, "not_allowed"),
        (Fault(status=404, times=None), 5, "not_found"),
        (Fault(status=400), 6, "refused"),
        (Fault(status=409), 6, "refused"),
        (Fault(status=429, headers={"Retry-After": "3600"}), 7, "rate_limited"),
        (Fault(status=500, times=None), 9, "service_failed"),
        (Fault(status=200, body=b"[]"), 9, "service_failed"),
    ],
)
def test_each_kind_of_error_has_an_exit_code(
    fault: Fault, exit_code: int, kind: str, service: EmbeddedService, run: Run
) -> None:
    service.inject(fault)

    outcome = run("list", "--json")

    assert (outcome.exit_code, outcome.stdout) == (exit_code, "")
    assert (outcome.error["exit_code"], outcome.error["kind"]) == (exit_code, kind)
    assert outcome.error["message"]


def test_a_service_that_can_not_be_reached_sends_the_reader_to_the_doctor(run: Run) -> None:
    outcome = run("list", "--host", "http://127.0.0.1:9")

    assert outcome.exit_code == 8
    assert outcome.stderr.endswith("Try: mcp-store --host http://127.0.0.1:9 doctor\n")


@pytest.mark.parametrize("host", ["http://127.0.0.1:9", "https://mcp-store.invalid"])
@pytest.mark.parametrize("options", [[], ["--json"]])
def test_an_error_is_all_that_is_printed(host: str, options: list[str]) -> None:
    ran = in_a_pipe("list", *options, POSTHOG_PERSONAL_API_KEY="phx_key", POSTHOG_HOST=host)

    assert (ran.returncode, ran.stdout) == (8, b"")
    first, *others = ran.stderr.decode().splitlines()
    assert first.startswith('{"error": ' if options else "mcp-store: GET ")
    assert others == ([] if options else ["Try: mcp-store doctor"])


def test_a_limit_says_when_to_try_again(service: EmbeddedService, run: Run) -> None:
    service.inject(Fault(status=429, headers={"Retry-After": "3600"}))

    assert run("list").stderr.endswith("Try: run the command again in 3600 s\n")
