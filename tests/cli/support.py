"""Running commands: in this process, or in a process of its own on a terminal."""

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from attrs import define, field, frozen
from typer.testing import CliRunner

from posthog_mcp_store.cli._app import app

WITHIN = 30.0
"""Seconds within which a command has to say or do something."""
CLEAN = {"COLUMNS": None, "FORCE_COLOR": None, "NO_COLOR": None, "BROWSER": None, "MCP_SERVER_API_KEY": None}


@frozen
class Outcome:
    exit_code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        return json.loads(self.stdout)

    @property
    def error(self) -> Any:
        """The error that a command with `--json` prints."""
        return json.loads(self.stderr.splitlines()[-1])["error"]


class Runner(CliRunner):
    """A runner whose standard input is a terminal."""

    @contextmanager
    def isolation(self, *arguments: Any, **options: Any) -> Iterator[Any]:
        with super().isolation(*arguments, **options) as streams:
            sys.stdin.isatty = lambda: True  # type: ignore[method-assign]
            yield streams


def invoke(*arguments: str, env: Mapping[str, str | None] | None = None, typed: str | None = None) -> Outcome:
    """Run a command in this process. With `typed`, standard input is a terminal."""
    runner = CliRunner() if typed is None else Runner()
    result = runner.invoke(
        app, list(arguments), input=typed, env={**CLEAN, **(env or {})}, prog_name="mcp-store", catch_exceptions=False
    )
    return Outcome(result.exit_code, result.stdout, result.stderr)


@define
class Terminal:
    """A process on a terminal of its own."""

    process: "subprocess.Popen[bytes]"
    fd: int
    shown: str = field(default="")

    def until(self, text: str) -> str:
        """Read until the process has shown this text."""
        end = time.monotonic() + WITHIN
        while text not in self.shown:
            assert self._read(end), f"{text!r} was never shown: {self.shown!r}"
        return self.shown

    def type(self, text: str) -> None:
        os.write(self.fd, text.encode())

    def end_with_ctrl_c(self) -> int:
        """Press Ctrl-C once, and return the exit code."""
        self._until_it_sleeps()
        self.process.send_signal(signal.SIGINT)
        return self.finish()

    def _until_it_sleeps(self) -> None:
        """Wait until it waits. Python misses a signal that comes right before it begins to read a line."""
        state = Path(f"/proc/{self.process.pid}/stat")
        end, looks = time.monotonic() + WITHIN, 0
        while looks < 3 and state.exists() and time.monotonic() < end:
            looks = looks + 1 if state.read_text().rpartition(")")[2].split()[0] == "S" else 0
            self._read(time.monotonic() + 0.05)

    def finish(self) -> int:
        """Read to the end, and return the exit code."""
        end = time.monotonic() + WITHIN
        while self._read(end):
            pass
        return self.process.wait(timeout=WITHIN)

    @property
    def text(self) -> str:
        """What was shown, without escape sequences."""
        return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", self.shown).replace("\r\n", "\n")

    def _read(self, end: float) -> bool:
        readable, _, _ = select.select([self.fd], [], [], max(0.0, end - time.monotonic()))
        if not readable:
            return False
        try:
            data = os.read(self.fd, 65536)
        except OSError:  # Linux reports the end so
            return False
        self.shown += data.decode()
        return bool(data)


@contextmanager
def on_terminal(*arguments: str, env: Mapping[str, str], columns: int = 80) -> Iterator[Terminal]:
    """Run `python -m posthog_mcp_store` on a terminal."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen(
        # A shell without job control starts what runs in the background with SIGINT ignored, and children inherit that.
        ["env", "--default-signal=INT", sys.executable, "-W", "error", "-m", "posthog_mcp_store", *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={"PATH": os.environ["PATH"], "TERM": "xterm-256color", **env},
        start_new_session=True,
    )
    os.close(theirs)
    try:
        yield Terminal(process, ours)
    finally:
        process.kill()
        process.wait()
        os.close(ours)
