"""`connect()` to the reference server of the protocol's makers."""

import asyncio
import base64
import gzip
import json
import logging

import mcp
import pytest
from mcp import types

from posthog_mcp_store import APITimeoutError, MCPStore, ToolCallError
from posthog_mcp_store.testing import EmbeddedService, InstallationRecord, RecordedRequest

from ..support.factories import open_store

ALWAYS = {
    "echo",
    "get-annotated-message",
    "get-env",
    "get-resource-links",
    "get-resource-reference",
    "get-structured-content",
    "get-sum",
    "get-tiny-image",
    "gzip-file-as-resource",
    "simulate-research-query",
    "toggle-simulated-logging",
    "toggle-subscriber-updates",
    "trigger-long-running-operation",
}
PNG = b"\x89PNG\r\n\x1a\n"
AWKWARD = "é漢🙂\u2028\u0085\r\n\0"
TEXT_TEMPLATE = "demo://resource/dynamic/text/{resourceId}"
since_deprecated = pytest.mark.filterwarnings("ignore::mcp.MCPDeprecationWarning")


def texts(result: types.CallToolResult) -> list[str]:
    return [block.text for block in result.content if isinstance(block, types.TextContent)]


def image_in(result: types.CallToolResult) -> types.ImageContent:
    (image,) = [block for block in result.content if isinstance(block, types.ImageContent)]
    return image


def text_of(content: types.TextResourceContents | types.BlobResourceContents) -> str:
    return content.text if isinstance(content, types.TextResourceContents) else base64.b64decode(content.blob).decode()


async def test_the_handshake_names_the_server_and_leaves_no_noise(
    row: InstallationRecord, service: EmbeddedService, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "posthog_mcp_store")
    caplog.set_level(logging.INFO, "mcp")

    async with (
        open_store(service, api_prefix="projects") as store,
        store.installations.connect(row.id) as client,
    ):
        assert client.server_info is not None
        assert (client.server_info.name, client.protocol_version) == ("mcp-servers/everything", "2025-11-25")
        assert client.instructions is not None
        assert client.instructions.startswith("# Everything Server – Server Instructions")
        assert client.server_capabilities.completions is not None

    assert [request.method for request in service.requests] == ["POST", "POST"]
    assert caplog.messages == []


async def test_tools_are_listed_with_all_that_is_said_of_them(client: mcp.Client) -> None:
    tools = {tool.name: tool for tool in (await client.list_tools()).tools}

    assert set(tools) == ALWAYS
    assert tools["echo"].input_schema["required"] == ["message"]
    assert tools["echo"].annotations is not None
    assert (tools["echo"].title, tools["echo"].annotations.read_only_hint) == ("Echo Tool", True)
    assert set((tools["get-structured-content"].output_schema or {})["properties"]) == {
        "temperature",
        "conditions",
        "humidity",
    }


async def test_text_goes_there_and_back_unharmed(client: mcp.Client) -> None:
    assert texts(await client.call_tool("echo", {"message": AWKWARD})) == [f"Echo: {AWKWARD}"]
    assert texts(await client.call_tool("get-sum", {"a": 19, "b": 2.5})) == ["The sum of 19 and 2.5 is 21.5."]
    (environment,) = texts(await client.call_tool("get-env"))
    assert "PORT" in json.loads(environment)


async def test_a_large_message_goes_there_and_back(client: mcp.Client) -> None:
    message = AWKWARD * 20_000

    assert texts(await client.call_tool("echo", {"message": message})) == [f"Echo: {message}"]


async def test_structured_content_fits_its_schema(client: mcp.Client) -> None:
    result = await client.call_tool("get-structured-content", {"location": "Chicago"})

    weather = {"temperature": 36, "conditions": "Light rain / drizzle", "humidity": 82}
    assert result.structured_content == weather
    assert [json.loads(text) for text in texts(result)] == [weather]


async def test_images_and_annotations_come_through(client: mcp.Client) -> None:
    tiny = image_in(await client.call_tool("get-tiny-image"))
    message = await client.call_tool("get-annotated-message", {"messageType": "error", "includeImage": True})

    assert (tiny.mime_type, base64.b64decode(tiny.data)[:8]) == ("image/png", PNG)
    assert texts(message) == ["Error: Operation failed"]
    annotations = [getattr(block, "annotations", None) for block in message.content]
    assert [(one.priority, one.audience) for one in annotations if one] == [
        (1.0, ["user", "assistant"]),
        (0.5, ["user"]),
    ]
    assert image_in(message).data == tiny.data


async def test_links_to_resources_lead_to_them(client: mcp.Client) -> None:
    listed = await client.call_tool("get-resource-links", {"count": 4})
    links = [block for block in listed.content if isinstance(block, types.ResourceLink)]

    assert [link.name for link in links] == ["Blob Resource 1", "Text Resource 2", "Blob Resource 3", "Text Resource 4"]
    for number, link in enumerate(links, 1):
        (content,) = (await client.read_resource(link.uri)).contents
        assert text_of(content).startswith(f"Resource {number}: ")


async def test_resources_come_embedded_in_results(client: mcp.Client) -> None:
    referred = await client.call_tool("get-resource-reference", {"resourceType": "Blob", "resourceId": 3})
    packed = await client.call_tool(
        "gzip-file-as-resource", {"name": "note.gz", "data": "data:text/plain,hello", "outputType": "resource"}
    )

    (blob,) = [block.resource for block in referred.content if isinstance(block, types.EmbeddedResource)]
    (file,) = [block.resource for block in packed.content if isinstance(block, types.EmbeddedResource)]
    assert text_of(blob).startswith("Resource 3: ")
    assert isinstance(file, types.BlobResourceContents)
    assert gzip.decompress(base64.b64decode(file.blob)) == b"hello"


async def test_a_tool_may_make_a_resource_of_the_session(client: mcp.Client) -> None:
    result = await client.call_tool("gzip-file-as-resource", {"name": "note.gz", "data": "data:text/plain,hello"})
    (link,) = result.content
    assert isinstance(link, types.ResourceLink)

    assert link.uri in [resource.uri for resource in (await client.list_resources()).resources]
    (content,) = (await client.read_resource(link.uri)).contents
    assert isinstance(content, types.BlobResourceContents)
    assert gzip.decompress(base64.b64decode(content.blob)) == b"hello"


@pytest.mark.parametrize(
    ("name", "arguments", "reason"),
    [
        ("get-sum", {"a": "nineteen", "b": 1}, "expected number, received string at a"),
        ("get-structured-content", {"location": "Atlantis"}, "Invalid option"),
        ("gzip-file-as-resource", {"name": "x", "data": "ftp://example.com/x"}, "Unsupported URL protocol"),
        # Of a tool that is not there the protocol wants a JSON-RPC error (MCP 2025-11-25, tools, error handling); its
        # makers' TypeScript SDK makes a result of it. Of one that has to be called as a task, too.
        ("no-such-tool", {}, "MCP error -32602: Tool no-such-tool not found"),
        ("simulate-research-query", {"topic": "tea"}, "MCP error -32601: Tool simulate-research-query requires task"),
    ],
)
async def test_the_failure_of_a_tool_is_a_result(
    client: mcp.Client, name: str, arguments: dict[str, object], reason: str
) -> None:
    result = await client.call_tool(name, arguments)

    assert result.is_error
    assert reason in texts(result)[0]


async def test_progress_arrives_while_the_operation_goes_on(client: mcp.Client) -> None:
    began = asyncio.Event()
    steps: list[tuple[float, float | None]] = []

    async def note(progress: float, total: float | None, message: str | None) -> None:
        steps.append((progress, total))
        began.set()

    arguments = {"duration": 1.5, "steps": 3}
    call = asyncio.create_task(client.call_tool("trigger-long-running-operation", arguments, progress_callback=note))
    await asyncio.wait_for(began.wait(), 10)
    # Another call fits in between: what was held back until the end would come too late for that.
    assert texts(await client.call_tool("echo", {"message": "meanwhile"})) == ["Echo: meanwhile"]
    assert not call.done()

    result = await asyncio.wait_for(call, 10)
    assert texts(result) == ["Long running operation completed. Duration: 1.5 seconds, Steps: 3."]
    assert steps == [(1, 3), (2, 3), (3, 3)]


async def test_the_silence_of_an_operation_is_counted_from_its_last_progress(
    store: MCPStore, row: InstallationRecord
) -> None:
    async def note(progress: float, total: float | None, message: str | None) -> None:
        pass

    async with store.installations.connect(row.id, stream_timeout=1.0) as client:
        await client.list_tools()
        call = client.call_tool("trigger-long-running-operation", {"duration": 1.5, "steps": 6}, None, note)
        assert (await asyncio.wait_for(call, 10)).is_error is False
        with pytest.raises(APITimeoutError):
            await asyncio.wait_for(client.call_tool("trigger-long-running-operation", {"duration": 60}), 10)


async def test_an_operation_is_cancelled_there_too(client: mcp.Client, service: EmbeddedService) -> None:
    loop, told = asyncio.get_running_loop(), asyncio.Event()
    began = asyncio.Event()

    async def note(progress: float, total: float | None, message: str | None) -> None:
        began.set()

    def look(request: RecordedRequest) -> None:
        if b"notifications/cancelled" in request.body:
            loop.call_soon_threadsafe(told.set)

    await client.list_tools()
    call = asyncio.create_task(
        client.call_tool("trigger-long-running-operation", {"duration": 60, "steps": 600}, None, note)
    )
    await asyncio.wait_for(began.wait(), 10)
    service.before_each = look
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(call, 1)

    await asyncio.wait_for(told.wait(), 10)
    assert texts(await client.call_tool("echo", {"message": "afterwards"})) == ["Echo: afterwards"]


async def test_many_calls_at_once_each_get_their_own_response(store: MCPStore, row: InstallationRecord) -> None:
    async with store.installations.connect(row.id) as one, store.installations.connect(row.id) as two:
        calls = [client.call_tool("get-sum", {"a": number, "b": 0}) for number, client in enumerate([one, two] * 10)]
        results = await asyncio.wait_for(asyncio.gather(*calls), 20)

    assert [texts(result) for result in results] == [[f"The sum of {n} and 0 is {n}."] for n in range(20)]


async def test_the_model_of_the_client_is_asked_during_a_call(store: MCPStore, row: InstallationRecord) -> None:
    asked: list[types.CreateMessageRequestParams] = []

    async def sample(context: object, params: types.CreateMessageRequestParams) -> types.CreateMessageResult:
        asked.append(params)
        content = types.TextContent(type="text", text="A haiku. 俳句")
        return types.CreateMessageResult(role="assistant", content=content, model="tests", stop_reason="endTurn")

    async with store.installations.connect(row.id, sampling_callback=sample) as client:
        assert {tool.name for tool in (await client.list_tools()).tools} - ALWAYS == {"trigger-sampling-request"}
        result = await asyncio.wait_for(
            client.call_tool("trigger-sampling-request", {"prompt": "Write one.", "maxTokens": 50}), 10
        )

    (params,) = asked
    (message,) = params.messages
    assert isinstance(message.content, types.TextContent)
    assert (message.content.text, params.max_tokens) == ("Resource trigger-sampling-request context: Write one.", 50)
    assert "俳句" in texts(result)[0]


async def test_a_model_that_fails_fails_the_tool(store: MCPStore, row: InstallationRecord) -> None:
    async def sample(context: object, params: types.CreateMessageRequestParams) -> types.ErrorData:
        return types.ErrorData(code=-1, message="The user said no.")

    async with store.installations.connect(row.id, sampling_callback=sample) as client:
        result = await asyncio.wait_for(client.call_tool("trigger-sampling-request", {"prompt": "?"}), 10)

    assert result.is_error
    assert texts(result) == ["MCP error -1: The user said no."]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (types.ElicitResult(action="accept", content={"name": "Ada", "check": True}), "- Name: Ada"),
        (types.ElicitResult(action="decline"), "User declined to provide the requested information."),
        (types.ElicitResult(action="cancel"), "User cancelled the elicitation dialog."),
    ],
    ids=["accept", "decline", "cancel"],
)
async def test_the_user_is_asked_for_a_form_during_a_call(
    store: MCPStore, row: InstallationRecord, answer: types.ElicitResult, told: str
) -> None:
    asked: list[types.ElicitRequestParams] = []

    async def answered(context: object, params: types.ElicitRequestParams) -> types.ElicitResult:
        asked.append(params)
        return answer

    async with store.installations.connect(row.id, elicitation_callback=answered) as client:
        result = await asyncio.wait_for(client.call_tool("trigger-elicitation-request"), 10)

    (params,) = asked
    assert isinstance(params, types.ElicitRequestFormParams)
    assert params.requested_schema["required"] == ["name"]
    assert told in "\n".join(texts(result))


async def test_the_user_is_sent_to_a_page_during_a_call(store: MCPStore, row: InstallationRecord) -> None:
    asked: list[types.ElicitRequestParams] = []

    async def open_page(context: object, params: types.ElicitRequestParams) -> types.ElicitResult:
        asked.append(params)
        return types.ElicitResult(action="accept")

    arguments = {"url": "https://pay.example.com/7", "elicitationId": "seven"}
    async with store.installations.connect(row.id, elicitation_callback=open_page) as client:
        result = await asyncio.wait_for(client.call_tool("trigger-url-elicitation", arguments), 10)

        # The other way to say so is an error, which names the page.
        with pytest.raises(ToolCallError, match="This request requires browser-based authorization") as caught:
            await asyncio.wait_for(client.call_tool("trigger-url-elicitation", {**arguments, "errorPath": True}), 10)

    (params,) = asked
    assert isinstance(params, types.ElicitRequestURLParams)
    assert (params.url, params.elicitation_id) == ("https://pay.example.com/7", "seven")
    assert texts(result)[0].startswith("✅ User completed the URL elicitation flow.")
    assert caught.value.code == -32042
    assert isinstance(caught.value.data, dict)
    assert caught.value.data["elicitations"][0]["url"] == "https://modelcontextprotocol.io"


async def test_resources_are_listed_and_read(client: mcp.Client) -> None:
    resources = {resource.name: resource for resource in (await client.list_resources()).resources}
    templates = {one.uri_template: one for one in (await client.list_resource_templates()).resource_templates}

    (features,) = (await client.read_resource(resources["features.md"].uri)).contents
    (text,) = (await client.read_resource(TEXT_TEMPLATE.format(resourceId=7))).contents
    (blob,) = (await client.read_resource("demo://resource/dynamic/blob/7")).contents

    assert set(templates) == {TEXT_TEMPLATE, "demo://resource/dynamic/blob/{resourceId}"}
    assert (features.mime_type, text_of(features)[:30]) == ("text/markdown", "# Everything Server - Features")
    assert isinstance(text, types.TextResourceContents)
    assert text_of(text).startswith("Resource 7: This is a plaintext resource")
    assert isinstance(blob, types.BlobResourceContents)
    assert text_of(blob).startswith("Resource 7: This is a base64 blob")


@pytest.mark.parametrize(
    ("uri", "code", "reason"),
    [
        ("demo://no-such-thing", -32602, "Resource demo://no-such-thing not found"),
        ("demo://resource/dynamic/text/x", -32603, "Unknown resource: demo://resource/dynamic/text/x"),
    ],
)
async def test_a_resource_that_is_not_there_is_an_error(client: mcp.Client, uri: str, code: int, reason: str) -> None:
    with pytest.raises(ToolCallError, match=reason) as caught:
        await client.read_resource(uri)

    assert (type(caught.value), caught.value.code) == (ToolCallError, code)


async def test_prompts_are_listed_and_filled_in(client: mcp.Client) -> None:
    prompts = {prompt.name: prompt for prompt in (await client.list_prompts()).prompts}

    async def said(name: str, **arguments: str) -> str:
        content = (await client.get_prompt(name, arguments)).messages[-1].content
        assert isinstance(content, types.TextContent | types.EmbeddedResource)
        return content.text if isinstance(content, types.TextContent) else text_of(content.resource)

    assert set(prompts) == {"simple-prompt", "args-prompt", "completable-prompt", "resource-prompt"}
    assert [(one.name, one.required) for one in prompts["args-prompt"].arguments or ()] == [
        ("city", True),
        ("state", False),
    ]
    assert "simple prompt without arguments" in await said("simple-prompt")
    assert await said("args-prompt", city="Köln") == "What's weather in Köln?"
    assert await said("args-prompt", city="Austin", state="Texas") == "What's weather in Austin, Texas?"
    assert (await said("resource-prompt", resourceType="Text", resourceId="3")).startswith("Resource 3: ")


@pytest.mark.parametrize(
    ("name", "arguments", "code", "reason"),
    [
        ("args-prompt", {}, -32602, "Invalid arguments for prompt args-prompt"),
        ("no-such-prompt", {}, -32602, "Prompt no-such-prompt not found"),
        ("resource-prompt", {"resourceType": "Stone", "resourceId": "1"}, -32603, "Invalid resourceType: Stone"),
    ],
)
async def test_a_prompt_that_cannot_be_filled_in_is_an_error(
    client: mcp.Client, name: str, arguments: dict[str, str], code: int, reason: str
) -> None:
    with pytest.raises(ToolCallError, match=reason) as caught:
        await client.get_prompt(name, arguments)

    assert (type(caught.value), caught.value.code) == (ToolCallError, code)


async def test_arguments_are_completed(client: mcp.Client) -> None:
    prompt = types.PromptReference(name="completable-prompt")
    template = types.ResourceTemplateReference(uri=TEXT_TEMPLATE)

    async def completed(
        ref: types.PromptReference | types.ResourceTemplateReference, name: str, value: str, **context: str
    ) -> list[str]:
        return (await client.complete(ref, {"name": name, "value": value}, context)).completion.values

    assert await completed(prompt, "department", "S") == ["Sales", "Support"]
    assert await completed(prompt, "name", "", department="Sales") == ["David", "Eve", "Frank"]
    assert await completed(template, "resourceId", "7") == ["7"]
    assert await completed(template, "resourceId", "x") == []


@since_deprecated
async def test_settings_of_the_session_are_accepted(client: mcp.Client, service: EmbeddedService) -> None:
    service.requests.clear()

    await client.set_logging_level("warning")
    await client.subscribe_resource("demo://resource/dynamic/text/1")
    await client.unsubscribe_resource("demo://resource/dynamic/text/1")
    await client.send_ping()

    methods = [request.json()["method"] for request in service.requests]
    assert methods == ["logging/setLevel", "resources/subscribe", "resources/unsubscribe", "ping"]


@since_deprecated
async def test_messages_that_belong_to_no_call_do_not_arrive(store: MCPStore, row: InstallationRecord) -> None:
    """It says so on the stream of a GET, which the proxy does not offer; also what it says during a call.

    That is the server's choice: of its log messages, updates and list changes it says to none which request they belong
    to (`relatedRequestId` of the TypeScript SDK).
    """
    seen: list[object] = []

    async def handle(message: object) -> None:
        seen.append(message)

    async with store.installations.connect(row.id, message_handler=handle) as client:
        await client.set_logging_level("debug")
        await client.subscribe_resource("demo://resource/dynamic/text/1")
        for tool in ("toggle-simulated-logging", "toggle-subscriber-updates"):
            assert texts(await client.call_tool(tool))[0].startswith("Started simulated")
            assert texts(await client.call_tool(tool))[0].startswith("Stopped simulated")

    assert seen == []


async def test_roots_are_asked_for_where_the_client_cannot_hear_it(store: MCPStore, row: InstallationRecord) -> None:
    """As above: the server asks on the stream of a GET, and its tool waits for a minute. The session goes on."""
    asked: list[object] = []

    async def roots(context: object) -> types.ListRootsResult:
        asked.append(context)
        return types.ListRootsResult(roots=[])

    async with store.installations.connect(row.id, list_roots_callback=roots) as client:
        assert {tool.name for tool in (await client.list_tools()).tools} - ALWAYS == {"get-roots-list"}
        with pytest.raises(APITimeoutError):
            await client.call_tool("get-roots-list", read_timeout_seconds=0.5)
        assert texts(await client.call_tool("echo", {"message": "still here"})) == ["Echo: still here"]

    assert asked == []


async def test_its_tools_are_found_although_another_installation_fails(
    store: MCPStore, row: InstallationRecord, service: EmbeddedService
) -> None:
    broken = service.add_installation()

    async with store.installations.connect_all() as toolbox:
        tools = {tool.name: tool for tool in toolbox.tools}
        assert await tools["get-sum"].run(a=19, b=23) == "The sum of 19 and 23 is 42."

    assert set(tools) == ALWAYS
    assert [str(failure.installation.id) for failure in toolbox.failures] == [str(broken.id)]
