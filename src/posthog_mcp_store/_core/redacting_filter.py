"""Logging, which is silent unless the application configures it, and a filter for secrets in records."""

import logging
import re

# If there is no handler at all, Python prints warnings to stderr.
logging.getLogger(__name__.removesuffix("._core.redacting_filter")).addHandler(logging.NullHandler())

FIELDS = ("access_token", "refresh_token", "id_token", "client_secret", "code_verifier", "api_key")
SECRETS = [
    # The query and fragment of a URL, with or without a host.
    (
        re.compile(r"((?<![/\w:])(?:[a-z][a-z0-9+.-]{0,20}:/)?/[^\s?#'\"\\]{0,500}+[?#])[^\s'\"\\]+", re.IGNORECASE),
        r"\1***",
    ),
    (re.compile(r"\b((?:Bearer|Basic)\s+)[^\s'\"\\,]+", re.IGNORECASE), r"\1***"),
    # PostHog's keys and tokens, with or without a header in front of them.
    (re.compile(r"\bph[a-z]_[A-Za-z0-9_-]{4,}"), "***"),
    # Fields of OAuth and of this API: in JSON and forms, or in forms only if the name is ambiguous.
    (re.compile(rf"(\b(?:{'|'.join(FIELDS)})[\"']?\s*[=:]\s*[\"']?)[^\s&\"',;}}]+", re.IGNORECASE), r"\1***"),
    (re.compile(r"(\b(?:code|state)=)[^\s&\"',;}]+", re.IGNORECASE), r"\1***"),
]


def _redacted(text: str) -> str:
    for pattern, replacement in SECRETS:
        text = pattern.sub(replacement, text)
    return text


class RedactingFilter(logging.Filter):
    """Redacts secrets in log records: in messages, tracebacks and stacks.

    Secrets are the query of every URL, Bearer and Basic credentials, PostHog's keys and tokens, and OAuth fields such
    as `access_token` and `state`.

    The SDK's own records contain none. But at DEBUG level, httpcore logs response headers, including the `Location` of
    an OAuth flow with its `state`. Add the filter to a handler, so that it sees the records of all loggers:

        handler.addFilter(RedactingFilter())
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Redact the record in place, and return True to keep it."""
        try:
            message = record.getMessage()
        except Exception:  # noqa: BLE001  # the handler reports arguments that do not fit, and drops the record
            return True
        redacted = _redacted(message)
        if redacted != message:
            record.msg, record.args = redacted, ()
        if record.exc_info:
            # Formatters use `exc_text` if it is already set.
            record.exc_text = _redacted(record.exc_text or logging.Formatter().formatException(record.exc_info))
        if record.stack_info:
            record.stack_info = _redacted(record.stack_info)
        return True
