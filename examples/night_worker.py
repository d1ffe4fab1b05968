"""A worker that calls tools all night within PostHog's limits, and repeats no call that may have run.

    python examples/night_worker.py add INSTALLATION_ID TOOL '{"a": 19, "b": 23}'
    POSTHOG_PERSONAL_API_KEY=phx_... python examples/night_worker.py run      until SIGTERM or Ctrl-C
    python examples/night_worker.py report                                    what is not done, and why
    python examples/night_worker.py again ITEM                                call it again, after you have checked

The queue is a SQLite file, $QUEUE or queue.sqlite. An item is stored as `started` before its call is sent, and then as

    done      the tool returned; `detail` has the result
    failed    the tool reported a failure, or the arguments were refused
    unknown   the call may have run: its response was lost, or the worker ended before it came
    parked    it did not run, and a person has to do something first; the next start of the worker tries it again
    queued    it did not run, because of a rate limit or a lost connection, and is tried again

If a tool takes an idempotency key, put one into its arguments: then `again` is always safe. All calls are made with one
API key, whose owner has the installations, and the queue has one worker. Several workers need a queue that they can
share, such as PostgreSQL with FOR UPDATE SKIP LOCKED, and RedisRateLimiter in place of LocalRateLimiter.
"""

import asyncio
import fcntl
import json
import logging
import os
import signal
import sqlite3
import sys
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

from posthog_mcp_store import (
    APIConnectionError,
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    LocalRateLimiter,
    MCPStore,
    MCPStoreError,
    NotFoundError,
    PayloadTooLargeError,
    PermissionDeniedError,
    RateLimitError,
    ReauthenticationRequiredError,
    ToolApprovalRequiredError,
    ToolDisabledError,
    ToolNotFoundError,
)

CALLS_AT_ONCE = 4
DEADLINE = 300.0
"""Seconds for each call. PostHog gives a tool about 4 minutes."""
GRACE = float(os.environ.get("GRACE", "20"))
"""Seconds that running calls get after SIGTERM: fewer than the system waits before it sends SIGKILL."""
PAUSE = 60.0
"""Seconds until the next call if PostHog can't be reached, or does not say how long to wait."""
log = logging.getLogger("night_worker")


def verdict(error: MCPStoreError) -> tuple[str, str]:
    """The next state of an item, and what else would fare the same. Only what certainly did not run is tried again."""
    match error:
        case RateLimitError() | APIConnectionError(is_sent=False):
            return "queued", "everything"
        case ReauthenticationRequiredError() | PermissionDeniedError() | NotFoundError():
            return "parked", "installation"  # InstallationDisabledError is a PermissionDeniedError
        case ToolApprovalRequiredError() | ToolDisabledError() | ToolNotFoundError():
            return "parked", "tool"
        case AuthenticationError():
            return "queued", "worker"  # the API key was refused
        case BadRequestError() | ConfigurationError() | PayloadTooLargeError():
            return "failed", "item"
        case _:
            return "unknown", "item"


class Item(NamedTuple):
    id: int
    installation: str
    tool: str
    arguments: str


class Queue:
    """The items, in a file that outlives the worker."""

    def __init__(self, path: str) -> None:
        self._database = sqlite3.connect(path, timeout=30)
        self.run(
            "CREATE TABLE IF NOT EXISTS items (id INTEGER PRIMARY KEY, installation TEXT, tool TEXT, arguments TEXT,"
            " state TEXT DEFAULT 'queued', not_before REAL DEFAULT 0, detail TEXT DEFAULT '')"
        )

    def close(self) -> None:
        self._database.close()

    def run(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Run one statement. Its effect is on disk when this returns."""
        with self._database:
            return self._database.execute(statement, values).fetchall()

    def has_due(self) -> bool:
        return bool(self.run("SELECT 1 FROM items WHERE state = 'queued' AND not_before <= ? LIMIT 1", time.time()))

    def start(self) -> Item | None:
        """Mark the first due item as started, if there is still one."""
        rows = self.run(
            "UPDATE items SET state = 'started' WHERE id = (SELECT min(id) FROM items WHERE state = 'queued' AND"
            " not_before <= ?) RETURNING id, installation, tool, arguments",
            time.time(),
        )
        return Item(*rows[0]) if rows else None

    def settle(self, item: Item, state: str, detail: str, reach: str, not_before: float) -> None:
        """Store what became of an item, and of the queued ones that would fare the same."""
        self.run(
            "UPDATE items SET state = ?, detail = ?, not_before = max(not_before, ?) WHERE id = ? OR state = 'queued'"
            " AND (? = 'everything' OR installation = ? AND (? = 'installation' OR ? = 'tool' AND tool = ?))",
            *(state, detail, not_before, item.id, reach, item.installation, reach, reach, item.tool),
        )


class Worker:
    def __init__(self, queue: Queue, store: MCPStore) -> None:
        # The queue repeats calls, and not the store: an item that waits to be sent again must not be `started`.
        self.store = store.with_options(deadline=DEADLINE, max_retries=0)
        self.queue = queue
        self.exit_code: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def stop(self, exit_code: int) -> None:
        if not self.exit_code.done():
            log.info("stopping: no new calls; running ones get %g s", GRACE)
            self.exit_code.set_result(exit_code)

    async def run(self) -> int:
        """Call tools until `stop`, and then let running calls finish, for a while."""
        with suppress(TimeoutError):
            async with asyncio.timeout(None) as patience, asyncio.TaskGroup() as tasks:
                feeding = asyncio.create_task(self.feed(tasks))
                ends: list[asyncio.Future[Any]] = [feeding, self.exit_code]
                await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
                feeding.cancel()
                patience.reschedule(asyncio.get_running_loop().time() + GRACE)
        if not self.exit_code.done():
            feeding.result()  # raises why it ended: Redis or the disk, for example
        return self.exit_code.result()

    async def feed(self, tasks: asyncio.TaskGroup) -> None:
        slots, limiter = asyncio.Semaphore(CALLS_AT_ONCE), LocalRateLimiter()
        while True:
            await slots.acquire()
            while not self.queue.has_due():  # noqa: ASYNC110  # other processes add items
                await asyncio.sleep(1)
            # Here and not in the store: at 600 calls an hour this may take most of an hour, in which no item must be
            # `started` or under a deadline.
            await limiter.acquire("mcp_proxy")
            if item := self.queue.start():
                tasks.create_task(self.call(item)).add_done_callback(lambda _: slots.release())
            else:
                slots.release()

    async def call(self, item: Item) -> None:
        """Call the tool of a started item; store and log what became of it."""
        state, reach, not_before = "unknown", "item", 0.0
        detail = reason = "the worker was stopped during the call"
        try:
            result = await self.store.installations.call_tool(item.installation, item.tool, json.loads(item.arguments))
            state, reason = ("failed", "the tool reported a failure") if result.is_error else ("done", "")
            detail = json.dumps(result.structured_content or result.content)
        except MCPStoreError as error:
            state, reach = verdict(error)
            detail = reason = str(error)
            if reach == "everything":
                not_before = time.time() + (getattr(error, "retry_after", None) or PAUSE)
            elif reach == "worker":
                self.stop(1)
        finally:  # a cancelled call, too
            self.queue.settle(item, state, detail, reach, not_before)
            level = logging.INFO if state == "done" else logging.WARNING
            text = f"{state}: {reason}" if reason else state
            log.log(level, "item %d, %s of %s: %s", item.id, item.tool, item.installation, text)


async def work(queue: Queue) -> int:
    for (number,) in queue.run("UPDATE items SET state = 'unknown' WHERE state = 'started' RETURNING id"):
        log.warning("item %d: unknown, the worker ended during the call", number)
    queue.run("UPDATE items SET state = 'queued' WHERE state = 'parked'")
    async with MCPStore() as store:
        worker = Worker(queue, store)
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, worker.stop, 0)
        return await worker.run()


def checked_id(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        sys.exit(f"{text!r} is not the id of an installation")


def checked_arguments(text: str) -> str:
    try:
        arguments = json.loads(text)
    except (ValueError, RecursionError) as error:
        sys.exit(f"the arguments are not JSON: {error}")
    if not isinstance(arguments, dict):
        sys.exit("the arguments are not a JSON object, such as {}")
    return json.dumps(arguments)


def main(arguments: list[str]) -> int:
    path = os.environ.get("QUEUE", "queue.sqlite")
    with closing(Queue(path)) as queue:
        match arguments:
            case ["add", installation, tool, text]:
                values = (checked_id(installation), tool, checked_arguments(text))
                queue.run("INSERT INTO items (installation, tool, arguments) VALUES (?, ?, ?)", *values)
            case ["run"]:
                with Path(f"{path}.lock").open("w") as lock:
                    try:
                        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    except BlockingIOError:
                        sys.exit(f"{path} already has a worker")
                    return asyncio.run(work(queue))
            case ["report"]:
                for row in queue.run("SELECT id, state, tool, installation, detail FROM items WHERE state != 'done'"):
                    print(*row)
            case ["again", number]:
                again = "UPDATE items SET state = 'queued' WHERE id = ? AND state IN ('failed', 'unknown', 'parked')"
                if not queue.run(f"{again} RETURNING id", number):
                    sys.exit(f"no item {number} that can be called again")
            case _:
                sys.exit(__doc__)
    return 0


if __name__ == "__main__":
    os.umask(0o077)  # the queue has arguments and results
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    try:
        sys.exit(main(sys.argv[1:]))
    except MCPStoreError as error:
        sys.exit(str(error))
