"""One subject in a process of its own: runs the scenario that a line of JSON names, and answers with another line.

The first argument names the subject's module; the others are for its `scenarios`.
"""

import asyncio
import gc
import json
import sys
from dataclasses import asdict
from importlib import import_module

LONGEST_SECONDS = 120.0


def main() -> None:
    name, *arguments = sys.argv[1:]
    scenarios = import_module(name).scenarios(*arguments)
    for line in sys.stdin:
        order = json.loads(line)
        scenario = scenarios[order.pop("scenario")]
        gc.collect()
        figure = asyncio.run(asyncio.wait_for(scenario(**order), LONGEST_SECONDS))
        print(json.dumps(asdict(figure)), flush=True)


if __name__ == "__main__":
    main()
