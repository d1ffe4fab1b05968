"""Code as users write it, for the type checker: never run."""

import asyncio
from datetime import datetime
from typing import Any, Literal, assert_type
from uuid import UUID

import httpx

from posthog_mcp_store import (
    APIConnectionError,
    APIStatusError,
    AuthorizationProgress,
    AuthorizationRedirect,
    AvailableTool,
    ConnectionErrorInfo,
    Headers,
    Installation,
    InstallationTool,
    LocalRateLimiter,
    MCPStore,
    MCPStoreError,
    OAuthCallback,
    Page,
    PermissionDeniedError,
    ProxyReply,
    ProxyStream,
    RateLimitScope,
    ResponseInfo,
    ServerTools,
    Template,
    Tool,
    Toolbox,
    ToolResult,
    Unset,
    open_in_browser,
)


async def key() -> str:
    return "phx_key"


class Pacer:
    async def acquire(self, scope: RateLimitScope, /) -> None: ...


def told(info: ResponseInfo) -> None:
    assert_type(info.headers, Headers)


def failed(info: ConnectionErrorInfo) -> None:
    assert_type(info.error, APIConnectionError)


async def stores() -> None:
    async with MCPStore() as store:
        assert_type(store, MCPStore)
    MCPStore("phx_key", project_id=1, host="https://eu.posthog.com", timeout=5, allow_insecure_host=False)
    MCPStore(lambda: "phx_key", http_client=httpx.AsyncClient())
    MCPStore(key).with_options(project_id="@current", timeout=1.5, headers={"X-Trace": "a"}, on_response=told)
    MCPStore(key).with_options(on_connection_error=failed)
    MCPStore(key).with_options(on_connection_error=told)  # type: ignore[arg-type]
    MCPStore(
        max_retries=0, max_concurrency=8, api_prefix="projects", rate_limiter=LocalRateLimiter(), transport="aiohttp"
    )
    MCPStore(rate_limiter=LocalRateLimiter())
    MCPStore(rate_limiter=Pacer()).with_options(deadline=2, max_retries=5)
    MCPStore(api_prefix="teams")  # type: ignore[arg-type]
    MCPStore(b"phx_key")  # type: ignore[arg-type]


async def installations(store: MCPStore, id: UUID) -> None:
    async for installation in store.installations.list(limit=10):
        assert_type(installation, Installation)
    assert_type(await store.installations.list(), Page[Installation])
    assert_type(await store.installations.list().collect(), list[Installation])
    async for page in store.installations.list().pages():
        assert_type(await page.next(), Page[Installation] | None)

    assert_type(await store.installations.retrieve(str(id)), Installation)
    assert_type(await store.installations.update(id, is_enabled=True), Installation)
    await store.installations.update(id, display_name=None)  # type: ignore[arg-type]


async def installing(store: MCPStore) -> None:
    assert_type(
        await store.installations.install_custom(name="a", url="https://a.example", auth_type="api_key", api_key="k"),
        Installation,
    )
    assert_type(
        await store.installations.install_custom(name="a", url="https://a.example", auth_type="oauth"),
        AuthorizationRedirect,
    )
    await store.installations.install_custom(name="a", url="", auth_type="none")  # type: ignore[call-overload]
    await store.installations.authorize(UUID(int=0), install_source="twig")  # type: ignore[arg-type]


async def from_the_catalogue(store: MCPStore, installation: Installation) -> None:
    templates = await store.templates.list()
    assert_type(templates, list[Template])
    installed = await store.installations.install_template(templates[0], api_key="k", scope="shared")
    assert_type(installed, Installation | AuthorizationRedirect)
    assert_type(await store.installations.authorize(installation), AuthorizationRedirect)
    assert_type(await store.installations.authorize(template_id=templates[0]), AuthorizationRedirect)
    assert_type(await store.installations.share(installation), Installation)
    await store.installations.install_template(templates[0], scope="everybody")  # type: ignore[arg-type]


async def tools(store: MCPStore, installation: Installation) -> None:
    assert_type(await store.installations.tools(installation), list[Tool])
    assert_type(await store.installations.refresh_tools(installation.id), list[Tool])
    assert_type(await store.installations.update_tool(installation, "add", approval_state="approved"), Tool)
    await store.installations.update_tool(installation, "add", approval_state="allowed")  # type: ignore[arg-type]
    result = await store.installations.call_tool(installation, "add", {"a": 1})
    assert_type(result, ToolResult)
    assert_type(result.structured_content, dict[str, Any] | None)
    servers = await store.installations.available_tools()
    assert_type(servers, list[ServerTools])
    assert_type(servers[0].tools, list[AvailableTool])


def coming_back(url: str, redirect: AuthorizationRedirect) -> None:
    callback = OAuthCallback.parse(url)
    assert_type(callback.status, Literal["success", "error"])
    assert_type(callback.error, str | None)
    assert_type(open_in_browser(redirect), bool)


async def waiting(store: MCPStore, redirect: AuthorizationRedirect) -> None:
    def show(progress: AuthorizationProgress) -> None:
        assert_type(progress.installation, Installation)
        assert_type(progress.remaining, float)

    assert_type(await store.installations.wait_until_authorized(redirect, timeout=1, on_progress=show), Installation)
    assert_type(AuthorizationRedirect.from_json(redirect.to_json()), AuthorizationRedirect)
    assert_type(redirect.expires_at, datetime | None)


async def proxying(store: MCPStore, id: UUID) -> None:
    reply = await store.installations.proxy(id, {"jsonrpc": "2.0", "id": 1, "method": "ping"}, session_id="s")
    assert_type(reply, ProxyReply)
    assert_type(reply.messages, list[dict[str, Any]])
    assert_type(reply.result(), Any)
    async with store.installations.proxy(id, [{"jsonrpc": "2.0", "method": "notifications/initialized"}]) as stream:
        assert_type(stream, ProxyStream)
        assert_type([message async for message in stream], list[dict[str, Any]])
        assert_type(stream.session_id, str | None)
    assert_type(await asyncio.create_task(store.installations.proxy(id, {})), ProxyReply)


async def calling_tools(store: MCPStore) -> None:
    async with store.installations.connect_all(concurrency=2, max_text_length=1000) as toolbox:
        assert_type(toolbox, Toolbox)
        assert_type(toolbox.tools, list[InstallationTool])
        assert_type(toolbox["add"].input_schema, dict[str, Any])
        assert_type(await toolbox["add"].call({"a": 1}), ToolResult)
        assert_type(await toolbox["add"].run(a=1), str)
        assert_type(toolbox["add"].run_sync(a=1), str)
        assert_type(toolbox.failures[0].error, MCPStoreError)


def fields(installation: Installation, error: APIStatusError) -> None:
    assert_type(installation.id, UUID)
    assert_type(installation.display_name, str)
    assert_type(installation.is_enabled, bool)
    assert_type(installation.server_id, UUID | None)
    assert_type(installation.updated_at, datetime | None)
    assert_type(installation.additional_properties, dict[str, Any])
    assert_type(error.retry_after, float | None)
    if isinstance(error, PermissionDeniedError):
        assert_type(error.required_scope, str | None)
    assert not isinstance(installation.display_name, Unset)
