"""What a store was told: checked once, read-only, and evolved into the settings of its views."""

import os
from collections.abc import Awaitable, Callable, Mapping
from inspect import isawaitable
from typing import Literal, get_args

from attrs import evolve, field, frozen

from . import _arguments
from ._answer import ResponseInfo
from ._host import checked_host
from ._retry import RetryPolicy
from ._secret import Secret, conceal

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
        given = conceal(self.api_key())
        return _arguments.api_key(conceal(await given) if isawaitable(given) else given)

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
            project_id=self.project_id if project_id is None else _arguments.project_id(project_id),
            timeout=self.timeout if timeout is None else _arguments.seconds(timeout, "timeout"),
            retry=self.retry if max_retries is None else evolve(self.retry, max_retries=_max_retries(max_retries)),
            deadline=self.deadline if deadline is None else _arguments.seconds(deadline, "deadline"),
            headers={**self.headers, **_arguments.extra_headers(headers)},
            on_response=_arguments.callback(on_response, "on_response") or self.on_response,
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
    key = conceal(os.environ.get(_arguments.API_KEY_VARIABLE)) if api_key is None else api_key
    project = os.environ.get(PROJECT_VARIABLE) or _arguments.CURRENT_PROJECT if project_id is None else project_id
    address = os.environ.get(HOST_VARIABLE) or DEFAULT_HOST if host is None else host
    return Settings(
        api_key=key if callable(key) else _arguments.api_key(key),
        project_id=_arguments.project_id(project),
        host=checked_host(address, allow_insecure=allow_insecure_host),
        timeout=_arguments.seconds(timeout, "timeout"),
        retry=RetryPolicy(_max_retries(max_retries), _arguments.seconds(max_retry_after, "max_retry_after")),
        max_response_bytes=_arguments.at_least(1, max_response_bytes, "max_response_bytes"),
        api_prefix=_arguments.one_of(get_args(APIPrefix), api_prefix, "api_prefix"),
    )


def _max_retries(value: int) -> int:
    return _arguments.at_least(0, value, "max_retries")
