"""A report as text, Markdown and JSON."""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby

from .report import SECTIONS, Finding, Report

LONGEST = 160


def text(report: Report) -> str:
    return "\n".join([printable(report.title), report.summary, *text_lines(report)]) + "\n"


def text_lines(report: Report) -> Iterator[str]:
    for verdict, findings in report.sections.items():
        if findings:
            yield from ("", f"{SECTIONS[verdict]} ({len(findings)})")
        for why, each in by_reason(findings):
            yield from ([f"  {plain(why)}"] if why else [])
            yield from (f"  {'  ' if why else ''}{line}" for finding in each for line in text_finding(finding))


def text_finding(finding: Finding) -> Iterator[str]:
    yield f"{plain(finding.where)}: {plain(finding.what)}{plain(finding.scope)}"
    if said := finding.change.said:
        yield f'    "{plain(said)}"'


def markdown(report: Report) -> str:
    return "\n".join([f"# {escaped(report.title)}", "", report.summary + ".", *markdown_lines(report)]) + "\n"


def markdown_lines(report: Report) -> Iterator[str]:
    for verdict, findings in report.sections.items():
        if findings:
            yield from ("", f"## {SECTIONS[verdict]} ({len(findings)})", "")
        for why, each in by_reason(findings):
            yield from ([f"- {escaped(why)}"] if why else [])
            yield from (f"{'  ' if why else ''}- {markdown_finding(finding)}" for finding in each)


def markdown_finding(finding: Finding) -> str:
    said = f' "{escaped(finding.change.said)}"' if finding.change.said else ""
    return f"`{plain(finding.where).replace('`', '')}`: {escaped(finding.what)}{escaped(finding.scope)}.{said}"


def as_json(report: Report) -> str:
    sections = {verdict: [finding.data for finding in findings] for verdict, findings in report.sections.items()}
    return json.dumps({"title": report.title, "status": report.status, **sections}, indent=2) + "\n"


FORMATS: dict[str, Callable[[Report], str]] = {"text": text, "markdown": markdown, "json": as_json}


def by_reason(findings: Iterable[Finding]) -> Iterator[tuple[str, Iterator[Finding]]]:
    def reason(finding: Finding) -> str:
        return finding.change.why or ""

    return groupby(sorted(findings, key=reason), key=reason)


def plain(words: str) -> str:
    """On one line, of a bearable length, and nothing that a terminal would act on."""
    line = printable(words)
    return line if len(line) <= LONGEST else f"{line[:LONGEST]}..."


def printable(words: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in words)


def escaped(words: str) -> str:
    return re.sub(r"([\\`*_<>\[\]|#@])", r"\\\1", plain(words))
