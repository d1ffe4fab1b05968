"""Runs a subject in its own process: for each scenario, named in a line of JSON, it writes a line with the measurement.

The first argument is the module of the subject, the others are passed to its `scenarios`.
"""

import asyncio
import gc
import json
import sys
from dataclasses import asdict
from importlib import import_module

SCENARIO_TIMEOUT = 120.0


def main() -> None:
    name, *arguments = sys.argv[1:]
    scenarios = import_module(name).scenarios(*arguments)
    for line in sys.stdin:
        command = json.loads(line)
        scenario = scenarios[command.pop("scenario")]
        gc.collect()
        measurement = asyncio.run(asyncio.wait_for(scenario(**command), SCENARIO_TIMEOUT))
        print(json.dumps(asdict(measurement)), flush=True)


if __name__ == "__main__":
    main()
