"""Starting OAuth flows: what is sent to services of spring and autumn 2026, and which installation a flow is for."""

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from posthog_mcp_store import (
    UNSET,
    AuthorizationRedirect,
    BadRequestError,
    ConfigurationError,
    Installation,
    MCPStore,
    PermissionDeniedError,
    Template,
)

from ..support.wire import ID, SERVER_ID, Wire, installation, page

Faked = Callable[..., MCPStore]

TEMPLATE_ID = "0195f3a0-1111-7000-8000-000000000001"
OTHER_ID = "0195f3a0-0000-7000-8000-000000000002"
SAFE = "https://auth.example.com/authorize?client_id=c&response_type=code&state=s"
STARTED = httpx.Response(200, json={"redirect_url": SAFE})
NEEDS_SERVER_ID = httpx.Response(
    400,
    json={"type": "validation_error", "code": "required", "detail": "This field is required.", "attr": "server_id"},
)
TEMPLATE = {
    "id": TEMPLATE_ID,
    "name": "Linear",
    "url": "https://mcp.linear.app/mcp",
    "docs_url": "",
    "description": "",
    "auth_type": "oauth",
    "icon_key": "linear",
    "icon_domain": "linear.app",
    "category": "dev",
}


def query(request: httpx.Request) -> dict[str, str]:
    return dict(request.url.params)


@pytest.mark.parametrize("id", [ID, UUID(ID)])
async def test_an_id_is_sent_alone_and_answered_with_json(wire: Wire, faked: Faked, id: UUID | str) -> None:
    wire.answers(STARTED)

    redirect = await faked().installations.authorize(id)

    assert query(wire.request) == {"installation_id": ID, "install_source": "posthog-code"}
    assert (redirect.url, redirect.installation_id) == (SAFE, UUID(ID))


async def test_an_installation_is_sent_in_one_request_that_every_service_understands(wire: Wire, faked: Faked) -> None:
    old = Installation.from_dict(installation(auth_type="oauth", server_id=SERVER_ID))
    new = Installation.from_dict({**installation(auth_type="oauth"), "template_id": TEMPLATE_ID})
    wire.answers(STARTED)

    for row in (old, new):
        assert (await faked().installations.authorize(row)).installation_id == row.id

    assert [query(request) for request in wire.requests] == [
        {"installation_id": ID, "server_id": SERVER_ID, "install_source": "posthog-code"},
        {"installation_id": ID, "install_source": "posthog-code"},
    ]


async def test_an_old_service_that_asks_for_the_server_id_gets_it_from_the_row(wire: Wire, faked: Faked) -> None:
    row = installation(auth_type="oauth", server_id=SERVER_ID)
    wire.answers(NEEDS_SERVER_ID, httpx.Response(200, json=row), httpx.Response(302, headers={"Location": SAFE}))

    redirect = await faked().installations.authorize(ID)

    assert redirect.url == SAFE
    assert [request.url.path.split("/")[-2] for request in wire.requests] == ["authorize", ID, "authorize"]
    assert query(wire.requests[2])["server_id"] == SERVER_ID


async def test_an_old_installation_without_oauth_is_refused_as_the_service_does(wire: Wire, faked: Faked) -> None:
    wire.answers(NEEDS_SERVER_ID, httpx.Response(200, json=installation(server_id=None)))

    with pytest.raises(BadRequestError) as caught:
        await faked().installations.authorize(ID)

    assert caught.value.attr == "server_id"
    assert "others do not use OAuth" in str(caught.value)
    assert len(wire.requests) == 2


async def test_other_refusals_of_an_id_are_final(wire: Wire, faked: Faked) -> None:
    wire.answers(httpx.Response(400, json={"detail": "Installation is missing OAuth state — reinstall the server"}))

    with pytest.raises(BadRequestError, match="reinstall the server"):
        await faked().installations.authorize(ID)

    assert len(wire.requests) == 1


@pytest.mark.parametrize("template", [TEMPLATE_ID, UUID(TEMPLATE_ID), Template.from_dict(TEMPLATE)])
async def test_a_template_is_started_by_its_id(wire: Wire, faked: Faked, template: Any) -> None:
    wire.answers(STARTED)

    redirect = await faked().installations.authorize(template_id=template, return_path="/project/1")

    assert query(wire.request) == {
        "template_id": TEMPLATE_ID,
        "install_source": "posthog-code",
        "return_path": "/project/1",
    }
    assert redirect.template_id == UUID(TEMPLATE_ID)


async def test_the_source_and_the_callback_are_the_callers(wire: Wire, faked: Faked) -> None:
    wire.answers(httpx.Response(302, headers={"Location": SAFE}))

    await faked().installations.authorize(server_id=SERVER_ID, install_source="posthog")
    await faked().installations.authorize(ID, posthog_code_callback_url="posthog-code://done")

    assert [query(request) for request in wire.requests] == [
        {"server_id": SERVER_ID, "install_source": "posthog"},
        {
            "installation_id": ID,
            "install_source": "posthog-code",
            "posthog_code_callback_url": "posthog-code://done",
        },
    ]


async def test_a_service_that_no_longer_knows_server_ids_says_what_to_pass(wire: Wire, faked: Faked) -> None:
    detail = "Pass exactly one of template_id or installation_id"
    wire.answers(
        httpx.Response(400, json={"type": "validation_error", "code": "invalid_input", "detail": detail, "attr": None})
    )

    with pytest.raises(BadRequestError, match="pass the installation or its id"):
        await faked().installations.authorize(server_id=SERVER_ID)


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"installation": ID, "template_id": TEMPLATE_ID},
        {"installation": ID, "server_id": SERVER_ID},
        {"template_id": TEMPLATE_ID, "server_id": SERVER_ID},
        {"installation": ID, "template_id": TEMPLATE_ID, "server_id": SERVER_ID},
        {"installation": UNSET},
    ],
)
async def test_exactly_one_of_the_alternatives_is_taken(wire: Wire, faked: Faked, arguments: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="pass exactly one of installation, template_id and server_id"):
        await faked().installations.authorize(**arguments)

    assert wire.requests == []


@pytest.mark.parametrize("name", ["installation", "template_id", "server_id"])
@pytest.mark.parametrize("value", [None, 7, "../x", b"x"])
async def test_what_is_no_id_is_refused_before_sending(wire: Wire, faked: Faked, name: str, value: Any) -> None:
    with pytest.raises(ConfigurationError, match=name):
        await faked().installations.authorize(**{name: value})

    assert wire.requests == []


@pytest.mark.parametrize("option", ["install_source", "posthog_code_callback_url", "return_path"])
async def test_an_option_that_is_none_is_refused_before_sending(wire: Wire, faked: Faked, option: str) -> None:
    options: dict[str, Any] = {option: None}
    with pytest.raises(ConfigurationError, match=f"{option} can't be None"):
        await faked().installations.authorize(ID, **options)

    assert wire.requests == []


async def test_install_template_sends_what_is_given_and_nothing_else(wire: Wire, faked: Faked) -> None:
    wire.answers(STARTED)

    redirect = await faked().installations.install_template(TEMPLATE_ID)
    await faked().installations.install_template(
        Template.from_dict(TEMPLATE),
        api_key="key",
        scope="shared",
        team_enabled=False,
        agent_scope="team",
        install_source="posthog-code",
        posthog_code_callback_url="array://done",
        return_path="/home",
    )

    assert isinstance(redirect, AuthorizationRedirect)
    assert (redirect.template_id, redirect.scope) == (UUID(TEMPLATE_ID), "personal")
    assert [request.read().decode() for request in wire.requests] == [
        f'{{"template_id":"{TEMPLATE_ID}"}}',
        (
            f'{{"template_id":"{TEMPLATE_ID}","api_key":"key","install_source":"posthog-code",'
            '"posthog_code_callback_url":"array://done","scope":"shared","team_enabled":false,"agent_scope":"team",'
            '"return_path":"/home"}'
        ),
    ]


async def test_install_template_returns_the_installation_of_an_api_key(wire: Wire, faked: Faked) -> None:
    wire.answers(httpx.Response(201, json={**installation(), "template_id": TEMPLATE_ID}))

    made = await faked().installations.install_template(TEMPLATE_ID, api_key="key")

    assert isinstance(made, Installation)
    assert made.template_id == UUID(TEMPLATE_ID)


async def test_install_custom_sends_the_new_fields_where_they_are_set(wire: Wire, faked: Faked) -> None:
    wire.answers(STARTED)

    redirect = await faked().installations.install_custom(
        name="a",
        url="https://mcp.custom.com",
        auth_type="oauth",
        client_id="own",
        client_secret="hush",
        scope="shared",
        team_enabled=True,
        agent_scope="personal",
        return_path="/home",
    )

    assert wire.sent_json == {
        "name": "a",
        "url": "https://mcp.custom.com",
        "auth_type": "oauth",
        "client_id": "own",
        "client_secret": "hush",
        "scope": "shared",
        "team_enabled": True,
        "agent_scope": "personal",
        "return_path": "/home",
    }
    assert (redirect.server_url, redirect.scope) == ("https://mcp.custom.com", "shared")


@pytest.mark.parametrize(
    ("field", "value"),
    [("scope", "public"), ("scope", None), ("agent_scope", "all"), ("agent_scope", None), ("team_enabled", None)],
)
async def test_a_value_that_the_service_does_not_have_is_refused_before_sending(
    wire: Wire, faked: Faked, field: str, value: Any
) -> None:
    installations: Any = faked().installations
    with pytest.raises(ConfigurationError, match=field):
        await installations.install_template(TEMPLATE_ID, **{field: value})
    with pytest.raises(ConfigurationError, match=field):
        await installations.install_custom(name="a", url="https://a.b", auth_type="oauth", **{field: value})

    assert wire.requests == []


@pytest.mark.parametrize(
    "detail",
    [
        "Only project admins can create shared MCP servers.",
        "Custom MCP servers are limited to project admins in this project.",
        "This server is disabled for your team.",
        "Only project admins can set team availability.",
        "Only project admins can share servers with agents in this project.",
    ],
)
async def test_what_the_project_forbids_is_no_missing_scope(wire: Wire, faked: Faked, detail: str) -> None:
    body = {"type": "authentication_error", "code": "permission_denied", "detail": detail, "attr": None}
    wire.answers(httpx.Response(403, json=body))

    with pytest.raises(PermissionDeniedError) as caught:
        await faked().installations.install_template(TEMPLATE_ID)

    assert detail in str(caught.value)
    assert caught.value.required_scope is None


def shared(**changes: object) -> dict[str, Any]:
    return {**installation(id=OTHER_ID, auth_type="oauth"), "scope": "shared", "is_owner": False, **changes}


def own(**changes: object) -> dict[str, Any]:
    return {**installation(auth_type="oauth"), "scope": "personal", "is_owner": True, **changes}


@pytest.mark.parametrize(
    ("rows", "arguments", "found"),
    [
        ([shared(), own()], {}, ID),
        ([shared(is_owner=True), own()], {}, ID),
        ([own(), shared(is_owner=True)], {"scope": "shared"}, OTHER_ID),
        ([shared(), shared(is_owner=True, id=ID)], {"scope": "shared"}, ID),
    ],
)
async def test_the_wait_after_an_install_is_for_the_own_row_of_that_scope(
    wire: Wire, faked: Faked, rows: list[dict[str, Any]], arguments: dict[str, Any], found: str
) -> None:
    fresh = {"created_at": "2999-01-01T00:00:00Z", "updated_at": "2999-01-01T00:00:00Z"}
    wire.answers(STARTED, httpx.Response(200, json=page(*({**row, **fresh} for row in rows))))
    installations = faked().installations
    redirect = await installations.install_custom(
        name="a", url="https://mcp.custom.com", auth_type="oauth", **arguments
    )

    restored = AuthorizationRedirect.from_json(redirect.to_json())

    assert restored == redirect
    assert str((await installations.wait_until_authorized(restored, timeout=5)).id) == found


async def test_the_wait_after_a_template_is_for_its_own_row(wire: Wire, faked: Faked) -> None:
    fresh = {"template_id": TEMPLATE_ID, "created_at": "2999-01-01T00:00:00Z"}
    wire.answers(
        STARTED, httpx.Response(200, json=page(shared(id=SERVER_ID, **fresh), own(), own(id=OTHER_ID, **fresh)))
    )
    installations = faked().installations
    redirect = await installations.authorize(template_id=TEMPLATE_ID)

    assert str((await installations.wait_until_authorized(redirect, timeout=5)).id) == OTHER_ID


def test_a_redirect_of_an_earlier_version_is_read() -> None:
    fields = {"url": SAFE, "server_url": "https://a.example.com", "server_id": None}
    text = json.dumps({**fields, "requested_at": None, "issued_at": None})

    redirect = AuthorizationRedirect.from_json(text)

    assert (redirect.installation_id, redirect.template_id, redirect.scope) == (None, None, "personal")


@pytest.mark.parametrize("field", ["installation_id", "template_id", "server_id"])
def test_the_ids_of_a_redirect_may_be_text(field: str) -> None:
    ids: dict[str, Any] = {field: TEMPLATE_ID}
    assert getattr(AuthorizationRedirect(SAFE, **ids), field) == UUID(TEMPLATE_ID)
    with pytest.raises(ConfigurationError, match="the id of a redirect must be a UUID"):
        AuthorizationRedirect(SAFE, **ids | {field: "x"})


def test_the_scope_of_a_redirect_is_text() -> None:
    scope: Any = 5
    with pytest.raises(ConfigurationError, match="scope must be text"):
        AuthorizationRedirect(SAFE, scope=scope)


async def test_on_an_old_instance_the_wait_is_for_the_row_that_the_service_chooses(wire: Wire, faked: Faked) -> None:
    first = installation(auth_type="oauth", server_id=SERVER_ID, updated_at="2999-01-01T00:00:00Z")
    second = installation(id=OTHER_ID, auth_type="oauth", server_id=SERVER_ID)
    wire.answers(httpx.Response(302, headers={"Location": SAFE}), httpx.Response(200, json=page(second, first)))
    installations = faked().installations
    redirect = await installations.authorize(Installation.from_dict(second))

    assert str((await installations.wait_until_authorized(redirect, timeout=5)).id) == ID


async def test_after_an_upgrade_a_stored_row_is_found_by_its_id(wire: Wire, faked: Faked) -> None:
    stored = Installation.from_dict(installation(auth_type="oauth", server_id=SERVER_ID))
    wire.answers(STARTED, httpx.Response(200, json=page(own(updated_at="2999-01-01T00:00:00Z"))))
    installations = faked().installations
    redirect = await installations.authorize(stored)

    assert str((await installations.wait_until_authorized(redirect, timeout=5)).id) == ID


async def test_an_installation_that_was_shared_meanwhile_is_found(wire: Wire, faked: Faked) -> None:
    row = shared(is_owner=True, created_at="2999-01-01T00:00:00Z")
    wire.answers(STARTED, httpx.Response(200, json=page(row)))
    installations = faked().installations
    redirect = await installations.install_custom(name="a", url="https://mcp.custom.com", auth_type="oauth")

    assert str((await installations.wait_until_authorized(redirect, timeout=5)).id) == OTHER_ID


async def test_sharing_is_not_taken_for_the_end_of_a_flow(wire: Wire, faked: Faked) -> None:
    rows = [
        own(),
        own(scope="shared", updated_at="2026-09-18T00:00:00Z"),
        own(scope="shared", updated_at="2026-09-19T00:00:00Z"),
    ]
    wire.answers(STARTED, *(httpx.Response(200, json=row) for row in rows))
    installations = faked().installations
    redirect = await installations.authorize(ID)

    done = await installations.wait_until_authorized(redirect, timeout=20)

    assert done.updated_at == datetime(2026, 9, 19, tzinfo=UTC)


async def test_a_row_that_starting_the_flow_has_saved_is_not_authorized_yet(wire: Wire, faked: Faked) -> None:
    saved = datetime.now(UTC) + timedelta(seconds=0.5)
    done_at = saved + timedelta(minutes=1)
    before = own(template_id=TEMPLATE_ID, updated_at=saved.isoformat())
    wire.answers(
        STARTED,
        httpx.Response(200, json=page(before)),
        httpx.Response(200, json={**before, "updated_at": done_at.isoformat()}),
    )
    installations = faked().installations
    redirect = await installations.install_template(TEMPLATE_ID)
    assert isinstance(redirect, AuthorizationRedirect)

    assert (await installations.wait_until_authorized(redirect, timeout=20)).updated_at == done_at


@pytest.mark.parametrize(
    ("path", "is_fine"),
    [
        ("/", True),
        ("/project/1/settings?tab=mcp:servers", True),
        ("/a#b", True),
        ("//evil.example.com", False),
        ("https://evil.example.com", False),
        ("/a:b", False),
        ("/a b", False),
        ("/\\evil.example.com", False),
        ("", False),
        ("a", False),
        (5, False),
        (b"/x", False),
    ],
)
async def test_a_return_path_that_the_service_would_ignore_is_refused(
    wire: Wire, faked: Faked, path: Any, is_fine: bool
) -> None:
    wire.answers(STARTED)
    calls: list[Callable[[], Awaitable[object]]] = [
        lambda: faked().installations.authorize(ID, return_path=path),
        lambda: faked().installations.install_template(TEMPLATE_ID, return_path=path),
        lambda: faked().installations.install_custom(name="a", url="https://a.b", auth_type="oauth", return_path=path),
    ]

    for call in calls:
        if is_fine:
            await call()
        else:
            with pytest.raises(ConfigurationError, match="return_path must be a path such as"):
                await call()

    assert len(wire.requests) == (3 if is_fine else 0)


@pytest.mark.parametrize("name", ["api_key", "client_secret"])
@pytest.mark.parametrize("value", [123, b"key", ["key"]])
async def test_a_secret_that_is_no_text_is_refused(wire: Wire, faked: Faked, name: str, value: Any) -> None:
    with pytest.raises(ConfigurationError, match=f"{name} must be text"):
        await faked().installations.install_custom(name="a", url="https://a.b", auth_type="oauth", **{name: value})

    assert wire.requests == []


async def test_the_wait_after_authorize_asks_for_that_installation_alone(wire: Wire, faked: Faked) -> None:
    wire.answers(STARTED, httpx.Response(200, json=own(updated_at="2999-01-01T00:00:00Z")))
    installations = faked().installations
    redirect = await installations.authorize(ID)

    assert str((await installations.wait_until_authorized(redirect, timeout=5)).id) == ID
    assert wire.requests[1].url.path.endswith(f"/{ID}/")
