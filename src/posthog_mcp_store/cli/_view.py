"""What commands show, as plain data."""

from collections.abc import Sequence
from typing import Any, Literal

from attrs import field, frozen

from ._errors import ExitCode

Tone = Literal["plain", "good", "warning", "bad", "quiet"]


@frozen
class Cell:
    text: str
    tone: Tone = "plain"


@frozen
class Column:
    title: str
    width: int
    """The least width, in characters, at which its cells can still be read."""
    wraps: bool = False
    """Whether longer text is wrapped; otherwise the column is as wide as its text."""


@frozen
class Table:
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    if_empty: str
    """What to say if there are no rows."""

    def fits(self, width: int) -> bool:
        """Whether the columns fit side by side; otherwise each row is shown as a list of fields."""
        return sum(column.width + 2 for column in self.columns) - 2 <= width


@frozen
class Fields:
    """One object: names and values."""

    rows: Sequence[tuple[str, Cell]]


View = Table | Fields | str


@frozen
class Result:
    """The result of a command."""

    data: Any
    """What `--json` prints."""
    view: View
    """What a person sees."""
    exit_code: ExitCode = field(default=ExitCode.DONE)
