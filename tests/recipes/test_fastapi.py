from pathlib import Path

import httpx
import pytest

from posthog_mcp_store.testing import EmbeddedService

from ..support.programs import run
from .conftest import write_recipe
from .web import answers, site_of, stop

USERS_MODULE = """
import os
from typing import Annotated

from fastapi import Header


def current_user(x_user: Annotated[str, Header()]) -> str:
    return x_user


async def key_of(user: str) -> str:
    return os.environ.get(f"KEY_OF_{user.upper()}", "phx_wrong")
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "users.py").write_text(USERS_MODULE)
    write_recipe("FastAPI", tmp_path)
    return tmp_path


async def test_each_user_sees_their_servers(service: EmbeddedService, place: Path) -> None:
    async with run(service, "-m", "uvicorn", "service:app", "--port", "0", directory=place) as process:
        site = await site_of(process)
        for user, responses in (await answers(f"{site}/servers")).items():
            assert [[row["name"] for row in response.json()] for response in responses] == [[f"Server of {user}"]] * 10
        async with httpx.AsyncClient(timeout=60) as client:
            refused = await client.get(f"{site}/servers", headers={"X-User": "nobody"})
            document = (await client.get(f"{site}/openapi.json")).json()
        said = await stop(process)

    assert refused.status_code == 502
    assert "Check the API key" in refused.json()["error"]
    assert "Installation" in str(document["paths"]["/servers"])
    assert "Warning" not in said
    assert "Traceback" not in said
