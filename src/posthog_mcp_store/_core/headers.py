"""Headers of a response."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Self


class Headers(Mapping[str, str]):
    """Headers of a response: a read-only mapping with case-insensitive names.

    Args:
        items: Names and values.
    """

    def __init__(self, items: Mapping[str, str]) -> None:
        self._values = {name.lower(): value for name, value in items.items()}

    @classmethod
    def received(cls, lines: Iterable[tuple[bytes, bytes]]) -> Self:
        """The headers of a response from its lines.

        Args:
            lines: Names and values as received. Values of the same name are joined by commas (RFC 9110, section 5.3).
        """
        headers = cls({})
        values = headers._values
        for raw_name, raw_value in lines:
            name, value = _text(raw_name).lower(), _text(raw_value)
            values[name] = f"{values[name]}, {value}" if name in values else value
        return headers

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Headers({self._values!r})"


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")
