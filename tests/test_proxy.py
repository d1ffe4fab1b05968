"""JSON-RPC through the proxy: what goes out, and what is made of the answer."""

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

from .wire import BASE, ID, Wire

Faked = Callable[..., MCPStore]

PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
PONG = {"jsonrpc": "2.0", "id": 1, "result": {"ok": True}}


def event_stream(text: str) -> httpx.Response:
    return httpx.Response(200, text=text, headers={"Content-Type": "text/event-stream; charset=utf-8"})


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


async def test_a_json_answer_is_one_message(wire: Wire, faked: Faked) -> None:
    wire.answers(httpx.Response(200, json=PONG, headers={"Mcp-Session-Id": "s-2"}))

    reply = await faked().installations.proxy(ID, PING)

    assert (reply.messages, reply.session_id, reply.result()) == ([PONG], "s-2", {"ok": True})


async def test_an_answer_without_a_content_type_is_json(wire: Wire, faked: Faked) -> None:
    wire.answers(httpx.Response(200, content=b'{"jsonrpc":"2.0","id":1,"result":7}'))

    assert (await faked().installations.proxy(ID, PING)).result() == 7


async def test_a_notification_is_answered_by_nothing(wire: Wire, faked: Faked) -> None:
    wire.answers(httpx.Response(202))

    reply = await faked().installations.proxy(ID, {"jsonrpc": "2.0", "method": "notifications/initialized"})

    assert reply.messages == []
    with pytest.raises(ConfigurationError, match="a notification has no result"):
        reply.result()


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


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (-32000, BatchRejectedError),
        (-32001, ToolApprovalRequiredError),
        (-32002, ToolDisabledError),
        (-32601, ToolNotFoundError),
        (-32602, ToolCallError),
    ],
)
async def test_an_error_object_becomes_its_class(
    wire: Wire, faked: Faked, code: int, expected: type[ToolCallError]
) -> None:
    error = {"code": code, "message": "Tool 'add'\nrequires approval", "data": {"tool": "add"}}
    wire.answers(httpx.Response(200, json={"jsonrpc": "2.0", "id": 1, "error": error}))
    reply = await faked().installations.proxy(ID, PING)

    with pytest.raises(ToolCallError) as caught:
        reply.result()

    assert type(caught.value) is expected
    assert (caught.value.code, caught.value.data) == (code, {"tool": "add"})
    assert caught.value.message == str(caught.value) == "Tool 'add' requires approval"


@pytest.mark.parametrize("error", [None, "broken", [], {}, {"code": "x"}, {"code": True, "message": 7}])
async def test_an_error_object_of_any_shape_is_a_tool_call_error(wire: Wire, faked: Faked, error: object) -> None:
    wire.answers(httpx.Response(200, json={"jsonrpc": "2.0", "id": 1, "error": error}))

    with pytest.raises(ToolCallError):
        (await faked().installations.proxy(ID, PING)).result()


async def test_an_error_of_null_beside_a_result_is_none(wire: Wire, faked: Faked) -> None:
    wire.answers(httpx.Response(200, json={**PONG, "error": None}))

    assert (await faked().installations.proxy(ID, PING)).result() == {"ok": True}


async def test_an_error_without_an_id_answers_the_request(wire: Wire, faked: Faked) -> None:
    wire.answers(httpx.Response(200, json={"jsonrpc": "2.0", "id": None, "error": {"code": -32001, "message": "No."}}))

    with pytest.raises(ToolApprovalRequiredError):
        (await faked().installations.proxy(ID, PING)).result()


async def test_the_answer_with_the_id_counts_before_an_error_without_one(wire: Wire, faked: Faked) -> None:
    error = {"jsonrpc": "2.0", "id": None, "error": {"code": -32700, "message": "Parse error"}}
    wire.answers(httpx.Response(200, json=[error, PONG]))

    assert (await faked().installations.proxy(ID, PING)).result() == {"ok": True}


@pytest.mark.parametrize("text", ["small", "x" * 400_000])
async def test_a_message_may_be_any_mapping(wire: Wire, faked: Faked, text: str) -> None:
    wire.answers(httpx.Response(200, json=PONG))
    message = {**PING, "params": {"text": text}}

    await faked().installations.proxy(ID, MappingProxyType(message))

    assert wire.sent_json == message


async def test_a_reply_without_the_awaited_answer_says_so(wire: Wire, faked: Faked) -> None:
    wire.answers(httpx.Response(200, json={"jsonrpc": "2.0", "id": 1, "method": "sampling/createMessage"}))
    reply = await faked().installations.proxy(ID, PING)

    with pytest.raises(ResponseDecodeError, match="does not answer request 1") as caught:
        reply.result()

    assert caught.value.status_code == 200


async def test_an_event_stream_without_the_awaited_answer_is_no_reply(wire: Wire, faked: Faked) -> None:
    wire.answers(event_stream('data: {"jsonrpc":"2.0","id":1,"result":1}\n\ndata: {"jsonrpc":"2.0","id":2,'))

    with pytest.raises(ResponseDecodeError, match="it ended without the answer to request 2, 'x'") as caught:
        await faked().installations.proxy(ID, [PING, {**PING, "id": 2}, {**PING, "id": "x"}])

    assert caught.value.body.startswith(b'data: {"jsonrpc"')


async def test_events_that_hold_no_message_are_passed_over(wire: Wire, faked: Faked) -> None:
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

    with pytest.raises(ConfigurationError, match="a message is sent once"):
        await call
    with pytest.raises(ConfigurationError, match="a message is sent once"):
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
async def test_what_is_no_message_is_never_sent(wire: Wire, faked: Faked, message: Any) -> None:
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
async def test_an_answer_that_is_no_json_rpc_is_a_decode_error(
    wire: Wire, faked: Faked, answer: httpx.Response
) -> None:
    wire.answers(answer)

    with pytest.raises(ResponseDecodeError):
        await faked().installations.proxy(ID, PING)


async def test_a_reply_shows_its_messages(wire: Wire, faked: Faked) -> None:
    wire.answers(httpx.Response(200, json=PONG))

    assert repr(await faked().installations.proxy(ID, PING)) == f"ProxyReply(messages=[{PONG!r}], session_id=None)"
