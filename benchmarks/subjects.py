"""The subjects of the benchmarks, and the environments, processes and service they need."""

import subprocess
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from client_scenarios import Measurement
from environments import SDK, SDK_WITH_AIOHTTP, SDK_WITH_BOTH, SDK_WITH_MCP, Environment, environment
from processes import Service, Worker, clean_environment

LATENCIES = (0, 20, 50)


class Harness(ExitStack):
    """The service and the workers, started when they are first needed."""

    def __init__(self) -> None:
        super().__init__()
        self._workers: dict[tuple[str, ...], Worker] = {}
        self._environments: dict[str, Environment] = {}

    @property
    def versions(self) -> dict[str, dict[str, str]]:
        """The installed packages of the environments that were used."""
        return {name: each.versions() for name, each in self._environments.items()}

    def environment(self, name: str) -> Environment:
        if name not in self._environments:
            self._environments[name] = environment(name)
        return self._environments[name]

    @cached_property
    def service(self) -> Service:
        return self.enter_context(Service(LATENCIES))

    def worker(self, name: str, arguments: Sequence[str]) -> Worker:
        key = (name, *arguments)
        if key not in self._workers:
            self._workers[key] = self.enter_context(self.new_worker(name, arguments))
        return self._workers[key]

    def new_worker(self, name: str, arguments: Sequence[str]) -> Worker:
        return Worker(self.environment(name).python, arguments)


Measure = Callable[[Harness], Measurement]


@dataclass(frozen=True)
class Subject:
    """A named measurement; `rounds` limits how often it is repeated."""

    name: str
    measure: Measure
    rounds: int | None = None


@dataclass(frozen=True)
class Client:
    """A client of the service: its environment, and the arguments of its worker."""

    name: str
    environment: str
    worker: tuple[str, ...]

    def runs(self, scenario: str, *, latency: int = 0, rounds: int | None = None, **arguments: Any) -> Subject:
        def measure(harness: Harness) -> Measurement:
            worker = harness.worker(self.environment, self.worker)
            return worker.run(scenario, {"url": harness.service.url(latency), **arguments})

        return Subject(self.name, measure, rounds)

    def runs_in_new_process(self, scenario: str, **arguments: Any) -> Subject:
        def measure(harness: Harness) -> Measurement:
            with harness.new_worker(self.environment, self.worker) as worker:
                return worker.run(scenario, {"url": harness.service.url(0), **arguments})

        return Subject(self.name, measure)

    def named(self, name: str) -> "Client":
        return replace(self, name=name)


OURS = Client("ours", SDK, ("subject_sdk", "httpx"))
OURS_ON_AIOHTTP = Client("ours on aiohttp", SDK_WITH_AIOHTTP, ("subject_sdk", "aiohttp"))
HTTPX = Client("httpx", "httpx", ("subject_httpx", "httpx"))
AIOHTTP = Client("aiohttp", "aiohttp", ("subject_aiohttp",))
TRANSPORTS = Client("httpx transports", SDK, ("subject_httpx_transports",))
HTTPX2 = Client("httpx2", "httpx2", ("subject_httpx", "httpx2"))
OPENAI = Client("openai", "openai", ("subject_openai",))
OURS_WITH_MCP = Client("ours", SDK_WITH_MCP, ("subject_sdk_mcp", "httpx"))
OURS_WITH_MCP_ON_AIOHTTP = Client("ours on aiohttp", SDK_WITH_BOTH, ("subject_sdk_mcp", "aiohttp"))
MCP = Client("mcp", "mcp", ("subject_mcp", "legacy"))
MSGSPEC = Client("msgspec", "msgspec", ("subject_msgspec",))


def statement_time(name: str, environment_name: str, statement: str, *, rounds: int | None = None) -> Subject:
    """Seconds that a statement takes in a new interpreter, without its start."""
    timed = f"import time; began = time.perf_counter(); {statement}; print(time.perf_counter() - began)"

    def measure(harness: Harness) -> Measurement:
        python: Path = harness.environment(environment_name).python
        result = subprocess.run(
            [python, "-I", "-c", timed], capture_output=True, text=True, check=True, env=clean_environment()
        )
        return Measurement(float(result.stdout))

    return Subject(name, measure, rounds)


def installed_size(name: str, environment_name: str) -> Subject:
    """Bytes of the packages in an environment."""
    return Subject(name, lambda harness: Measurement(harness.environment(environment_name).installed_bytes()))
