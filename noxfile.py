"""Everything one does with this checkout. `nox -l` lists it."""

import shutil

import nox

nox.needs_version = ">=2025.5.1"
nox.options.default_venv_backend = "virtualenv"
nox.options.download_python = "never"
# Tests run on every supported Python that is there; one that is missing is no failure.
nox.options.error_on_missing_interpreters = False
nox.options.sessions = ["tests", "lint", "typing", "document", "package"]

PROJECT = nox.project.load_toml("pyproject.toml")
PYTHONS = nox.project.python_versions(PROJECT)
# They hold documents and tools against each other, which hangs little on the Python and takes long.
ON_ONE_PYTHON = [
    "tests/contract",
    *(f"tests/test_{name}.py" for name in ("api_moves", "regenerate", "scripts", "upstream", "upstream_command")),
]
# What the choice of an HTTP library could break.
OVER_HTTP = [
    f"tests/test_{name}.py"
    for name in ("connections", "errors", "lifecycle", "operations", "proxy", "redirects", "retries", "secrets", "time")
]
EVERYTHING = ".[aiohttp,redis,testing]"


def groups(*names: str) -> list[str]:
    return list(nox.project.dependency_groups(PROJECT, *names))


def found(python: str) -> bool:
    return shutil.which(f"python{python}") is not None


@nox.session
def demo(session: nox.Session) -> None:
    """Watch the SDK do its main job against the embedded service."""
    session.install("-e", ".[testing]")
    session.run("python", "examples/tour.py", *session.posargs)


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Run the tests, and see that they cover every branch of src/."""
    session.install("-e", EVERYTHING, *groups("tests"))
    is_first = session.python == next(filter(found, PYTHONS), None)
    done = [] if is_first else [f"--ignore={path}" for path in ON_ONE_PYTHON]
    # One for each Python: their sessions may run side by side.
    data = {"COVERAGE_FILE": f".coverage.{session.python}"}
    session.run("coverage", "run", "-m", "pytest", *done, *session.posargs, env=data)
    if not session.posargs:
        session.run("coverage", "report", env=data)


@nox.session
def aiohttp(session: nox.Session) -> None:
    """Run the tests that go over HTTP on aiohttp's connections."""
    session.install("-e", EVERYTHING, *groups("tests"))
    session.run("pytest", *(session.posargs or OVER_HTTP), env={"TESTED_TRANSPORT": "aiohttp"})


@nox.session
def httpx2(session: nox.Session) -> None:
    """Run the tests that go over HTTP as an application sees the SDK that calls `httpx2.alias_httpx()` first."""
    session.install("-e", EVERYTHING, *groups("tests"))
    # What httpx refuses as no address, httpx2 looks up.
    chosen = session.posargs or [*OVER_HTTP, "-k", "not no_address"]
    session.run("python", "scripts/test_under_httpx2.py", *chosen)


@nox.session
def e2e(session: nox.Session) -> None:
    """Go through OAuth flows in a real browser; what the person saw is kept in screenshots/."""
    if shutil.which("chromium") is None:
        session.warn("Chromium is missing: installing Debian's packages chromium and fonts-dejavu-core with apt-get")
        session.run("apt-get", "update", "-qq", external=True)
        session.run("apt-get", "install", "-y", "-qq", "chromium", "fonts-dejavu-core", external=True, silent=True)
    session.install("-e", ".[testing]", *groups("e2e"))
    session.run("pytest", *(session.posargs or ["tests/e2e"]))


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and formatting; `nox -s lint -- --fix` mends them."""
    session.install(*groups("lint"))
    fix = "--fix" in session.posargs
    session.run("ruff", "check", *(["--fix"] if fix else []), ".")
    session.run("ruff", "format", *([] if fix else ["--diff"]), ".")


@nox.session
def typing(session: nox.Session) -> None:
    """Check the types of the SDK, the generated client alone, the tests and the tools."""
    session.install("-e", EVERYTHING, *groups("typing"))
    session.run("mypy", "src/posthog_mcp_store")
    session.run("mypy", "generated")
    session.run("mypy", "tests", "examples", "scripts", "noxfile.py")


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
    session.run("python", "scripts/upstream.py", *session.posargs)


@nox.session
def package(session: nox.Session) -> None:
    """Build the wheel, install it alone into an empty environment, and use it there."""
    session.install(*groups("package"))
    dist = session.create_tmp()
    session.run("python", "-m", "build", "--outdir", dist, silent=True)
    session.run("python", "scripts/try_wheel.py", dist)


@nox.session
def bench(session: nox.Session) -> None:
    """Measure beside httpx and others; `nox -s bench -- retrieve import` measures some, `-- --help` says more."""
    session.run("python", "scripts/bench", *session.posargs)
