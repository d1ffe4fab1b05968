"""What an error body says to people: gateways, login pages and MCP servers answer in HTML, too."""

import re
from html import unescape

LONGEST = 8192
"""Characters that are looked at: a page says at its beginning what it is."""
TITLE = re.compile(r"<title[^<>]*>([^<]*)", re.IGNORECASE)
HIDDEN = re.compile(r"<!--.*?(-->|\Z)|<(script|style|svg)\b.*?(</\2[^<>]*>?|\Z)", re.IGNORECASE | re.DOTALL)
TAG = re.compile(r"<[a-z/!?][^<>]*>?", re.IGNORECASE)


def readable(text: str, content_type: str) -> str:
    """The text, or what it shows where it is HTML or XML: its title, else its words. Long ones are cut."""
    head = text[:LONGEST].lstrip("\ufeff \t\r\n")
    return _words(head) if "html" in content_type.lower() or TAG.match(head) else head


def _words(markup: str) -> str:
    short_repr = HIDDEN.sub(" ", markup)
    title = TITLE.search(short_repr)
    return unescape((title[1].strip() if title else "") or TAG.sub(" ", short_repr))
