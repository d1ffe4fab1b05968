"""The service's objects as types in pydantic models and FastAPI's responses. Neither is a dependency of the SDK."""

import subprocess
import sys
from typing import Annotated, Any

import httpx
import pytest
from fastapi import Body, FastAPI
from pydantic import BaseModel, TypeAdapter, ValidationError

from posthog_mcp_store import Installation, Template, Tool

from ..support.wire import ID, installation


class Report(BaseModel):
    owner: str
    rows: list[Installation]


def test_a_model_reads_what_the_service_sends_and_writes_it_again() -> None:
    report = Report.model_validate({"owner": "me", "rows": [installation(new_field={"a": 1})]})

    assert report.rows == [Installation.from_dict(installation(new_field={"a": 1}))]
    assert Report.model_validate_json(report.model_dump_json()) == report
    assert report.model_dump()["rows"] == report.rows
    assert Report.model_validate(report.model_dump()) == report
    assert report.model_dump(mode="json")["rows"][0]["new_field"] == {"a": 1}


def test_a_model_takes_an_installation_as_it_is() -> None:
    row = Installation.from_dict(installation())

    assert Report(owner="me", rows=[row]).rows[0] is row


@pytest.mark.parametrize(
    ("row", "complaint"), [(installation(name=5), "name: expected str, not int"), ("text", "expected object, not str")]
)
def test_what_is_wrong_is_a_validation_error_that_names_the_field(row: object, complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        Report.model_validate({"owner": "me", "rows": [row]})


@pytest.mark.parametrize("kind", [Installation, Template, Tool])
def test_the_json_schema_is_the_one_of_the_object(kind: type) -> None:
    schema = TypeAdapter(kind).json_schema()

    assert schema["properties"]["id"]["format"] == "uuid" if kind is not Template else "id" in schema["properties"]
    assert "name" in schema["required"] if kind is not Tool else "tool_name" in schema["required"]
    assert schema["additionalProperties"]
    assert TypeAdapter(kind).json_schema(mode="serialization") == schema


async def test_fastapi_responds_with_it_and_documents_it() -> None:
    app = FastAPI()

    @app.get("/row")
    async def row() -> Installation:
        return Installation.from_dict(installation())

    @app.post("/name")
    async def name(row: Annotated[Installation, Body()]) -> str:
        return row.name

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://a") as client:
        got = (await client.get("/row")).json()
        named = await client.post("/name", json=got)
        refused = await client.post("/name", json={"id": ID})
        document: dict[str, Any] = (await client.get("/openapi.json")).json()

    assert got["id"] == ID
    assert named.json() == installation()["name"]
    assert refused.status_code == 422
    assert "proxy_url" in str(document["paths"])


def test_pydantic_is_loaded_where_it_is_used_only() -> None:
    program = "import sys; from posthog_mcp_store import Installation, MCPStore; print('pydantic_core' in sys.modules)"

    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)

    assert run.stdout.strip() == "False"
