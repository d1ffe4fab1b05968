"""The settings of a store and its views: validated on creation, and read-only."""

import os
from collections.abc import Awaitable, Callable, Mapping
from inspect import isawaitable
from typing import Any, Self

from attrs import Attribute, evolve, field, frozen

from .._core import defaults, validation
from .._core.connection_error_info import ConnectionErrorInfo
from .._core.errors import ConfigurationError
from .._core.response import ResponseInfo
from .._core.secret import Secret, as_secret

KeySource = Callable[[], str | Awaitable[str]]
APIKey = str | KeySource
OnResponse = Callable[[ResponseInfo], None]
OnConnectionError = Callable[[ConnectionErrorInfo], None]

HOST_VARIABLE = "POSTHOG_HOST"
PROJECT_VARIABLE = "POSTHOG_PROJECT_ID"
OTHER_KEY_VARIABLE = "POSTHOG_API_KEY"
"""PostHog's own SDKs read a project token from it."""

Validator = Callable[[Any, "Attribute[Any]", Any], object]


def _seconds(_: object, attribute: "Attribute[Any]", value: float) -> None:
    validation.seconds(value, attribute.name)


def _seconds_or_none(_: object, attribute: "Attribute[Any]", value: float | None) -> None:
    if value is not None:
        validation.seconds(value, attribute.name)


def _at_least(minimum: int) -> Validator:
    return lambda _, attribute, value: validation.at_least(minimum, value, attribute.name)


def _callback(_: object, attribute: "Attribute[Any]", value: Callable[..., object] | None) -> None:
    validation.callback(value, attribute.name)


def _usable_key(given: Secret | KeySource | None) -> Secret | KeySource:
    key = as_secret(os.environ.get(validation.API_KEY_VARIABLE)) if given is None else given
    if key is None and OTHER_KEY_VARIABLE in os.environ:
        raise ConfigurationError(
            f"no API key: set {validation.API_KEY_VARIABLE} to a personal API key (phx_...). "
            f"{OTHER_KEY_VARIABLE} is set, and is not read, because it usually is a project token"
        )
    return key if callable(key) else validation.api_key(key)


def _usable_project(given: str | int | None) -> str:
    project = os.environ.get(PROJECT_VARIABLE) or defaults.PROJECT_ID if given is None else given
    return validation.project_id(project)


@frozen(kw_only=True)
class Settings:
    """The settings of a store or of a view of it.

    Raises:
        ConfigurationError: A value is missing or wrong.
    """

    host: str
    project_id: str = field(converter=_usable_project)
    api_key: Secret | KeySource = field(repr=False, converter=_usable_key)
    timeout: float | None = field(validator=_seconds_or_none)
    """Seconds for each network operation; None for the default of the call."""
    max_retries: int = field(validator=_at_least(0))
    max_retry_after: float = field(validator=_seconds)
    max_response_bytes: int = field(validator=_at_least(1))
    deadline: float | None = field(default=None, validator=_seconds_or_none)
    """Seconds for the whole call: attempts, waits and queueing together."""
    headers: Mapping[str, str] = field(factory=dict, repr=False, converter=validation.extra_headers)
    on_response: OnResponse | None = field(default=None, validator=_callback)
    on_connection_error: OnConnectionError | None = field(default=None, validator=_callback)

    async def current_api_key(self) -> Secret:
        """The key to send now. A callable is called before every request, so that keys can be rotated."""
        if isinstance(self.api_key, Secret):
            return self.api_key
        given = as_secret(self.api_key())
        return validation.api_key(as_secret(await given) if isawaitable(given) else given)

    def evolved(self, *, headers: Mapping[str, str] | None, **changes: object) -> Self:
        """A copy with some settings changed. None changes nothing; headers are added to the existing ones."""
        given: dict[str, Any] = {name: value for name, value in changes.items() if value is not None}
        return evolve(self, headers={**self.headers, **validation.extra_headers(headers)}, **given)


def configured_host(given: str | None) -> str:
    """The host from the argument, or else the environment, or else the default."""
    return os.environ.get(HOST_VARIABLE) or defaults.HOST if given is None else given
