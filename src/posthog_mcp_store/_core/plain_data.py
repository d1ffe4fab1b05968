"""JSON values cut to a size and depth with which errors can be pickled and printed."""

from collections.abc import Callable
from itertools import islice
from typing import Any

MAX_LEVELS = 100
"""Pickling fails at about five hundred levels of lists and objects, and errors may be pickled inside other objects."""
MAX_VALUES = 10_000
CUT = "…"
"""Replaces lists and objects that were left out."""


Text = Callable[[str], str]


def limit_size(value: Any, *, text: Text = str) -> Any:
    """A copy of a JSON value, cut to 100 levels and 10,000 values; `text` is applied to each string."""
    return _copy(value, MAX_LEVELS, [MAX_VALUES], text)


def limit_depth(value: Any, *, text: Text = str) -> Any:
    """A copy of a JSON value, cut to 100 levels; `text` is applied to each string."""
    return _copy(value, MAX_LEVELS, [float("inf")], text)


def _copy(value: Any, levels: int, room: list[float], text: Text) -> Any:
    """`room` is the number of further values allowed, shared by the whole copy."""
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
