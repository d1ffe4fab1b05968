"""`@modelcontextprotocol/server-everything`, the reference server of the MCP project, in a separate process."""

import os
import re
import select
import shutil
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

WITHIN = 20.0
"""Seconds within which it starts, or ends."""
ON_LOOPBACK = Path(__file__).with_name("on_loopback.mjs")
READY = re.compile(rb"^on 127\.0\.0\.1:(\d+)$", re.MULTILINE)


class EverythingServer:
    """Runs inside `with`. Started again, it has the same port, and has forgotten its sessions.

    Args:
        program: Its `dist/index.js`.
    """

    def __init__(self, program: Path) -> None:
        self._program = program
        self._port = 0

    @property
    def url(self) -> str:
        """Its endpoint."""
        return f"http://127.0.0.1:{self._port}/mcp"

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def start(self) -> None:
        node = shutil.which("node")
        assert node, "Node.js is missing"
        self._process = subprocess.Popen(
            [node, "--import", ON_LOOPBACK, self._program, "streamableHttp"],
            env={"PATH": os.environ["PATH"], "PORT": str(self._port)},
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        said = self._listen()
        ready = READY.search(said)
        if ready is None:
            self.kill()
            raise RuntimeError(f"the server does not start: {said.decode(errors='replace')}")
        self._port = int(ready[1])

    def kill(self) -> None:
        """End it as a crash does: its connections are cut."""
        self._process.kill()
        self._process.communicate(timeout=WITHIN)

    def restart(self) -> None:
        self.kill()
        self.start()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def _listen(self) -> bytes:
        """Its output until it is ready, has ended, or is silent for too long."""
        assert self._process.stderr is not None
        said = b""
        while not READY.search(said) and select.select([self._process.stderr], [], [], WITHIN)[0]:
            chunk = os.read(self._process.stderr.fileno(), 4096)
            if not chunk:
                break
            said += chunk
        return said
