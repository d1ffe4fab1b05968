"""The processes of the benchmarks: the service, and a worker for each subject. One worker is active at a time."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from client_scenarios import Measurement

HERE = Path(__file__).parent
EXIT_TIMEOUT = 10.0


def clean_environment() -> dict[str, str]:
    """The environment variables without those that affect Python, proxies or the SDK."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.lower().endswith("_proxy") and not name.startswith(("PYTHON", "POSTHOG_"))
    }


class LineProcess:
    """A process that writes lines of JSON, and exits at the end of its input."""

    def __init__(self, python: Path, script: str, arguments: Sequence[str]) -> None:
        self._command = " ".join([script, *arguments])
        self._process = subprocess.Popen(
            [python, HERE / script, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=clean_environment(),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            self._process.communicate(timeout=EXIT_TIMEOUT)
        except (subprocess.TimeoutExpired, ValueError, BrokenPipeError):
            self._process.kill()
            self._process.wait()

    def read(self) -> Any:
        line = self._process.stdout.readline() if self._process.stdout else ""
        if not line:
            raise RuntimeError(f"{self._command} exited; see its output above")
        return json.loads(line)

    def write(self, value: object) -> None:
        if self._process.stdin:
            self._process.stdin.write(json.dumps(value) + "\n")
            self._process.stdin.flush()


class Service(LineProcess):
    """The service, with a URL for each latency."""

    def __init__(self, latencies: Sequence[int]) -> None:
        super().__init__(Path(sys.executable), "service_process.py", [str(latency) for latency in latencies])
        self._ports: dict[str, int] = self.read()

    def url(self, latency: int) -> str:
        """The URL at which responses are delayed by so many milliseconds."""
        return f"http://127.0.0.1:{self._ports[str(latency)]}"


class Worker(LineProcess):
    """Runs a subject, given as its module and the arguments of its `scenarios`."""

    def __init__(self, python: Path, arguments: Sequence[str]) -> None:
        super().__init__(python, "worker.py", arguments)

    def run(self, scenario: str, arguments: dict[str, Any]) -> Measurement:
        self.write({"scenario": scenario, **arguments})
        return Measurement(**self.read())
