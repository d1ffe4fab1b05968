import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from posthog_mcp_store.testing import EmbeddedService, Fault, serve_app

from ..support.mcp_servers import EverythingServer
from ..support.programs import printed, printed_lines, run
from .conftest import write_recipe

Task = tuple[object, ...]
"""The arguments of a task."""
URL = "https://tools.example.com/mcp"
FILES = {
    "users.py": """
import os


def key_of(user):
    return os.environ[f"KEY_OF_{user.upper()}"]
""",
    "celeryconfig.py": """
broker_url = "filesystem://"
broker_transport_options = {
    "control_folder": "control",
    "data_folder_in": "broker",
    "data_folder_out": "broker",
    "polling_interval": 0.1,
}
worker_enable_remote_control = False
result_backend = "file://results"
""",
    "ask.py": """
import json
import sys

from tasks import call_tool

for task in [call_tool.delay(*json.loads(arguments)) for arguments in sys.argv[1:]]:
    try:
        print(json.dumps(task.get(timeout=60, interval=0.1)))
    except Exception as error:
        print(json.dumps([type(error).__name__, str(error)]))
""",
}
# Celery warns if it is run as root, as it may be in a container.
COMMAND = ("-W", "default", "-m", "celery", "-A", "tasks", "worker", "--concurrency", "2", "--loglevel", "INFO")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    write_recipe("Celery", tmp_path)
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    for name in ("broker", "control", "results"):
        (tmp_path / name).mkdir()
    return tmp_path


@asynccontextmanager
async def worker(service: EmbeddedService, place: Path) -> AsyncIterator[None]:
    async with run(service, *COMMAND, directory=place) as process:
        await printed(process, "(ready)")
        yield
        # A shutdown takes five seconds. The pool's processes end with their parent.
        process.kill()


async def ask(service: EmbeddedService, place: Path, *tasks: Task) -> list[Any]:
    """What becomes of tasks."""
    async with run(service, "ask.py", *map(json.dumps, tasks), directory=place) as process:
        return [json.loads(line) for line in await printed_lines(process)]


async def test_a_task_calls_a_tool_and_repeats_only_what_did_not_run(service: EmbeddedService, place: Path) -> None:
    server = EverythingServer(json_response=True, stateless=True)
    tools = str(service.add_installation(user="ada", url=URL).id)
    adding: Task = ("ada", tools, "add", {"a": 19, "b": 23})
    counting: Task = ("ada", tools, "tally", {})
    with serve_app(server) as host:
        service.add_mcp_server(URL, f"{host}/mcp")
        async with worker(service, place):
            called, (kind, text) = await ask(service, place, adding, ("bob", *adding[1:]))
            assert (called["is_error"], called["content"][0]["text"]) == (False, "42")
            assert (kind, "NotFoundError" in text) == ("Exception", True)

            # The SDK itself sends it three times.
            service.inject(Fault(path="/call_tool", status=429, headers={"Retry-After": "0.2"}, times=3))
            (called,) = await ask(service, place, counting)
            assert called["content"][0]["text"] == "1"

            service.inject(Fault(path="/call_tool", reset="after"))
            ((kind, text),) = await ask(service, place, counting)
            assert (kind, "APIConnectionError" in text) == ("Exception", True)
    assert server.calls == ["add", "tally", "tally"]
