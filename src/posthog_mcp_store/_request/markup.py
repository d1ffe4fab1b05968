"""The readable text of an error body: gateways, login pages and MCP servers may respond with HTML."""

import re
from html import unescape

MAX_LENGTH = 8192
"""Characters that are examined: the beginning of a page shows what it is."""
TITLE = re.compile(r"<title[^<>]*>([^<]*)", re.IGNORECASE)
HIDDEN = re.compile(r"<!--.*?(-->|\Z)|<(script|style|svg)\b.*?(</\2[^<>]*>?|\Z)", re.IGNORECASE | re.DOTALL)
TAG = re.compile(r"<[a-z/!?][^<>]*>?", re.IGNORECASE)


def readable(text: str, content_type: str) -> str:
    """The text, cut to a maximum length. Of HTML or XML, the title or else the text without tags."""
    head = text[:MAX_LENGTH].lstrip("\ufeff \t\r\n")
    return _words(head) if "html" in content_type.lower() or TAG.match(head) else head


def _words(markup: str) -> str:
    visible = HIDDEN.sub(" ", markup)
    title = TITLE.search(visible)
    return unescape((title[1].strip() if title else "") or TAG.sub(" ", visible))
