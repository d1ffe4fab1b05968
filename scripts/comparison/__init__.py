"""The steps of scripts/upstream.py: load two OpenAPI documents, normalize both, compare them, classify, report."""


class DocumentError(Exception):
    """A document can't be loaded or interpreted; the message says why, on one line."""
