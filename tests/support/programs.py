"""Programs in processes of their own, with the key and the host of an embedded service."""

import asyncio
import os
import re
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from types import MappingProxyType

from posthog_mcp_store.testing import EmbeddedService

ROOT = Path(__file__).parents[2]


@asynccontextmanager
async def run(
    service: EmbeddedService,
    *command: str,
    environment: Mapping[str, str] = MappingProxyType({}),
    directory: Path = ROOT,
) -> AsyncIterator[Process]:
    """A Python program in a separate process, without a screen."""
    inherited = {name: value for name, value in os.environ.items() if not name.endswith(("DISPLAY", "BROWSER"))}
    settings = {"POSTHOG_PERSONAL_API_KEY": service.api_key, "POSTHOG_HOST": service.base_url, "PYTHONUNBUFFERED": "1"}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "error", *command),
        cwd=directory,
        env={**inherited, **settings, **environment},
        stdout=PIPE,
        stderr=STDOUT,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await asyncio.wait_for(process.communicate(), 20)


async def printed(process: Process, pattern: str) -> str:
    """The part of a program's output that the pattern's group matches."""
    assert process.stdout is not None
    lines = []
    while line := (await asyncio.wait_for(process.stdout.readline(), 60)).decode():
        lines.append(line)
        if found := re.search(pattern, line):
            return found[1]
    raise AssertionError("".join(lines))


async def printed_lines(process: Process) -> list[str]:
    """All lines of a program that ends by itself."""
    said, _ = await asyncio.wait_for(process.communicate(), 60)
    return said.decode().splitlines()
