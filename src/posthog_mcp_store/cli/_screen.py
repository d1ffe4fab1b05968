"""What a person sees: results on standard output, everything else on standard error."""

import io
import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, Protocol, TextIO, cast

import typer
from attrs import frozen
from rich.console import Console, Group, RenderableType
from rich.progress import Progress, SpinnerColumn, TextColumn
from rich.table import Table as RichTable
from rich.text import Text

from ._errors import CommandError, ExitCode, Failure
from ._view import Cell, Fields, Result, Table, View

STYLES = {"plain": "", "good": "green", "warning": "yellow", "bad": "red", "quiet": "dim"}
UNLIMITED = 100_000
"""The width of what is no terminal: nothing is wrapped or cut in a file or a pipe."""


class Report(Protocol):
    def __call__(self, text: str, /) -> None: ...


@frozen
class Screen:
    """Standard output and standard error."""

    out: Console
    err: Console
    as_json: bool

    @classmethod
    def open(cls, *, as_json: bool) -> "Screen":
        return cls(_console(sys.stdout), _console(sys.stderr), as_json)

    @property
    def is_interactive(self) -> bool:
        """Whether somebody watches standard error."""
        return self.err.is_interactive

    def show(self, result: Result) -> None:
        with _writing(self.out.file) as file:
            file.write(self._text(result))

    def _text(self, result: Result) -> str:
        if self.as_json:
            # Neither styled nor wrapped, whatever the environment says about colors. ASCII only, because JSON keeps
            # control and formatting characters, which servers may send.
            return json.dumps(result.data, indent=2) + "\n"
        with self.out.capture() as captured:
            self.out.print(_renderable(result.view, self.out.width), soft_wrap=isinstance(result.view, str))
        return "".join(f"{line.rstrip()}\n" for line in captured.get().rstrip().split("\n"))

    def say(self, text: str) -> None:
        """Print a line on standard error. The terminal wraps it, so that URLs can be copied."""
        with _writing(self.err.file):
            self.err.print(Text(text), soft_wrap=True)

    def fail(self, failure: Failure) -> None:
        if self.as_json:
            with _writing(self.err.file) as file:
                file.write(json.dumps(failure.to_dict()) + "\n")
        else:
            action = f"\nTry: {failure.action}" if failure.action else ""
            self.say(f"mcp-store: {failure.message}{action}")

    @contextmanager
    def working(self, text: str) -> Iterator[Report]:
        """Show a status line with the elapsed seconds, on terminals only."""
        if not self.is_interactive:
            yield lambda _: None
            return
        columns = (
            SpinnerColumn("line"),
            TextColumn("{task.description}", markup=False),
            TextColumn("{task.elapsed:.0f} s"),
        )
        with Progress(
            *columns,
            console=self.err,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        ) as progress:
            task = progress.add_task(text)
            yield lambda text: progress.update(task, description=text)

    def ask_secret(self, what: str, variable: str, action: str) -> str:
        """The value of an environment variable, or what somebody types without being shown.

        Raises:
            CommandError: The variable is not set, and there is nobody to ask. The action is what to do then.
        """
        if value := os.environ.get(variable):
            return value
        if not _has_user():
            raise CommandError(ExitCode.USAGE, f"no {what}: {action}")
        with _interruptible():
            return str(typer.prompt(f"{what} ({variable} is not set)", hide_input=True, err=True))

    def confirm(self, question: str, without_asking: str) -> None:
        """Go on if the answer is yes.

        Raises:
            CommandError: It is not, or there is nobody to ask. Then, it suggests the command that does not ask.
        """
        if not _has_user():
            raise CommandError(ExitCode.USAGE, "there is no terminal to ask for confirmation on", without_asking)
        with _interruptible():
            if not typer.confirm(question, err=True):
                raise CommandError(ExitCode.REFUSED, "nothing was changed")

    def read_input(self) -> str:
        """All of standard input.

        Raises:
            CommandError: It is not text.
        """
        try:
            with _interruptible():
                return sys.stdin.read() if sys.stdin else ""
        except UnicodeDecodeError as error:
            raise CommandError(ExitCode.USAGE, f"standard input is not {error.encoding} text") from None


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let Ctrl-C raise at once. asyncio would cancel the task, which waiting for input does not notice."""
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)


def _has_user() -> bool:
    """Whether there is somebody to ask. Python has no standard input if its file descriptor is closed."""
    return sys.stdin is not None and sys.stdin.isatty()


class _Console(Console):
    def on_broken_pipe(self) -> None:
        raise  # noqa: PLE0704  # the BrokenPipeError; rich would end the process with exit code 1


@contextmanager
def _writing(file: IO[str]) -> Iterator[IO[str]]:
    """Write to the file as long as somebody reads it, and then discard the rest.

    Raises:
        CommandError: It can't be written for another reason.
    """
    try:
        yield file
        file.flush()
    except OSError as error:
        # Python flushes the file when it exits, and would report the same error again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), file.fileno())
        if not isinstance(error, BrokenPipeError):
            raise CommandError(ExitCode.UNEXPECTED, f"the output can't be written: {error.strerror}") from None


def _console(file: TextIO | None) -> Console:
    if file is None:  # its file descriptor is closed
        file = io.TextIOWrapper(io.BytesIO())
    # Characters that the terminal's encoding lacks are escaped.
    cast(io.TextIOWrapper, file).reconfigure(errors="backslashreplace")
    options: dict[str, Any] = {"highlight": False, "markup": False, "emoji": False}
    if os.environ.get("NO_COLOR"):
        options["color_system"] = None  # rich would still print bold and dim text
    if not file.isatty() and "COLUMNS" not in os.environ:
        options["width"] = UNLIMITED
    return _Console(file=file, **options)


def _renderable(view: View, width: int) -> RenderableType:
    if isinstance(view, Fields):
        return _fields(view)
    if isinstance(view, Table):
        return _table(view, width)
    return Text(view)


def _table(table: Table, width: int) -> RenderableType:
    if not table.rows:
        return Text(table.if_empty)
    if not table.fits(width):
        titles = [column.title.lower() for column in table.columns]
        stacked = [_fields(Fields(list(zip(titles, row, strict=True)))) for row in table.rows]
        return Group(*(each for block in stacked for each in (block, Text())))
    has_titles = any(column.title for column in table.columns)
    grid = RichTable(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold", show_header=has_titles)
    for column in table.columns:
        grid.add_column(column.title, min_width=column.width, no_wrap=not column.wraps, overflow="fold")
    for row in table.rows:
        grid.add_row(*map(_text, row))
    return grid


def _fields(fields: Fields) -> RenderableType:
    grid = RichTable(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, cell in fields.rows:
        grid.add_row(Text(name), _text(cell))
    return grid


def _text(cell: Cell) -> Text:
    return Text(cell.text, STYLES[cell.tone])
