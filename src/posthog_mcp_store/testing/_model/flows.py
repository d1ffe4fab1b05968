"""OAuth flows that were started and have not ended (docs/service.md, section 6)."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256

from .installations import InstallationRecord
from .records import OAuthServerRecord

_LIFETIME = timedelta(minutes=10)


@dataclass(frozen=True)
class Flow:
    """The data that the service needs when the browser returns. The project is that of the row."""

    user: str
    row: InstallationRecord
    server: OAuthServerRecord
    redirect_uri: str
    verifier: str = field(repr=False)
    install_source: str
    callback: str
    return_path: str
    started_at: datetime

    def is_open(self, now: datetime) -> bool:
        return now < self.started_at + _LIFETIME


class Flows:
    """The flows by `state`. Only hashes of the states are stored."""

    def __init__(self) -> None:
        self._flows: dict[str, Flow] = {}

    def keep(self, state: str, flow: Flow) -> None:
        self._flows[_hash(state)] = flow

    def take(self, state: str, accepts: Callable[[Flow], bool]) -> Flow | None:
        """Remove and return the flow of a state. A flow that is not acceptable is kept."""
        flow = self._flows.get(_hash(state))
        if flow is None or not accepts(flow):
            return None
        return self._flows.pop(_hash(state), None)


def _hash(state: str) -> str:
    return sha256(state.encode()).hexdigest()
