"""What `doctor` looks at, as decisions about plain data."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Literal
from urllib.parse import urlsplit
from uuid import UUID

from attrs import asdict, field, frozen

from .. import (
    AuthenticationError,
    ConfigurationError,
    Installation,
    MCPStoreError,
    NotFoundError,
    PermissionDeniedError,
    ResponseInfo,
    Tool,
)
from ._errors import failure_of
from ._session import missing_key
from ._text import command, single_line

Level = Literal["ok", "note", "fix"]

REGIONS = {"us.posthog.com": "PostHog Cloud US", "eu.posthog.com": "PostHog Cloud EU"}
KEY_KINDS: dict[str, tuple[Level, str, str | None]] = {
    "phx_": ("ok", "a personal API key", None),
    "pha_": ("note", "an OAuth access token, which expires", None),
    "phc_": ("fix", "a project API key, which only sends events", "use a personal API key (phx_)"),
    "phs_": ("fix", "a project secret key", "use a personal API key (phx_)"),
}
UNKNOWN_KIND: tuple[Level, str, str | None] = ("note", "of an unknown kind, perhaps an old personal API key", None)
BEARABLE_SKEW = timedelta(minutes=1)


@frozen
class Finding:
    """One line of the report."""

    level: Level
    """`fix`: something does not work until somebody does something about it."""
    about: str
    text: str
    action: str | None = None

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@frozen
class Answer:
    """A response of the service, and when it came by the clock of this machine."""

    info: ResponseInfo
    at: datetime


@frozen(kw_only=True)
class Facts:
    """What `doctor` found out."""

    host: str
    project: str
    key: str | None = field(repr=False)
    proxies: Mapping[str, str] = field(factory=dict, repr=False)
    """The proxy's URL by the kind of connection, where the host is called through one."""
    answers: Sequence[Answer] = ()
    failure: MCPStoreError | None = None
    """Why the installations could not be listed."""
    installations: Sequence[Installation] = ()
    tools: Mapping[UUID, Sequence[Tool]] = field(factory=dict)
    """By the installation's id, where the service lists them."""


def findings(facts: Facts) -> list[Finding]:
    return [finding for check in CHECKS for finding in check(facts)]


def check_host(facts: Facts) -> Iterator[Finding]:
    name = urlsplit(facts.host).hostname or ""
    if isinstance(facts.failure, ConfigurationError):
        yield Finding("fix", "settings", failure_of(facts.failure).message)
    else:
        yield Finding("ok", "host", f"{facts.host}, {REGIONS.get(name, 'not PostHog Cloud')}")


def check_proxy(facts: Facts) -> Iterator[Finding]:
    for kind, url in facts.proxies.items():
        parts = urlsplit(url if "://" in url else f"//{url}")
        # Without the user name and password that it may hold.
        yield Finding("note", "proxy", f"requests go through {parts.netloc.rpartition('@')[2]} ({kind}_proxy)")


def check_key(facts: Facts) -> Iterator[Finding]:
    if facts.key is None:
        yield Finding("fix", "key", "not set", missing_key())
        return
    level, kind, action = KEY_KINDS.get(facts.key[:4], UNKNOWN_KIND)
    yield Finding(level, "key", kind, action)


def is_usable(key: str) -> bool:
    """Whether the service could accept a key of this kind."""
    return KEY_KINDS.get(key[:4], UNKNOWN_KIND)[0] != "fix"


def check_access(facts: Facts) -> Iterator[Finding]:
    """Whether the service answers, knows the key, and lets it read."""
    failure = facts.failure
    if facts.answers:
        yield Finding("ok", "connection", f"the service responds in {facts.answers[-1].info.seconds:.2f} s")
    if failure is None:
        if facts.answers:
            yield Finding("ok", "scopes", "the key may read (project:read), which is all that these commands need")
            yield Finding("ok", "project", project_text(facts))
    elif isinstance(failure, AuthenticationError):
        yield Finding("fix", "key", "the service does not accept it", "check that the key is from this host")
    elif isinstance(failure, PermissionDeniedError):
        yield Finding("fix", "scopes", single_line(failure.detail or str(failure)), failure_of(failure).action)
    elif isinstance(failure, NotFoundError):
        action = "check --project or POSTHOG_PROJECT_ID"
        yield Finding("fix", "project", f"the service has no project {single_line(facts.project)}", action)
    elif not isinstance(failure, ConfigurationError):
        yield Finding("fix", "connection", single_line(str(failure)), "check the host, the network and the proxy")


def project_text(facts: Facts) -> str:
    if facts.project != "@current":
        return single_line(facts.project)
    numbers = {path.split("/")[3] for path in (urlsplit(each.proxy_url).path for each in facts.installations) if path}
    return f"your current project{f', {numbers.pop()}' if len(numbers) == 1 else ''}"


def check_api_paths(facts: Facts) -> Iterator[Finding]:
    """Which prefix the paths have, and whether it is deprecated."""
    if not facts.answers:
        return
    last, first = facts.answers[-1].info, facts.answers[0].info
    deprecated, used = (each.path_template.split("/")[2] for each in (first, last))
    if "Deprecation" not in first.headers:
        yield Finding("ok", "API paths", f"uses /api/{used}/")
    elif "successor-version" in first.headers.get("Link", ""):
        yield Finding("ok", "API paths", f"uses /api/{used}/, the successor of /api/{deprecated}/")
    else:
        end = f" (until {single_line(first.headers['Sunset'])})" if "Sunset" in first.headers else ""
        text = f"uses /api/{used}/, which is deprecated{end}"
        yield Finding("fix", "API paths", text, "pip install --upgrade posthog-mcp-store")


def check_clock(facts: Facts) -> Iterator[Finding]:
    answer = next((each for each in facts.answers if "Date" in each.info.headers), None)
    moment = None if answer is None else _moment(answer.info.headers["Date"])
    if answer is None or moment is None:
        return
    skew = answer.at - moment
    if abs(skew) > BEARABLE_SKEW:
        text = f"this machine is {abs(skew.total_seconds()):.0f} s {'ahead' if skew > timedelta(0) else 'behind'}"
        yield Finding("fix", "clock", text, "set the clock")
    else:
        yield Finding("ok", "clock", "agrees with the service")


def _moment(text: str) -> datetime | None:
    try:
        return parsedate_to_datetime(text)
    except ValueError:
        return None


def check_installations(facts: Facts) -> Iterator[Finding]:
    for row in facts.installations:
        yield _installation_finding(row, facts.tools.get(row.id, ()))


def _installation_finding(row: Installation, tools: Iterable[Tool]) -> Finding:
    name = single_line(row.name, limit=60) or str(row.id)
    if not row.is_enabled:
        return Finding("note", name, "disabled", _for_owner(row, "enable", name))
    if row.pending_oauth:
        return Finding("fix", name, "not authorized yet", _for_owner(row, "authorize", name))
    if row.needs_reauth:
        return Finding("fix", name, "must be authorized again", _for_owner(row, "authorize", name))
    if row.last_sync_error:
        text = f"PostHog could not read its tools: {single_line(row.last_sync_error, limit=200)}"
        return Finding("fix", name, text, _for_owner(row, "tools", name, "--refresh"))
    waiting = [tool.tool_name for tool in tools if tool.approval_state == "needs_approval"]
    if waiting:
        shown = ", ".join(single_line(each, limit=40) for each in waiting[:3]) + (", …" if len(waiting) > 3 else "")
        action = _for_owner(row, "approve", waiting[0], "--installation", name)
        return Finding("note", name, f"tools that need approval: {shown}", action)
    return Finding("ok", name, "ready")


def _for_owner(row: Installation, *words: str) -> str:
    return command(*words) if row.is_owner else f"ask its owner for: {command(*words)}"


CHECKS: list[Callable[[Facts], Iterable[Finding]]] = [
    check_host,
    check_proxy,
    check_key,
    check_access,
    check_api_paths,
    check_clock,
    check_installations,
]
