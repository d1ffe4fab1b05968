"""Write generated/ and openapi.lock from openapi.yaml, or see what that would give.

Run it as `nox -s regenerate`, `nox -s regenerate -- --check` or `nox -s regenerate -- --with VERSION`: the session
brings the pinned generator and formatter. `--with` makes an environment for another version of the generator, and shows
as a diff what that would change in generated/, the tree untouched; the formatter stays the pinned one.

Exit status: 0 all is well, with --check or --with there is no difference; 1 there is one, or nothing was written;
2 --with can't tell, for there is no such version or it fails on our document and templates.
"""

import argparse
import difflib
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "openapi.yaml"
GENERATED = ROOT / "generated"
LOCK = ROOT / "openapi.lock"
CONFIG = ROOT / "scripts" / "generator" / "config.yaml"
TEMPLATES = ROOT / "scripts" / "generator" / "templates"
GENERATOR = "openapi-python-client"
OVERRIDE = re.compile(r"overrides openapi-python-client \S+ (?P<name>\S+) sha256:(?P<digest>[0-9a-f]{64})")


class RefusedError(Exception):
    """Nothing was written; the message says why and what to do."""


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@contextmanager
def environment(version: str) -> Iterator[Path]:
    """The Python of an environment with that version of the generator: this one, or one for the moment."""
    if version == metadata.version(GENERATOR):
        yield Path(sys.executable)
        return
    with tempfile.TemporaryDirectory() as home:
        venv.create(home)
        python = Path(home) / "bin" / "python"
        pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", f"{GENERATOR}=={version}"]
        run = subprocess.run(pip, capture_output=True, text=True, check=False)
        if run.returncode:
            errors = [line for line in run.stderr.splitlines() if line.startswith("ERROR: ")]
            said = errors[-1].removeprefix("ERROR: ") if errors else complaint(run.stderr.strip())
            raise RefusedError(f"{GENERATOR} {version} can't be installed: {said}")
        yield python


def own_templates(python: Path) -> Path:
    """Where the generator keeps its templates."""
    program = "from importlib.util import find_spec; print(find_spec('openapi_python_client').origin)"
    run = subprocess.run([python, "-I", "-c", program], capture_output=True, text=True, check=True)
    return Path(run.stdout.strip()).parent / "templates"


def overridden_templates(originals: Path) -> Iterator[str]:
    """What is wrong with our overrides: the generator's own template is no longer the one we started from."""
    for template in sorted(TEMPLATES.iterdir()):
        override = OVERRIDE.search(template.read_text())
        if override is None:
            if (originals / template.name).exists():
                yield f"{template.name}: overrides a template of the generator without naming its hash"
        elif not (originals / override["name"]).exists():
            yield f"{template.name}: the generator has no {override['name']} any more; drop the override"
        elif sha256(originals / override["name"]) != override["digest"]:
            yield (
                f"{template.name}: the generator's own {override['name']} has changed; "
                "carry the change over or drop the override, then write the new hash into its first line"
            )


def check_overridden_templates(python: Path) -> None:
    if changed := list(overridden_templates(own_templates(python))):
        raise RefusedError("\n".join(changed))


def generate(destination: Path, python: Path) -> None:
    """Run the generator; any warning of it, and a formatter it can't find, is a failure."""
    command: list[str | Path] = [python, "-I", "-m", "openapi_python_client", "generate", "--fail-on-warning"]
    command += ["--meta", "none", "--path", DOCUMENT, "--config", CONFIG, "--custom-template-path", TEMPLATES]
    plain = {**os.environ, "_TYPER_STANDARD_TRACEBACK": "1"}  # else drawn in a box, with lines cut in two
    run = subprocess.run(
        [*command, "--output-path", destination], capture_output=True, text=True, check=False, env=plain
    )
    if run.returncode:
        raise RefusedError(f"the generator failed or warned:\n{complaint(run.stderr.strip() or run.stdout.strip())}")
    (destination / "py.typed").touch()


def complaint(output: str) -> str:
    """The generator's output, a traceback cut down to its last line: there our templates say what they can't do."""
    return output.splitlines()[-1] if "Traceback" in output else output


def check_operations(destination: Path) -> None:
    """Refuse when an operation of the document has no module: the generator drops what it does not understand, and
    writes two operations of one name over each other.
    """
    modules = [path.stem for path in destination.glob("api/*/*.py")]
    for path, item in yaml.safe_load(DOCUMENT.read_text())["paths"].items():
        for method, operation in item.items():
            if not isinstance(operation, dict):
                continue
            name = operation.get("operationId")
            if name not in modules:
                raise RefusedError(f"{name} ({method.upper()} {path}): the generator wrote no module for it alone")
            modules.remove(name)


def lock_text() -> str:
    """What the output depends on, and so what explains a difference in it."""
    return (
        json.dumps(
            {
                "document": {"sha256": sha256(DOCUMENT), "version": document_version()},
                "generator": {GENERATOR: metadata.version(GENERATOR)},
                "formatter": {"ruff": formatter_version()},
                "configuration": {path.name: sha256(path) for path in [CONFIG, *sorted(TEMPLATES.iterdir())]},
            },
            indent=2,
        )
        + "\n"
    )


def document_version() -> str:
    return str(yaml.safe_load(DOCUMENT.read_text())["info"]["version"])


def formatter_version() -> str:
    """The version of the ruff that the generator ran: the first on PATH."""
    return subprocess.run(["ruff", "--version"], capture_output=True, text=True, check=True).stdout.split()[-1]


def tree(directory: Path) -> dict[str, bytes]:
    return {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


def differences(expected: dict[str, bytes], found: dict[str, bytes]) -> list[str]:
    """A unified diff from what is checked in to what regeneration gives; empty when they are the same."""
    lines: list[str] = []
    for name in changed_files(expected, found):
        before = f"checked in: {name}" if name in found else f"not checked in: {name}"
        after = f"regenerated: {name}" if name in expected else f"not generated: {name}"
        old, new = readable(found.get(name, b"")), readable(expected.get(name, b""))
        lines += list(difflib.unified_diff(old, new, before, after, lineterm="")) or [before, after]
    return lines


def changed_files(expected: dict[str, bytes], found: dict[str, bytes]) -> list[str]:
    return [name for name in sorted(expected.keys() | found.keys()) if expected.get(name) != found.get(name)]


def readable(content: bytes) -> list[str]:
    """The lines of a file, for people: what else than their text may differ in a line, its end included, is escaped."""
    lines = content.decode(errors="backslashreplace").split("\n")
    lines[-1] += "\\ no newline at the end" if lines[-1] else ""
    return [line.replace("\r", "\\r") for line in (lines if lines[-1] else lines[:-1])]


def under_generated(directory: Path) -> dict[str, bytes]:
    return {f"generated/{name}": content for name, content in tree(directory).items()}


def check(expected: dict[str, bytes]) -> None:
    found = under_generated(GENERATED)
    if LOCK.exists():
        found["openapi.lock"] = LOCK.read_bytes()
    if lines := differences(expected, found):
        print(*lines, sep="\n")
        raise RefusedError("generated/ is not what openapi.yaml gives: run `nox -s regenerate`, never edit it by hand")
    print(f"generated/ is current: {len(expected)} files")


def write(destination: Path) -> None:
    shutil.rmtree(GENERATED, ignore_errors=True)
    shutil.copytree(destination, GENERATED)
    LOCK.write_text(lock_text())
    print(f"wrote generated/ ({len(tree(GENERATED))} files) and openapi.lock, document version {document_version()}")


def show_other(version: str) -> int:
    """Print what another version of the generator would change."""
    with environment(version) as python, tempfile.TemporaryDirectory() as scratch:
        outdated = list(overridden_templates(own_templates(python)))
        print(*outdated, sep="\n", end="\n" if outdated else "", flush=True)
        destination = Path(scratch) / "generated"
        generate(destination, python)
        check_operations(destination)
        expected, found = under_generated(destination), under_generated(GENERATED)
    files = len(changed_files(expected, found))
    print(*differences(expected, found), f"{GENERATOR} {version} would change {files} files", sep="\n")
    return 1 if files or outdated else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--check", action="store_true", help="write nothing; fail with a diff when out of date")
    only.add_argument("--with", dest="other", metavar="VERSION", type=version, help="try another generator")
    arguments = parser.parse_args()
    try:
        if arguments.other:
            return show_other(arguments.other)
        check_overridden_templates(Path(sys.executable))
        with tempfile.TemporaryDirectory() as scratch:
            destination = Path(scratch) / "generated"
            generate(destination, Path(sys.executable))
            check_operations(destination)
            if arguments.check:
                check({**under_generated(destination), "openapi.lock": lock_text().encode()})
            else:
                write(destination)
    except RefusedError as refused:
        print(f"regenerate: {refused}", file=sys.stderr)
        return 2 if arguments.other else 1
    return 0


def version(text: str) -> str:
    if not re.fullmatch(r"\d[\w.!+-]*", text):
        raise ValueError
    return text


if __name__ == "__main__":
    sys.exit(main())
