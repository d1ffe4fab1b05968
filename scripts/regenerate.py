"""Write generated/ and openapi.lock from openapi.yaml, or check that they are what that would give.

Run it as `nox -s regenerate` or `nox -s regenerate -- --check`: the session brings the pinned generator and formatter.
"""

import argparse
import difflib
import hashlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path

import openapi_python_client
import yaml

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "openapi.yaml"
GENERATED = ROOT / "generated"
LOCK = ROOT / "openapi.lock"
CONFIG = ROOT / "scripts" / "generator" / "config.yaml"
TEMPLATES = ROOT / "scripts" / "generator" / "templates"
OVERRIDE = re.compile(r"overrides openapi-python-client \S+ (?P<name>\S+) sha256:(?P<digest>[0-9a-f]{64})")


class RefusedError(Exception):
    """Nothing was written; the message says why and what to do."""


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def check_overridden_templates() -> None:
    """Refuse when the generator's own version of a template we override is no longer the one we started from."""
    originals = Path(openapi_python_client.__file__).parent / "templates"
    for template in sorted(TEMPLATES.iterdir()):
        override = OVERRIDE.search(template.read_text())
        if override is None:
            if (originals / template.name).exists():
                raise RefusedError(f"{template.name}: overrides a template of the generator without naming its hash")
        elif sha256(originals / override["name"]) != override["digest"]:
            raise RefusedError(
                f"{template.name}: the generator's own {override['name']} has changed; "
                "carry the change over or drop the override, then write the new hash into its first line"
            )


def generate(destination: Path) -> None:
    """Run the generator; any warning of it, and a formatter it can't find, is a failure."""
    command: list[str | Path] = [sys.executable, "-m", "openapi_python_client", "generate", "--fail-on-warning", "--meta", "none"]
    command += ["--path", DOCUMENT, "--config", CONFIG, "--custom-template-path", TEMPLATES]
    run = subprocess.run([*command, "--output-path", destination], capture_output=True, text=True, check=False)
    if run.returncode:
        raise RefusedError(f"the generator failed or warned:\n{run.stderr.strip() or run.stdout.strip()}")
    (destination / "py.typed").touch()


def check_operations(destination: Path) -> None:
    """Refuse when an operation of the document has no module: the generator drops what it does not understand."""
    for path, item in yaml.safe_load(DOCUMENT.read_text())["paths"].items():
        for operation in (part for part in item.values() if isinstance(part, dict)):
            module = f"{operation['operationId']}.py"
            if not list(destination.glob(f"api/*/{module}")):
                raise RefusedError(f"{operation['operationId']} ({path}): the generator wrote no module for it")


def lock_text() -> str:
    """What the output depends on, and so what explains a difference in it."""
    return (
        json.dumps(
            {
                "document": {"sha256": sha256(DOCUMENT), "version": document_version()},
                "generator": {"openapi-python-client": metadata.version("openapi-python-client")},
                "formatter": {"ruff": metadata.version("ruff")},
                "configuration": {path.name: sha256(path) for path in [CONFIG, *sorted(TEMPLATES.iterdir())]},
            },
            indent=2,
        )
        + "\n"
    )


def document_version() -> str:
    return str(yaml.safe_load(DOCUMENT.read_text())["info"]["version"])


def tree(directory: Path) -> dict[str, str]:
    return {
        str(path.relative_to(directory)): path.read_text()
        for path in sorted(directory.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


def differences(expected: dict[str, str], found: dict[str, str]) -> list[str]:
    """A unified diff from what is checked in to what regeneration gives; empty when they are the same."""
    lines: list[str] = []
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) == found.get(name):
            continue
        old, new = found.get(name, "").splitlines(), expected.get(name, "").splitlines()
        before = f"checked in: {name}" if name in found else f"not checked in: {name}"
        after = f"regenerated: {name}" if name in expected else f"not generated: {name}"
        lines += difflib.unified_diff(old, new, before, after, lineterm="") if old or new else [before, after]
    return lines


def check(expected: dict[str, str]) -> None:
    found = {f"generated/{name}": text for name, text in tree(GENERATED).items()} if GENERATED.exists() else {}
    if LOCK.exists():
        found["openapi.lock"] = LOCK.read_text()
    if lines := differences(expected, found):
        print(*lines, sep="\n")
        raise RefusedError("generated/ is not what openapi.yaml gives: run `nox -s regenerate`, never edit it by hand")
    print(f"generated/ is current: {len(expected)} files")


def write(destination: Path) -> None:
    shutil.rmtree(GENERATED, ignore_errors=True)
    shutil.copytree(destination, GENERATED)
    LOCK.write_text(lock_text())
    print(f"wrote generated/ ({len(tree(GENERATED))} files) and openapi.lock, document version {document_version()}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; fail with a diff when out of date")
    arguments = parser.parse_args()
    try:
        check_overridden_templates()
        with tempfile.TemporaryDirectory() as scratch:
            destination = Path(scratch) / "generated"
            generate(destination)
            check_operations(destination)
            if arguments.check:
                expected = {f"generated/{name}": text for name, text in tree(destination).items()}
                check({**expected, "openapi.lock": lock_text()})
            else:
                write(destination)
    except RefusedError as refused:
        print(f"regenerate: {refused}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
