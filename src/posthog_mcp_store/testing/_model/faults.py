"""Faults that a test can inject, and the requests that they apply to."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

_BODILESS = (204, 304)


@dataclass(eq=False, kw_only=True)
class Fault:
    """A failure of requests, active from `service.inject()` on.

    A request gets the first matching fault that is not used up. Everything else works as usual: without `status`,
    `body` and `reset`, the response is the service's own. An event stream is read to its end before the fault is
    applied, unless the fault discards it.

    Attributes:
        method: The method that it applies to; None means all.
        path: The end of the paths that it applies to. A trailing slash is ignored, here and in the request.
        skip: The number of matching requests to leave alone first.
        times: The number of requests to apply it to; None means no limit.
        delay: Seconds to wait before the response, after the service has acted. Ends early if the client disconnects.
        status: The status of a response that replaces the service's, 200 to 999. The body is empty without `body`.
        headers: Added to the response, replacing headers of the same name.
        body: The body of a response that replaces the service's, with status 200 without `status`. Its content type
            has to be given in `headers`.
        takes_effect: Whether the service acts on a request whose response is replaced.
        edit: A function that is called with the service's response as decoded JSON and returns the JSON to send.
        reset: Resets the connection: `before` the service acts, `after` it acted but before its response, or `inside`
            the response's body. In process there is no connection, and ConnectionResetError is raised instead.
        truncate: Closes the connection after half of the body.
        drip: Seconds to wait before each byte of the body. The headers are sent immediately.
        hits: The number of requests that it was applied to.

    Raises:
        ValueError: The status can't be sent, can't have a body, or is combined with `edit`.
    """

    method: str | None = None
    path: str = ""
    skip: int = 0
    times: int | None = 1
    delay: float = 0.0
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | str | None = None
    takes_effect: bool = False
    edit: Callable[[Any], Any] | None = None
    reset: Literal["before", "after", "inside"] | None = None
    truncate: bool = False
    drip: float | None = None
    hits: int = field(default=0, init=False)
    _passed: int = field(default=0, init=False, repr=False)

    def __post_init__(self) -> None:
        if self.status is not None and not 200 <= self.status <= 999:
            raise ValueError(f"HTTP carries no response of status {self.status}: it takes 200 to 999")
        if self.status in _BODILESS and self.body:
            raise ValueError(f"a response of status {self.status} has no body")
        if self.edit is not None and self.replaces:
            raise ValueError("`edit` is for the service's own response, which `status` and `body` replace")

    @property
    def replaces(self) -> bool:
        """Whether the service's own response is replaced."""
        return self.status is not None or self.body is not None

    @property
    def reaches_service(self) -> bool:
        """Whether the service acts on the request."""
        if self.reset in ("before", "after"):
            return self.reset == "after"
        return self.takes_effect or not self.replaces

    @property
    def keeps_answer(self) -> bool:
        """Whether any part of the service's own response is sent."""
        return not self.replaces and self.reset not in ("before", "after")

    def takes(self, method: str, path: str) -> bool:
        """Whether it applies to this request. If so, this counts a hit.

        Args:
            method: The request's method.
            path: The request's path.
        """
        if self.hits == self.times or not self._fits(method, path):
            return False
        if self._passed < self.skip:
            self._passed += 1
            return False
        self.hits += 1
        return True

    def _fits(self, method: str, path: str) -> bool:
        return self.method in (None, method) and path.removesuffix("/").endswith(self.path.removesuffix("/"))
