"""The names under which `available_tools` lists servers (docs/service.md, section 10). Pure."""

import re
from urllib.parse import urlsplit

from .._model.installations import InstallationRecord


def name_of(row: InstallationRecord) -> str:
    return row.name or row.url


def slug(row: InstallationRecord) -> str:
    """The name in lower case with hyphens. Rows with the same name have the same slug."""
    return _slug(name_of(row)) or _slug(urlsplit(row.url).hostname or "") or "server"


def unique_slug(row: InstallationRecord) -> str:
    # No slug contains `--`, so this cannot be the slug of another row.
    return f"{slug(row)}--{row.id.hex[-6:]}"


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
