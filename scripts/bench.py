"""Measure the SDK beside what it stands on: both sides in turn, in one run, as ratios of medians.

Run it as `nox -s bench -- import`.
"""

import argparse
import statistics
import subprocess
import sys

ROUNDS = 25


def import_seconds(statement: str) -> float:
    """How long a statement takes in a fresh interpreter, not counting the interpreter."""
    timed = f"import time; began = time.perf_counter(); {statement}; print(time.perf_counter() - began)"
    return float(subprocess.run([sys.executable, "-c", timed], capture_output=True, text=True, check=True).stdout)


def bench_import() -> None:
    statements = ["import httpx", "import posthog_mcp_store", "from posthog_mcp_store import MCPStore"]
    times: dict[str, list[float]] = {statement: [] for statement in statements}
    for _ in range(ROUNDS):
        for statement in statements:
            times[statement].append(import_seconds(statement))
    base = statistics.median(times[statements[0]])
    print(f"{'statement':42}{'median ms':>10}{'ratio':>8}")
    for statement in statements:
        median = statistics.median(times[statement])
        print(f"{statement:42}{median * 1000:10.1f}{median / base:8.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["import"], help="which figure")
    parser.parse_args()
    bench_import()


if __name__ == "__main__":
    main()
