"""The example programs do what they show."""

import asyncio
from collections.abc import Iterator
from typing import Literal

import pytest

from posthog_mcp_store.testing import EmbeddedService, Fault, give_consent

from ..support.oauth_stack import SERVER_URL, OAuthStack, serve_oauth_stack
from ..support.programs import printed, printed_lines, run


@pytest.fixture
def stack() -> Iterator[OAuthStack]:
    with serve_oauth_stack(EmbeddedService(development=True)) as stack:
        yield stack


@pytest.mark.parametrize(
    ("allow", "end"), [(True, r"(calendar.example.com/mcp is connected)"), (False, r"(OAuthDeniedError: .*denied)")]
)
async def test_the_desktop_program_takes_the_browsers_return(stack: OAuthStack, allow: bool, end: str) -> None:
    async with run(stack.service, "examples/desktop.py", SERVER_URL) as process:
        page = await printed(process, r"Open this in your browser: (\S+)")

        assert (await give_consent(page, allow=allow)).startswith("http://localhost:")
        assert await printed(process, end)
        assert await asyncio.wait_for(process.wait(), 20) == (0 if allow else 1)


async def test_the_desktop_program_keeps_a_working_connection(stack: OAuthStack) -> None:
    async with run(stack.service, "examples/desktop.py", SERVER_URL) as process:
        await give_consent(await printed(process, r"Open this in your browser: (\S+)"))
        assert await asyncio.wait_for(process.wait(), 20) == 0
    (row,) = stack.service.installations
    row.access_token = "kept"
    async with run(stack.service, "examples/desktop.py", SERVER_URL) as process:
        assert (await printed_lines(process), process.returncode) == (["It is connected already."], 0)

    row.needs_reauth = True
    async with run(stack.service, "examples/desktop.py", SERVER_URL) as process:
        page = await printed(process, r"Open this in your browser: (\S+)")
        assert row.access_token == "kept"
        await give_consent(page)
        assert await printed(process, r"(calendar.example.com/mcp is connected)")


async def test_the_desktop_program_without_a_url_says_how_to_use_it(service: EmbeddedService) -> None:
    async with run(service, "examples/desktop.py") as process:
        lines, code = await printed_lines(process), process.returncode

    assert "        python examples/desktop.py https://mcp.example.com/mcp" in lines
    assert not any("Traceback" in line for line in lines)
    assert code == 1


@pytest.mark.parametrize("version", ["2026-04", "2026-09"])
async def test_the_report_names_what_needs_a_person(version: Literal["2026-04", "2026-09"]) -> None:
    service = EmbeddedService(version=version)
    service.add_installation(display_name="Fine", tools={"add": "approved"})
    service.add_installation(display_name="Off", auth_type="oauth", pending_oauth=True, is_enabled=False)
    with serve_oauth_stack(service) as stack:
        async with run(stack.service, "examples/needs_attention.py") as process:
            assert (await printed_lines(process), process.returncode) == ([], 0)

        service.add_installation(display_name="New", auth_type="oauth", pending_oauth=True)
        service.add_installation(display_name="Notes", tools={"add": "approved", "greet": "needs_approval"})
        async with run(stack.service, "examples/needs_attention.py") as process:
            lines, code = await printed_lines(process), process.returncode

    approval = ["Notes: tools that need approval: greet"] if version == "2026-09" else []
    assert (sorted(lines), code) == (["New: its user has not authorized it yet", *approval], 1)


async def test_the_report_has_a_line_for_each_reason_whatever_servers_call_their_tools(
    service: EmbeddedService,
) -> None:
    service.add_installation(
        display_name="Notes\n\x1b[2JCRM: fine\u202e",
        last_sync_error="it\r\n\tis \x9bdown",
        tools={"a\nCRM: fine": "needs_approval"},
    )
    async with run(service, "examples/needs_attention.py") as process:
        lines = await printed_lines(process)

    assert sorted(lines) == [
        "Notes [2JCRM: fine : PostHog could not read its tools: it is down",
        "Notes [2JCRM: fine : tools that need approval: a CRM: fine",
    ]


async def test_an_installation_whose_tools_cannot_be_listed_does_not_end_the_report(service: EmbeddedService) -> None:
    service.add_installation(display_name="Notes", tools={"greet": "needs_approval"})
    fails = service.add_installation(display_name="CRM", tools={"add": "needs_approval"})
    service.inject(Fault(path=f"/{fails.id}/tools/", status=403))
    async with run(service, "examples/needs_attention.py") as process:
        lines, code = await printed_lines(process), process.returncode

    assert (len(lines), code) == (2, 1)
    assert lines[0].startswith("CRM: its tools are not in this report: 403")
    assert lines[1] == "Notes: tools that need approval: greet"
