"""What to use instead of an unexpected keyword argument, in addition to Python's own TypeError.

Other SDKs take `timeout=` or `extra_headers=` with each call; here they are options of a view.
"""

from collections.abc import Callable, Coroutine
from functools import wraps
from inspect import iscoroutinefunction, isfunction, signature
from typing import Any, ParamSpec, TypeVar

from .hosts import CLOUDS

P = ParamSpec("P")
R = TypeVar("R")
C = TypeVar("C", bound=type)

OTHER_NAMES = {
    "access_token": "api_key",
    "base_url": "host",
    "default_headers": "headers",
    "extra_headers": "headers",
    "key": "api_key",
    "personal_api_key": "api_key",
    "project": "project_id",
    "region": "host",
    "request_timeout": "timeout",
    "retries": "max_retries",
    "team_id": "project_id",
    "token": "api_key",
    # In one method only: elsewhere, the name means something else.
    "__init__.client": "http_client",
    "__init__.session": "http_client",
    "__init__.url": "host",
    "connect.timeout": "stream_timeout",
    "proxy.session": "session_id",
}
"""What our parameters are called elsewhere."""
OPTIONS: dict[str, Callable[..., object]] = {}
"""The functions that take options, by the way to call them, in order of preference. `_store` adds them."""


def explain_keywords(kind: C) -> C:
    """Make the public methods of a class say what to use instead of an unexpected keyword argument."""
    for name, method in [*vars(kind).items()]:
        if isfunction(method) and (name == "__init__" or not name.startswith("_")):
            setattr(kind, name, _coroutine_function(method) if iscoroutinefunction(method) else _function(method))
    return kind


def _function(method: Callable[P, R]) -> Callable[P, R]:
    @wraps(method)
    def explained(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return method(*args, **kwargs)
        except TypeError as error:
            _add_hint(error, method, list(kwargs))
            raise
        finally:
            # Tracebacks must not show keys that were passed.
            del args, kwargs

    return explained


def _coroutine_function(method: Callable[P, Coroutine[Any, Any, R]]) -> Callable[P, Coroutine[Any, Any, R]]:
    # A plain function would be cheaper, but frameworks have to recognise coroutine functions, which
    # `inspect.markcoroutinefunction` allows only since Python 3.12.
    @wraps(method)
    async def explained(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            running = method(*args, **kwargs)
        except TypeError as error:
            _add_hint(error, method, list(kwargs))
            raise
        finally:
            del args, kwargs
        return await running

    return explained


def _add_hint(error: TypeError, method: Callable[..., object], given: list[str]) -> None:
    """Extend the error if it is about one of the keyword arguments given. Any other is left as it is."""
    parameters = signature(method).parameters
    unexpected = [name for name in given if name not in parameters]
    for name in unexpected:
        if hint := _hint(method, name):
            error.args = (f"{method.__qualname__}() got an unexpected keyword argument {name!r}: {hint}",)
            return


def _hint(method: Callable[..., object], name: str) -> str | None:
    ours = OTHER_NAMES.get(f"{method.__name__}.{name}", OTHER_NAMES.get(name, name))
    example = f", such as {CLOUDS}" if ours == "host" else ""
    if ours in signature(method).parameters:
        return f"use {ours}={example}"
    for call, function in OPTIONS.items():
        if ours in signature(function).parameters:
            return f"use {call}({ours}=...){example}"
    return None
