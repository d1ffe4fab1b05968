"""HTTP dates: the service's clock, and Retry-After."""

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

DATE_LAG = timedelta(seconds=3)
"""How old a `Date` may be: it has no fractions of a second, and servers may reuse it for several responses."""
MAX_RETRY_AFTER_SECONDS = 1e9
"""Seconds. Longer waits are cut to this, so that callers can calculate with them."""
PLAUSIBLE_YEARS = range(1970, 2200)
"""Times outside are a server's mistake; arithmetic near the limits of datetime would overflow."""


def service_time(date: str | None, now: datetime) -> datetime:
    """The service's time when it sent a response with this `Date` (RFC 9110, section 6.6.1).

    This is our own `now`, corrected only as far as the header proves it wrong.
    """
    earliest = sent_at(date, now)
    return min(max(now, earliest), earliest + DATE_LAG)


def sent_at(date: str | None, now: datetime) -> datetime:
    """When a response with this `Date` was sent, by the server's clock; `now` if the date is not plausible."""
    moment = http_date(date)
    return now if moment is None or not is_plausible(moment) else moment


def http_date(text: str | None) -> datetime | None:
    """Parse an HTTP date (RFC 9110, section 5.6.7); None if it is not valid."""
    try:
        return aware(parsedate_to_datetime(text or ""))
    except (TypeError, ValueError, IndexError, OverflowError):
        return None


def is_plausible(moment: datetime) -> bool:
    """True if a server's clock can plausibly show this time."""
    return moment.year in PLAUSIBLE_YEARS


def aware(moment: datetime) -> datetime:
    """The moment with a time zone, so that it can be compared with others; UTC if it has none."""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def parse_retry_after(value: str | None, sent_at: datetime) -> float | None:
    """Seconds to wait according to Retry-After, a number or an HTTP date (RFC 9110, section 10.2.3); None if invalid.

    `sent_at` is when the response was sent, by the same clock as the date; an earlier date means 0. Fractions of a
    second are not valid, but gateways send them.
    """
    # A header that was sent twice is received as one, joined by commas (RFC 9110, section 5.3).
    text = re.sub(r"^(\d+)(, \1)+$", r"\1", (value or "").strip())
    if re.fullmatch(r"\d+(\.\d+)?", text, re.ASCII):
        return min(float(text), MAX_RETRY_AFTER_SECONDS)
    date = http_date(text)
    return None if date is None else min(max(0.0, (date - sent_at).total_seconds()), MAX_RETRY_AFTER_SECONDS)
