"""A toolbox on the embedded service, in the environment of a framework."""

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypedDict

import pytest

from posthog_mcp_store import MCPStore, Toolbox

SERVICE = Path(__file__).with_name("service.py")
PYTHON_OF_SERVICE = os.environ.get("PYTHON_OF_SERVICE", sys.executable)

# No test reports its use to a framework's makers.
os.environ |= {"AGNO_TELEMETRY": "false", "CREWAI_DISABLE_TELEMETRY": "true", "OTEL_SDK_DISABLED": "true"}


class Settings(TypedDict):
    """The arguments of a store on the service."""

    api_key: str
    host: str


@pytest.fixture(scope="session")
def settings() -> Iterator[Settings]:
    with subprocess.Popen([PYTHON_OF_SERVICE, SERVICE], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.kill()


@asynccontextmanager
async def open_toolbox(settings: Settings, deadline: float) -> AsyncIterator[Toolbox]:
    async with (
        MCPStore(**settings) as store,
        store.with_options(deadline=deadline).installations.connect_all() as toolbox,
    ):
        yield toolbox
