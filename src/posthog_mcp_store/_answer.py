"""An HTTP answer as plain data: what the transport hands up, whichever HTTP library it came through."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from attrs import evolve, field, frozen

from ._secret import Secret


class Headers(Mapping[str, str]):
    """Response headers; names match in any case. A header that came more than once is joined with commas."""

    __slots__ = ("_values",)

    def __init__(self, items: Mapping[str, str] | Iterable[tuple[str, str]] = ()) -> None:
        self._values = {name.lower(): value for name, value in dict(items).items()}

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Headers({self._values!r})"


@frozen
class Answer:
    """One answer of the service, read whole."""

    status_code: int
    # A service may quote the key in its answer, and a repr ends up in tracebacks that show local variables.
    headers: Headers = field(repr=False)
    content: bytes = field(repr=False)
    seconds: float
    """From sending the request until the last byte of the answer."""

    @property
    def text(self) -> str:
        """The body as UTF-8, the only encoding JSON and event streams have; undecodable bytes become U+FFFD."""
        return self.content.decode(errors="replace")

    def json(self) -> Any:
        """The body as JSON.

        Raises:
            ValueError: It is not JSON.
        """
        try:
            return json.loads(self.content)
        except ValueError as error:
            reason = str(error)
        # A new error, because json's own keeps the whole body.
        raise ValueError(f"it is not JSON: {reason}")

    def without(self, secret: Secret) -> "Answer":
        """The same answer with `secret` blotted out, for errors that quote what the service said."""
        blot = "***"
        return evolve(
            self,
            headers=Headers({name: value.replace(secret.reveal(), blot) for name, value in self.headers.items()}),
            content=self.content.replace(secret.reveal().encode(), blot.encode()),
        )


@frozen
class ResponseInfo:
    """What `with_options(on_response=...)` is told of every answer."""

    method: str
    path_template: str
    """The path with its parameters' names, such as `/api/environments/{project_id}/...`."""
    status_code: int
    headers: Headers
    seconds: float
    attempt: int
    """1 for the first."""
