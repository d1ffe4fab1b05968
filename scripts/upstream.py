"""Compare openapi.yaml with PostHog's OpenAPI document: our operations, and everything they refer to.

Run it as `nox -s upstream -- https://us.posthog.com/api/schema/` or with a file. It lists breaking and non-breaking
changes, changes of wording, and the places where openapi.yaml departs from upstream on purpose (`x-departs`). The
descriptions of a document with `x-reconstructed: true` in its `info` are not compared, because upstream did not write
them. `--save FILE` keeps the part of the document that was compared.

Exit status: 0 nothing to do, 1 breaking changes, 2 nothing was compared, 3 non-breaking changes or resolved departures.
nox turns all but 0 into 1; a scheduled job that has to distinguish them runs `python scripts/upstream.py`.
"""

import argparse
import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from comparison import DocumentError
from comparison.formats import FORMATS, printable
from comparison.loading import checked, load, parse
from comparison.normalized import normalized
from comparison.reduction import reduced
from comparison.report import ExitStatus, Report, report

DOCUMENT = Path(__file__).resolve().parent.parent / "openapi.yaml"


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="upstream", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", metavar="FILE_OR_URL", help="OpenAPI 3.0 or 3.1, JSON or YAML, all of it or a part")
    parser.add_argument("--format", choices=FORMATS, default="text")
    parser.add_argument("--save", type=Path, metavar="FILE", help="write what was compared of the document, as JSON")
    parser.add_argument("--timeout", type=positive, default=60, metavar="SECONDS", help="for a URL; default: 60")
    parser.add_argument("--max-megabytes", type=positive, default=100, metavar="MB", help="default: 100")
    arguments = parser.parse_args(argv)
    ours = checked(parse(DOCUMENT.read_bytes()))
    try:
        theirs = load(arguments.source, timeout=arguments.timeout, max_bytes=int(arguments.max_megabytes * 1_000_000))
        found = compare_documents(ours, theirs, arguments.source)
        output = FORMATS[arguments.format](found)
        if arguments.save:
            save(theirs, arguments.save)
    except DocumentError as error:
        print(f"upstream: {printable(str(error))}", file=sys.stderr)
        return ExitStatus.NOT_COMPARED
    except Exception as error:  # noqa: BLE001  # whatever the document contains: 1 would mean breaking changes
        print(f"upstream: {arguments.source}: can't be compared: {printable(repr(error))}", file=sys.stderr)
        return ExitStatus.NOT_COMPARED
    print(output, end="")
    return found.status


def positive(text: str) -> float:
    number = float(text)
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is not a number above 0")
    return number


def save(document: dict[str, Any], file: Path) -> None:
    try:
        file.write_text(json.dumps(reduced(document), indent=2, ensure_ascii=False) + "\n")
    except OSError as error:
        raise DocumentError(f"{file}: {error.strerror or repr(error)}") from None


def compare_documents(ours: dict[str, Any], theirs: dict[str, Any], source: str) -> Report:
    here, there = normalized(ours, DOCUMENT.name), normalized(theirs, source)
    kind = f"OpenAPI {theirs['openapi']}{', reconstructed' if there.is_reconstructed else ''}"
    return report(f"openapi.yaml {ours['info']['version']} compared with {source} ({kind})", here, there)


if __name__ == "__main__":
    sys.exit(main())
