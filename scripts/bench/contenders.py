"""What can be measured once, of whom: the cells of the table before they have figures."""

import subprocess
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from environments import STORE, STORE_WITH_MCP, Environment, environment
from load import Figure
from processes import Service, Worker, plain_environment

LATENCIES = (0, 20, 50)


class Stand:
    """The service and the workers, started when they are first needed."""

    def __init__(self) -> None:
        self._exits = ExitStack()
        self._service: Service | None = None
        self._workers: dict[tuple[str, ...], Worker] = {}
        self._environments: dict[str, Environment] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._exits.__exit__(kind, error, traceback)

    @property
    def versions(self) -> dict[str, dict[str, str]]:
        """What was installed in the environments that were used."""
        return {name: each.versions() for name, each in self._environments.items()}

    def environment(self, name: str) -> Environment:
        if name not in self._environments:
            self._environments[name] = environment(name)
        return self._environments[name]

    def url(self, latency: int) -> str:
        if self._service is None:
            self._service = self._exits.enter_context(Service(LATENCIES))
        return self._service.url(latency)

    def worker(self, name: str, side: Sequence[str]) -> Worker:
        key = (name, *side)
        if key not in self._workers:
            self._workers[key] = self._exits.enter_context(self.new_worker(name, side))
        return self._workers[key]

    def new_worker(self, name: str, side: Sequence[str]) -> Worker:
        return Worker(self.environment(name).python, side)


Measure = Callable[[Stand], Figure]


@dataclass(frozen=True)
class Contender:
    """Somebody to measure, under a name; `rounds` where so many say enough."""

    name: str
    measure: Measure
    rounds: int | None = None


@dataclass(frozen=True)
class Client:
    """A side that calls the service: in which environment, and by which module."""

    name: str
    environment: str
    side: tuple[str, ...]

    def does(self, scenario: str, *, latency: int = 0, rounds: int | None = None, **arguments: Any) -> Contender:
        def measure(stand: Stand) -> Figure:
            worker = stand.worker(self.environment, self.side)
            return worker.run(scenario, {"url": stand.url(latency), **arguments})

        return Contender(self.name, measure, rounds)

    def does_in_new_process(self, scenario: str, **arguments: Any) -> Contender:
        def measure(stand: Stand) -> Figure:
            with stand.new_worker(self.environment, self.side) as worker:
                return worker.run(scenario, {"url": stand.url(0), **arguments})

        return Contender(self.name, measure)

    def named(self, name: str) -> "Client":
        return Client(name, self.environment, self.side)


OURS = Client("ours", STORE, ("side_store",))
HTTPX = Client("httpx", "httpx", ("side_bare", "httpx"))
HTTPX_WITH_SNIFFIO = Client("httpx+sniffio", STORE, ("side_bare", "httpx"))
LANES = Client("lanes", STORE, ("side_lanes",))
HTTPX2 = Client("httpx2", "httpx2", ("side_bare", "httpx2"))
OPENAI = Client("openai", "openai", ("side_openai",))
CONNECT = Client("ours", STORE_WITH_MCP, ("side_connect",))
MCP = Client("mcp", "mcp", ("side_mcp", "legacy"))
MSGSPEC = Client("msgspec", "msgspec", ("side_msgspec",))


def runs_statement(name: str, environment_name: str, statement: str, *, rounds: int | None = None) -> Contender:
    """Seconds that a statement takes in a fresh interpreter, not counting the interpreter."""
    timed = f"import time; began = time.perf_counter(); {statement}; print(time.perf_counter() - began)"

    def measure(stand: Stand) -> Figure:
        python: Path = stand.environment(environment_name).python
        ran = subprocess.run(
            [python, "-I", "-c", timed], capture_output=True, text=True, check=True, env=plain_environment()
        )
        return Figure(float(ran.stdout))

    return Contender(name, measure, rounds)


def is_installed(name: str, environment_name: str) -> Contender:
    """Bytes of an environment's packages."""
    return Contender(name, lambda stand: Figure(stand.environment(environment_name).installed_bytes()))
