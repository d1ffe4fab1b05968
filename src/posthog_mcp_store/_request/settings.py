"""What a store was told: checked once, read-only, and evolved into the settings of its views."""

import os
from collections.abc import Awaitable, Callable, Mapping
from inspect import isawaitable
from typing import Literal, get_args

from attrs import evolve, field, frozen

from .._core import validation
from .._core.hosts import checked_host
from .._core.response import ResponseInfo
from .._core.secret import Secret, as_secret
from .retry import RetryPolicy

KeySource = Callable[[], str | Awaitable[str]]
APIKey = str | KeySource
OnResponse = Callable[[ResponseInfo], None]
APIPrefix = Literal["environments", "projects"]

DEFAULT_HOST = "https://us.posthog.com"
HOST_VARIABLE = "POSTHOG_HOST"
PROJECT_VARIABLE = "POSTHOG_PROJECT_ID"


@frozen(kw_only=True)
class Settings:
    """The settings of a store or of a view on it."""

    host: str
    project_id: str
    api_key: Secret | KeySource = field(repr=False)
    timeout: float | None
    """Seconds for each step of the network; None for what fits the operation."""
    retry: RetryPolicy
    max_response_bytes: int
    api_prefix: APIPrefix
    deadline: float | None = None
    """Seconds for a call whole: attempts, waits and queueing together."""
    headers: Mapping[str, str] = field(factory=dict, repr=False)
    on_response: OnResponse | None = None

    async def current_api_key(self) -> Secret:
        """The key to send now. A callable is asked for every request, so that keys can rotate."""
        if isinstance(self.api_key, Secret):
            return self.api_key
        given = as_secret(self.api_key())
        return validation.api_key(as_secret(await given) if isawaitable(given) else given)

    def evolved(
        self,
        *,
        project_id: str | int | None,
        timeout: float | None,
        max_retries: int | None,
        deadline: float | None,
        headers: Mapping[str, str] | None,
        on_response: OnResponse | None,
    ) -> "Settings":
        """These settings with some changed; None changes nothing."""
        return evolve(
            self,
            project_id=self.project_id if project_id is None else validation.project_id(project_id),
            timeout=self.timeout if timeout is None else validation.seconds(timeout, "timeout"),
            retry=self.retry if max_retries is None else evolve(self.retry, max_retries=_max_retries(max_retries)),
            deadline=self.deadline if deadline is None else validation.seconds(deadline, "deadline"),
            headers={**self.headers, **validation.extra_headers(headers)},
            on_response=validation.callback(on_response, "on_response") or self.on_response,
        )


def make_settings(
    *,
    api_key: Secret | KeySource | None,
    project_id: str | int | None,
    host: str | None,
    timeout: float | None,
    max_retries: int,
    max_retry_after: float,
    max_response_bytes: int,
    api_prefix: APIPrefix,
    allow_insecure_host: bool,
) -> Settings:
    """Arguments, else environment, else defaults.

    Raises:
        ConfigurationError: A value is missing or wrong.
    """
    key = as_secret(os.environ.get(validation.API_KEY_VARIABLE)) if api_key is None else api_key
    project = os.environ.get(PROJECT_VARIABLE) or validation.CURRENT_PROJECT if project_id is None else project_id
    address = os.environ.get(HOST_VARIABLE) or DEFAULT_HOST if host is None else host
    return Settings(
        api_key=key if callable(key) else validation.api_key(key),
        project_id=validation.project_id(project),
        host=checked_host(address, allow_insecure=allow_insecure_host),
        timeout=validation.seconds(timeout, "timeout"),
        retry=RetryPolicy(_max_retries(max_retries), validation.seconds(max_retry_after, "max_retry_after")),
        max_response_bytes=validation.at_least(1, max_response_bytes, "max_response_bytes"),
        api_prefix=validation.one_of(get_args(APIPrefix), api_prefix, "api_prefix"),
    )


def _max_retries(value: int) -> int:
    return validation.at_least(0, value, "max_retries")
