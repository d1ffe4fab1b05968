"""The rows of the table: the subjects of each, how they are compared, and the targets."""

from dataclasses import dataclass
from typing import Any

from environments import STORE
from installation_rows import EVENT_STREAM_INDEX, JSON_INDEX
from subjects import (
    CONNECT,
    HTTPX,
    HTTPX2,
    MCP,
    MSGSPEC,
    OPENAI,
    OURS,
    TRANSPORTS,
    Subject,
    is_installed,
    runs_statement,
)

MEGA = 1_000_000


@dataclass(frozen=True)
class Unit:
    """How a figure is shown: so many of `name` make one."""

    name: str
    scale: float
    decimals: int

    def show(self, value: float) -> str:
        return f"{value * self.scale:,.{self.decimals}f} {self.name}"


MICROSECONDS, MILLISECONDS, SECONDS = Unit("us", 1e6, 0), Unit("ms", 1e3, 2), Unit("s", 1, 2)
PER_SECOND, MEGABYTES = Unit("/s", 1, 0), Unit("MB", 1 / MEGA, 2)


@dataclass(frozen=True)
class Target:
    limit: float
    is_floor: bool = False

    def is_met_by(self, value: float) -> bool:
        return value >= self.limit if self.is_floor else value <= self.limit


@dataclass(frozen=True)
class Comparison:
    """One subject's figure over another's, or by itself where there is no base; without a target it only informs."""

    subject: str
    base: str | None = None
    target: Target | None = None


@dataclass(frozen=True)
class Row:
    name: str
    what: str
    unit: Unit
    rounds: int
    subjects: list[Subject]
    comparisons: list[Comparison]


def in_flight(width: int, calls: int) -> dict[str, Any]:
    return {"scenario": "in_flight", "width": width, "calls": calls}


# Many short rounds: what else the machine does comes and goes, and should not fall on one subject only.
RETRIEVE: dict[str, Any] = {"scenario": "one_after_other", "calls": 100}
FIFTY: dict[str, Any] = in_flight(50, 500)
FIVE_HUNDRED: dict[str, Any] = in_flight(500, 1000)
FIVE_HUNDRED_FOR_LONGER: dict[str, Any] = in_flight(500, 2000)
THOUSAND: dict[str, Any] = {"scenario": "all_at_once", "calls": 1000, "latency": 50}
TOOL_CALLS: dict[str, Any] = {"scenario": "tool_calls", "index": JSON_INDEX, "calls": 40}
STREAMED_TOOL_CALLS: dict[str, Any] = {**TOOL_CALLS, "index": EVENT_STREAM_INDEX}
SESSIONS: dict[str, Any] = {"scenario": "sessions_at_once", "index": EVENT_STREAM_INDEX, "sessions": 50}
FIRST_MESSAGE: dict[str, Any] = {"scenario": "first_message", "calls": 30}
# Messages of 10 kB, so many that they make 1 MB, and ten times that.
ONE_MEGABYTE: dict[str, Any] = {"scenario": "stream_memory", "messages": 100, "size": 10_000}
TEN_MEGABYTES: dict[str, Any] = {**ONE_MEGABYTE, "messages": 1000}

ROWS = [
    Row(
        "retrieve",
        "one call after the other, time per call",
        MICROSECONDS,
        21,
        [OURS.does(**RETRIEVE), HTTPX.does(**RETRIEVE), OPENAI.does(**RETRIEVE)],
        [
            Comparison("ours", "httpx", Target(0.85)),
            Comparison("openai", "httpx"),
        ],
    ),
    Row(
        "flight-50",
        "50 calls in flight, calls per second",
        PER_SECOND,
        7,
        [OURS.does(**FIFTY), HTTPX.does(**FIFTY), OPENAI.does(**FIFTY, rounds=3)],
        [Comparison("ours", "httpx", Target(3.5, is_floor=True)), Comparison("openai", "httpx")],
    ),
    Row(
        "flight-500",
        "500 calls in flight, calls per second; without an error of ours",
        PER_SECOND,
        11,
        # The last two take long, and are only good to know. httpx gives up when its queue takes more than 5 seconds.
        [
            OURS.does(**FIVE_HUNDRED),
            HTTPX2.does(**FIVE_HUNDRED),
            OPENAI.does(**FIVE_HUNDRED, rounds=1),
            HTTPX.does(**FIVE_HUNDRED_FOR_LONGER, rounds=1),
        ],
        [
            Comparison("ours", "httpx2", Target(1.0, is_floor=True)),
            Comparison("openai", "httpx2"),
            Comparison("httpx", "httpx2"),
        ],
    ),
    Row(
        "burst",
        "1,000 calls at once on a new client, answers after 50 ms, until all are there",
        SECONDS,
        5,
        [OURS.does(**THOUSAND), TRANSPORTS.does(**THOUSAND)],
        [Comparison("ours", target=Target(1.1)), Comparison("ours", "httpx transports")],
    ),
    Row(
        "iterate",
        "10,000 rows in pages of 100, answers after 20 ms; beside one page after the other",
        SECONDS,
        3,
        [
            OURS.does("iterate", latency=20, limit=100),
            OURS.named("without limit").does("iterate", latency=20),
            OURS.named("page by page").does("page_by_page", latency=20),
        ],
        [
            Comparison("ours", "page by page", Target(0.25)),
            Comparison("without limit", "page by page", Target(0.25)),
        ],
    ),
    Row(
        "memory",
        "peak of iterating over 10,000 rows of which none is kept",
        MEGABYTES,
        3,
        [OURS.does_in_new_process("memory")],
        [Comparison("ours", target=Target(3 * MEGA))],
    ),
    Row(
        "decode",
        "a page of 100 from bytes to typed objects",
        MICROSECONDS,
        5,
        [OURS.does("decode"), MSGSPEC.does("decode")],
        [Comparison("ours", "msgspec", Target(6))],
    ),
    Row(
        "tool-call",
        "one call of a tool after the other, time per call; beside the bare mcp.Client",
        MICROSECONDS,
        41,
        [
            CONNECT.does(**TOOL_CALLS),
            MCP.does(**TOOL_CALLS),
            CONNECT.named("ours, SSE").does(**STREAMED_TOOL_CALLS),
            MCP.named("mcp, SSE").does(**STREAMED_TOOL_CALLS),
        ],
        [Comparison("ours", "mcp", Target(1.1)), Comparison("ours, SSE", "mcp, SSE", Target(1.1))],
    ),
    Row(
        "sessions",
        "50 sessions with an MCP server at once, each for one call of a tool, until all are over",
        SECONDS,
        5,
        [CONNECT.does(**SESSIONS), MCP.does(**SESSIONS)],
        [Comparison("ours", "mcp")],
    ),
    Row(
        "first-message",
        "from sending to the first message of a stream that ends later",
        MICROSECONDS,
        41,
        [OURS.does(**FIRST_MESSAGE), HTTPX.does(**FIRST_MESSAGE)],
        [Comparison("ours", "httpx", Target(1.1))],
    ),
    Row(
        "stream-memory",
        "peak of reading a stream of 10 MB of which nothing is kept; beside one of 1 MB",
        MEGABYTES,
        3,
        [
            OURS.does_in_new_process(**TEN_MEGABYTES),
            OURS.named("1 MB").does_in_new_process(**ONE_MEGABYTE),
        ],
        [
            Comparison("ours", target=Target(3 * MEGA)),
            Comparison("ours", "1 MB", Target(1.1)),
        ],
    ),
    Row(
        "import",
        "in a fresh interpreter",
        MILLISECONDS,
        25,
        [
            runs_statement("httpx", "httpx", "import httpx"),
            runs_statement("ours", STORE, "import posthog_mcp_store"),
            runs_statement("MCPStore", STORE, "from posthog_mcp_store import MCPStore"),
            runs_statement("openai", "openai", "import openai", rounds=5),
        ],
        [
            Comparison("ours", "httpx", Target(1.25)),
            Comparison("MCPStore", "httpx"),
            Comparison("openai", "httpx"),
        ],
    ),
    Row(
        "size",
        "the SDK installed, with all it brings",
        MEGABYTES,
        1,
        [is_installed("ours", STORE)],
        [Comparison("ours", target=Target(3 * MEGA))],
    ),
]
