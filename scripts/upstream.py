"""Compare openapi.yaml with an OpenAPI document of PostHog's, looking at our operations and all they refer to.

Run it as `nox -s upstream -- https://us.posthog.com/api/schema/` or with a file. It says what would break callers, what
is new, what only words are, and where openapi.yaml departs on purpose (`x-departs`).

Exit status: 0 there is nothing to do, 1 callers would break, 2 nothing was compared, 3 something is new or a departure
is settled. nox makes 1 of all but 0; a scheduled job that tells them apart runs `python scripts/upstream.py`.
"""

import argparse
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from comparison.formats import FORMATS, printable
from comparison.normal_form import Resource, resource
from comparison.report import NOT_COMPARED, Report, report
from comparison.shapes import MalformedError
from comparison.sources import UnreadableError, read

DOCUMENT = Path(__file__).resolve().parent.parent / "openapi.yaml"


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="upstream", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", metavar="FILE_OR_URL", help="OpenAPI 3.0 or 3.1, JSON or YAML, whole or a slice")
    parser.add_argument("--format", choices=FORMATS, default="text")
    parser.add_argument("--timeout", type=positive, default=60, metavar="SECONDS", help="for a URL, else 60")
    parser.add_argument("--max-megabytes", type=positive, default=100, metavar="MB", help="else 100")
    arguments = parser.parse_args(argv)
    ours = yaml.safe_load(DOCUMENT.read_text())
    try:
        theirs = read(arguments.source, timeout=arguments.timeout, max_bytes=int(arguments.max_megabytes * 1_000_000))
        found = compared(ours, theirs, arguments.source)
        told = FORMATS[arguments.format](found)
    except (UnreadableError, MalformedError) as error:
        print(f"upstream: {printable(str(error))}", file=sys.stderr)
        return NOT_COMPARED
    except Exception as error:  # noqa: BLE001  # whatever a document holds: 1 would say that callers break
        print(f"upstream: {arguments.source}: can't be compared: {printable(repr(error))}", file=sys.stderr)
        return NOT_COMPARED
    print(told, end="")
    return found.status


def positive(text: str) -> float:
    number = float(text)
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is no number above 0")
    return number


def compared(ours: dict[str, Any], theirs: dict[str, Any], source: str) -> Report:
    title = f"openapi.yaml {ours['info']['version']} beside {source} (OpenAPI {theirs['openapi']})"
    return report(title, normal(ours, DOCUMENT.name), normal(theirs, source))


def normal(document: dict[str, Any], source: str) -> Resource:
    try:
        found = resource(document)
    except MalformedError as error:
        raise MalformedError(f"{source}: {error}") from error
    if not found.operations:
        raise MalformedError(f"{source}: no operation of mcp_server_installations is in it")
    return found


if __name__ == "__main__":
    sys.exit(main())
