"""Each operation, over real HTTP against the embedded service."""

from datetime import UTC
from uuid import UUID, uuid4

import pytest

from posthog_mcp_store import (
    AlreadyInstalledError,
    AuthorizationRedirect,
    Installation,
    InstallationDisabledError,
    MCPStore,
    MethodNotAllowedError,
    NotFoundError,
    PermissionDeniedError,
    ReauthenticationRequiredError,
    UpstreamError,
    ValidationError,
)
from posthog_mcp_store.testing import EmbeddedService
from posthog_mcp_store.testing._model.records import ServiceVersion

CALL_ADD = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "add", "arguments": {"a": 2, "b": 3}}}


async def test_an_installation_with_a_key_is_installed_and_read_back(store: MCPStore, service: EmbeddedService) -> None:
    service.sync_tools_after_install = False
    installed = await store.installations.install_custom(
        name="Orders",
        url="https://mcp.example.com/mcp",
        auth_type="api_key",
        api_key="secret",
        description="Our orders",
    )

    assert isinstance(installed, Installation)
    assert (installed.name, installed.description, installed.auth_type) == ("Orders", "Our orders", "api_key")
    assert installed.server_id is None
    assert installed.created_at.tzinfo == UTC
    assert await store.installations.retrieve(installed.id) == installed
    assert service.installations[0].api_key == "secret"


async def test_an_installation_with_oauth_gives_the_page_to_send_the_user_to(store: MCPStore) -> None:
    redirect = await store.installations.install_custom(
        name="Calendar", url="https://calendar.example.com/mcp", auth_type="oauth"
    )

    assert isinstance(redirect, AuthorizationRedirect)
    assert redirect.server_url == "https://calendar.example.com/mcp"
    assert redirect.state
    assert f"state={redirect.state}" in redirect.url
    (waiting,) = await store.installations.list()
    assert waiting.pending_oauth


async def test_installing_the_same_url_twice_names_it(store: MCPStore) -> None:
    async def install() -> Installation:
        return await store.installations.install_custom(
            name="Orders", url="https://me:pass@mcp.example.com/mcp?token=secret", auth_type="api_key", api_key="secret"
        )

    installed = await install()

    with pytest.raises(
        AlreadyInstalledError, match=r"already installed\. Find it by its url \(https://mcp\.example\.com/mcp\) in "
    ) as refused:
        await install()
    assert "secret" not in str(refused.value)
    assert "pass" not in str(refused.value)
    assert [row.id for row in await store.installations.list() if row.url == installed.url] == [installed.id]


async def test_a_refused_field_is_named(store: MCPStore) -> None:
    with pytest.raises(ValidationError) as refused:
        await store.installations.install_custom(name="x" * 201, url="https://a.example.com", auth_type="api_key")

    assert (refused.value.attr, refused.value.code) == ("name", "max_length")


async def test_an_installation_is_found_by_the_text_of_its_id_too(store: MCPStore, service: EmbeddedService) -> None:
    row = service.add_installation()

    assert (await store.installations.retrieve(str(row.id))).id == row.id


async def test_fields_left_out_of_an_update_stay_as_they_are(store: MCPStore, service: EmbeddedService) -> None:
    row = service.add_installation(display_name="Orders", description="Our orders")

    updated = await store.installations.update(row.id, is_enabled=False)

    assert (updated.is_enabled, updated.display_name, updated.description) == (False, "Orders", "Our orders")
    assert service.requests[-1].json() == {"is_enabled": False}


async def test_an_empty_update_is_fine(store: MCPStore, service: EmbeddedService) -> None:
    row = service.add_installation(display_name="Orders")

    assert (await store.installations.update(row.id)).display_name == "Orders"


async def test_a_deleted_installation_is_gone(store: MCPStore, service: EmbeddedService) -> None:
    row = service.add_installation()

    await store.installations.delete(row.id)

    assert service.installations == []
    with pytest.raises(NotFoundError):
        await store.installations.delete(row.id)


async def test_create_on_the_hosted_service_points_to_install_custom(store: MCPStore) -> None:
    with pytest.raises(MethodNotAllowedError, match=r"use install_custom\(\)"):
        await store.installations.create(url="https://mcp.example.com/mcp")


async def test_create_without_the_scope_names_the_scope(reader: MCPStore) -> None:
    with pytest.raises(PermissionDeniedError) as refused:
        await reader.installations.create(url="https://mcp.example.com/mcp")

    assert refused.value.required_scope == "project:write"


async def test_create_works_where_the_service_has_it() -> None:
    service = EmbeddedService(create_works=True, version="2026-04")
    server = service.add_oauth_server()
    with service.serve() as host:
        async with MCPStore(service.api_key, host=host) as store:
            created = await store.installations.create(
                url="https://mcp.example.com/mcp",
                display_name="Orders",
                description="Our orders",
                auth_type="oauth",
                is_enabled=False,
                server_id=str(server.id),
            )

    assert (created.display_name, created.description, created.is_enabled) == ("Orders", "Our orders", False)
    assert created.server_id == server.id


async def test_an_old_instance_authorizes_a_server_again_by_its_server_id(
    old_store: MCPStore, old_service: EmbeddedService
) -> None:
    row = old_service.add_installation(auth_type="oauth", needs_reauth=True)
    assert row.server is not None

    redirect = await old_store.installations.authorize(server_id=row.server.id)

    assert redirect.url.startswith(row.server.authorization_endpoint)
    assert redirect.server_id == row.server.id


async def test_an_unknown_server_id_is_not_found_on_an_old_instance(old_store: MCPStore) -> None:
    with pytest.raises(NotFoundError, match="Server not found"):
        await old_store.installations.authorize(server_id=uuid4())


@pytest.mark.parametrize("version", ["2026-04", "2026-09"])
@pytest.mark.parametrize("by_id", [True, False])
async def test_every_instance_authorizes_an_installation_again(version: ServiceVersion, by_id: bool) -> None:
    service = EmbeddedService(version=version)
    row = service.add_installation(auth_type="oauth", needs_reauth=True)
    assert row.server is not None

    with service.serve() as host:
        async with MCPStore(service.api_key, host=host) as store:
            installation = await store.installations.retrieve(row.id)
            redirect = await store.installations.authorize(installation.id if by_id else installation)

    assert redirect.url.startswith(row.server.authorization_endpoint)
    paths = [request.path.split("/")[-2] for request in service.requests[1:]]
    needs_row = by_id and version == "2026-04"
    assert paths == (["authorize", str(row.id), "authorize"] if needs_row else ["authorize"])


async def test_a_tool_of_a_real_mcp_server_is_called_through_the_proxy(
    store: MCPStore, service: EmbeddedService, tools_url: str
) -> None:
    row = service.add_installation(url="https://tools.example.com/mcp")
    service.add_mcp_server("https://tools.example.com/mcp", tools_url)

    reply = await store.installations.proxy(row.id, CALL_ADD)

    assert reply.result()["content"][0]["text"] == "5"
    assert reply.messages[0]["id"] == 1


async def test_a_notification_is_accepted_without_a_response(
    store: MCPStore, service: EmbeddedService, tools_url: str
) -> None:
    row = service.add_installation(url="https://tools.example.com/mcp")
    service.add_mcp_server("https://tools.example.com/mcp", tools_url)

    reply = await store.installations.proxy(row.id, {"jsonrpc": "2.0", "method": "notifications/initialized"})

    assert reply.messages == []


async def test_the_proxys_own_refusals_are_distinguished_from_those_of_the_api_key(
    store: MCPStore, service: EmbeddedService
) -> None:
    disabled = service.add_installation(is_enabled=False)
    dead = service.add_installation(auth_type="oauth", needs_reauth=True)
    unreachable = service.add_installation()

    with pytest.raises(InstallationDisabledError):
        await store.installations.proxy(disabled.id, CALL_ADD)
    with pytest.raises(ReauthenticationRequiredError, match="needs re-authentication"):
        await store.installations.proxy(dead.id, CALL_ADD)
    with pytest.raises(UpstreamError, match="unreachable"):
        await store.installations.proxy(unreachable.id, CALL_ADD)
    with pytest.raises(NotFoundError):
        await store.installations.proxy(uuid4(), CALL_ADD)


async def test_installations_of_other_users_do_not_exist(store: MCPStore, service: EmbeddedService) -> None:
    row = service.add_installation(user="bob")

    assert await store.installations.list().collect() == []
    with pytest.raises(NotFoundError):
        await store.installations.retrieve(row.id)


async def test_a_view_on_another_project_sees_that_projects_rows(store: MCPStore, service: EmbeddedService) -> None:
    other = service.add_project()
    row = service.add_installation(project_id=other)

    assert await store.installations.list().collect() == []
    view = store.with_options(project_id=other)
    assert [each.id for each in await view.installations.list().collect()] == [UUID(str(row.id))]
