"""The example of a worker repeats nothing that may have run, and loses nothing that did not."""

import asyncio
import importlib.util
import json
import re
from asyncio.subprocess import Process
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, closing
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from posthog_mcp_store.testing import EmbeddedService, Fault, serve_app

from ..support.mcp_servers import EverythingServer
from ..support.programs import ROOT, printed, printed_lines, run

PROGRAM = ROOT / "examples" / "night_worker.py"
URL = "https://tools.example.com/mcp"
CALL = "/call_tool"


@frozen
class Night:
    """A queue, a service, and the MCP server whose tools are called."""

    service: EmbeddedService
    server: EverythingServer
    queue: Any
    path: Path
    main: Any

    def install(self, **settings: Any) -> str:
        """The id of an installation of the server."""
        return str(self.service.add_installation(url=URL, **settings).id)

    def add(self, installation: str, tool: str, **arguments: object) -> None:
        assert self.main(["add", installation, tool, json.dumps(arguments)]) == 0

    def worker(self, **environment: str) -> AbstractAsyncContextManager[Process]:
        return run(self.service, str(PROGRAM), "run", environment={"QUEUE": str(self.path), **environment})

    @property
    def states(self) -> list[str]:
        return [state for (state,) in self.queue.run("SELECT state FROM items ORDER BY id")]

    @property
    def sent(self) -> int:
        return len([request for request in self.service.requests if request.path.rstrip("/").endswith(CALL)])


@pytest.fixture
def night(service: EmbeddedService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Night]:
    specification = importlib.util.spec_from_file_location("night_worker", PROGRAM)
    assert specification
    assert specification.loader
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    path, server = tmp_path / "queue.sqlite", EverythingServer(json_response=True, stateless=True)
    monkeypatch.setenv("QUEUE", str(path))
    with serve_app(server) as host, closing(module.Queue(str(path))) as queue:
        service.add_mcp_server(URL, f"{host}/mcp")
        yield Night(service, server, queue, path, module.main)


async def settled(process: Process, number: int) -> list[str]:
    """What the worker logs of this many items, without the time."""
    return [await printed(process, r"(?:INFO|WARNING) (item .*)") for _ in range(number)]


async def stopped(process: Process) -> int | None:
    process.terminate()
    await printed_lines(process)
    return process.returncode


async def test_each_item_is_one_call_and_one_line(night: Night, capsys: pytest.CaptureFixture[str]) -> None:
    tools = night.install()
    night.add(tools, "add", a=19, b=23)
    night.add(tools, "fail", reason="it is broken")
    night.add(tools, "add", a="nineteen", b=23)

    async with night.worker() as process:
        lines = await settled(process, 3)
        assert await stopped(process) == 0

    assert sorted(re.sub(" [0-9a-f-]{36}", "", line) for line in lines) == [
        "item 1, add of: done",
        "item 2, fail of: failed: the tool reported a failure",
        "item 3, add of: failed: the tool reported a failure",
    ]
    assert night.queue.run("SELECT detail FROM items WHERE id = 1") == [('{"result": 42}',)]
    assert sorted(night.server.calls) == ["add", "fail"]
    night.main(["report"])
    reported = capsys.readouterr().out
    assert "it is broken" in reported
    assert "1 done" not in reported


async def test_a_rate_limit_puts_all_items_back_until_it_has_passed(night: Night) -> None:
    tools = night.install()
    night.service.inject(Fault(path=CALL, status=429, headers={"Retry-After": "3600"}))
    night.add(tools, "add", a=1, b=2)
    async with night.worker() as process:
        (line,) = await settled(process, 1)
        assert ": queued: 429" in line
        assert await stopped(process) == 0

    night.add(tools, "tally")
    async with night.worker() as process:
        (line,) = await settled(process, 1)
        assert "tally" in line
        night.queue.run("UPDATE items SET not_before = 0")
        (line,) = await settled(process, 1)
        assert "item 1, add" in line

    assert (night.states, night.server.calls) == (["done", "done"], ["tally", "add"])


async def test_items_whose_tool_needs_approval_wait_for_its_user(night: Night) -> None:
    tools = night.install(tools={"tally": "needs_approval", "echo": "approved"})
    for _ in range(5):
        night.add(tools, "tally")
    night.add(tools, "echo", text="of another tool")
    async with night.worker() as process:
        # Four calls are under way when the first of them is refused.
        lines = await settled(process, 5)
        assert sum("parked" in line and "store.installations.update_tool" in line for line in lines) == 4
        assert night.states == [*["parked"] * 5, "done"]
        night.service.approve_tools()
        assert await stopped(process) == 0

    async with night.worker() as process:
        await settled(process, 5)

    assert (set(night.states), night.server.calls) == ({"done"}, ["echo", *["tally"] * 5])


async def test_an_installation_that_needs_a_person_parks_all_its_items(night: Night) -> None:
    off = night.install(is_enabled=False)
    expired = str(night.service.add_installation(auth_type="oauth", needs_reauth=True).id)
    for tool in ["add", "add", "add", "add", "echo", "echo", "tally", "tally"]:
        night.add(off, tool)
    night.add(expired, "add")
    async with night.worker() as process:
        # Four calls are under way when the first of them is refused.
        lines = await settled(process, 5)

    assert (set(night.states), night.sent) == ({"parked"}, 5)
    assert sum(f"of {off}: parked" in line and "Enable the installation" in line for line in lines) == 4
    assert sum(f"of {expired}: parked" in line and "has to authorize" in line for line in lines) == 1


LOST = [
    Fault(path=CALL, reset="after"),
    Fault(path=CALL, truncate=True),
    Fault(path=CALL, status=504, takes_effect=True),
    Fault(path=CALL, body=b"{", takes_effect=True),
]


async def test_a_call_whose_response_is_lost_is_not_repeated(night: Night) -> None:
    tools = night.install()
    for fault in LOST:
        night.service.inject(fault)
        night.add(tools, "tally")
    async with night.worker() as process:
        lines = await settled(process, len(LOST))
        assert all(": unknown" in line for line in lines)
        assert await stopped(process) == 0
    night.add(tools, "echo", text="later")
    async with night.worker() as process:
        await settled(process, 1)
        assert night.states == [*["unknown"] * len(LOST), "done"]
        assert sorted(night.server.calls) == ["echo", *["tally"] * len(LOST)]

        night.main(["again", "1"])
        await settled(process, 1)

    assert night.states == ["done", *["unknown"] * (len(LOST) - 1), "done"]


async def test_an_item_is_kept_while_the_service_cannot_be_reached(night: Night) -> None:
    night.add(night.install(), "tally")
    async with night.worker(POSTHOG_HOST="http://127.0.0.1:1") as process:
        (line,) = await settled(process, 1)
        assert ": queued" in line
        assert await stopped(process) == 0

    assert night.states == ["queued"]


async def test_a_key_that_is_refused_ends_the_worker_and_keeps_the_items(night: Night) -> None:
    night.add(night.install(), "tally")
    async with night.worker(POSTHOG_PERSONAL_API_KEY="phx_wrong") as process:
        await printed_lines(process)
        assert (process.returncode, night.states) == (1, ["queued"])


async def test_sigterm_lets_running_calls_finish_and_starts_no_more(night: Night) -> None:
    tools = night.install()
    for _ in range(5):
        night.add(tools, "hold")
    async with night.worker() as process:
        await night.server.gate.reached(4)
        process.terminate()
        await printed(process, "(stopping: no new calls; running ones get 20 s)")
        night.server.gate.open()
        assert len(await settled(process, 4)) == 4
        await asyncio.wait_for(process.wait(), 20)

    assert process.returncode == 0
    assert (night.states, night.server.calls) == ([*["done"] * 4, "queued"], ["hold"] * 4)


async def test_a_call_that_does_not_finish_after_sigterm_is_unknown(night: Night) -> None:
    night.add(night.install(), "hold")
    async with night.worker(GRACE="0.1") as process:
        await night.server.gate.reached()
        process.terminate()
        (line,) = await settled(process, 1)
        await asyncio.wait_for(process.wait(), 20)

    assert "unknown: the worker was stopped during the call" in line
    assert (process.returncode, night.states) == (0, ["unknown"])


async def test_what_a_crash_left_is_reported_and_not_called_again(night: Night) -> None:
    tools = night.install()
    night.add(tools, "hold")
    async with night.worker() as process:
        await night.server.gate.reached()
        async with night.worker() as second:
            assert await printed_lines(second) == [f"{night.path} already has a worker"]
        process.kill()
        await asyncio.wait_for(process.wait(), 20)
    assert night.states == ["started"]

    night.add(tools, "tally")
    async with night.worker() as process:
        lines = await settled(process, 2)

    assert lines[0] == "item 1: unknown, the worker ended during the call"
    assert (night.states, night.server.calls) == (["unknown", "done"], ["hold", "tally"])


def test_an_item_that_cannot_be_called_again_is_an_error(night: Night) -> None:
    night.add(night.install(), "tally")
    for state in ("queued", "started", "done"):
        night.queue.run("UPDATE items SET state = ?", state)
        for number in ("1", "99", "foo"):
            with pytest.raises(SystemExit, match=f"no item {number} that can be called again"):
                night.main(["again", number])
        assert night.states == [state]

    for state in ("failed", "unknown", "parked"):
        night.queue.run("UPDATE items SET state = ?", state)
        assert night.main(["again", "1"]) == 0
        assert night.states == ["queued"]


ID = "0198f1d2-0000-7000-8000-000000000000"


@pytest.mark.parametrize(
    ("installation", "text", "message"),
    [
        ("Orders", "{}", "'Orders' is not the id of an installation"),
        (ID, "{a: 1}", "the arguments are not JSON: Expecting property name"),
        (ID, "", "the arguments are not JSON: Expecting value"),
        (ID, "[" * 200_000, "the arguments are not JSON: "),
        (ID, '[["a", 1]]', "the arguments are not a JSON object"),
        (ID, "null", "the arguments are not a JSON object"),
    ],
    ids=["no id", "no JSON", "nothing", "deep", "pairs", "null"],
)
def test_what_cannot_be_called_is_not_added(night: Night, installation: str, text: str, message: str) -> None:
    with pytest.raises(SystemExit, match=message) as exit:
        night.main(["add", installation, "add", text])

    assert "\n" not in str(exit.value)
    assert night.states == []
