"""msgspec, the fastest decoder of JSON into typed Python objects, written in C."""

from importlib import import_module
from typing import Any

from client_scenarios import Measurement, Scenario, time_decoding
from installations import FIELDS


def scenarios() -> dict[str, Scenario]:
    # Imported dynamically because it is not installed where types are checked.
    msgspec: Any = import_module("msgspec")
    installation = msgspec.defstruct("Installation", FIELDS)
    page = msgspec.defstruct(
        "Page",
        [
            ("count", int),
            ("results", list[installation]),  # type: ignore[valid-type]
            ("next", str | None, None),
            ("previous", str | None, None),
        ],
    )
    decoder = msgspec.json.Decoder(page)

    async def decode(*, url: str) -> Measurement:
        return time_decoding(decoder.decode, url)

    return {"decode": decode}
