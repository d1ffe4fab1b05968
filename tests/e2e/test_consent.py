"""OAuth flows as a person goes through them: what they see, and what the program learns of it."""

import asyncio
from functools import partial

import pytest

from posthog_mcp_store import (
    AuthorizationRedirect,
    LoopbackReceiver,
    MCPStore,
    OAuthDeniedError,
    OAuthTimeoutError,
)
from posthog_mcp_store.testing import EmbeddedService

from ..support.oauth_stack import SERVER_URL, OAuthStack
from .conftest import Person

HERE = {"127.0.0.1", "localhost"}
development = pytest.mark.parametrize("stack", [partial(EmbeddedService, development=True)], indirect=True)
with_login = pytest.mark.parametrize("stack", [partial(EmbeddedService, requires_login=True)], indirect=True)


async def start(store: MCPStore, receiver: LoopbackReceiver | None = None) -> AuthorizationRedirect:
    if receiver is None:
        return await store.installations.install_custom(name="Calendar", url=SERVER_URL, auth_type="oauth")
    return await store.installations.install_custom(
        name="Calendar",
        url=SERVER_URL,
        auth_type="oauth",
        install_source="posthog-code",
        posthog_code_callback_url=receiver.url,
    )


async def test_allowing_access_ends_on_the_settings_page_and_the_tools_work(store: MCPStore, person: Person) -> None:
    redirect = await start(store)
    waiting = asyncio.create_task(store.installations.wait_until_authorized(redirect, timeout=60))

    await person.opens(redirect.url)
    assert "asks for access" in await person.sees("consent")
    await person.presses("Allow")

    assert "The server is connected." in await person.sees("settings-connected")
    assert person.address.endswith("/settings/mcp-servers?oauth_complete=true")
    installation = await asyncio.wait_for(waiting, 60)
    call = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": "add", "arguments": {"a": 40, "b": 2}},
    }
    reply = await store.installations.proxy(installation.id, call)
    assert reply.result()["content"][0]["text"] == "42"
    assert person.asked == {"127.0.0.1"}


async def test_denying_access_is_shown_to_the_user_and_the_program_reports_no_success(
    store: MCPStore, person: Person
) -> None:
    redirect = await start(store)

    await person.opens(redirect.url)
    await person.presses("Deny")

    assert "The connection failed." in await person.sees("settings-failed")
    assert person.address.endswith("/settings/mcp-servers?oauth_error=true")
    with pytest.raises(OAuthTimeoutError):
        await store.installations.wait_until_authorized(redirect, timeout=0.2)


async def test_a_flow_cannot_be_gone_through_twice(store: MCPStore, person: Person) -> None:
    redirect = await start(store)
    await person.opens(redirect.url)
    await person.presses("Allow")

    await person.opens(redirect.url)
    await person.presses("Allow")

    assert "Invalid or expired OAuth state" in await person.sees("state-used")


@development
async def test_the_page_on_the_own_machine_sends_who_allowed_access_back_to_the_program(
    store: MCPStore, person: Person
) -> None:
    async with LoopbackReceiver() as receiver:
        redirect = await start(store, receiver)
        await person.opens(redirect.url)
        await person.presses("Allow")
        callback = await receiver.wait(timeout=20)
        seen = await person.sees("loopback-success")

    assert "Authorization complete" in seen
    assert "Go back to the application" in seen
    assert callback.is_success
    assert (await store.installations.wait_until_authorized(redirect, timeout=20)).url == SERVER_URL
    assert person.asked == HERE


@development
async def test_the_page_on_the_own_machine_looks_different_after_a_denial(store: MCPStore, person: Person) -> None:
    async with LoopbackReceiver() as receiver:
        redirect = await start(store, receiver)
        await person.opens(redirect.url)
        await person.presses("Deny")
        callback = await receiver.wait(timeout=20)
        seen = await person.sees("loopback-denied")

    assert "Authorization denied" in seen
    with pytest.raises(OAuthDeniedError, match="cancelled"):
        callback.raise_for_error()


@with_login
async def test_the_later_service_lets_only_the_browser_of_the_user_finish_a_flow(
    stack: OAuthStack, store: MCPStore, person: Person
) -> None:
    redirect = await start(store)
    await person.opens(redirect.url)
    await person.presses("Allow")
    assert "Invalid or expired OAuth state" in await person.sees("later-stranger")

    redirect = await start(store)
    await person.opens(stack.service.login_url("alice"))
    await person.opens(redirect.url)
    await person.presses("Allow")

    assert "The server is connected." in await person.sees("later-user")
    assert (await store.installations.wait_until_authorized(redirect, timeout=20)).pending_oauth is False
