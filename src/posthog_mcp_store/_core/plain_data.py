"""JSON values as errors keep them: of a size and depth that can be pickled, printed and passed on."""

from collections.abc import Callable
from itertools import islice
from typing import Any

MAX_LEVELS = 100
"""Pickling gives up at some five hundred levels of lists and objects, and errors are pickled inside other things."""
MAX_VALUES = 10_000
CUT = "…"
"""What is in the place of lists and objects that were left out."""


Text = Callable[[str], str]


def bounded(value: Any, *, text: Text = str) -> Any:
    """A copy of a JSON value without what is nested over 100 levels deep or comes after 10,000 other values.

    Texts are what `text` makes of them.
    """
    return _copy(value, MAX_LEVELS, [MAX_VALUES], text)


def shallow(value: Any, *, text: Text = str) -> Any:
    """A copy of a JSON value without what is nested over 100 levels deep. Texts are what `text` makes of them."""
    return _copy(value, MAX_LEVELS, [float("inf")], text)


def _copy(value: Any, levels: int, room: list[float], text: Text) -> Any:
    """`room` holds how many more values there may be, over all of the copy."""
    if isinstance(value, str):
        return text(value)
    if not isinstance(value, dict | list):
        return value
    if levels == 0 or room[0] <= 0:
        return CUT
    size = int(min(len(value), room[0]))
    room[0] -= size
    if isinstance(value, list):
        return [_copy(each, levels - 1, room, text) for each in islice(value, size)]
    return {text(key): _copy(each, levels - 1, room, text) for key, each in islice(value.items(), size)}
