"""msgspec, the fastest decoder of JSON into typed Python objects, written in C."""

from datetime import datetime
from importlib import import_module
from typing import Any
from uuid import UUID

from client_scenarios import Measurement, Scenario, time_decoding


def scenarios() -> dict[str, Scenario]:
    # Imported dynamically because it is not installed where types are checked.
    msgspec: Any = import_module("msgspec")
    installation = msgspec.defstruct(
        "Installation",
        [
            ("id", UUID),
            ("name", str),
            ("url", str),
            ("auth_type", str),
            ("needs_reauth", bool),
            ("pending_oauth", bool),
            ("proxy_url", str),
            ("created_at", datetime),
            ("server_id", UUID | None, None),
            ("display_name", str, ""),
            ("description", str, ""),
            ("is_enabled", bool, True),
            ("updated_at", datetime | None, None),
        ],
    )
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
