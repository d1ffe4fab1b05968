"""Which prefix the service's paths have: `/api/environments/`, `/api/projects/`, or both (docs/service.md, section 1).

The document has the older one. Today's service serves it for as long as its callers need to move, and names the
successor of each path in a `Link` header (RFC 5829); later it may serve the newer prefix only.
"""

import logging
from collections.abc import Iterator
from typing import Literal
from urllib.parse import unquote, urljoin, urlsplit

from attrs import evolve

from .._core.call import Call
from .._core.headers import Headers
from .._core.web_origin import origin

APIPrefix = Literal["environments", "projects"]

PREFIXES: tuple[APIPrefix, ...] = ("environments", "projects")
FIRST: APIPrefix = "environments"
PATHS: dict[APIPrefix, str] = {prefix: f"/api/{prefix}/" for prefix in PREFIXES}
OTHER: dict[APIPrefix, APIPrefix] = {"environments": "projects", "projects": "environments"}
MAX_LINK_LENGTH = 8192

logger = logging.getLogger(__name__)


class LearnedPrefix:
    """The prefix that calls of a store and its views are sent with: the given one, or the one that the service has."""

    def __init__(self, given: APIPrefix | None) -> None:
        self._is_given = given is not None
        self._prefix: APIPrefix = given or FIRST
        self._is_known = self._is_given

    def applied(self, call: Call) -> Call:
        """The call with the current prefix."""
        return with_prefix(call, self._prefix)

    def alternative(self, call: Call, *, is_explained: bool) -> Call | None:
        """The call with the prefix to try after a 404: the one found meanwhile, or the other one if none was found.

        `is_explained` is true for a 404 with a text of the resource itself.
        """
        prefix = prefix_of(call)
        if self._is_given or prefix is None:
            return None
        if prefix != self._prefix:
            return None if is_explained else with_prefix(call, self._prefix)
        return None if self._is_known else with_prefix(call, OTHER[prefix])

    def keep(self, call: Call) -> None:
        """Keep the prefix of a call that the service accepted."""
        if not self._is_known and (prefix := prefix_of(call)) is not None:
            self._is_known = True
            self._use(prefix)

    def follow_link(self, call: Call, headers: Headers) -> bool:
        """Use the prefix of the successor that the service names for a deprecated path. True if it names one."""
        if self._is_given or "Deprecation" not in headers or prefix_of(call) != FIRST:
            return False
        successor = OTHER[FIRST]
        if not names_successor(headers.get("Link", ""), call, with_prefix(call, successor)):
            return False
        self._is_known = True
        self._use(successor)
        return True

    def _use(self, prefix: APIPrefix) -> None:
        if prefix != self._prefix:
            self._prefix = prefix
            logger.info("the service has its paths under /api/%s/: using it from now on", prefix)


def prefix_of(call: Call) -> APIPrefix | None:
    """The prefix of a call's path; None for the path of another API."""
    return next((prefix for prefix in PREFIXES if call.path.startswith(PATHS[prefix])), None)


def with_prefix(call: Call, prefix: APIPrefix) -> Call:
    """The call with this prefix in its path."""
    new = PATHS[prefix]
    if call.path.startswith(new) or (current := prefix_of(call)) is None:
        return call
    old = PATHS[current]
    path = new + call.path.removeprefix(old)
    return evolve(
        call,
        path=path,
        path_template=new + call.path_template.removeprefix(old),
        url=call.url.replace(call.path, path, 1),
    )


def names_successor(link: str, call: Call, successor: Call) -> bool:
    """True if a `Link` header names the successor of a call's path, at the same origin."""
    return any(_is_same(target, call, successor) for target in successor_targets(link))


def successor_targets(link: str) -> Iterator[str]:
    """The targets of the relation `successor-version` in a `Link` header (RFC 8288, section 3)."""
    for value in link[:MAX_LINK_LENGTH].split("<")[1:]:
        target, _, parameters = value.partition(">")
        for parameter in parameters.split(";"):
            name, _, relations = parameter.partition("=")
            if name.strip().lower() == "rel" and "successor-version" in relations.strip(' \t,"').lower().split():
                yield target


def _is_same(target: str, call: Call, successor: Call) -> bool:
    try:
        url = urlsplit(urljoin(call.url, target))
        is_own = origin(url) == origin(urlsplit(call.url))
    except ValueError:
        return False
    # A gateway may have removed the path of the host before the service saw it.
    paths = {unquote(urlsplit(successor.url).path), unquote(successor.path)}
    return is_own and "@" not in url.netloc and unquote(url.path) in paths
