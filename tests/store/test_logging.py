"""Log records: their content, their loggers, and what they never contain."""

import logging
import re
import subprocess
import sys
from collections.abc import Callable

import httpx
import pytest

from posthog_mcp_store import APIStatusError, MCPStore, RedactingFilter
from posthog_mcp_store.testing import EmbeddedService, Fault

from ..support.factories import httpx_only, open_store
from ..support.wire import ID, SERVER_ID, Wire, installation

KEY = "phx_the_secret_key"
TEMPLATE = "/api/environments/{project_id}/mcp_server_installations/{id}/"


def at_debug(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    """Without what the store logs when it finds the prefix of the service's paths."""
    return [record for record in caplog.records if record.levelno == logging.DEBUG]


@httpx_only
async def test_each_attempt_is_one_line_at_debug(
    service: EmbeddedService, store: MCPStore, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="posthog_mcp_store")
    row = service.add_installation()
    service.inject(Fault(status=520, headers={"Retry-After": "0.1"}))
    service.inject(Fault(reset="before"))

    await store.installations.retrieve(row.id)

    records = at_debug(caplog)
    first, second, third = (record.getMessage() for record in records)
    assert first.startswith(f"GET {TEMPLATE}: 520 in ")
    assert first.endswith(" ms, attempt 1")
    assert second.startswith(f"GET {TEMPLATE}: APIConnectionError in ")
    assert third.startswith(f"GET {TEMPLATE}: 200 in ")
    assert third.endswith(" ms, attempt 3")
    assert {record.name for record in records} == {"posthog_mcp_store._request.attempt_log"}


@httpx_only
async def test_each_retry_is_one_line_at_info(
    service: EmbeddedService, store: MCPStore, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="posthog_mcp_store._request.attempt_log")
    row = service.add_installation()
    service.inject(Fault(status=520, headers={"Retry-After": "0.1", "X-Request-Id": "cafe"}))
    service.inject(Fault(reset="before"))

    await store.installations.retrieve(row.id)

    first, second = (record for record in caplog.records if record.name.endswith("attempt_log"))
    assert first.getMessage() == f"retrying GET {TEMPLATE} in 0.10 s, attempt 2, after 520"
    wait = re.fullmatch(r"retrying .* in (\d\.\d\d) s, attempt 3, after APIConnectionError", second.getMessage())
    assert wait is not None
    assert float(wait[1]) <= 1.0
    assert (vars(first)["installation_id"], vars(first)["request_id"]) == (str(row.id), "cafe")
    assert (vars(second)["installation_id"], vars(second)["request_id"]) == (str(row.id), None)


async def test_a_call_that_was_retried_in_vain_is_a_warning(
    service: EmbeddedService, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, logger="posthog_mcp_store")
    service.inject(Fault(status=503, headers={"Retry-After": "0.1"}, times=None))

    async with open_store(service, max_retries=1) as store:
        with pytest.raises(APIStatusError):
            await store.installations.list()

    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert re.fullmatch(r"gave up GET .* after 2 attempts, the last one with 503", record.getMessage())
    assert vars(record)["installation_id"] is None


async def test_records_of_attempts_name_the_installation_and_the_request(
    wire: Wire, faked: Callable[..., MCPStore], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="posthog_mcp_store")
    wire.answers(httpx.Response(200, json=installation(), headers={"X-Request-Id": "cafe"}))

    await faked().installations.retrieve(ID)

    (record,) = at_debug(caplog)
    assert (vars(record)["installation_id"], vars(record)["request_id"]) == (ID, "cafe")


async def test_the_last_failure_is_logged_without_a_wait(
    service: EmbeddedService, store: MCPStore, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="posthog_mcp_store")

    with pytest.raises(APIStatusError):
        await store.installations.retrieve(ID)

    (record,) = at_debug(caplog)
    assert record.getMessage().endswith(" ms, attempt 1")


async def test_the_last_attempt_of_a_deletion_whose_response_was_lost_is_logged_too(
    service: EmbeddedService, store: MCPStore, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="posthog_mcp_store")
    row = service.add_installation()
    service.inject(Fault(status=502, headers={"Retry-After": "0.1"}, takes_effect=True))

    await store.installations.delete(row.id)

    assert [record.getMessage().split(" ")[2] for record in at_debug(caplog)] == ["502", "404"]


async def test_nothing_is_logged_unless_somebody_asks_for_it(
    service: EmbeddedService, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_store(service, api_prefix="projects") as store:
        await store.installations.list()

    assert [record for record in caplog.records if record.name.startswith("posthog_mcp_store")] == []


def test_without_any_handler_warnings_stay_silent(service: EmbeddedService) -> None:
    service.environments = "deprecated"
    program = (
        "import asyncio; from posthog_mcp_store import MCPStore\n"
        "async def main():\n"
        # Which warns that these paths are deprecated.
        f"    store = MCPStore({service.api_key!r}, host={service.base_url!r}, api_prefix='environments')\n"
        "    async with store:\n"
        "        await store.installations.list()\n"
        "asyncio.run(main())\n"
    )

    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)

    assert run.stderr == ""


async def test_no_record_holds_a_secret(
    wire: Wire, faked: Callable[..., MCPStore], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="posthog_mcp_store")
    state = "https://auth.example.com/?state=the_state_of_a_flow"
    wire.answers(
        httpx.Response(302, headers={"Location": state, "Deprecation": "@1"}),
        httpx.Response(401, json={"detail": KEY}),
    )
    store = faked(api_key=KEY, project_id="4711")

    await store.installations.authorize(server_id=SERVER_ID)
    with pytest.raises(APIStatusError):
        await store.installations.install_custom(
            name="a", url="https://a.example.com", auth_type="api_key", api_key=KEY
        )

    assert len(caplog.records) == 3
    for secret in (KEY, "the_state_of_a_flow", "4711"):
        assert secret not in caplog.text


@httpx_only
async def test_the_log_of_httpcore_about_an_oauth_flow_can_be_filtered(
    service: EmbeddedService, store: MCPStore
) -> None:
    told: list[str] = []

    class Keeper(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            told.append(record.getMessage())

    handler = Keeper()
    logger = logging.getLogger("httpcore")
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        row = service.add_installation(server=service.add_oauth_server())
        first = await store.installations.authorize(row.id, install_source="posthog")
        assert first.state in "".join(told), "httpcore tells no states any more: the filter has lost its reason"
        told.clear()
        handler.addFilter(RedactingFilter())
        second = await store.installations.authorize(row.id, install_source="posthog")
    finally:
        logger.removeHandler(handler)
        logger.setLevel(logging.NOTSET)

    assert second.state not in "".join(told)
    assert "https://auth.example.com/authorize?***" in "".join(told)


@pytest.mark.parametrize(
    ("said", "args", "kept"),
    [
        ("see https://a.example/b?state=s#f and c", (), "see https://a.example/b?*** and c"),
        ("%s", ("Authorization: Bearer phx_key",), "Authorization: Bearer ***"),
        ("nothing %d%% to hide", (7,), "nothing 7% to hide"),
        ("https://a.example/plain", (), "https://a.example/plain"),
        ("to /oauth/?code=c&state=s now", (), "to /oauth/?*** now"),
        ("%r", ([(b"location", b"/x?state=s")],), "[(b'location', b'/x?***')]"),
        ("the key phx_abcDEF123_4 and pha_abcd1234.", (), "the key *** and ***."),
        ("Authorization: Basic dXNlcjpwYXNz", (), "Authorization: Basic ***"),
        ('{"access_token": "a.b", "token_type": "x"}', (), '{"access_token": "***", "token_type": "x"}'),
        ("grant_type=code&code=abc&client_secret=xyz", (), "grant_type=code&code=***&client_secret=***"),
        ("{'api_key': 'secret', 'state': 'running'}", (), "{'api_key': '***', 'state': 'running'}"),
        ("exit code: 1", (), "exit code: 1"),
    ],
)
def test_the_filter_takes_out_queries_and_tokens(said: str, args: tuple[object, ...], kept: str) -> None:
    record = logging.LogRecord("httpx", logging.INFO, "here", 1, said, args, None)

    assert RedactingFilter().filter(record)
    assert record.getMessage() == kept


@pytest.mark.parametrize("piece", ["/", "a.", "-/", "https://", "phx_", "code", "a+", "?/"])
def test_the_filter_is_quick_whatever_a_record_says(piece: str) -> None:
    record = logging.LogRecord("a", logging.INFO, "here", 1, piece * 100_000, (), None)

    # With quadratic work this would not end within the test's time.
    assert RedactingFilter().filter(record)


def test_the_filter_leaves_a_record_whose_arguments_do_not_fit_to_the_handler() -> None:
    record = logging.LogRecord("a", logging.INFO, "here", 1, "%d apples", ("no",), None)

    assert RedactingFilter().filter(record)


def test_the_filter_takes_secrets_out_of_tracebacks_and_stacks() -> None:
    error = ValueError("see https://a.example/?state=the_state and phx_abcd1234")
    record = logging.LogRecord("a", logging.INFO, "here", 1, "failed", (), (ValueError, error, None))
    record.stack_info = 'call("phx_abcd1234")'

    assert RedactingFilter().filter(record)

    text = logging.Formatter().format(record)
    assert "see https://a.example/?*** and ***" in text
    assert 'call("***")' in text
