"""Names of tools that models accept and that are unique in a toolbox. Pure."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from hashlib import sha256
from itertools import count
from typing import Protocol
from uuid import UUID

MAX_LENGTH = 64
"""The least that a vendor of models allows; all of them allow letters, digits, `_` and `-`."""
SLUG_LENGTH = 24
DIGEST_LENGTH = 8

ToolKey = tuple[UUID, str]


class Owner(Protocol):
    """The installation that a tool belongs to, as far as it matters for the tool's name."""

    id: UUID
    name: str
    created_at: datetime


def unique_names(tools: Iterable[tuple[Owner, str]]) -> dict[ToolKey, str]:
    """A valid and unique name for each tool of each installation, by the installation's id and the tool's own name.

    Older installations choose first, so a name depends on the tools of the same and of older installations only:
    adding an installation changes no other names, whatever its tools are called. Within an installation, tools whose
    own names are valid choose first.
    """
    owners: dict[UUID, Owner] = {}
    names: defaultdict[UUID, set[str]] = defaultdict(set)
    for owner, name in tools:
        owners[owner.id] = owner
        names[owner.id].add(name)
    taken: set[str] = set()
    chosen: dict[ToolKey, str] = {}
    # As text, because times with and without a time zone can't be compared.
    for owner in sorted(owners.values(), key=lambda each: (each.created_at.isoformat(), each.id)):
        for name in sorted(names[owner.id], key=lambda each: (_valid(each) != each, each)):
            chosen[owner.id, name] = next(each for each in _candidates(owner, name) if each not in taken)
            taken.add(chosen[owner.id, name])
    return chosen


def _candidates(owner: Owner, name: str) -> Iterator[str]:
    """The tool's own name, then with that of its installation, then with a digest of what identifies it."""
    valid = _valid(name)
    own = valid if len(valid) <= MAX_LENGTH else _with_digest(valid, name)
    yield own
    slug = re.sub(r"[^a-z0-9]+", "_", owner.name.lower())[:SLUG_LENGTH].strip("_")
    if len(qualified := _valid(f"{slug}__{own}")) <= MAX_LENGTH:
        yield qualified
    yield from (_with_digest(valid, f"{owner.id} {number} {name}") for number in count())


def _valid(name: str) -> str:
    """The name with each invalid character replaced. Some vendors require a letter or `_` at the beginning."""
    name = re.sub(r"[^A-Za-z0-9_-]", "_", name)
    return name if name[:1].isalpha() or name.startswith("_") else f"_{name}"


def _with_digest(valid: str, identity: str) -> str:
    digest = sha256(identity.encode(errors="surrogatepass")).hexdigest()[:DIGEST_LENGTH]
    return f"{valid[: MAX_LENGTH - DIGEST_LENGTH - 1]}_{digest}"
