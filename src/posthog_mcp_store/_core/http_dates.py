"""HTTP dates: the service's clock, and Retry-After."""

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

DATE_LAG = timedelta(seconds=3)
"""How old a `Date` may be: it tells no fractions of a second, and servers do not make it anew for every answer."""
LONGEST_WAIT = 1e9
"""Seconds; what is longer is cut, so that callers can calculate with it."""
PLAUSIBLE_YEARS = range(1970, 2200)
"""Times outside are a server's mistake, and the ends of the calendar leave no room to calculate in."""


def service_time(date: str | None, now: datetime) -> datetime:
    """The service's time when it sent an answer with this `Date` (RFC 9110, section 6.6.1).

    It is our own `now`, but for what the header proves wrong.
    """
    earliest = sent_at(date, now)
    return min(max(now, earliest), earliest + DATE_LAG)


def sent_at(date: str | None, now: datetime) -> datetime:
    """When an answer with this `Date` was sent, by the server's clock; `now` where it has no plausible one."""
    moment = http_date(date)
    return now if moment is None or not is_plausible(moment) else moment


def http_date(text: str | None) -> datetime | None:
    """The moment that an HTTP date names (RFC 9110, section 5.6.7), or None where it names none."""
    try:
        return aware(parsedate_to_datetime(text or ""))
    except (TypeError, ValueError, IndexError, OverflowError):
        return None


def is_plausible(moment: datetime) -> bool:
    """Whether a server can mean this moment as the present."""
    return moment.year in PLAUSIBLE_YEARS


def aware(moment: datetime) -> datetime:
    """The moment in a form that compares with others: without a zone, it is meant in UTC."""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def parse_retry_after(value: str | None, sent_at: datetime) -> float | None:
    """Seconds to wait by Retry-After (RFC 9110, section 10.2.3): a number or an HTTP date; None if it is neither.

    `sent_at` is when the answer was sent, by the clock that made the date. A date before it is 0. Fractions of a second
    are no valid header, but gateways send them.
    """
    # A header that was sent twice arrives as one, joined by commas (RFC 9110, section 5.3).
    text = re.sub(r"^(\d+)(, \1)+$", r"\1", (value or "").strip())
    if re.fullmatch(r"\d+(\.\d+)?", text, re.ASCII):
        return min(float(text), LONGEST_WAIT)
    date = http_date(text)
    return None if date is None else min(max(0.0, (date - sent_at).total_seconds()), LONGEST_WAIT)
