"""The facade's own tests, on a copy, where the installed SDK can't be imported."""

import shutil
from pathlib import Path

from .support import REFUSING, run, vendored

TESTS = Path(__file__).parents[1]
PACKAGE = "acme.platform._vendor.mcp_store"
# What a copy could break: its imports, its names in pickles and logs, its pytest fixture.
CHOSEN = [
    f"test_{name}.py"
    for name in (
        "configuration",
        "errors",
        "lifecycle",
        "logging",
        "lowlevel",
        "oauth_callback",
        "oauth_redirect",
        "operations",
        "pagination",
        "proxy",
        "redirects",
        "secrets",
    )
]


def test_the_facades_tests_pass_on_a_copy(tmp_path: Path) -> None:
    vendored(tmp_path.joinpath(*PACKAGE.split(".")))
    (tmp_path / "tests").mkdir()
    for path in TESTS.glob("*.py"):
        rewritten = path.read_text().replace("posthog_mcp_store", PACKAGE)
        (tmp_path / "tests" / path.name).write_text(rewritten)
    shutil.copy(TESTS.parent / "pyproject.toml", tmp_path)
    (tmp_path / "refusing.py").write_text(f'REFUSED = {{"posthog_mcp_store"}}\n{REFUSING}')

    said = run(
        *("-m", "pytest", "-q", "-p", "refusing", "-p", "no:posthog_mcp_store", "-p", "no:cacheprovider"),
        *("-p", f"{PACKAGE}.testing.pytest_plugin", "--rootdir", str(tmp_path)),
        *(str(tmp_path / "tests" / name) for name in CHOSEN),
        path=tmp_path,
        timeout=400,  # It is a fifth of all tests, on one processor of a machine that runs others meanwhile.
    )

    passed = int(said.stdout.splitlines()[-1].split()[0])
    assert passed > 500, said.stdout
