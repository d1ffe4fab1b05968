"""Logging: silent unless the application sets it up, and a filter for what other libraries tell too much of."""

import logging
import re

# Without a handler of its own, Python prints warnings of a library whose application has none.
logging.getLogger(__name__.rpartition(".")[0]).addHandler(logging.NullHandler())

QUERY = re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s?#'\"\\]*[?#])[^\s'\"\\]+", re.IGNORECASE)
CREDENTIALS = re.compile(r"\b(Bearer\s+)[^\s'\"\\,]+", re.IGNORECASE)


class RedactingFilter(logging.Filter):
    """Takes the query of every URL, and every Bearer token, out of log records.

    The SDK's own records hold neither. httpcore's at DEBUG show the headers of answers, among them the `Location` of an
    OAuth flow with its `state`. Add it to a handler, so that it sees the records of every logger:

        handler.addFilter(RedactingFilter())
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Change the record in place, and let it pass."""
        said = record.getMessage()
        redacted = CREDENTIALS.sub(r"\1***", QUERY.sub(r"\1***", said))
        if redacted != said:
            record.msg, record.args = redacted, ()
        return True
