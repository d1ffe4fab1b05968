import json
import os
from pathlib import Path
from typing import Any

import pytest

from posthog_mcp_store.testing import EmbeddedService

from ..support.programs import printed_lines, run
from .conftest import SECTIONS

ASYNCIO_RUN = """
import asyncio

work = asyncio.sleep(0)
try:
    asyncio.run(work)
except RuntimeError as error:
    print(error)
finally:
    work.close()
"""


def cell(number: int, source: str) -> dict[str, Any]:
    return {"cell_type": "code", "id": str(number), "metadata": {}, "source": source, "outputs": []} | {
        "execution_count": None
    }


async def test_a_notebook_opens_uses_and_closes_a_store(
    service: EmbeddedService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    opening, using, closing = SECTIONS["A notebook"]
    cells = [cell(at, text) for at, text in enumerate([opening, using, using, ASYNCIO_RUN, closing])]
    notebook = tmp_path / "servers.ipynb"
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    notebook.write_text(json.dumps({"cells": cells, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}))

    command = ("-c", "from nbclient.cli import main; main()", "--inplace", notebook.name)
    environment = {"POSTHOG_PERSONAL_API_KEY": os.environ["KEY_OF_ADA"]}
    async with run(service, *command, directory=tmp_path, environment=environment) as process:
        said = await printed_lines(process)

    assert process.returncode == 0, said
    opened, first, second, refused, closed = [each["outputs"] for each in json.loads(notebook.read_text())["cells"]]
    assert (opened, closed) == ([], [])
    for (shown,) in (first, second):
        assert shown["data"]["text/plain"] == ["['Server of ada']"]
    assert "cannot be called from a running event loop" in str(refused)
