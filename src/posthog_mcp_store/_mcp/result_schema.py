"""Validating a tool's result against its output schema, in bounded time (extra `mcp`)."""

from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from time import monotonic
from typing import Any

import attrs

Check = Callable[[Any, Any, Any, Any], Iterable[Any] | None]
"""jsonschema's check of one keyword: takes the validator, the keyword's value, the instance and the schema."""

MAX_SECONDS = 0.1
"""The check blocks the event loop, so it stops after this time; the rest of a large result is not checked."""
WITH_REGULAR_EXPRESSIONS = {"pattern", "patternProperties", "unevaluatedProperties"}
"""Not checked: a server's regular expression can run indefinitely, and nothing can stop it."""
MAX_ITEMS = 1000
"""`uniqueItems` is not checked for longer lists, nor `enum` with more values."""
MAX_DEPTH = 50
"""Deeper parts are not checked: a schema may refer to itself endlessly, and some libraries below jsonschema abort with
an exception that is no Exception when Python's recursion limit is reached."""


class _TimeIsUpError(Exception):
    pass


class ResultSchema:
    """The output schema of one tool."""

    def __init__(self, schema: dict[str, Any]) -> None:
        self._schema = schema
        self._validator: Any = None
        self._ends_at = 0.0
        self._depth = 0

    def fault(self, content: object) -> str | None:
        """The way in which structured content violates the schema; None if no violation was found in time.

        Raises any exception that jsonschema raises for an invalid schema.
        """
        if self._validator is None:
            self._validator = self._make_validator()
        self._ends_at = monotonic() + MAX_SECONDS
        errors = list(self._errors(content))
        worst = import_module("jsonschema.exceptions").best_match(errors)
        return None if worst is None else str(worst.message)

    def _errors(self, content: object) -> Iterator[Any]:
        try:
            yield from self._validator.iter_errors(content)
        except _TimeIsUpError:
            return

    def _make_validator(self) -> Any:
        # Imported here: it is slow to import and has no types, and most tools have no output schema.
        validators, referencing = import_module("jsonschema.validators"), import_module("referencing")
        base = validators.validator_for(self._schema)
        checks = {keyword: self._bounded(keyword, check) for keyword, check in base.VALIDATORS.items()}
        # An empty registry, so that no `$ref` is fetched.
        bounded = validators.extend(base, checks)
        fields = [(field.name, field.alias) for field in attrs.fields(bounded) if field.init]

        def evolve(validator: Any, **changes: Any) -> Any:
            # The library's own changes the class at a subschema with a `$schema`.
            self._check_time()
            return bounded(**{alias: getattr(validator, name) for name, alias in fields} | changes)

        bounded.evolve = evolve
        return bounded(self._schema, registry=referencing.Registry())

    def _check_time(self) -> None:
        if monotonic() > self._ends_at:
            raise _TimeIsUpError

    def _bounded(self, keyword: str, check: Check) -> Check:
        def bounded(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[Any]:
            self._check_time()
            if self._depth == MAX_DEPTH or _is_unbounded(keyword, value, instance, schema):
                return
            self._depth += 1
            try:
                for error in check(validator, value, instance, schema) or ():
                    yield error
                    self._check_time()
            finally:
                self._depth -= 1

        return bounded


def _is_unbounded(keyword: str, value: Any, instance: object, schema: Any) -> bool:
    """Whether this check alone could exceed the time limit."""
    if keyword == "uniqueItems" and isinstance(instance, list):
        # Lists and objects are compared pairwise.
        return len(instance) > MAX_ITEMS or any(isinstance(item, dict | list) for item in instance)
    if keyword == "enum":
        return len(value) > MAX_ITEMS
    # The regular expressions of patternProperties decide which properties are additional.
    return keyword in WITH_REGULAR_EXPRESSIONS or (keyword == "additionalProperties" and "patternProperties" in schema)
