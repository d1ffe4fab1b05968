"""Rules for all scripts and the benchmarks."""

import subprocess
import sys

import pytest

from .documents import ROOT, ours

SCRIPTS = [*(ROOT / "scripts").glob("*.py"), ROOT / "benchmarks"]


@pytest.mark.parametrize("script", sorted(SCRIPTS), ids=lambda script: script.name)
def test_help_of_a_script_names_its_nox_session(script: object) -> None:
    run = subprocess.run([sys.executable, str(script), "--help"], capture_output=True, text=True, check=True)
    assert run.stdout.startswith("usage: ")
    assert "nox -s" in run.stdout


def test_the_changelog_has_an_entry_for_the_version_of_the_document() -> None:
    assert f"API (document {ours()['info']['version']}): " in (ROOT / "CHANGELOG.md").read_text()
