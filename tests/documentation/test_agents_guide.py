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


def recipe_in_tests(framework: str) -> str:
    path = ROOT / "tests" / "agents" / f"test_{framework.replace('-', '_')}.py"
    (recipe,) = re.findall(
        r"^# The recipe in docs/guides/agents.md:\n(.*?)\n+# End of the recipe\.$",
        path.read_text(),
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


def test_every_recipe_is_run() -> None:
    files = {path.stem.removeprefix("test_") for path in (ROOT / "tests" / "agents").glob("test_*.py")}

    assert files == {framework.replace("-", "_") for framework in PINS}


def test_ci_runs_some_recipes_and_a_weekly_job_all() -> None:
    chosen = re.search(r"nox -s agents -- (.+?) \|\|", (ROOT / ".ci" / "run").read_text())

    assert chosen
    assert set(chosen[1].split()) < set(PINS)
    assert re.search(r"^nox -s agents\b(?! --)", (ROOT / ".ci" / "weekly").read_text(), re.MULTILINE)
