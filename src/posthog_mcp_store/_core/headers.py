"""Headers of a response."""

from collections.abc import Iterator, Mapping


class Headers(Mapping[str, str]):
    """Headers of a response; names are case-insensitive."""

    def __init__(self, items: Mapping[str, str]) -> None:
        self._values = {name.lower(): value for name, value in items.items()}

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Headers({self._values!r})"
