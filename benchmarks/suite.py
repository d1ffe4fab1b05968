"""The benchmarks: their subjects, comparisons and targets."""

from dataclasses import dataclass
from typing import Any

from environments import SDK
from installations import EVENT_STREAM_INDEX, JSON_INDEX
from subjects import (
    AIOHTTP,
    HTTPX,
    HTTPX2,
    MCP,
    MSGSPEC,
    OPENAI,
    OURS,
    OURS_ON_AIOHTTP,
    OURS_WITH_MCP,
    OURS_WITH_MCP_ON_AIOHTTP,
    TRANSPORTS,
    Subject,
    installed_size,
    statement_time,
)

MEGA = 1_000_000


@dataclass(frozen=True)
class Unit:
    """How a value is shown: multiplied by `scale`, in `name`."""

    name: str
    scale: float
    decimals: int

    def show(self, value: float) -> str:
        return f"{value * self.scale:,.{self.decimals}f} {self.name}"


BYTES = Unit("B", 1, 0)
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
    """The ratio of a subject to a baseline, or the subject alone. Without a target it is only for information."""

    subject: str
    baseline: str | None = None
    target: Target | None = None


@dataclass(frozen=True)
class Benchmark:
    name: str
    description: str
    unit: Unit
    rounds: int
    subjects: list[Subject]
    comparisons: list[Comparison]


def in_flight(width: int, calls: int) -> dict[str, Any]:
    return {"scenario": "in_flight", "width": width, "calls": calls}


# Many short rounds, so that temporary load on the machine affects more than one subject.
RETRIEVE: dict[str, Any] = {"scenario": "one_after_other", "calls": 100}
IN_FLIGHT_50: dict[str, Any] = in_flight(50, 500)
IN_FLIGHT_500: dict[str, Any] = in_flight(500, 1000)
IN_FLIGHT_500_LONGER: dict[str, Any] = in_flight(500, 2000)
BURST: dict[str, Any] = {"scenario": "all_at_once", "calls": 1000, "latency": 50}
TOOL_CALLS: dict[str, Any] = {"scenario": "tool_calls", "index": JSON_INDEX, "calls": 40}
STREAMED_TOOL_CALLS: dict[str, Any] = {**TOOL_CALLS, "index": EVENT_STREAM_INDEX}
SESSIONS: dict[str, Any] = {"scenario": "sessions_at_once", "index": EVENT_STREAM_INDEX, "sessions": 50}
FIRST_MESSAGE: dict[str, Any] = {"scenario": "first_message", "calls": 30}
ALONE: dict[str, Any] = {"scenario": "call_beside_others", "others": 0, "calls": 20, "latency": 20}
BESIDE_A_FLOOD: dict[str, Any] = {**ALONE, "others": 10_000}
# 1 MB and 10 MB in messages of 10 kB.
ONE_MEGABYTE: dict[str, Any] = {"scenario": "stream_memory", "messages": 100, "size": 10_000}
TEN_MEGABYTES: dict[str, Any] = {**ONE_MEGABYTE, "messages": 1000}

SUITE = [
    Benchmark(
        "retrieve",
        "sequential calls, time per call",
        MICROSECONDS,
        21,
        [each.runs(**RETRIEVE) for each in (OURS, OURS_ON_AIOHTTP, HTTPX, AIOHTTP, OPENAI)],
        [
            Comparison("ours", "httpx", Target(0.66)),
            Comparison("ours on aiohttp", "httpx", Target(0.4)),
            Comparison("aiohttp", "httpx"),
            Comparison("openai", "httpx"),
        ],
    ),
    Benchmark(
        "flight-50",
        "50 calls in flight, calls per second",
        PER_SECOND,
        7,
        [
            *(each.runs(**IN_FLIGHT_50) for each in (OURS, OURS_ON_AIOHTTP, HTTPX, AIOHTTP)),
            OPENAI.runs(**IN_FLIGHT_50, rounds=3),
        ],
        [
            Comparison("ours", "httpx", Target(4.8, is_floor=True)),
            Comparison("ours on aiohttp", "httpx", Target(9, is_floor=True)),
            Comparison("aiohttp", "httpx"),
            Comparison("openai", "httpx"),
        ],
    ),
    Benchmark(
        "flight-500",
        "500 calls in flight, calls per second; ours without errors",
        PER_SECOND,
        11,
        # The last two are slow and only for information. A call of httpx fails after 5 seconds in its queue.
        [
            *(each.runs(**IN_FLIGHT_500) for each in (OURS, OURS_ON_AIOHTTP, HTTPX2, AIOHTTP)),
            OPENAI.runs(**IN_FLIGHT_500, rounds=1),
            HTTPX.runs(**IN_FLIGHT_500_LONGER, rounds=1),
        ],
        [
            Comparison("ours", "httpx2", Target(1.0, is_floor=True)),
            Comparison("ours on aiohttp", "httpx2", Target(1.8, is_floor=True)),
            Comparison("aiohttp", "httpx2"),
            Comparison("openai", "httpx2"),
            Comparison("httpx", "httpx2"),
        ],
    ),
    Benchmark(
        "burst",
        "1,000 calls at once on a new client, responses after 50 ms, until the last one",
        SECONDS,
        5,
        [OURS.runs(**BURST), OURS_ON_AIOHTTP.runs(**BURST), TRANSPORTS.runs(**BURST)],
        [
            Comparison("ours", target=Target(1.1)),
            Comparison("ours", "httpx transports"),
            Comparison("ours on aiohttp", "ours", Target(0.8)),
        ],
    ),
    Benchmark(
        "fairness",
        "a call of one user while another has 10,000 waiting, responses after 20 ms; compared with that call alone",
        MILLISECONDS,
        5,
        [
            OURS.runs(**BESIDE_A_FLOOD),
            OURS.named("alone").runs(**ALONE),
            OURS_ON_AIOHTTP.runs(**BESIDE_A_FLOOD),
            OURS_ON_AIOHTTP.named("alone on aiohttp").runs(**ALONE),
        ],
        [
            Comparison("ours", "alone", Target(3)),
            Comparison("ours on aiohttp", "alone on aiohttp", Target(3)),
        ],
    ),
    Benchmark(
        "views",
        "10,000 views for other users, time for each",
        MICROSECONDS,
        5,
        [OURS.runs("views")],
        [Comparison("ours", target=Target(50e-6))],
    ),
    Benchmark(
        "view-memory",
        "10,000 views for other users that have made a call, memory of each",
        BYTES,
        1,
        [OURS.runs_in_new_process("view_memory")],
        [Comparison("ours", target=Target(1500))],
    ),
    Benchmark(
        "iterate",
        "10,000 installations in pages of 100, responses after 20 ms; compared with sequential pages",
        SECONDS,
        3,
        [
            OURS.runs("iterate", latency=20, limit=100),
            OURS.named("without limit").runs("iterate", latency=20),
            OURS_ON_AIOHTTP.runs("iterate", latency=20),
            OURS.named("page by page").runs("page_by_page", latency=20),
        ],
        [
            Comparison("ours", "page by page", Target(0.25)),
            Comparison("without limit", "page by page", Target(0.16)),
            Comparison("ours on aiohttp", "page by page", Target(0.16)),
        ],
    ),
    Benchmark(
        "memory",
        "peak while iterating over 10,000 installations, none of which is kept",
        MEGABYTES,
        3,
        [OURS.runs_in_new_process("memory")],
        [Comparison("ours", target=Target(3 * MEGA))],
    ),
    Benchmark(
        "decode",
        "a page of 100 installations, from bytes to typed objects",
        MICROSECONDS,
        5,
        [OURS.runs("decode"), MSGSPEC.runs("decode")],
        [Comparison("ours", "msgspec", Target(4.7))],
    ),
    Benchmark(
        "tool-call",
        "sequential tool calls, time per call; compared with mcp.Client alone",
        MICROSECONDS,
        41,
        [
            OURS_WITH_MCP.runs(**TOOL_CALLS),
            OURS_WITH_MCP_ON_AIOHTTP.runs(**TOOL_CALLS),
            MCP.runs(**TOOL_CALLS),
            OURS_WITH_MCP.named("ours, SSE").runs(**STREAMED_TOOL_CALLS),
            MCP.named("mcp, SSE").runs(**STREAMED_TOOL_CALLS),
        ],
        [
            Comparison("ours", "mcp", Target(1.0)),
            Comparison("ours on aiohttp", "mcp", Target(0.8)),
            Comparison("ours, SSE", "mcp, SSE", Target(1.1)),
        ],
    ),
    Benchmark(
        "sessions",
        "50 simultaneous MCP sessions of one tool call each, until the last one ends",
        SECONDS,
        5,
        [OURS_WITH_MCP.runs(**SESSIONS), MCP.runs(**SESSIONS)],
        [Comparison("ours", "mcp")],
    ),
    Benchmark(
        "first-message",
        "from sending a request to the first message of a stream",
        MICROSECONDS,
        41,
        [OURS.runs(**FIRST_MESSAGE), HTTPX.runs(**FIRST_MESSAGE)],
        [Comparison("ours", "httpx", Target(1.1))],
    ),
    Benchmark(
        "stream-memory",
        "peak while reading a stream of 10 MB, of which nothing is kept; compared with 1 MB",
        MEGABYTES,
        3,
        [
            OURS.runs_in_new_process(**TEN_MEGABYTES),
            OURS.named("1 MB").runs_in_new_process(**ONE_MEGABYTE),
            OURS_ON_AIOHTTP.runs_in_new_process(**TEN_MEGABYTES),
        ],
        [
            Comparison("ours", target=Target(0.7 * MEGA)),
            Comparison("ours on aiohttp", target=Target(MEGA)),
            Comparison("ours", "1 MB", Target(1.1)),
        ],
    ),
    Benchmark(
        "import",
        "in a new interpreter",
        MILLISECONDS,
        25,
        [
            statement_time("httpx", "httpx", "import httpx"),
            statement_time("ours", SDK, "import posthog_mcp_store"),
            statement_time("MCPStore", SDK, "from posthog_mcp_store import MCPStore"),
            statement_time("openai", "openai", "import openai", rounds=5),
        ],
        [
            Comparison("ours", "httpx", Target(1.25)),
            Comparison("MCPStore", "httpx"),
            Comparison("openai", "httpx"),
        ],
    ),
    Benchmark(
        "size",
        "the installed SDK with its dependencies",
        MEGABYTES,
        1,
        [installed_size("ours", SDK)],
        [Comparison("ours", target=Target(3 * MEGA))],
    ),
]
