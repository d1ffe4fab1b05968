"""Everything one does with this checkout. `nox -l` lists it."""

import os
import re
import shutil
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import nox

nox.needs_version = ">=2025.5.1"
nox.options.default_venv_backend = "virtualenv"
nox.options.download_python = "never"
# A supported Python that is not installed is no failure.
nox.options.error_on_missing_interpreters = False
nox.options.sessions = ["tests", "lint", "typing", "document", "docs", "package"]

PROJECT = nox.project.load_toml("pyproject.toml")
PYTHONS = nox.project.python_versions(PROJECT)
# These compare documents and run tools: they take long, and depend little on the Python.
OF_TOOLS = ["tests/contract", "tests/tools"]
# Files, other programs, and pure decisions at length: they, too, depend little on it. The testing kit's own tests are
# here because the tests of the SDK use the kit on every Python. `.ci/weekly` runs all tests on all Pythons.
ON_THE_FIRST_PYTHON = [
    *OF_TOOLS,
    "tests/cli",
    "tests/documentation",
    "tests/testing_kit",
    "tests/vendoring",
    *(f"tests/pagination/test_{name}.py" for name in ("schedules", "whole_lists")),
]
# What works on the oldest and the newest Python works on those between them; this is what differs the most.
ON_THOSE_BETWEEN = ["tests/store/test_operations.py", "tests/transport"]
# What the choice of an HTTP library could break.
OVER_HTTP = [
    "tests/mcp/test_connect.py",
    "tests/toolbox/test_both_services.py",
    "tests/proxy",
    "tests/request",
    *(f"tests/store/test_{name}.py" for name in ("lifecycle", "operations", "secrets")),
    *(
        f"tests/transport/test_{name}.py"
        for name in ("broken_connections", "connections", "content_coding", "environment")
    ),
]
# What the version of an extra's packages could break.
OVER_EXTRAS = [
    "tests/cli/test_screen.py",
    "tests/cli/test_tools.py",
    "tests/mcp",
    "tests/ratelimit",
    "tests/testing_kit/test_provider.py",
    "tests/testing_kit/test_tokens.py",
    "tests/toolbox/test_both_services.py",
    *(f"tests/transport/test_{name}.py" for name in ("aiohttp", "content_coding", "sent_once")),
]
# They reach no branch of src/ that others do not. Measuring coverage, which slows all Python down, would cost the more
# the more often they try.
NOT_MEASURED = [
    "tests/documentation",
    "tests/generated",
    "tests/pagination/test_schedules.py",
    "tests/ratelimit/test_users.py",
    "tests/store/test_decoders.py",
    "tests/store/test_tolerance.py",
    "tests/transport/test_fairness.py",
    "tests/transport/test_sent_once.py",
    *(
        f"tests/vendoring/test_{name}.py"
        for name in ("copies", "edits_during_update", "facade", "interruptions", "parts")
    ),
]
# These run type checkers again and again.
OF_COPIES = ["tests/vendored/test_choices.py", "tests/vendored/test_settings.py"]
# A new operation of the service is no type error: this test finds it.
NEW_OPERATION = "tests/test_architecture.py::test_every_operation_is_called_by_a_public_method"
EVERYTHING = ".[aiohttp,cli,mcp,redis,testing]"
# The frameworks that docs/guides/agents.md has a recipe for.
FRAMEWORKS = [name.removeprefix("agents-") for name in PROJECT["dependency-groups"] if name.startswith("agents-")]


def groups(*names: str) -> list[str]:
    return list(nox.project.dependency_groups(PROJECT, *names))


def without(paths: list[str]) -> list[str]:
    return [f"--ignore={path}" for path in paths]


@nox.session
def demo(session: nox.Session) -> None:
    """Watch the SDK do its main job against the embedded service."""
    session.install("-e", ".[testing]")
    session.run("python", "examples/tour.py", *session.posargs)


# Tests mostly wait, for the network above all, so more of them than there are cores can run side by side.
SIDE_BY_SIDE = ("-n", "3", "--dist", "worksteal")
# Where the variable keeps Python from storing bytecode, all workers would compile all tests again, and so would the
# programs that tests run: a fifth of the time. Empty is as good as unset.
STORE_BYTECODE = {"PYTHONDONTWRITEBYTECODE": ""}
OVER_AIOHTTP = {"TESTED_TRANSPORT": "aiohttp"}
# httpx2 imports anyio before pytest can rewrite the assertions of anyio's plugin.
IGNORE_REWRITING = ("-W", "ignore::pytest.PytestAssertRewriteWarning")


def run_tests(session: nox.Session, *arguments: str, env: Mapping[str, str] | None = None, **options: Any) -> None:
    # As a module, so that plugins in tests/ are found.
    session.run("python", "-m", "pytest", *SIDE_BY_SIDE, *arguments, env={**STORE_BYTECODE, **(env or {})}, **options)


def pass_tests(session: nox.Session, *arguments: str, **options: Any) -> bool:
    """Run tests; whether all of them passed. What fails in one run must not hide what fails in another."""
    try:
        run_tests(session, *arguments, **options)
    except nox.command.CommandFailed:
        return False
    return True


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests on the Python that runs nox; they cover every branch of src/. `-- FILE` runs some of them."""
    session.install("-e", EVERYTHING, *groups("tests"))
    if session.posargs:
        session.run("pytest", *session.posargs)
        return
    complete = []
    if not has_program(session, "redis-server"):
        session.warn(
            "redis-server is missing: its tests are skipped, and coverage may be incomplete. INSTALL=1 gets it"
        )
        complete = ["--cov-fail-under", "0"]
    # Side by side, since the first ones mostly wait, and the others keep the processor busy.
    with ThreadPoolExecutor() as at_once, TemporaryFile("w+") as output:
        others = at_once.submit(pass_tests, session, "-n", "2", *OF_TOOLS, *NOT_MEASURED, stdout=output)
        # Only the contract tests need schemathesis, which takes a second to load in every process.
        measured = pass_tests(
            session, "-n", "3", "--cov", *complete, "-p", "no:schemathesis", *without(OF_TOOLS + NOT_MEASURED)
        )
        passed = {"the measured tests": measured, "the other tests": others.result()}
        session.log("the other tests, which ran at the same time:")
        output.seek(0)
        sys.stdout.write(output.read())
        sys.stdout.flush()
    failed = [name for name, ok in passed.items() if not ok]
    if failed:
        session.error(f"see above: {' and '.join(failed)} failed, or did not cover all of src/")
    session.log("all tests passed" if complete else "all tests passed, and they cover every branch of src/")


@nox.session(python=PYTHONS)
def other_pythons(session: nox.Session) -> None:
    """Run the tests on every supported Python that is installed; `nox -s other_pythons-3.13` on one."""
    session.install("-e", EVERYTHING, *groups("tests"))
    installed = [version for version in PYTHONS if shutil.which(f"python{version}")]
    chosen = without(ON_THE_FIRST_PYTHON) if session.python in (PYTHONS[0], installed[-1]) else ON_THOSE_BETWEEN
    run_tests(session, *(session.posargs or chosen))


@nox.session
def http_libraries(session: nox.Session) -> None:
    """Run the tests that go over HTTP on other libraries: aiohttp's connections, and httpx2 in place of httpx."""
    session.install("-e", EVERYTHING, *groups("tests"))
    run_tests(session, *(session.posargs or OVER_HTTP), env=OVER_AIOHTTP)
    # As an application sees the SDK that calls `httpx2.alias_httpx()` first. Its objects are like httpx's, and what the
    # SDK does with their responses is the same. What httpx refuses as no address, httpx2 looks up.
    chosen = session.posargs or [path for path in OVER_HTTP if path != "tests/request"]
    run_tests(session, "-p", "tests.support.on_httpx2", *IGNORE_REWRITING, *chosen, "-k", "not no_address")


@nox.session
def oldest(session: nox.Session) -> None:
    """Run the tests of what the extras do with the oldest packages that they support."""
    session.install("-e", EVERYTHING, *groups("tests"))
    extras = PROJECT["project"]["optional-dependencies"]
    session.install(*(lower_bound(each) for name in extras for each in extras[name]))
    run_tests(session, *(session.posargs or OVER_EXTRAS), env=OVER_AIOHTTP)


def lower_bound(requirement: str) -> str:
    """The oldest version that a requirement allows, as a requirement."""
    return re.sub(r">=([\d.]+).*", r"==\1", requirement)


@nox.session
def e2e(session: nox.Session) -> None:
    """Go through OAuth flows and the documentation in a real browser; screenshots/ keeps what a person saw."""
    if not has_program(session, "chromium", "fonts-dejavu-core"):
        session.skip("Chromium is missing: install Debian's packages chromium and fonts-dejavu-core, or set INSTALL=1")
    session.install("-e", ".[testing]", *groups("e2e"))
    session.run("pytest", *(session.posargs or ["tests/e2e"]))


def has_program(session: nox.Session, name: str, *with_packages: str) -> bool:
    """Whether a program is installed. INSTALL=1 in the environment installs Debian's package of that name first."""
    if shutil.which(name) is None and os.environ.get("INSTALL") == "1":
        session.run("apt-get", "update", "-qq", external=True)
        session.run("apt-get", "install", "-y", "-qq", name, *with_packages, external=True, silent=True)
    return shutil.which(name) is not None


@nox.session
def interop(session: nox.Session) -> None:
    """Call an MCP server that nobody here wrote: the reference server of the protocol's makers, from npm."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        session.skip("Node.js is missing: this takes node 20 or later, and npm")
    session.install("-e", ".[mcp,testing]", *groups("interop"))
    packages = installed_packages(session, Path("tests/interop"))
    server = packages / "@modelcontextprotocol/server-everything/dist/index.js"
    session.run("pytest", *(session.posargs or ["tests/interop"]), env={"SERVER_EVERYTHING": str(server)})


def installed_packages(session: nox.Session, project: Path) -> Path:
    """The packages of npm that the project's lock names: their directory, which is kept for the next run."""
    home = session.cache_dir.absolute() / project.name
    home.mkdir(exist_ok=True)
    packages, lock = home / "node_modules", home / "package-lock.json"
    # npm writes a lock of its own into the directory when all is there.
    is_done = (packages / ".package-lock.json").exists()
    if not is_done or lock.read_bytes() != (project / lock.name).read_bytes():
        for name in ("package.json", lock.name):
            shutil.copy(project / name, home)
        options = ["--prefix", str(home), "--prefer-offline", "--ignore-scripts", "--no-audit", "--no-fund"]
        session.run("npm", "ci", *options, external=True, silent=True)
    return packages


@nox.session
def agents(session: nox.Session) -> None:
    """Let agents of other frameworks call tools: of all, or `-- pydantic-ai openai-agents` of some."""
    chosen = session.posargs or FRAMEWORKS
    if unknown := [name for name in chosen if name not in FRAMEWORKS]:
        session.error(f"no recipe for {', '.join(unknown)}: there is one for {', '.join(FRAMEWORKS)}")
    # The embedded service is run in this environment.
    session.install("-e", ".[testing]")
    if failed := [name for name in chosen if not recipe_works(session, name)]:
        session.error(f"see above: the recipes for {', '.join(failed)} failed")


def recipe_works(session: nox.Session, framework: str) -> bool:
    """Run a framework's tests in a new environment, which has the SDK without its extras; whether all passed."""
    home = Path(session.create_tmp()).absolute() / framework
    python = str(home / "bin" / "python")
    try:
        session.run("python", "-m", "venv", "--clear", "--without-pip", str(home))
        session.run(
            "python", "-m", "pip", "--python", python, "install", "-q", "-e", ".", *groups(f"agents-{framework}")
        )
        session.run(
            *(python, "-m", "pytest", "--confcutdir=tests/agents", "-o", "filterwarnings=ignore"),
            f"tests/agents/test_{framework.replace('-', '_')}.py",
            external=True,
            env={"PYTHON_OF_SERVICE": f"{session.bin}/python"},
        )
    except nox.command.CommandFailed:
        return False
    finally:
        shutil.rmtree(home, ignore_errors=True)
    return True


@nox.session
def recipes(session: nox.Session) -> None:
    """Run the recipes of docs/guides/frameworks.md in their frameworks."""
    session.install("-e", ".[testing]", *groups("recipes"))
    chosen = session.posargs or ["tests/recipes"]
    session.run("python", "-m", "pytest", "--confcutdir=tests/recipes", *chosen, env=STORE_BYTECODE)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and formatting; `nox -s lint -- --fix` mends them."""
    session.install(*groups("lint"))
    fix = "--fix" in session.posargs
    session.run("ruff", "check", *(["--fix"] if fix else []), ".")
    session.run("ruff", "format", *([] if fix else ["--diff"]), ".")


@nox.session
def typing(session: nox.Session) -> None:
    """Check the types of the SDK, the tests, the tools and vendored copies, and that the SDK uses every operation."""
    node = [] if shutil.which("node") else groups("node")
    session.install("-e", EVERYTHING, *groups("typing"), *node)
    session.run("mypy", "src/posthog_mcp_store", "tests", "examples", "scripts", "benchmarks", "noxfile.py")
    session.run("mypy", "generated")
    session.run("pytest", "tests/vendored", NEW_OPERATION, *without(OF_COPIES))


@nox.session
def vendored(session: nox.Session) -> None:
    """Check the types of copies without each part, where only what they list is installed, and the guide's settings."""
    node = [] if shutil.which("node") else groups("node")
    session.install("-e", EVERYTHING, *groups("typing"), *node)
    session.run("pytest", *(session.posargs or OF_COPIES))


@nox.session
def document(session: nox.Session) -> None:
    """Validate openapi.yaml against OpenAPI 3.0."""
    session.install(*groups("document"))
    session.run("openapi-spec-validator", "openapi.yaml")


@nox.session
def regenerate(session: nox.Session) -> None:
    """Write generated/ from openapi.yaml; `-- --check` sees that it is current; `-- --with VERSION` tries another."""
    session.install(*groups("regenerate"))
    session.run("python", "scripts/regenerate.py", *session.posargs)


@nox.session
def upstream(session: nox.Session) -> None:
    """Compare openapi.yaml with an upstream document: `nox -s upstream -- FILE_OR_URL`; `-- --help` says more."""
    session.install(*groups("upstream"))
    script = Path("scripts/upstream.py").resolve()
    with session.chdir(session.invoked_from):
        session.run("python", str(script), *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation site into .nox/site; a warning or a dead link is an error. `-- --serve` shows it."""
    session.install(*groups("docs"))
    if "--serve" in session.posargs:
        session.run("zensical", "serve")
        return
    session.run("zensical", "build", "--clean", "--strict")
    session.log("open .nox/site/index.html, or run `nox -s docs -- --serve`")


@nox.session
def package(session: nox.Session) -> None:
    """Build the wheel, install it alone into an empty environment, and use it there."""
    session.install(*groups("package"))
    dist = session.create_tmp()
    session.run("python", "-m", "build", "--outdir", dist, silent=True)
    session.run("python", "scripts/try_wheel.py", dist)


@nox.session
def api(session: nox.Session) -> None:
    """Compare the public API with its record; `nox -s api -- --record` writes the record."""
    session.run("python", "scripts/public_api.py", *session.posargs)


@nox.session
def vendor(session: nox.Session) -> None:
    """Write a copy of the SDK for another source tree: `nox -s vendor -- DEST`, and `-- --help`."""
    source = Path("src").resolve()
    with session.chdir(session.invoked_from):
        session.run("python", "-m", "posthog_mcp_store.vendor", *session.posargs, env={"PYTHONPATH": str(source)})


@nox.session
def bench(session: nox.Session) -> None:
    """Measure beside httpx and others; `nox -s bench -- retrieve import` measures some, `-- --help` says more."""
    session.run("python", "benchmarks", *session.posargs)
