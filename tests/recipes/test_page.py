import os
import re
from pathlib import Path

from posthog_mcp_store.testing import EmbeddedService

from ..support.programs import printed_lines, run
from .conftest import GUIDE, SECTIONS, write_recipe


async def test_a_script_lists_the_servers_of_its_key(service: EmbeddedService, tmp_path: Path) -> None:
    write_recipe("A script", tmp_path)
    environment = {"POSTHOG_PERSONAL_API_KEY": os.environ["KEY_OF_BOB"]}
    async with run(service, "report.py", directory=tmp_path, environment=environment) as process:
        assert await printed_lines(process) == ["Server of bob"]


def test_every_recipe_is_run() -> None:
    tests = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))

    assert [title for title, blocks in SECTIONS.items() if blocks and f'"{title}"' not in tests] == []
    assert sum(map(len, SECTIONS.values())) == len(re.findall("```python", GUIDE))
