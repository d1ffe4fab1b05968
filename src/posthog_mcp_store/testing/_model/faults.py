"""Faults that a test can inject, and the requests that they apply to."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

_BODILESS = (204, 304)


@dataclass(eq=False, kw_only=True)
class Fault:
    """Something that goes wrong with requests, from `service.inject()` on.

    A request gets the first fault that is not used up and that selects it. Everything else works as usual: without
    `status`, `body` and `reset`, the response is the service's own. A stream of events is read to its end before the
    fault is applied, unless nothing of it is kept.

    Args:
        method: The only method it applies to.
        path: What a request's path must end with; a slash at the end of either does not matter.
        skip: How many matching requests it lets pass first.
        times: How often it happens; None means always.
        delay: Seconds before the response. The service acts before them; a client that leaves ends them.
        status: Replaces the response, with an empty body if no `body` is given: 200 to 999.
        headers: Added to the response, replacing those of the same name.
        body: Replaces the response, with status 200 where no `status` is given. It has no content type but the one
            in `headers`.
        takes_effect: Whether the service acts on a request whose response is replaced.
        edit: Takes the service's own response, decoded, and returns what is sent instead.
        reset: Resets the connection: before the service acts, after it acted but before its response, or inside the
            response's body. In process, where there is no connection, ConnectionResetError comes out instead.
        truncate: Closes the connection after half of the body.
        drip: Seconds before each single byte of the body. The head is sent at once.

    Attributes:
        hits: How often it happened.
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
        """Whether another response takes the place of the service's own."""
        return self.status is not None or self.body is not None

    @property
    def reaches_service(self) -> bool:
        """Whether the service acts on the request."""
        if self.reset in ("before", "after"):
            return self.reset == "after"
        return self.takes_effect or not self.replaces

    @property
    def keeps_answer(self) -> bool:
        """Whether anything of the service's own response is sent."""
        return not self.replaces and self.reset not in ("before", "after")

    def takes(self, method: str, path: str) -> bool:
        """Whether it applies to this request; if so, it counts as a hit."""
        if self.hits == self.times or not self._fits(method, path):
            return False
        if self._passed < self.skip:
            self._passed += 1
            return False
        self.hits += 1
        return True

    def _fits(self, method: str, path: str) -> bool:
        return self.method in (None, method) and path.removesuffix("/").endswith(self.path.removesuffix("/"))
