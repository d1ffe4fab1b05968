"""The facade's own tests, on a copy, where the installed SDK can't be imported."""

import shutil
from pathlib import Path

from .support import REFUSING, run, vendored

TESTS = Path(__file__).parents[1]
PACKAGE = "acme.platform._vendor.mcp_store"
# A copy could break imports, names in pickles and logs, and the pytest fixture.
CHOSEN = [
    "oauth/test_callback.py",
    "oauth/test_redirect.py",
    "proxy/test_messages.py",
    "request/test_errors.py",
    "store/test_lifecycle.py",
    "store/test_logging.py",
    "store/test_lowlevel.py",
    "store/test_operations.py",
    "store/test_secrets.py",
]


def test_the_facades_tests_pass_on_a_copy(tmp_path: Path) -> None:
    vendored(tmp_path.joinpath(*PACKAGE.split(".")))
    for path in TESTS.rglob("*.py"):
        copy = tmp_path / "tests" / path.relative_to(TESTS)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(path.read_text().replace("posthog_mcp_store", PACKAGE))
    shutil.copy(TESTS.parent / "pyproject.toml", tmp_path)
    (tmp_path / "refusing.py").write_text(f'REFUSED = {{"posthog_mcp_store"}}\n{REFUSING}')

    said = run(
        *("-m", "pytest", "-q", "-p", "refusing", "-p", "no:posthog_mcp_store"),
        *("-p", "no:cacheprovider", "-p", "no:schemathesis"),
        *("-p", f"{PACKAGE}.testing.pytest_plugin", "--rootdir", str(tmp_path)),
        *(str(tmp_path / "tests" / name) for name in CHOSEN),
        path=tmp_path,
        timeout=400,  # These are many tests, and other tests run at the same time.
    )

    passed = int(said.stdout.splitlines()[-1].split()[0])
    assert passed > 500, said.stdout
