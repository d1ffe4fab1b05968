"""`run()`: what a model is told."""

import json
from typing import Any

import httpx
import pytest

from posthog_mcp_store import (
    AuthenticationError,
    ConfigurationError,
    InstallationDisabledError,
    MCPStore,
    MCPStoreError,
    RateLimitError,
    ReauthenticationRequiredError,
    UpstreamError,
)

from ..support.fake_mcp import error_of, result_of
from ..support.fake_project import FakeProject, tool

TEXT = {"type": "text", "text": "42"}
IMAGE = {"type": "image", "mimeType": "image/png", "data": "iVBORw0KGgo="}


def result(*content: object, structured: object = None, is_error: bool = False) -> httpx.Response:
    body = {"content": content, "is_error": is_error, "structured_content": structured}
    return httpx.Response(200, content=json.dumps(body).encode(), headers={"Content-Type": "application/json"})


async def text_of(response: httpx.Response, project: FakeProject, store: MCPStore, **options: Any) -> str:
    project.add("Orders", tool())
    project.answer = response
    async with store.installations.connect_all(**options) as toolbox:
        return await toolbox["add"].run(a=1)


@pytest.mark.parametrize(
    ("response", "text"),
    [
        (result(TEXT), "42"),
        (result(TEXT, {"type": "text", "text": " é\n"}), "42\n é\n"),
        (result(TEXT, structured={"sum": 42}), "42"),
        (result(structured={"sum": 42, "é": [None]}), '{"sum":42,"é":[null]}'),
        (result({"type": "text", "text": " \n"}, structured={"sum": 42}), ' \n\n{"sum":42}'),
        (result(structured={}), "{}"),
        (result(), "The tool returned nothing."),
        (result(IMAGE, structured={"sum": 42}), '[image/png, 8 bytes, not shown]\n{"sum":42}'),
        (result(TEXT, IMAGE), "42\n[image/png, 8 bytes, not shown]"),
        (result({**IMAGE, "data": "A" * 16_000}), "[image/png, 12 kB, not shown]"),
        (result({**IMAGE, "data": "A" * 4_000_000}), "[image/png, 3 MB, not shown]"),
        (result({"type": "image", "data": 7}), "[image, 0 bytes, not shown]"),
        (result({"type": "audio", "mimeType": "audio/wav\n]", "data": ""}), "[audio/wav ], 0 bytes, not shown]"),
        (
            result({"type": "resource_link", "name": "a.txt", "uri": "file:///a.txt", "mimeType": "text/plain"}),
            "[link, a.txt, text/plain, file:///a.txt]",
        ),
        (result({"type": "resource_link", "uri": 7}), "[link]"),
        (
            result({"type": "resource", "resource": {"uri": "file:///a", "mimeType": "text/plain", "text": "Hello"}}),
            "[resource, text/plain, file:///a]\nHello",
        ),
        (
            result({"type": "resource", "resource": {"uri": "file:///a", "blob": "AAAA"}}),
            "[resource, file:///a, 3 bytes, not shown]",
        ),
        (result({"type": "resource", "resource": 7}), '{"type":"resource","resource":7}'),
        (result({"type": "hologram", "x": "é"}), '{"type":"hologram","x":"é"}'),
        (result({"type": "text", "text": 7}), '{"type":"text","text":7}'),
        (result(TEXT, is_error=True), "The tool failed: 42"),
        (result(structured={"why": 1}, is_error=True), 'The tool failed: {"why":1}'),
        (result(is_error=True), "The tool failed: it gave no reason"),
        (result({"type": "text", "text": "half \ud83d"}), "half ?"),
    ],
)
async def test_a_result_is_text_and_what_is_not_text_is_named(
    project: FakeProject, project_store: MCPStore, response: httpx.Response, text: str
) -> None:
    assert await text_of(response, project, project_store) == text


async def test_structured_content_that_is_no_object_is_shown_too(project: FakeProject, project_store: MCPStore) -> None:
    project.is_old = True
    project.add("Orders").answers["tools/call"] = lambda message: result_of(message, {"structuredContent": [1, 2]})

    async with project_store.installations.connect_all() as toolbox:
        assert await toolbox["add"].run() == "[1,2]"


async def test_structured_content_that_is_nested_very_deeply_is_cut(
    project: FakeProject, project_store: MCPStore
) -> None:
    deep: dict[str, Any] = {}
    for _ in range(900):
        deep = {"a": deep}

    text = await text_of(result(structured=deep), project, project_store)

    assert text == '{"a":' * 100 + '"…"' + "}" * 100


@pytest.mark.parametrize("length", [100, 101, 1_000])
async def test_a_long_result_is_cut_and_says_how_much(
    project: FakeProject, project_store: MCPStore, length: int
) -> None:
    response = result({"type": "text", "text": "x" * 2_000_000}, structured={"a": 1})

    text = await text_of(response, project, project_store, max_text_length=length)

    kept = text.index("\n")
    assert text == "x" * kept + f"\n[cut: {2_000_000 - kept:,} of 2,000,000 characters are not shown]"
    assert length - 5 <= len(text) <= length


async def test_fifty_thousand_characters_are_the_default(project: FakeProject, project_store: MCPStore) -> None:
    project.add("Orders", tool())
    async with project_store.installations.connect_all() as toolbox:
        project.answer = result({"type": "text", "text": "x" * 50_000})
        assert await toolbox["add"].run() == "x" * 50_000
        project.answer = result({"type": "text", "text": "x" * 50_001}, is_error=True)
        assert "[cut: " in await toolbox["add"].run()


@pytest.mark.parametrize(
    ("status", "reason", "text"),
    [
        (
            403,
            "needs_approval",
            "The tool was not called: 'add' of 'Orders' needs approval: its user approves it in PostHog.",
        ),
        (
            403,
            "disabled",
            "The tool was not called: 'add' of 'Orders' is blocked: its user or an admin can allow it in PostHog.",
        ),
        (
            404,
            "removed",
            "The tool was not called: 'add' of 'Orders' is gone, or PostHog has not read it from its server yet.",
        ),
    ],
)
async def test_a_refusal_says_what_its_user_can_do(
    project: FakeProject, project_store: MCPStore, status: int, reason: str, text: str
) -> None:
    response = httpx.Response(status, json={"detail": "No.", "reason": reason})

    assert await text_of(response, project, project_store) == text


@pytest.mark.parametrize("is_old", [False, True])
async def test_an_error_of_the_server_is_told_in_its_own_words(
    project: FakeProject, project_store: MCPStore, is_old: bool
) -> None:
    server = project.add("Orders", tool())
    project.is_old = is_old
    message = "a is required. " + "x" * 3_000
    server.answers["tools/call"] = lambda request: error_of(request, -32602, message)
    words = f"Upstream tools/call returned error: {{'code': -32602, 'message': '{message}'}}"
    project.answer = httpx.Response(502, json={"detail": words, "reason": "upstream_error"})

    async with project_store.installations.connect_all(max_text_length=1_000) as toolbox:
        text = await toolbox["add"].run()

    assert text.startswith("The call of 'add' of 'Orders' failed: a is required. xxx")
    assert text.endswith("of 3,053 characters are not shown]")
    assert len(text) <= 1_000


FRAMEWORK = {"type": "throttled_error", "code": "throttled", "detail": "Slow down.", "attr": None}


@pytest.mark.parametrize(
    ("response", "kind"),
    [
        (
            httpx.Response(401, json={"detail": "No credentials configured", "reason": "disabled"}),
            ReauthenticationRequiredError,
        ),
        (httpx.Response(401, json={**FRAMEWORK, "detail": "Invalid."}), AuthenticationError),
        (httpx.Response(403, json={"detail": "Server is disabled", "reason": "disabled"}), InstallationDisabledError),
        (httpx.Response(429, json=FRAMEWORK), RateLimitError),
        (
            httpx.Response(502, json={"detail": "Upstream MCP server timed out", "reason": "upstream_error"}),
            UpstreamError,
        ),
    ],
    ids=range(5),
)
async def test_what_a_model_can_do_nothing_about_raises(
    project: FakeProject, project_store: MCPStore, response: httpx.Response, kind: type[MCPStoreError]
) -> None:
    with pytest.raises(kind):
        await text_of(response, project, project_store)


@pytest.mark.parametrize("name", ["self", "arguments", "tool", "name", "limit", "a b"])
async def test_an_argument_of_any_name_reaches_the_tool(
    project: FakeProject, project_store: MCPStore, name: str
) -> None:
    project.add("Orders", tool())

    async with project_store.installations.connect_all() as toolbox:
        await toolbox["add"].run(**{name: 1})

    assert project.calls == [{"tool_name": "add", "arguments": {name: 1}}]


DEEP = 200_000
"""More than the json of any Python can write: Python 3.14 goes as deep as its stack lets it."""


@pytest.mark.parametrize("text", ["NaN", "-Infinity", '"\\ud800"', "[" * DEEP + "]" * DEEP])
async def test_values_that_a_models_json_can_bring_and_json_can_not_hold_are_the_models_matter(
    project: FakeProject, project_store: MCPStore, text: str
) -> None:
    value: Any = json.loads(text) if len(text) < 100 else None
    for _ in range(DEEP if value is None else 0):
        value = [value]
    project.add("Orders", tool())

    async with project_store.installations.connect_all() as toolbox:
        told = await toolbox["add"].run(a=value)

    assert told.startswith("The tool was not called: its arguments can't be written as JSON: ")
    assert told.endswith("nested too deeply") == isinstance(value, list)
    assert project.calls == []


async def test_arguments_of_types_that_are_not_json_are_the_programs_matter(
    project: FakeProject, project_store: MCPStore
) -> None:
    project.add("Orders", tool())

    async with project_store.installations.connect_all() as toolbox:
        with pytest.raises(ConfigurationError, match="bytes"):
            await toolbox["add"].run(a=b"x")
        with pytest.raises(ConfigurationError, match="keys"):
            await toolbox["add"].run(a={1: 2})

    assert project.calls == []
