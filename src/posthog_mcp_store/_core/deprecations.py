"""Deprecation of public names, which keep working and emit a warning until they are removed (docs/versioning.md).

To deprecate a name, move it from `__all__` of `_api` to its `DEPRECATED`, and for type checkers add it to `__init__`:
`from ._new import New as Old`. Decorate a function or method with `@deprecated`. For a parameter or a value, call
`warn` in the function that receives it.

The message names the replacement and the version of the removal: `use New; removed in 0.4.0`. The record of the public
API keeps it, and allows the name to be removed in that version.
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
    """Emit a warning that points at the caller of the function that calls this."""
    warnings.warn(f"{what} is deprecated: {_checked(message)}", DeprecationWarning, stacklevel=stacklevel)


@frozen
class Deprecated:
    """The value of a deprecated name of a module."""

    value: object
    message: str = field(converter=_checked)

    def use(self, name: str) -> object:
        """Warn and return the value, for the `__getattr__` of a module."""
        warn(name, self.message, stacklevel=4)
        return self.value


if TYPE_CHECKING:
    # Type checkers recognise this decorator (PEP 702), which `warnings` has only since Python 3.13.
    from typing_extensions import deprecated
else:

    def deprecated(message: str) -> Callable[[F], F]:
        """Mark a function or method as deprecated."""
        _checked(message)

        def mark(function: F) -> F:
            @wraps(function)
            def warning(*args: object, **kwargs: object) -> object:
                warn(f"{function.__qualname__}()", message)
                return function(*args, **kwargs)

            warning.__deprecated__ = message
            return warning

        return mark
