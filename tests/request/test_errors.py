"""From responses to errors: their classes, attributes, texts and pickles."""

import concurrent.futures
import multiprocessing
import pickle
import re
import traceback
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from time import monotonic
from typing import Any

import httpx
import pytest

import posthog_mcp_store as sdk
from posthog_mcp_store import (
    AlreadyInstalledError,
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    Headers,
    MCPStore,
    MCPStoreError,
    ResponseDecodeError,
    ToolCallError,
)
from posthog_mcp_store._api import __all__ as public_names

from ..support.wire import ID, Wire, installation

Faked = Callable[..., MCPStore]

GLUED = {"content": b"typecodedetailattr", "headers": {"Content-Type": "*/*; charset=utf-8"}}
PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}


def framework(type: str, code: str, detail: str, attr: str | None = None) -> dict[str, Any]:
    return {"json": {"type": type, "code": code, "detail": detail, "attr": attr}}


async def raised(wire: Wire, store: MCPStore, status: int, *, proxy: bool = False, **answer: Any) -> APIStatusError:
    wire.answers(httpx.Response(status, **answer))
    with pytest.raises(APIStatusError) as caught:
        await (store.installations.proxy(ID, PING) if proxy else store.installations.retrieve(ID))
    return caught.value


@pytest.mark.parametrize(
    ("status", "answer", "expected"),
    [
        (400, framework("validation_error", "required", "This field is required.", "name"), "ValidationError"),
        (400, framework("validation_error", "invalid_input", "Invalid data.", None), "ValidationError"),
        (400, framework("invalid_request", "parse_error", "JSON parse error - ..."), "BadRequestError"),
        (400, {"json": {"detail": "This server URL is already installed."}}, "AlreadyInstalledError"),
        (400, {"json": {"detail": "OAuth discovery failed."}}, "BadRequestError"),
        (400, {"content": b""}, "BadRequestError"),
        (401, framework("authentication_error", "not_authenticated", "No."), "AuthenticationError"),
        (403, framework("authentication_error", "permission_denied", "No."), "PermissionDeniedError"),
        (404, framework("invalid_request", "not_found", "Not found."), "NotFoundError"),
        (405, {"content": b"", "headers": {"Allow": "GET, POST, HEAD, OPTIONS"}}, "MethodNotAllowedError"),
        (406, framework("invalid_request", "not_acceptable", "No."), "APIStatusError"),
        (409, {"json": {"detail": "Already shared."}}, "ConflictError"),
        (413, {"content": b"too large"}, "PayloadTooLargeError"),
        (415, framework("invalid_request", "unsupported_media_type", "No."), "APIStatusError"),
        (429, framework("throttled_error", "throttled", "Request was throttled."), "RateLimitError"),
        (499, {"content": b""}, "APIStatusError"),
        (500, framework("server_error", "error", "A server error occurred."), "ServerError"),
        (502, {"content": b"<html>Bad gateway</html>"}, "ServerError"),
        (503, framework("server_error", "database_unavailable", "No."), "ServerError"),
        (520, {"content": b""}, "ServerError"),
        (561, {"content": b""}, "ServerError"),
        (999, {"content": b""}, "ServerError"),
        (304, {"content": b""}, "APIStatusError"),
    ],
)
async def test_a_status_becomes_its_class(
    wire: Wire, faked: Faked, status: int, answer: dict[str, Any], expected: str
) -> None:
    error = await raised(wire, faked(), status, **answer)

    assert type(error).__name__ == expected
    assert error.status_code == status


async def test_the_hint_for_a_duplicate_names_no_url_where_none_was_given(wire: Wire, faked: Faked) -> None:
    wire.answers(httpx.Response(400, **framework("invalid_request", "error", "It is already installed.")))
    hint = "Find it by its url in store.installations.list(), and use it or delete it first."

    for call in (faked().installations.retrieve(ID), faked().installations.proxy(ID, [PING, PING])):
        with pytest.raises(AlreadyInstalledError, match=re.escape(hint)):
            await call


@pytest.mark.parametrize(
    ("status", "answer", "expected"),
    [
        (400, GLUED, "BadRequestError"),
        (401, GLUED, "AuthenticationError"),
        (403, GLUED, "PermissionDeniedError"),
        (404, GLUED, "NotFoundError"),
        (405, GLUED, "MethodNotAllowedError"),
        (415, GLUED, "APIStatusError"),
        (429, GLUED, "RateLimitError"),
        (500, {"content": b"typecodedetailattrerror_event_id"}, "ServerError"),
        (400, {"json": {"error": "Request body must be valid JSON"}}, "BadRequestError"),
        (400, {"json": {"error": "URL not allowed: Private IP address not allowed"}}, "BadRequestError"),
        (401, {"json": {"error": "Installation needs re-authentication"}}, "ReauthenticationRequiredError"),
        (401, {"json": {"error": "No credentials configured"}}, "ReauthenticationRequiredError"),
        (401, {"json": {"error": "Authentication failed"}}, "ReauthenticationRequiredError"),
        (403, {"json": {"error": "Server is disabled"}}, "InstallationDisabledError"),
        (403, {"json": {"error": "Server is disabled for this team"}}, "InstallationDisabledError"),
        (413, {"json": {"error": "Request body too large"}}, "PayloadTooLargeError"),
        (502, {"json": {"error": "Upstream MCP server unreachable"}}, "UpstreamError"),
        (502, {"json": {"error": "Upstream MCP server timed out"}}, "UpstreamError"),
        (
            403,
            {"json": {"error": "Your access to this server has been turned off by an admin"}},
            "InstallationDisabledError",
        ),
        (
            401,
            framework("authentication_error", "authentication_failed", "Invalid access token."),
            "AuthenticationError",
        ),
        (403, framework("authentication_error", "permission_denied", "No."), "PermissionDeniedError"),
        (404, framework("invalid_request", "not_found", "Not found."), "NotFoundError"),
        (400, framework("validation_error", "required", "This field is required.", "x"), "ValidationError"),
        (429, framework("throttled_error", "throttled", "Request was throttled."), "RateLimitError"),
        (
            500,
            {"json": {"type": "server_error", "code": "error", "detail": "", "attr": None, "error_event_id": "e"}},
            "ServerError",
        ),
        (503, {"content": b"", "headers": {"Retry-After": "15"}}, "ServerError"),
        (307, {"content": b"", "headers": {"Location": "/api/projects/1/"}}, "APIStatusError"),
        # Everything else came from the MCP server, even where it resembles the service's own.
        (401, {"content": b""}, "UpstreamError"),
        (401, {"json": {"error": "invalid_token", "error_description": "expired"}}, "UpstreamError"),
        (401, {"json": {"error": {"code": 1}}}, "UpstreamError"),
        (404, {"content": b"Session not found"}, "UpstreamError"),
        (429, {"content": b"slow down"}, "UpstreamError"),
        (429, {"json": {"error": "rate limited"}}, "UpstreamError"),
        (400, {"json": {"error": "Bad things"}}, "UpstreamError"),
        (401, {"json": {"error": "Unauthorized"}}, "UpstreamError"),
        (403, {"json": {"error": "Forbidden"}}, "UpstreamError"),
        (403, {"json": {"error": "Server is disabled for maintenance"}}, "UpstreamError"),
        (403, {"json": {"error": "Server is disabled", "code": 7}}, "UpstreamError"),
        (404, {"json": {"error": "Session not found"}}, "UpstreamError"),
        (405, {"json": {"error": "Method not allowed"}}, "UpstreamError"),
        (409, {"json": {"error": "Conflict"}}, "UpstreamError"),
        (413, {"json": {"error": "Too much"}}, "UpstreamError"),
        (500, {"json": {"error": "Internal error"}}, "UpstreamError"),
        (503, {"json": {"error": "Server is disabled"}}, "UpstreamError"),
        (504, {"json": {"error": "Upstream MCP server timed out"}}, "UpstreamError"),
        (401, {"json": {"type": "authentication_error", "code": "x", "detail": "No."}}, "UpstreamError"),
        (401, framework("error", "unauthorized", "No."), "UpstreamError"),
        (500, {"content": b"oops"}, "UpstreamError"),
        (301, {"content": b""}, "UpstreamError"),
    ],
)
async def test_errors_through_the_proxy_say_whose_response_it_was(
    wire: Wire, faked: Faked, status: int, answer: dict[str, Any], expected: str
) -> None:
    error = await raised(wire, faked(), status, proxy=True, **answer)

    assert type(error).__name__ == expected


CHECK_ID = "Check the installation's id and the project."


@pytest.mark.parametrize(
    ("detail", "hint"),
    [
        ("Not found.", CHECK_ID),
        ("Installation not found", CHECK_ID),
        ("Project not found.", "Check project_id."),
        ("Template not found", "store.templates.list() has the ids of all templates."),
        ("Tool not found", "store.installations.refresh_tools() reads the server's tools again."),
    ],
)
async def test_a_404_says_what_to_check(wire: Wire, faked: Faked, detail: str, hint: str) -> None:
    answer = framework("invalid_request", "not_found", detail)

    for error in (await raised(wire, faked(), 404, **answer), await raised(wire, faked(), 404, proxy=True, **answer)):
        assert str(error).endswith(f": {detail.rstrip('.')}. {hint}")
        assert error.detail == detail


async def test_the_404_of_the_proxy_itself_says_what_to_check(wire: Wire, faked: Faked) -> None:
    error = await raised(wire, faked(), 404, proxy=True, **GLUED)

    assert str(error).endswith(f"/proxy/: no details. {CHECK_ID}")


@pytest.mark.parametrize("answer", [{"json": {"detail": "Server not found"}}, {"content": b"<h1>Nothing here</h1>"}])
async def test_any_other_404_has_no_hint(wire: Wire, faked: Faked, answer: dict[str, Any]) -> None:
    error = await raised(wire, faked(), 404, **answer)

    assert str(error).endswith((": Server not found", "Nothing here"))


async def test_an_error_carries_what_the_service_said(wire: Wire, faked: Faked) -> None:
    body = {
        "type": "server_error",
        "code": "error",
        "detail": "A server error occurred.",
        "attr": None,
        "error_event_id": "beef",
    }
    error = await raised(wire, faked(), 500, json=body, headers={"X-Thing": "a"})

    assert (error.type, error.code, error.detail, error.attr) == ("server_error", "error", body["detail"], None)
    assert error.body == body
    assert error.headers["x-thing"] == "a"
    assert error.request_id == "beef"
    assert (error.method, error.url) == ("GET", str(wire.request.url))


async def test_the_request_id_of_a_header_is_preferred(wire: Wire, faked: Faked) -> None:
    error = await raised(wire, faked(), 500, json={"error_event_id": "beef"}, headers={"X-Request-Id": "cafe"})

    assert error.request_id == "cafe"


async def test_the_text_of_an_error_ends_with_the_request_id(wire: Wire, faked: Faked) -> None:
    error = await raised(wire, faked(), 500, json={"detail": "No."}, headers={"X-Request-Id": "cafe"})
    long = await raised(wire, faked(), 500, json={"error_event_id": "id\n" + "x" * 5000})
    neither = await raised(wire, faked(), 500, json={"detail": "No."})

    assert str(error).endswith("No. (request id cafe)")
    assert len(str(long)) < 500
    assert "\n" not in str(long)
    assert "request id" not in str(neither)


async def test_the_proxys_own_words_are_the_detail(wire: Wire, faked: Faked) -> None:
    error = await raised(wire, faked(), 403, proxy=True, json={"error": "Server is disabled"})

    assert error.detail == "Server is disabled"


@pytest.mark.parametrize(
    "content", [b"", b"null", b"[]", b"7", b'"text"', b"\xff\xfe\x00", b"{", b"[" * 100_000, b'{"detail": {"a": 1}}']
)
async def test_any_error_body_can_be_read(wire: Wire, faked: Faked, content: bytes) -> None:
    for proxy in (False, True):
        error = await raised(wire, faked(), 400, proxy=proxy, content=content)

        assert (error.type, error.code, error.detail, error.attr) == (None, None, None, None)
        assert len(str(error).splitlines()) == 1


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("58", 58.0),
        ("0", 0.0),
        ("1.5", 1.5),
        (" 7 ", 7.0),
        (None, None),
        ("", None),
        ("-1", None),
        ("soon", None),
        ("nan", None),
        ("1e9", None),
        ("Wed, 99 Foo 2026", None),
        (format_datetime(datetime(2000, 1, 1, tzinfo=UTC), usegmt=True), 0.0),
        ("Sat, 01 Jan 2000 00:00:00 -0000", 0.0),
    ],
)
async def test_retry_after_is_read_in_all_its_forms(
    wire: Wire, faked: Faked, value: str | None, seconds: float | None
) -> None:
    error = await raised(wire, faked(), 429, headers={} if value is None else {"Retry-After": value})

    assert error.retry_after == seconds


async def test_retry_after_as_a_date_is_the_time_until_then(wire: Wire, faked: Faked) -> None:
    then = datetime.now(UTC) + timedelta(hours=1)
    error = await raised(wire, faked(), 503, headers={"Retry-After": format_datetime(then, usegmt=True)})

    assert error.retry_after == pytest.approx(3600, abs=30)


async def test_a_missing_scope_is_named(wire: Wire, faked: Faked) -> None:
    detail = "API key missing required scope 'project:read'"
    denied = await raised(wire, faked(), 403, **framework("authentication_error", "permission_denied", detail))
    other = await raised(wire, faked(), 403, **framework("authentication_error", "permission_denied", "No."))

    assert isinstance(denied, sdk.PermissionDeniedError)
    assert isinstance(other, sdk.PermissionDeniedError)
    assert (denied.required_scope, other.required_scope) == ("project:read", None)


async def test_a_message_is_one_line_that_says_what_to_do(wire: Wire, faked: Faked) -> None:
    answer = framework("authentication_error", "authentication_failed", "Invalid\nkey\x1b[31m.")
    error = await raised(wire, faked(), 401, **answer)

    assert str(error) == (
        f"401 from GET /api/environments/@current/mcp_server_installations/{ID}/: Invalid key [31m. "
        "Check the API key, and that the host is the region it was made in."
    )


async def test_a_message_names_the_field_at_fault(wire: Wire, faked: Faked) -> None:
    answer = framework("validation_error", "required", "This field is required.", "name")
    error = await raised(wire, faked(), 400, **answer)

    assert str(error).endswith(": name: This field is required.")


async def test_of_an_error_body_the_first_64_kib_are_kept(wire: Wire, faked: Faked) -> None:
    error = await raised(wire, faked(), 500, content=b'["' + b"x" * 100_000 + b'"]')

    assert error.body == '["' + "x" * (64 * 1024 - 2)
    assert len(str(error)) < 400


async def test_white_space_alone_says_nothing_however_long_it_is(wire: Wire, faked: Faked) -> None:
    error = await raised(wire, faked(), 500, content=b" \n" * 100_000)

    assert str(error).endswith("no details.")


def nested(levels: int) -> Any:
    value: Any = "innermost"
    for _ in range(levels):
        value = {"inner": [value]}
    return value


def levels_of(value: Any) -> int:
    levels = 0
    while isinstance(value, dict | list):
        value = value["inner"] if isinstance(value, dict) else value[0]
        levels += 1
    return levels


async def test_a_deeply_nested_body_is_kept_as_far_as_it_can_be_pickled(wire: Wire, faked: Faked) -> None:
    error = await raised(wire, faked(), 500, json={"detail": "No.", "extra": nested(300)})

    copy = pickle.loads(pickle.dumps(error))
    assert copy.body == error.body
    assert (error.detail, levels_of(copy.body["extra"])) == ("No.", 99)


async def test_a_body_of_many_values_is_kept_in_part(wire: Wire, faked: Faked) -> None:
    error = await raised(wire, faked(), 500, json={"values": [1] * 15_000, "after": {}})

    assert error.body == {"values": [1] * 9998, "after": "…"}


async def test_the_data_of_an_error_object_is_kept_as_far_as_it_can_be_pickled(wire: Wire, faked: Faked) -> None:
    answer = {"jsonrpc": "2.0", "id": 1, "error": {"code": 1, "message": "No.", "data": nested(300)}}
    wire.answers(httpx.Response(200, json=answer))

    with pytest.raises(ToolCallError) as caught:
        (await faked().installations.proxy(ID, PING)).result()

    copy = pickle.loads(pickle.dumps(caught.value))
    assert (copy.data, levels_of(copy.data)) == (caught.value.data, 99)


async def test_a_long_body_is_shortened_in_the_message(wire: Wire, faked: Faked) -> None:
    error = await raised(wire, faked(), 500, content=b"x" * 10_000)

    assert len(str(error)) < 400


HTML = {"Content-Type": "text/html; charset=utf-8"}
XML = {"Content-Type": "application/xml"}
LONG_STYLE = f"<style>{'a > b {} ' * 10_000}</style>"


@pytest.mark.parametrize(
    ("content", "headers", "words"),
    [
        (
            "<html>\r\n<head><title>502 Bad Gateway</title></head><body><h1>Other</h1></body></html>",
            HTML,
            "502 Bad Gateway",
        ),
        ("<!DOCTYPE html><TITLE lang=en>\n Sign&nbsp;in &amp; up </TITLE>", {}, "Sign in & up"),
        ("\ufeff\n <!-- a > b --><html><title></title><body><p>Too <b>many</b><br>people", {}, "Too many people"),
        ("<h1>Server Error (500)</h1>", HTML, "Server Error (500)"),
        ("Access denied<br/>by policy", HTML, "Access denied by policy"),
        ("<script>if (a < b) alert('<p>')</script><style>p { color: red }</style><p>Down", HTML, "Down"),
        ("<svg><title>Logo</title></svg><p>We will be back", HTML, "We will be back"),
        ('<?xml version="1.0"?><Error><Code>SlowDown</Code><Message>Later</Message></Error>', XML, "SlowDown Later"),
        ("<html><body><script src='a.js'></script></body></html>", HTML, "no details."),
        (f"<html>{LONG_STYLE}<p>Too late</p>", HTML, "no details."),
        ("<p " + "a" * 10_000, HTML, "no details."),
        ("<3 of 5 workers are up", {"Content-Type": "text/plain"}, "<3 of 5 workers are up"),
        ("a <b> is no tag here", {"Content-Type": "text/plain"}, "a <b> is no tag here"),
        (" \n", {}, "no details."),
    ],
)
async def test_an_html_page_in_place_of_a_response_is_described_by_its_title_or_text(
    wire: Wire, faked: Faked, content: str, headers: dict[str, str], words: str
) -> None:
    error = await raised(wire, faked(), 502, content=content.encode(), headers=headers)
    upstream = await raised(wire, faked(), 418, content=content.encode(), headers=headers, proxy=True)

    assert str(error) == f"502 from GET /api/environments/@current/mcp_server_installations/{ID}/: {words}"
    assert str(upstream).endswith(f"/proxy/: {words}")
    assert error.body == content[: 64 * 1024]


@pytest.mark.parametrize("piece", ["<", "<p", "<!--", "<script", "<title", "</", "&#", "<title>", " ", "<p>"])
async def test_a_page_of_any_form_costs_next_to_nothing(wire: Wire, faked: Faked, piece: str) -> None:
    began = monotonic()
    await raised(wire, faked(), 502, content=piece.encode() * 200_000, headers=HTML)

    assert monotonic() - began < 2


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        ("https://user:pw@evil.example/a?state=secret", "https://evil.example/a"),
        ("/login/?next=secret", "/login/"),
        ("https://[broken?secret", "an address that can't be read"),
    ],
)
async def test_a_redirect_is_not_followed_and_named_without_its_query(
    wire: Wire, faked: Faked, location: str, shown: str
) -> None:
    error = await raised(wire, faked(), 302, headers={"Location": location})

    assert f"redirected to {shown}, which is not followed" in str(error)
    assert len(wire.requests) == 1


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"<html>hello</html>", "Expecting value"),
        (b'{"id": "0195f3a0', "Unterminated string"),
        (b"", "Expecting value"),
        (b"[]", "expected object, not list"),
        (b"{}", "id: missing"),
        (b"\xff", "invalid start byte"),
        (b"[" * 100_000, "it is not JSON: nested too deeply"),
    ],
)
async def test_a_success_that_can_not_be_read_is_a_decode_error(
    wire: Wire, faked: Faked, content: bytes, reason: str
) -> None:
    wire.answers(httpx.Response(200, content=content, headers={"X-Thing": "a"}))

    with pytest.raises(ResponseDecodeError, match=reason) as caught:
        await faked().installations.retrieve(ID)

    assert len(str(caught.value).splitlines()) == 1
    assert str(caught.value.__cause__) in str(caught.value)
    assert caught.value.status_code == 200
    assert caught.value.headers["x-thing"] == "a"
    assert caught.value.body == content[:1024]
    assert (caught.value.method, caught.value.url) == ("GET", str(wire.request.url))


async def test_a_success_with_a_status_that_is_not_documented_is_a_decode_error(wire: Wire, faked: Faked) -> None:
    wire.answers(httpx.Response(206, json={}))

    with pytest.raises(ResponseDecodeError, match="expected Installation"):
        await faked().installations.retrieve(ID)


async def test_a_decode_error_is_short_whatever_it_quotes(wire: Wire, faked: Faked) -> None:
    wire.answers(httpx.Response(200, json={**installation(), "created_at": "x" * 10_000}))

    with pytest.raises(ResponseDecodeError, match="created_at: Invalid isoformat string") as caught:
        await faked().installations.retrieve(ID)

    assert len(str(caught.value)) <= 500


@pytest.mark.parametrize("status", [200, 202, 206, 299])
async def test_a_deletion_is_done_with_204_only(wire: Wire, faked: Faked, status: int) -> None:
    wire.answers(httpx.Response(status, content=b"<html>Please log in</html>"))

    with pytest.raises(ResponseDecodeError, match="expected 204"):
        await faked().installations.delete(ID)


@pytest.mark.parametrize(
    "location",
    [
        "mailto:x",
        "posthog-code:oauth?code=1",
        "https://xn--/?a",
        "https://a.example/\x00",
        pytest.param("x" * 66_000, id="long"),
        "",
    ],
)
@pytest.mark.parametrize("status", [301, 302, 307])
async def test_a_redirect_to_anything_is_a_response(wire: Wire, faked: Faked, status: int, location: str) -> None:
    error = await raised(wire, faked(), status, headers={"Location": location})

    assert (error.status_code, error.headers["location"]) == (status, location)


async def test_a_broken_content_encoding_is_a_decode_error(wire: Wire, faked: Faked) -> None:
    broken = httpx.Response(
        200, headers={"Content-Encoding": "gzip", "X-Thing": "a"}, stream=httpx.ByteStream(b"not gzip")
    )
    wire.answers(broken)

    with pytest.raises(ResponseDecodeError, match="content encoding is broken") as caught:
        await faked().installations.retrieve(ID)

    assert caught.value.status_code == 200
    assert caught.value.headers["X-Thing"] == "a"


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (httpx.ConnectError("refused"), APIConnectionError),
        (httpx.ReadError(""), APIConnectionError),
        (httpx.ReadError("two\nlines"), APIConnectionError),
        (httpx.RemoteProtocolError("closed"), APIConnectionError),
        (httpx.UnsupportedProtocol("no"), APIConnectionError),
        (httpx.ReadTimeout("slow"), APITimeoutError),
        (httpx.ConnectTimeout("slow"), APITimeoutError),
        (httpx.PoolTimeout("full"), APITimeoutError),
    ],
)
async def test_no_response_is_a_connection_error_that_keeps_its_cause(
    wire: Wire, faked: Faked, failure: Exception, expected: type[APIConnectionError]
) -> None:
    wire.answers(failure)

    with pytest.raises(APIConnectionError) as caught:
        await faked().installations.retrieve(ID)

    assert type(caught.value) is expected
    assert caught.value.__cause__ is failure
    assert len(str(caught.value).splitlines()) == 1
    assert type(failure).__name__ in str(caught.value)
    assert (caught.value.method, caught.value.url) == ("GET", str(wire.request.url))


def test_timeouts_are_timeouts_of_the_language_too() -> None:
    assert issubclass(APITimeoutError, TimeoutError)
    assert issubclass(sdk.OAuthTimeoutError, TimeoutError)
    assert issubclass(sdk.ConfigurationError, ValueError)


def an_error_of_each_kind() -> list[MCPStoreError]:
    where: dict[str, Any] = {"method": "GET", "url": "https://us.posthog.com/"}
    answer = {**where, "status_code": 429, "headers": Headers({"Retry-After": "5"}), "body": b"x"}
    errors: list[MCPStoreError] = []
    kinds = [getattr(sdk, name) for name in public_names]
    for kind in (kind for kind in kinds if isinstance(kind, type) and issubclass(kind, MCPStoreError)):
        if issubclass(kind, APIStatusError):
            errors.append(kind("message", **answer, detail="d", retry_after=5.0))
        elif issubclass(kind, ResponseDecodeError):
            errors.append(kind("message", **answer))
        elif issubclass(kind, APIConnectionError):
            errors.append(kind("message", **where))
        elif issubclass(kind, sdk.ToolCallError):
            errors.append(kind("message", code=-32001, data={"a": 1}))
        else:
            errors.append(kind("message"))
    return errors


def described(error: MCPStoreError) -> tuple[type, str, str]:
    fields = {name: dict(value) if isinstance(value, Headers) else value for name, value in vars(error).items()}
    return type(error), str(error), repr(fields)


def test_every_error_pickles() -> None:
    errors = an_error_of_each_kind()

    assert len(errors) == 30
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        copies = [pickle.loads(pickle.dumps(error, protocol)) for error in errors]
        assert [described(copy) for copy in copies] == [described(error) for error in errors]


def test_every_error_pickles_into_a_spawned_process() -> None:
    errors = an_error_of_each_kind()

    with concurrent.futures.ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        seen = pool.submit(list, map(str, errors)).result(timeout=60)
        copies = pool.submit(list, errors).result(timeout=60)

    assert seen == [str(error) for error in errors]
    assert [described(copy) for copy in copies] == [described(error) for error in errors]


def test_headers_are_a_mapping_whose_names_match_in_any_case() -> None:
    headers = Headers({"Retry-After": "5", "X-Thing": "a"})

    assert (len(headers), list(headers)) == (2, ["retry-after", "x-thing"])
    assert headers["RETRY-AFTER"] == "5"
    assert "x-other" not in headers
    assert repr(headers) == "Headers({'retry-after': '5', 'x-thing': 'a'})"


def test_an_error_of_the_users_own_keeps_its_name() -> None:
    class TooManyServersError(MCPStoreError):
        pass

    assert TooManyServersError.__module__ == __name__


def test_tracebacks_name_the_public_path() -> None:
    for error in an_error_of_each_kind():
        last = traceback.format_exception_only(error)[-1]
        assert last.startswith(f"posthog_mcp_store.{type(error).__name__}: message")
