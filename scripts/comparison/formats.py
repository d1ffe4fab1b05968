"""A report as text, Markdown and JSON."""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby

from .report import SECTIONS, Finding, Report

MAX_LENGTH = 160
NEXT_STEP = 'Next: edit openapi.yaml and compare again; CONTRIBUTING.md describes it in "When the API has changed".'


def text(report: Report) -> str:
    lines = section_lines(report, "{} ({})", "  ", shortened, text_finding)
    next_step = ["", NEXT_STEP] if report.status else []
    return "\n".join([printable(report.title), report.summary, *lines, *next_step]) + "\n"


def text_finding(finding: Finding) -> Iterator[str]:
    yield f"{shortened(finding.where)}: {shortened(finding.what)}{shortened(finding.affected)}"
    if description := finding.change.description:
        yield f'    "{shortened(description)}"'


def markdown(report: Report) -> str:
    lines = section_lines(report, "## {} ({})\n", "- ", escaped, markdown_finding)
    return "\n".join([f"# {escaped(report.title)}", "", report.summary + ".", *lines]) + "\n"


def markdown_finding(finding: Finding) -> Iterator[str]:
    description = f' "{escaped(finding.change.description)}"' if finding.change.description else ""
    where = shortened(finding.where).replace("`", "")
    yield f"`{where}`: {escaped(finding.what)}{escaped(finding.affected)}.{description}"


def section_lines(
    report: Report,
    heading: str,
    bullet: str,
    escape: Callable[[str], str],
    finding_lines: Callable[[Finding], Iterator[str]],
) -> Iterator[str]:
    for verdict, findings in report.sections.items():
        if findings:
            yield from ("", heading.format(SECTIONS[verdict], len(findings)))
        for why, group in by_reason(findings):
            yield from ([f"{bullet}{escape(why)}"] if why else [])
            indent = "  " if why else ""
            yield from (f"{indent}{bullet}{line}" for finding in group for line in finding_lines(finding))


def as_json(report: Report) -> str:
    sections = {verdict: [finding.data for finding in findings] for verdict, findings in report.sections.items()}
    return json.dumps({"title": report.title, "status": report.status, **sections}, indent=2) + "\n"


FORMATS: dict[str, Callable[[Report], str]] = {"text": text, "markdown": markdown, "json": as_json}


def by_reason(findings: Iterable[Finding]) -> Iterator[tuple[str, Iterator[Finding]]]:
    def reason(finding: Finding) -> str:
        return finding.change.why or ""

    return groupby(sorted(findings, key=reason), key=reason)


def shortened(text: str) -> str:
    """One printable line of limited length."""
    line = printable(text)
    return line if len(line) <= MAX_LENGTH else f"{line[:MAX_LENGTH]}..."


def printable(text: str) -> str:
    """The text without characters that a terminal would interpret."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def escaped(text: str) -> str:
    return re.sub(r"([\\`*_<>\[\]|#@])", r"\\\1", shortened(text))
