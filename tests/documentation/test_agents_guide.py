"""The recipes for agent frameworks are those that `nox -s agents` runs."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "guides" / "agents.md").read_text()
GROUPS = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
PINS = {name.removeprefix("agents-"): group[0] for name, group in GROUPS.items() if name.startswith("agents-")}
MOST_LINES = 7
OUTCOMES = {
    "raised": "| raised |",
    "wrapped": "| raised as the `__cause__` of a `UserError` |",
    "told": "| told to the model |",
}
"""How the guide words the values of `AgentCases.errors_are`."""


def path_of(framework: str) -> Path:
    return ROOT / "tests" / "agents" / f"test_{framework.replace('-', '_')}.py"


def recipe_in_tests(framework: str) -> str:
    (recipe,) = re.findall(
        r"^# The recipe in docs/guides/agents.md:\n(.*?)\n+# End of the recipe\.$",
        path_of(framework).read_text(),
        re.DOTALL | re.MULTILINE,
    )
    return str(recipe)


@pytest.mark.parametrize("framework", PINS)
def test_the_guide_has_the_recipe_that_is_tested(framework: str) -> None:
    recipe = recipe_in_tests(framework)

    assert f"```python\n{recipe}\n```" in GUIDE
    assert len([line for line in recipe.splitlines() if line]) <= MOST_LINES


def test_the_guide_names_the_versions_that_are_tested() -> None:
    assert sorted(re.findall(r"^\|[^|]+\| (\S+==\S+) \|", GUIDE, re.MULTILINE)) == sorted(PINS.values())


@pytest.mark.parametrize("framework", PINS)
def test_the_guide_says_what_becomes_of_errors(framework: str) -> None:
    test = path_of(framework).read_text()
    (row,) = [line for line in GUIDE.splitlines() if f" {PINS[framework]} |" in line]
    outcomes = set(re.findall(r'errors_are = "(\w+)"', test)) or {"raised"}

    assert [outcome for outcome, words in OUTCOMES.items() if row.endswith(words)] == [*outcomes]
    assert ("async, sync" in row) == ("class TestSync(" in test)


def test_every_recipe_is_run() -> None:
    files = {path.stem.removeprefix("test_") for path in (ROOT / "tests" / "agents").glob("test_*.py")}

    assert files == {framework.replace("-", "_") for framework in PINS}


def test_ci_runs_some_recipes_and_a_weekly_job_all() -> None:
    chosen = re.search(r"nox -s agents -- (.+?) \|\|", (ROOT / ".ci" / "run").read_text())

    assert chosen
    assert set(chosen[1].split()) < set(PINS)
    assert re.search(r"^nox -s agents\b(?! --)", (ROOT / ".ci" / "weekly").read_text(), re.MULTILINE)
