"""Copies without each part, where only what their manifests list is installed.

`nox -s vendored` runs this: it takes minutes.
"""

from pathlib import Path
from typing import NamedTuple

import pytest

from posthog_mcp_store.vendor._parts import PARTS

from ..vendoring.support import vendored
from .support import STRICT, environment_with, errors_of, required

CHOICES = {"nothing": [], **{part: [part] for part in PARTS}, "all": [*PARTS]}


class Tree(NamedTuple):
    directory: Path
    """Has a copy, `mcp_store`."""
    python: str


@pytest.fixture(scope="module", params=CHOICES)
def tree(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Tree:
    directory = tmp_path_factory.mktemp("tree")
    copy = vendored(directory / "mcp_store", *(word for part in CHOICES[request.param] for word in ("--without", part)))
    return Tree(directory, environment_with(required(copy), tmp_path_factory.mktemp("environment")))


def test_mypy_finds_nothing(tree: Tree, tmp_path: Path) -> None:
    settings = (*STRICT, "--python-executable", tree.python, "--cache-dir", tmp_path)

    assert errors_of(tree.directory, *settings, "--package", "mcp_store") == []


def test_pyright_finds_nothing(tree: Tree) -> None:
    assert errors_of(tree.directory, "pyright", "--pythonpath", tree.python, "mcp_store") == []


def test_with_the_settings_of_the_guide_pyright_reports_the_users_errors_only(guided: Path, bare: str) -> None:
    [error] = errors_of(guided, "pyright", "--pythonpath", bare)

    assert error.startswith("acme/service.py:5:48 - error: ")
