"""Logging: silent unless the application sets it up, and a filter for what other libraries tell too much of."""

import logging
import re

# Without a handler of its own, Python prints warnings of a library whose application has none.
logging.getLogger(__name__.rpartition(".")[0]).addHandler(logging.NullHandler())

FIELDS = ("access_token", "refresh_token", "id_token", "client_secret", "code_verifier", "api_key")
SECRETS = [
    # The query and fragment of a URL, also of one without a host.
    (
        re.compile(r"((?<![/\w:])(?:[a-z][a-z0-9+.-]{0,20}:/)?/[^\s?#'\"\\]{0,500}+[?#])[^\s'\"\\]+", re.IGNORECASE),
        r"\1***",
    ),
    (re.compile(r"\b((?:Bearer|Basic)\s+)[^\s'\"\\,]+", re.IGNORECASE), r"\1***"),
    # PostHog's keys and tokens, with or without a header in front of them.
    (re.compile(r"\bph[a-z]_[A-Za-z0-9_-]{4,}"), "***"),
    # Fields of OAuth and of this API: in JSON and forms, or where the name says less, in forms only.
    (re.compile(rf"(\b(?:{'|'.join(FIELDS)})[\"']?\s*[=:]\s*[\"']?)[^\s&\"',;}}]+", re.IGNORECASE), r"\1***"),
    (re.compile(r"(\b(?:code|state)=)[^\s&\"',;}]+", re.IGNORECASE), r"\1***"),
]


def _redacted(text: str) -> str:
    for pattern, replacement in SECRETS:
        text = pattern.sub(replacement, text)
    return text


class RedactingFilter(logging.Filter):
    """Takes secrets out of log records: out of messages, tracebacks and stacks.

    These are the query of every URL, Bearer and Basic credentials, PostHog's keys and tokens, and fields of OAuth such
    as `access_token` and `state`.

    The SDK's own records hold none. httpcore's at DEBUG show the headers of answers, among them the `Location` of an
    OAuth flow with its `state`. Add it to a handler, so that it sees the records of every logger:

        handler.addFilter(RedactingFilter())
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Change the record in place, and let it pass."""
        try:
            message = record.getMessage()
        except Exception:  # noqa: BLE001  # the handler reports arguments that do not fit, and drops the record
            return True
        redacted = _redacted(message)
        if redacted != message:
            record.msg, record.args = redacted, ()
        if record.exc_info:
            # Formatters take the text that is there already.
            record.exc_text = _redacted(record.exc_text or logging.Formatter().formatException(record.exc_info))
        if record.stack_info:
            record.stack_info = _redacted(record.stack_info)
        return True
