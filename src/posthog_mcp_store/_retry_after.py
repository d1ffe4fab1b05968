"""Reading Retry-After (RFC 9110, section 10.2.3)."""

import re
from datetime import datetime

from ._service_time import http_date

LONGEST = 1e9
"""Seconds; what is longer is cut, so that callers can calculate with it."""


def parse_retry_after(value: str | None, sent_at: datetime) -> float | None:
    """Seconds to wait, from a number of seconds or an HTTP date; None where there is no sense in it.

    `sent_at` is when the answer was sent, by the clock that made the date. A date before it is 0. Fractions of a second
    are no valid header, but gateways send them.
    """
    # A header that was sent twice arrives as one, joined by commas (RFC 9110, section 5.3).
    text = re.sub(r"^(\d+)(, \1)+$", r"\1", (value or "").strip())
    if re.fullmatch(r"\d+(\.\d+)?", text, re.ASCII):
        return min(float(text), LONGEST)
    date = http_date(text)
    return None if date is None else min(max(0.0, (date - sent_at).total_seconds()), LONGEST)
