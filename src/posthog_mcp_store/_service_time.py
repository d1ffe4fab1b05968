"""What time it is for the service, as far as its answers tell."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

DATE_LAG = timedelta(seconds=3)
"""How old a `Date` may be: it tells no fractions of a second, and servers do not make it anew for every answer."""


def service_time(date: str | None, now: datetime) -> datetime:
    """The service's time when it sent an answer with this `Date` (RFC 9110, section 6.6.1).

    It is our own `now`, but for what the header proves wrong.
    """
    try:
        earliest = aware(parsedate_to_datetime(date or ""))
    except (TypeError, ValueError, IndexError, OverflowError):
        return now
    return min(max(now, earliest), earliest + DATE_LAG)


def aware(moment: datetime) -> datetime:
    """The moment in a form that compares with others: without a zone, it is meant in UTC."""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
