"""A text that no repr, log line or traceback shows."""

from attrs import field, frozen


@frozen
class Secret:
    """Holds an API key, so that frames and settings hold no plain one."""

    _value: str = field(repr=False)

    def reveal(self) -> str:
        """The text itself. Use it in place; a local variable would stand in tracebacks."""
        return self._value
