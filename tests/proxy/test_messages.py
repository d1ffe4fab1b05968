"""JSON-RPC through the proxy: requests, and the parsing of responses."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from types import MappingProxyType
from typing import Any

import httpx
import pytest

from posthog_mcp_store import (
    BatchRejectedError,
    ConfigurationError,
    MCPStore,
    ProxyReply,
    ResponseDecodeError,
    ToolApprovalRequiredError,
    ToolCallError,
    ToolDisabledError,
    ToolNotFoundError,
)

from ..support.acknowledgements import ACKNOWLEDGEMENTS
from ..support.wire import BASE, ID, Wire

Faked = Callable[..., MCPStore]

PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
PONG = {"jsonrpc": "2.0", "id": 1, "result": {"ok": True}}
CALL = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "add"}}
INITIALIZED = {"jsonrpc": "2.0", "method": "notifications/initialized"}


def event_stream(text: str) -> httpx.Response:
    return httpx.Response(200, text=text, headers={"Content-Type": "text/event-stream; charset=utf-8"})


@pytest.mark.parametrize(
    "kind",
    [
        "text/json",
        "application/json-rpc",
        "application/jsonrequest",
        "Application/JSON; charset=utf-8",
        "application/vnd.acme+json",
    ],
)
async def test_json_is_read_under_each_of_its_names(wire: Wire, faked: Faked, kind: str) -> None:
    wire.answers(httpx.Response(200, content=json.dumps(PONG).encode(), headers={"Content-Type": kind}))

    assert (await faked().installations.proxy(ID, PING)).result() == {"ok": True}


async def test_a_message_goes_out_as_it_is(wire: Wire, faked: Faked) -> None:
    wire.answers(httpx.Response(200, json=PONG))
    message = {"params": {"z": 1, "a": None, "text": "é漢"}, "method": "tools/call", "id": "x", "jsonrpc": "2.0"}

    await faked().installations.proxy(ID, message, session_id="s-1", headers={"X-Trace": "t"})

    assert (wire.request.method, str(wire.request.url)) == ("POST", f"{BASE}{ID}/proxy/")
    assert wire.sent_json == message
    assert list(wire.sent_json) == list(message)
    assert wire.request.headers["Content-Type"] == "application/json"
    assert wire.request.headers["Accept"] == "application/json, text/event-stream"
    assert wire.request.headers["Mcp-Session-Id"] == "s-1"
    assert wire.request.headers["X-Trace"] == "t"


async def test_a_batch_goes_out_as_a_list(wire: Wire, faked: Faked) -> None:
    wire.answers(httpx.Response(200, json=[PONG, {**PONG, "id": 2}]))

    reply = await faked().installations.proxy(ID, [PING, {**PING, "id": 2}])

    assert wire.sent_json == [PING, {**PING, "id": 2}]
    assert (reply.result(1), reply.result(2)) == ({"ok": True}, {"ok": True})


async def test_a_json_response_is_one_message(wire: Wire, faked: Faked) -> None:
    wire.answers(httpx.Response(200, json=PONG, headers={"Mcp-Session-Id": "s-2"}))

    reply = await faked().installations.proxy(ID, PING)

    assert (reply.messages, reply.session_id, reply.result()) == ([PONG], "s-2", {"ok": True})


async def test_a_response_without_a_content_type_is_json(wire: Wire, faked: Faked) -> None:
    wire.answers(httpx.Response(200, content=b'{"jsonrpc":"2.0","id":1,"result":7}'))

    assert (await faked().installations.proxy(ID, PING)).result() == 7


async def test_a_notification_gets_no_response(wire: Wire, faked: Faked) -> None:
    wire.answers(httpx.Response(202))

    reply = await faked().installations.proxy(ID, INITIALIZED)

    assert reply.messages == []
    with pytest.raises(ConfigurationError, match="a notification has no result"):
        reply.result()


@pytest.mark.parametrize("answer", ACKNOWLEDGEMENTS)
@pytest.mark.parametrize(
    "message", [INITIALIZED, [INITIALIZED, INITIALIZED], {"jsonrpc": "2.0", "id": 9, "result": {}}]
)
async def test_any_acknowledgement_of_a_notification_is_accepted(
    wire: Wire, faked: Faked, message: Any, answer: httpx.Response
) -> None:
    wire.answers(answer)

    assert (await faked().installations.proxy(ID, message)).messages == []


async def test_an_acknowledgement_over_the_cap_is_read_no_further(wire: Wire, faked: Faked) -> None:
    wire.answers(httpx.Response(202, text="x" * 5000))

    assert (await faked(max_response_bytes=1000).installations.proxy(ID, INITIALIZED)).messages == []


async def test_messages_of_the_server_in_an_acknowledgement_are_returned(wire: Wire, faked: Faked) -> None:
    refusal = {"jsonrpc": "2.0", "id": None, "error": {"code": -32601, "message": "Method not found"}}
    wire.answers(event_stream(f'data: {{"type":"ping"}}\n\ndata: pong\n\ndata: {json.dumps(refusal)}\n\n'))

    assert (await faked().installations.proxy(ID, INITIALIZED)).messages == [refusal]


async def test_an_event_stream_is_read_to_its_end(wire: Wire, faked: Faked) -> None:
    progress = '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":1}}'
    answer = '{"jsonrpc":"2.0","id":1,\ndata: "result":{"ok":true}}'
    wire.answers(event_stream(f": hello\n\nid: 1\nevent: message\ndata: {progress}\n\nretry: 5\ndata: {answer}\n\n"))

    reply = await faked().installations.proxy(ID, PING)

    assert [message.get("method") for message in reply.messages] == ["notifications/progress", None]
    assert reply.result() == {"ok": True}


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
async def test_an_event_stream_may_end_its_lines_in_any_way(wire: Wire, faked: Faked, line_end: str) -> None:
    lines = ["\ufeffid", "id: \0", "data", 'data:{"jsonrpc":"2.0","id":1,', 'data: "result":"漢"}', "", "data: lost"]
    wire.answers(event_stream(line_end.join(lines)))

    assert (await faked().installations.proxy(ID, PING)).result() == "漢"


REFUSED = [
    (-32001, "Tool 'add' requires approval before it can be called", ToolApprovalRequiredError),
    (-32001, "Tool 'it's\nodd' requires approval before it can be called", ToolApprovalRequiredError),
    (-32002, "Tool 'add' has been disabled by the user", ToolDisabledError),
    (-32002, "Tool 'add' is blocked by team policy", ToolDisabledError),
    (-32601, "Tool 'add' is not registered for this installation", ToolNotFoundError),
    (-32601, "Tool 'add' is no longer available on the upstream server", ToolNotFoundError),
    (-32601, "tools/call missing 'name' parameter", ToolNotFoundError),
    (
        -32000,
        "Batch rejected: it contains a tool call that requires approval or is disabled; send items individually",
        BatchRejectedError,
    ),
]


@pytest.mark.parametrize(("code", "text", "expected"), REFUSED)
async def test_each_refusal_of_a_tool_call_has_a_class(
    wire: Wire, faked: Faked, code: int, text: str, expected: type[ToolCallError]
) -> None:
    error = {"code": code, "message": text, "data": {"tool": "add"}}
    wire.answers(httpx.Response(200, json={"jsonrpc": "2.0", "id": 1, "error": error}))
    reply = await faked().installations.proxy(ID, CALL)

    with pytest.raises(ToolCallError) as caught:
        reply.result()

    assert type(caught.value) is expected
    assert (caught.value.code, caught.value.message, caught.value.data) == (code, text, {"tool": "add"})


@pytest.mark.parametrize(("code", "text", "_"), REFUSED)
async def test_the_same_error_is_a_servers_own_where_no_tool_is_called(
    wire: Wire, faked: Faked, code: int, text: str, _: object
) -> None:
    wire.answers(httpx.Response(200, json={"jsonrpc": "2.0", "id": 1, "error": {"code": code, "message": text}}))

    with pytest.raises(ToolCallError) as caught:
        (await faked().installations.proxy(ID, {**CALL, "method": "resources/read"})).result()

    assert (type(caught.value), caught.value.code) == (ToolCallError, code)


@pytest.mark.parametrize(("code", "text", "_"), REFUSED)
@pytest.mark.parametrize("is_stream", [True, False])
async def test_the_same_error_is_the_servers_own_in_a_response_of_another_form(
    wire: Wire, faked: Faked, is_stream: bool, code: int, text: str, _: object
) -> None:
    answer = {"jsonrpc": "2.0", "id": 1, "error": {"code": code, "message": text}}
    wire.answers(event_stream(f"data: {json.dumps(answer)}\n\n") if is_stream else httpx.Response(202, json=answer))

    with pytest.raises(ToolCallError) as caught:
        (await faked().installations.proxy(ID, CALL)).result()

    assert type(caught.value) is ToolCallError


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (-32000, "Connection closed"),
        (-32001, "Request timed out"),
        (-32001, "Session not found"),
        (-32001, "Tool 'add' requires approval"),
        (-32002, "Resource not found"),
        (-32002, "Tool 'add' requires approval before it can be called"),
        (-32601, "Method not found"),
        (-32602, "Unknown tool: add"),
        (True, "Tool 'add' requires approval before it can be called"),
    ],
)
async def test_a_servers_own_code_is_a_plain_error(wire: Wire, faked: Faked, code: int, text: str) -> None:
    wire.answers(httpx.Response(200, json={"jsonrpc": "2.0", "id": 1, "error": {"code": code, "message": text}}))

    with pytest.raises(ToolCallError, match=text) as caught:
        (await faked().installations.proxy(ID, CALL)).result()

    assert (type(caught.value), caught.value.code) == (ToolCallError, code)


async def test_the_same_error_is_a_servers_own_under_another_name_of_json(wire: Wire, faked: Faked) -> None:
    error = {"code": -32001, "message": REFUSED[0][1]}
    content = json.dumps({"jsonrpc": "2.0", "id": 1, "error": error}).encode()
    wire.answers(httpx.Response(200, content=content, headers={"Content-Type": "text/json"}))

    with pytest.raises(ToolCallError) as caught:
        (await faked().installations.proxy(ID, CALL)).result()

    assert type(caught.value) is ToolCallError


async def test_every_request_of_a_batch_is_refused_with_one_tool_call_in_it(wire: Wire, faked: Faked) -> None:
    code, text, expected = REFUSED[-1]
    error = {"jsonrpc": "2.0", "error": {"code": code, "message": text}}
    wire.answers(httpx.Response(200, json=[{**error, "id": 1}, {**error, "id": 2}]))

    reply = await faked().installations.proxy(ID, [CALL, {**PING, "id": 2}])

    for request_id in (1, 2):
        with pytest.raises(expected):
            reply.result(request_id)


async def test_the_text_of_an_error_is_kept_as_it_came_and_printed_in_one_line(wire: Wire, faked: Faked) -> None:
    text = "first\r\n\tsecond" + " and on" * 500
    wire.answers(httpx.Response(200, json={"jsonrpc": "2.0", "id": 1, "error": {"code": 1, "message": text}}))

    with pytest.raises(ToolCallError) as caught:
        (await faked().installations.proxy(ID, CALL)).result()

    assert caught.value.message == text
    assert str(caught.value).startswith("first second and on")
    assert len(str(caught.value)) == 2000


@pytest.mark.parametrize("error", [None, "broken", [], {}, {"code": "x"}, {"code": True, "message": 7}])
async def test_an_error_object_of_any_shape_is_a_tool_call_error(wire: Wire, faked: Faked, error: object) -> None:
    wire.answers(httpx.Response(200, json={"jsonrpc": "2.0", "id": 1, "error": error}))

    with pytest.raises(ToolCallError):
        (await faked().installations.proxy(ID, PING)).result()


async def test_a_null_error_next_to_a_result_is_not_an_error(wire: Wire, faked: Faked) -> None:
    wire.answers(httpx.Response(200, json={**PONG, "error": None}))

    assert (await faked().installations.proxy(ID, PING)).result() == {"ok": True}


async def test_an_error_without_an_id_ends_the_request(wire: Wire, faked: Faked) -> None:
    error = {"code": -32001, "message": "Tool 'add' requires approval before it can be called"}
    wire.answers(httpx.Response(200, json={"jsonrpc": "2.0", "id": None, "error": error}))

    with pytest.raises(ToolApprovalRequiredError):
        (await faked().installations.proxy(ID, CALL)).result()


async def test_the_response_with_the_id_counts_before_an_error_without_one(wire: Wire, faked: Faked) -> None:
    error = {"jsonrpc": "2.0", "id": None, "error": {"code": -32700, "message": "Parse error"}}
    wire.answers(httpx.Response(200, json=[error, PONG]))

    assert (await faked().installations.proxy(ID, PING)).result() == {"ok": True}


@pytest.mark.parametrize("text", ["small", "x" * 400_000])
async def test_a_message_may_be_any_mapping(wire: Wire, faked: Faked, text: str) -> None:
    wire.answers(httpx.Response(200, json=PONG))
    message = {**PING, "params": {"text": text}}

    await faked().installations.proxy(ID, MappingProxyType(message))

    assert wire.sent_json == message


async def test_a_reply_without_the_awaited_response_says_so(wire: Wire, faked: Faked) -> None:
    wire.answers(httpx.Response(200, json={"jsonrpc": "2.0", "id": 1, "method": "sampling/createMessage"}))
    reply = await faked().installations.proxy(ID, PING)

    with pytest.raises(ResponseDecodeError, match="has no response to request 1") as caught:
        reply.result()

    assert caught.value.status_code == 200


async def test_an_event_stream_without_the_awaited_response_is_not_a_reply(wire: Wire, faked: Faked) -> None:
    wire.answers(event_stream('data: {"jsonrpc":"2.0","id":1,"result":1}\n\ndata: {"jsonrpc":"2.0","id":2,'))

    with pytest.raises(ResponseDecodeError, match="it ended without a response to request 2, 'x'") as caught:
        await faked().installations.proxy(ID, [PING, {**PING, "id": 2}, {**PING, "id": "x"}])

    assert caught.value.body.startswith(b'data: {"jsonrpc"')


async def test_events_that_hold_no_message_are_skipped(wire: Wire, faked: Faked) -> None:
    wire.answers(event_stream('id: 0\ndata:\n\nevent: ping\ndata: x\n\ndata: {"jsonrpc":"2.0","id":1,"result":1}\n\n'))

    assert (await faked().installations.proxy(ID, PING)).result() == 1


@pytest.mark.parametrize(("characters", "is_sent"), [(524_000, True), (524_288, False)])
async def test_a_body_over_1_mib_in_the_services_form_is_never_sent(
    wire: Wire, faked: Faked, characters: int, is_sent: bool
) -> None:
    # U+00E9 takes two bytes in UTF-8, and six in the form that counts.
    wire.answers(httpx.Response(200, json=PONG))
    message = {**PING, "params": {"text": "é" * (characters // 3)}}

    if is_sent:
        await faked().installations.proxy(ID, message)
    else:
        with pytest.raises(ConfigurationError, match=r"1048641 bytes in the service's ASCII form, .* 1048576"):
            faked().installations.proxy(ID, message)
    assert len(wire.requests) == is_sent


async def test_the_limit_itself_is_allowed(wire: Wire, faked: Faked) -> None:
    wire.answers(httpx.Response(200, json=PONG))
    text = "x" * (1024 * 1024 - len(json.dumps({**PING, "params": {"text": ""}})))

    await faked().installations.proxy(ID, {**PING, "params": {"text": text}})
    with pytest.raises(ConfigurationError, match="1048577 bytes"):
        faked().installations.proxy(ID, {**PING, "params": {"text": text + "x"}})


async def test_a_call_is_sent_once(wire: Wire, faked: Faked) -> None:
    wire.answers(httpx.Response(200, json=PONG))
    call = faked().installations.proxy(ID, PING)
    await call

    with pytest.raises(ConfigurationError, match=r"call proxy\(\) again"):
        await call
    with pytest.raises(ConfigurationError, match=r"call proxy\(\) again"):
        async with call:
            pass
    assert len(wire.requests) == 1


async def test_a_call_can_be_a_task(wire: Wire, faked: Faked) -> None:
    wire.answers(httpx.Response(200, json=PONG))
    store = faked()

    first = asyncio.create_task(store.installations.proxy(ID, PING))
    second = asyncio.create_task(store.installations.proxy(ID, PING))
    await asyncio.sleep(0)
    second.cancel()

    assert (await first).result() == PONG["result"]
    with pytest.raises(asyncio.CancelledError):
        await second


async def test_a_call_that_is_never_made_sends_nothing(wire: Wire, faked: Faked) -> None:
    call = faked().installations.proxy(ID, PING)
    call.close()
    await call.__aexit__(None, None, None)

    assert wire.requests == []


async def test_a_call_is_a_coroutine_like_others(wire: Wire, faked: Faked) -> None:
    begun: Coroutine[Any, Any, ProxyReply] = faked().installations.proxy(ID, PING)
    begun.send(None)

    begun.close()
    with pytest.raises(RuntimeError, match="cannot reuse already awaited coroutine"):
        begun.send(None)


@pytest.mark.parametrize(("sent", "answered"), [(1, "1"), ("1", 1), (1.5, "1.5"), (1, 1.0)])
@pytest.mark.parametrize("form", ["json", "events"])
async def test_a_number_and_its_text_are_the_same_id(
    wire: Wire, faked: Faked, form: str, sent: Any, answered: Any
) -> None:
    answer = {**PONG, "id": answered}
    wire.answers(
        event_stream(f"data: {json.dumps(answer)}\n\n") if form == "events" else httpx.Response(200, json=answer)
    )

    reply = await faked().installations.proxy(ID, {**PING, "id": sent})

    assert reply.result() == {"ok": True}


async def test_where_a_number_and_its_text_were_both_sent_each_has_its_own_response(wire: Wire, faked: Faked) -> None:
    answers = [{**PONG, "id": "1", "result": "text"}, {**PONG, "id": 1, "result": "number"}]
    wire.answers(httpx.Response(200, json=answers))

    reply = await faked().installations.proxy(ID, [PING, {**PING, "id": "1"}])

    assert (reply.result(1), reply.result("1")) == ("number", "text")


async def test_a_server_may_write_null_where_others_leave_a_member_out(wire: Wire, faked: Faked) -> None:
    wire.answers(httpx.Response(200, json={**PONG, "method": None, "params": None, "error": None}))

    assert (await faked().installations.proxy(ID, PING)).result() == {"ok": True}


@pytest.mark.parametrize("answered", ["01", " 1", "true", "None", None, [1], {"id": 1}, True])
async def test_an_id_that_is_another_text_is_another_id(wire: Wire, faked: Faked, answered: Any) -> None:
    wire.answers(httpx.Response(200, json={**PONG, "id": answered}))

    with pytest.raises(ResponseDecodeError, match="has no response to request 1"):
        (await faked().installations.proxy(ID, PING)).result()


@pytest.mark.parametrize(
    "end", ["data: [DONE]", "data: ping", "data: <html>", "data: 7", "data: {", 'data: {"type":"x"}']
)
async def test_messages_after_the_response_are_not_lost(wire: Wire, faked: Faked, end: str) -> None:
    late = {"jsonrpc": "2.0", "method": "notifications/message"}
    wire.answers(event_stream(f"data: {json.dumps(PONG)}\n\n{end}\n\ndata: {json.dumps(late)}\n\n"))

    reply = await faked().installations.proxy(ID, PING)

    assert reply.messages == [PONG, late]


@pytest.mark.parametrize("heartbeat", ['{"type":"ping"}', "{}", '{"jsonrpc":"2.0"}', '{"jsonrpc":"2.0","result":{}}'])
async def test_a_heartbeat_before_the_response_is_skipped(wire: Wire, faked: Faked, heartbeat: str) -> None:
    wire.answers(event_stream(f"data: {heartbeat}\n\ndata: {json.dumps(PONG)}\n\n"))

    assert (await faked().installations.proxy(ID, PING)).messages == [PONG]


async def test_a_session_that_the_server_names_twice_is_that_session(wire: Wire, faked: Faked) -> None:
    wire.answers(httpx.Response(200, json=PONG, headers=[("Mcp-Session-Id", "s-2"), ("Mcp-Session-Id", "s-2")]))

    assert (await faked().installations.proxy(ID, PING)).session_id == "s-2"


@pytest.mark.parametrize("value", ["s 2", "s\t2", "sé2", "s-1, s-2", "s-2,, s-2"])
async def test_a_session_that_can_not_be_sent_back_is_the_servers_fault(wire: Wire, faked: Faked, value: str) -> None:
    wire.answers(httpx.Response(200, json=PONG, headers=[(b"Mcp-Session-Id", value.encode())]))

    with pytest.raises(
        ResponseDecodeError, match="the server's Mcp-Session-Id is not visible ASCII text without spaces"
    ):
        await faked().installations.proxy(ID, PING)
    with pytest.raises(ResponseDecodeError, match="Mcp-Session-Id"):
        async with faked().installations.proxy(ID, PING):
            pytest.fail("it has no session")


@pytest.mark.parametrize("value", ["", " "])
async def test_a_session_without_a_name_is_none(wire: Wire, faked: Faked, value: str) -> None:
    wire.answers(httpx.Response(200, json=PONG, headers={"Mcp-Session-Id": value}))

    assert (await faked().installations.proxy(ID, PING)).session_id is None


async def test_an_id_that_is_true_is_not_the_id_1(wire: Wire, faked: Faked) -> None:
    wire.answers(httpx.Response(200, json=[{**PONG, "id": True, "result": "wrong"}, PONG]))

    assert (await faked().installations.proxy(ID, PING)).result() == PONG["result"]


async def test_a_message_that_is_changed_afterwards_changes_nothing(wire: Wire, faked: Faked) -> None:
    message: dict[str, Any] = dict(PING)

    def answer(request: httpx.Request) -> httpx.Response:
        message["id"] = 99
        return httpx.Response(200, json=PONG)

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
        reply = await faked(http_client=client).installations.proxy(ID, message)

    assert reply.result() == {"ok": True}


async def test_a_result_that_was_not_asked_for_is_refused(wire: Wire, faked: Faked) -> None:
    wire.answers(httpx.Response(200, json=[PONG]))
    reply = await faked().installations.proxy(ID, [PING, {**PING, "id": 2}])

    with pytest.raises(ConfigurationError, match="request_id must name a request that was sent: 1, 2"):
        reply.result()
    with pytest.raises(ConfigurationError, match="request_id"):
        reply.result(3)


@pytest.mark.parametrize("message", [{}, [], [{}], "ping", b"ping", 7, None, [PING, "ping"], [[PING]]])
async def test_a_malformed_message_is_never_sent(wire: Wire, faked: Faked, message: Any) -> None:
    with pytest.raises(ConfigurationError, match="JSON-RPC"):
        await faked().installations.proxy(ID, message)
    assert wire.requests == []


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, content=b"<html>", headers={"Content-Type": "text/html"}),
        httpx.Response(200, content=b"{", headers={"Content-Type": "application/json"}),
        httpx.Response(200, json=7),
        httpx.Response(200, json=[PONG, 7]),
        event_stream("data: {\n\n"),
        event_stream("data: 7\n\n"),
    ],
)
async def test_a_response_that_is_not_json_rpc_is_a_decode_error(
    wire: Wire, faked: Faked, answer: httpx.Response
) -> None:
    wire.answers(answer)

    with pytest.raises(ResponseDecodeError):
        await faked().installations.proxy(ID, PING)


async def test_a_reply_shows_its_messages(wire: Wire, faked: Faked) -> None:
    wire.answers(httpx.Response(200, json=PONG))

    assert repr(await faked().installations.proxy(ID, PING)) == f"ProxyReply(messages=[{PONG!r}], session_id=None)"
