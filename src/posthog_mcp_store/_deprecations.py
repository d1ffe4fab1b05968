"""What is on its way out: it works, and warns of what to use and of the version without it (docs/versioning.md).

A name that is replaced leaves `__all__` of `_api` and goes into its `DEPRECATED`, and for type checkers into
`__init__`: `from ._new import New as Old`. A function or method gets `@deprecated`. What is left of a parameter or of a
value is the `warn` of a function that is given it.

The message says both: `use New; removed in 0.4.0`. The record of the public API keeps it, and lets the name go when
the version is there.
"""

import re
import warnings
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, TypeVar

from attrs import field, frozen

__all__ = ["Deprecated", "deprecated", "warn"]

F = TypeVar("F", bound=Callable[..., object])

FORM = re.compile(r"use .+; removed in \d+\.\d+\.\d+")


def _checked(message: str) -> str:
    if not FORM.fullmatch(message):
        raise ValueError(f"a deprecation reads `use New; removed in 0.4.0`, not `{message}`")
    return message


def warn(what: str, message: str, *, stacklevel: int = 3) -> None:
    """Warn whoever called the function that calls this."""
    warnings.warn(f"{what} is deprecated: {_checked(message)}", DeprecationWarning, stacklevel=stacklevel)


@frozen
class Deprecated:
    """What an old name of a module stands for."""

    value: object
    message: str = field(converter=_checked)

    def use(self, name: str) -> object:
        """The value, for the `__getattr__` of a module."""
        warn(name, self.message, stacklevel=4)
        return self.value


if TYPE_CHECKING:
    # Type checkers show what is deprecated by this name (PEP 702). Python has it from 3.13 on.
    from typing_extensions import deprecated
else:

    def deprecated(message: str) -> Callable[[F], F]:
        """Mark a function or a method."""
        _checked(message)

        def mark(function: F) -> F:
            @wraps(function)
            def warning(*args: object, **kwargs: object) -> object:
                warn(f"{function.__qualname__}()", message)
                return function(*args, **kwargs)

            warning.__deprecated__ = message
            return warning

        return mark
