"""The command `doctor`: collects facts, and shows what `_checks` makes of them."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass
from uuid import UUID

from attrs import evolve

from .. import Installation, MCPStore, MCPStoreError, ResponseInfo, Tool
from ._checks import Answer, Facts, Finding, findings, is_usable
from ._errors import CommandError, ExitCode
from ._session import Session
from ._view import Cell, Column, Result, Table, Tone

TONES: dict[str, Tone] = {"ok": "good", "note": "warning", "fix": "bad"}
COLUMNS = [Column("", 4), Column("", 10, wraps=True), Column("", 20, wraps=True)]


async def doctor(session: Session) -> Result:
    """Check the settings, the key, the connection and the installations."""
    try:
        key = session.api_key()
    except CommandError:
        key = None
    facts = Facts(host=session.host, project=session.project, key=key, proxies=proxies_for(session.host))
    if key is not None and is_usable(key):
        with session.screen.working("Asking the service"):
            facts = await _with_answers(facts, key)
    found = findings(facts)
    is_fine = all(each.level != "fix" for each in found)
    data = {"ok": is_fine, "findings": [each.to_dict() for each in found]}
    code = ExitCode.DONE if is_fine else ExitCode.PROBLEMS_FOUND
    return Result(data, Table(COLUMNS, [_row(each) for each in found], ""), code)


def _row(finding: Finding) -> Sequence[Cell]:
    text = f"{finding.text}. Try: {finding.action}" if finding.action else finding.text
    return Cell(finding.level, TONES[finding.level]), Cell(finding.about), Cell(text)


def proxies_for(host: str) -> dict[str, str]:
    """The proxy's URL by the kind of connection, if the environment names one for the host."""
    parts = urlsplit(host)
    proxies = {kind: url for kind, url in getproxies().items() if kind in {parts.scheme, "all"}}
    is_direct = not parts.hostname or parts.scheme == "http" or proxy_bypass(parts.hostname)
    return {} if is_direct else proxies


async def _with_answers(facts: Facts, key: str) -> Facts:
    """The facts with what the service says. Only reads."""
    answers: list[Answer] = []

    def keep(info: ResponseInfo) -> None:
        answers.append(Answer(info, datetime.now(UTC)))

    try:
        async with MCPStore(key, host=facts.host, project_id=facts.project) as store:
            view = store.with_options(on_response=keep)
            installations = await view.installations.list().collect()
            tools = await _tools(view, installations)
    except MCPStoreError as error:
        return evolve(facts, answers=answers, failure=error)
    return evolve(facts, answers=answers, installations=installations, tools=tools)


async def _tools(store: MCPStore, installations: Sequence[Installation]) -> dict[UUID, list[Tool]]:
    """The tools of each installation for which the service lists them."""
    usable = [row for row in installations if row.is_enabled and not row.pending_oauth]
    lists = await asyncio.gather(*(store.installations.tools(row) for row in usable), return_exceptions=True)
    return {row.id: tools for row, tools in zip(usable, lists, strict=True) if not isinstance(tools, BaseException)}
