"""Checking the result of a tool by the tool's own output schema, in bounded time (extra `mcp`)."""

from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from time import monotonic
from typing import Any

import attrs

Check = Callable[[Any, Any, Any, Any], Iterable[Any] | None]
"""How jsonschema checks a keyword: by the validator, the keyword's value, the instance and the schema."""

MAX_SECONDS = 0.1
"""What a check may take, which holds the event loop. What is left of a large result then is not checked."""
WITH_REGULAR_EXPRESSIONS = {"pattern", "patternProperties", "unevaluatedProperties"}
"""They are not checked: a regular expression of the server's can take for ever, and nothing can stop it."""
MAX_ITEMS = 1000
"""More items than that are not checked for being unique, and more values than that not searched for the right one."""


class _TimeIsUpError(Exception):
    pass


class ResultSchema:
    """The output schema of one tool."""

    def __init__(self, schema: dict[str, Any]) -> None:
        self._schema = schema
        self._validator: Any = None
        self._ends_at = 0.0

    def fault(self, content: object) -> str | None:
        """How a tool's structured content breaks the schema; None where it does not, as far as it was checked.

        Raises whatever the library raises at a schema that it can't use.
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
        # Loaded here: it takes long, brings no types of its own, and most tools have no output schema.
        validators, referencing = import_module("jsonschema.validators"), import_module("referencing")
        base = validators.validator_for(self._schema)
        checks = {keyword: self._bounded(keyword, check) for keyword, check in base.VALIDATORS.items()}
        # An empty registry, so that nothing is fetched from where a `$ref` points to.
        bounded = validators.extend(base, checks)
        fields = [(field.name, field.alias) for field in attrs.fields(bounded) if field.init]

        def evolve(validator: Any, **changes: Any) -> Any:
            # The library's own takes another class where a part of the schema has a `$schema`.
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
            if not _is_unbounded(keyword, value, instance, schema):
                for error in check(validator, value, instance, schema) or ():
                    yield error
                    self._check_time()

        return bounded


def _is_unbounded(keyword: str, value: Any, instance: object, schema: Any) -> bool:
    """Whether this one check may take longer than all of them should."""
    if keyword == "uniqueItems" and isinstance(instance, list):
        # Items that are lists or objects are compared each with each.
        return len(instance) > MAX_ITEMS or any(isinstance(item, dict | list) for item in instance)
    if keyword == "enum":
        return len(value) > MAX_ITEMS
    # Which properties are additional depends on the regular expressions beside it.
    return keyword in WITH_REGULAR_EXPRESSIONS or (keyword == "additionalProperties" and "patternProperties" in schema)
