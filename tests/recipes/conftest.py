"""The recipes of docs/guides/frameworks.md as files, and users whose servers they show."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from posthog_mcp_store.testing import EmbeddedService

from ..support.programs import ROOT

GUIDE = (ROOT / "docs" / "guides" / "frameworks.md").read_text()
SECTIONS: dict[str, list[str]] = {
    title: re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    for title, text in re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", GUIDE, re.DOTALL | re.MULTILINE)
}
"""The blocks of Python in each section of the page."""
USERS = ("ada", "bob")


def write_recipe(title: str, directory: Path) -> None:
    """Write the files of a section, whose first lines have their names."""
    for block in SECTIONS[title]:
        name = block.partition("\n")[0].removeprefix("# ")
        assert name.endswith(".py")
        (directory / name).write_text(block)


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[EmbeddedService]:
    """A service with a server of each user. Programs find the users' keys in the environment."""
    service = EmbeddedService()
    for user in USERS:
        service.add_installation(user=user, display_name=f"Server of {user}")
        monkeypatch.setenv(f"KEY_OF_{user.upper()}", service.add_key(user=user).token)
    # Without one of somebody else's.
    for name in [name for name in os.environ if name.startswith("POSTHOG_")]:
        monkeypatch.delenv(name)
    with service.serve():
        yield service
