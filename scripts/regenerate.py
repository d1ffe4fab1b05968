"""Write generated/ and openapi.lock from openapi.yaml, or show what that would change.

Run it as `nox -s regenerate`, `nox -s regenerate -- --check` or `nox -s regenerate -- --with VERSION`: the session
installs the pinned generator and formatter. `--with` installs another version of the generator into a temporary
environment and shows what it would change in generated/, without writing anything; the formatter stays the pinned one.

Exit status: 0 success, and with --check or --with no difference; 1 a difference, or nothing could be written;
2 --with failed: the version does not exist, or can't handle our document and templates.
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
import sysconfig
import tempfile
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "openapi.yaml"
GENERATED = ROOT / "generated"
LOCK = ROOT / "openapi.lock"
CONFIG = ROOT / "scripts" / "generator" / "config.yaml"
TEMPLATES = ROOT / "scripts" / "generator" / "templates"
GENERATOR = "openapi-python-client"
# The generator looks for its formatter on PATH, which need not have the environment of this Python.
PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), sysconfig.get_path("scripts")])
OVERRIDE = re.compile(r"overrides openapi-python-client \S+ (?P<name>\S+) sha256:(?P<digest>[0-9a-f]{64})")


class GenerationError(Exception):
    """Nothing was written; the message says why and what to do."""


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@contextmanager
def environment(version: str) -> Iterator[Path]:
    """The Python of an environment with that version of the generator: this one, or a temporary one."""
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
            reason = errors[-1].removeprefix("ERROR: ") if errors else last_error(run.stderr.strip())
            raise GenerationError(f"{GENERATOR} {version} can't be installed: {reason}")
        yield python


def original_templates(python: Path) -> Path:
    """The directory of the generator's own templates."""
    program = "from importlib.util import find_spec; print(find_spec('openapi_python_client').origin)"
    run = subprocess.run([python, "-I", "-c", program], capture_output=True, text=True, check=True)
    return Path(run.stdout.strip()).parent / "templates"


def outdated_overrides(originals: Path) -> Iterator[str]:
    """Our templates that were not made from the generator's current ones, each with what to do."""
    for template in sorted(TEMPLATES.iterdir()):
        override = OVERRIDE.search(template.read_text())
        if override is None:
            if (originals / template.name).exists():
                yield f"{template.name}: overrides a template of the generator without its hash in the first line"
        elif not (originals / override["name"]).exists():
            yield f"{template.name}: the generator no longer has {override['name']}; remove the override"
        elif sha256(originals / override["name"]) != override["digest"]:
            yield (
                f"{template.name}: the generator's own {override['name']} has changed; "
                "apply the change to the override and write the new hash into its first line, or remove it"
            )


def check_overrides(python: Path) -> None:
    if outdated := list(outdated_overrides(original_templates(python))):
        raise GenerationError("\n".join(outdated))


@contextmanager
def output_of_generator(python: Path) -> Iterator[Path]:
    """A temporary directory with the client that the generator makes of the document."""
    with tempfile.TemporaryDirectory() as scratch:
        destination = Path(scratch) / "generated"
        generate(destination, python)
        check_operations(destination)
        yield destination


def generate(destination: Path, python: Path) -> None:
    """Run the generator; warnings and a missing formatter are failures."""
    command: list[str | Path] = [python, "-I", "-m", "openapi_python_client", "generate", "--fail-on-warning"]
    command += ["--meta", "none", "--path", DOCUMENT, "--config", CONFIG, "--custom-template-path", TEMPLATES]
    command += ["--output-path", destination]
    settings = {**os.environ, "PATH": PATH, "_TYPER_STANDARD_TRACEBACK": "1"}  # no box that breaks lines
    run = subprocess.run(command, capture_output=True, text=True, check=False, env=settings)
    if run.returncode:
        output = run.stderr.strip() or run.stdout.strip()
        raise GenerationError(f"the generator failed or warned:\n{last_error(output)}")
    (destination / "py.typed").touch()


def last_error(output: str) -> str:
    """The output, or the last line of a traceback, which has the message of our templates."""
    return output.splitlines()[-1] if "Traceback" in output else output


def check_operations(destination: Path) -> None:
    """Check that every operation has a module: the generator skips operations that it does not support, and lets one
    overwrite another of the same name.
    """
    modules = [path.stem for path in destination.glob("api/*/*.py")]
    for path, item in document()["paths"].items():
        for method, operation in item.items():
            if not isinstance(operation, dict):
                continue
            name = operation.get("operationId")
            if name not in modules:
                raise GenerationError(f"{name} ({method.upper()} {path}): no module was generated for it")
            modules.remove(name)


def lock_text() -> str:
    """Everything that the output depends on."""
    lock = {
        "document": {"sha256": sha256(DOCUMENT), "version": document_version()},
        "generator": {GENERATOR: metadata.version(GENERATOR)},
        "formatter": {"ruff": formatter_version()},
        "configuration": {path.name: sha256(path) for path in [CONFIG, *sorted(TEMPLATES.iterdir())]},
    }
    return json.dumps(lock, indent=2) + "\n"


def document_version() -> str:
    return str(document()["info"]["version"])


@cache
def document() -> dict[str, Any]:
    # In C where PyYAML has it: this takes 10 ms instead of 200.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    parsed: dict[str, Any] = yaml.load(DOCUMENT.read_text(), loader)  # noqa: S506  # both are safe loaders
    return parsed


def formatter_version() -> str:
    """The version of the ruff that the generator runs: the first on PATH."""
    ruff = shutil.which("ruff", path=PATH) or "ruff"
    return subprocess.run([ruff, "--version"], capture_output=True, text=True, check=True).stdout.split()[-1]


def generated_files(directory: Path) -> dict[str, bytes]:
    return {
        f"generated/{path.relative_to(directory).as_posix()}": path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


def differences(expected: dict[str, bytes], found: dict[str, bytes]) -> list[str]:
    """A unified diff from the checked-in files to the regenerated ones."""
    lines: list[str] = []
    for name in changed_files(expected, found):
        before = f"checked in: {name}" if name in found else f"not checked in: {name}"
        after = f"regenerated: {name}" if name in expected else f"not generated: {name}"
        old, new = display_lines(found.get(name, b"")), display_lines(expected.get(name, b""))
        lines += list(difflib.unified_diff(old, new, before, after, lineterm="")) or [before, after]
    return lines


def changed_files(expected: dict[str, bytes], found: dict[str, bytes]) -> list[str]:
    return [name for name in sorted(expected.keys() | found.keys()) if expected.get(name) != found.get(name)]


def display_lines(content: bytes) -> list[str]:
    """The lines of a file; invalid UTF-8, carriage returns and a missing final newline are made visible."""
    lines = content.decode(errors="backslashreplace").split("\n")
    lines[-1] += "\\ no newline at end of file" if lines[-1] else ""
    return [line.replace("\r", "\\r") for line in (lines if lines[-1] else lines[:-1])]


def check(expected: dict[str, bytes]) -> None:
    found = generated_files(GENERATED)
    if LOCK.exists():
        found["openapi.lock"] = LOCK.read_bytes()
    if lines := differences(expected, found):
        print(*lines, sep="\n")
        raise GenerationError("generated/ does not match openapi.yaml: run `nox -s regenerate`, never edit it manually")
    print(f"generated/ is up to date: {len(expected)} files")


def write(destination: Path) -> None:
    shutil.rmtree(GENERATED, ignore_errors=True)
    shutil.copytree(destination, GENERATED)
    LOCK.write_text(lock_text())
    files = len(generated_files(GENERATED))
    print(f"wrote generated/ ({files} files) and openapi.lock, document version {document_version()}")
    print("Next: read `git diff generated/`, then see in CONTRIBUTING.md how to adapt the facade.")


def try_version(version: str) -> int:
    """Print the changes that another version of the generator would make."""
    with environment(version) as python:
        outdated = list(outdated_overrides(original_templates(python)))
        print(*outdated, sep="\n", end="\n" if outdated else "", flush=True)
        with output_of_generator(python) as destination:
            expected, found = generated_files(destination), generated_files(GENERATED)
    files = len(changed_files(expected, found))
    print(*differences(expected, found), f"{GENERATOR} {version} would change {files} files", sep="\n")
    return 1 if files or outdated else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--check", action="store_true", help="write nothing; fail with a diff if out of date")
    only.add_argument("--with", dest="version", metavar="VERSION", type=version, help="try another generator version")
    arguments = parser.parse_args()
    try:
        if arguments.version:
            return try_version(arguments.version)
        python = Path(sys.executable)
        check_overrides(python)
        with output_of_generator(python) as destination:
            if arguments.check:
                check({**generated_files(destination), "openapi.lock": lock_text().encode()})
            else:
                write(destination)
    except GenerationError as error:
        print(f"regenerate: {error}", file=sys.stderr)
        return 2 if arguments.version else 1
    return 0


def version(text: str) -> str:
    if not re.fullmatch(r"\d[\w.!+-]*", text):
        raise ValueError
    return text


if __name__ == "__main__":
    sys.exit(main())
