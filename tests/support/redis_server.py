"""A Redis for tests: Debian's `redis-server` on a free port of this machine, which keeps nothing."""

import os
import select
import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

HOST = "127.0.0.1"
READY = b"Ready to accept connections"
START_SECONDS = 10


@contextmanager
def running_redis(**settings: str) -> Iterator[str]:
    """Its URL, while it runs with these settings of redis.conf.

    Skips the test where there is no Redis.
    """
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("redis-server is missing: install Debian's package redis-server, or run INSTALL=1 nox -s tests")
    with TemporaryDirectory(prefix="redis-") as directory:
        server, port = _start(program, Path(directory), settings)
        try:
            yield f"redis://{HOST}:{port}/0"
        finally:
            server.terminate()
            server.communicate(timeout=START_SECONDS)


def _start(program: str, directory: Path, settings: Mapping[str, str]) -> tuple[subprocess.Popen[bytes], int]:
    """The server, ready, and its port. Where another process takes the port first, it ends, and another is started."""
    for _ in range(5):
        port = _free_port()
        options = {"bind": HOST, "port": str(port), "dir": str(directory), "save": "", "appendonly": "no", **settings}
        arguments = [text for name, value in options.items() for text in (f"--{name}", value)]
        server = subprocess.Popen([program, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        said = _listen(server)
        if READY in said:
            return server, port
        server.kill()
        server.communicate(timeout=START_SECONDS)
    raise RuntimeError(f"redis-server does not start: {said.decode(errors='replace')}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _listen(server: subprocess.Popen[bytes]) -> bytes:
    """Its output until it is ready, has ended, or is silent for too long."""
    assert server.stdout is not None
    said = b""
    while READY not in said and select.select([server.stdout], [], [], START_SECONDS)[0]:
        chunk = os.read(server.stdout.fileno(), 4096)
        if not chunk:
            break
        said += chunk
    return said
