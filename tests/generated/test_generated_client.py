"""Defects that scripts/generator/templates/ corrects, and whether each correction is still needed.

Every cure has two tests: one of `posthog_mcp_store.lowlevel`, and one named `test_stock_...` of what the generator
writes without our templates. A stock test that fails means: cured upstream, drop our override.
"""

import ast
import copy
import importlib
import importlib.util
import json
import pickle
import subprocess
import sys
import typing
import weakref
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any
from uuid import UUID, SafeUUID

import attrs
import httpx
import pytest

from posthog_mcp_store import lowlevel
from posthog_mcp_store.lowlevel import AuthenticatedClient, Client, models
from posthog_mcp_store.lowlevel.api.mcp_store import (
    mcp_server_installations_authorize_retrieve,
    mcp_server_installations_destroy,
    mcp_server_installations_install_custom_create,
    mcp_server_installations_list,
    mcp_server_installations_proxy_create,
    mcp_server_installations_retrieve,
)
from posthog_mcp_store.lowlevel.errors import InvalidBodyError, UnexpectedStatus
from posthog_mcp_store.lowlevel.models import (
    ErrorResponse,
    InstallCustom,
    InstallCustomAuthTypeEnum,
    InstallTemplate,
    JSONRPCMessage,
    Installation,
    MCPServerInstallationAuthTypeEnum,
    PaginatedMCPServerInstallationList,
)
from posthog_mcp_store.lowlevel.types import UNSET, Request, decode_uuid

from ..support.document import DOCUMENT, DOCUMENT_PATH
from ..support.wire import installation as row

OPERATIONS = [
    operation["operationId"]
    for path in DOCUMENT["paths"].values()
    for operation in path.values()
    if isinstance(operation, dict)
]
GENERATED = Path(str(lowlevel.__file__)).parent
HOST = "https://us.posthog.com"
ID = UUID("0195f3a0-0000-7000-8000-000000000001")
ROW = row()


def row_without(*names: str) -> dict[str, Any]:
    return {name: value for name, value in ROW.items() if name not in names}


class Service:
    """Sends one response to every request, and keeps the requests."""

    def __init__(self, status: int = 200, **answer: Any) -> None:
        self.requests: list[httpx.Request] = []
        self._status, self._answer = status, answer
        self.pool = httpx.AsyncClient(base_url=HOST, transport=httpx.MockTransport(self._respond), timeout=77)

    def _respond(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return httpx.Response(self._status, **self._answer)

    def client(self, **settings: Any) -> AuthenticatedClient:
        return AuthenticatedClient(base_url=HOST, token="phx_secret", **settings).set_async_httpx_client(self.pool)

    def stock_client(self, stock: ModuleType, **settings: Any) -> Any:
        return stock.AuthenticatedClient(base_url=HOST, token="phx_secret", **settings).set_async_httpx_client(
            self.pool
        )


@pytest.fixture(scope="session")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """The client that the pinned generator writes without our templates and configuration."""
    name = "client_of_the_unmodified_generator"
    package = tmp_path_factory.mktemp("stock") / name
    command = [sys.executable, "-m", "openapi_python_client", "generate", "--meta", "none", "--path"]
    subprocess.run([*command, DOCUMENT_PATH, "--output-path", package], check=True, capture_output=True)
    spec = importlib.util.spec_from_file_location(name, package / "__init__.py")
    assert spec is not None
    assert spec.loader is not None
    sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules[name])
    yield sys.modules[name]
    for module in [module for module in sys.modules if module.partition(".")[0] == name]:
        del sys.modules[module]


def part(package: ModuleType, name: str) -> Any:
    """A module below the package; operations by their operationId."""
    home = f"{package.__name__}.api.mcp_store" if name in OPERATIONS else package.__name__
    return importlib.import_module(f"{home}.{name}")


LIST = "mcp_server_installations_list"
RETRIEVE = "mcp_server_installations_retrieve"
DESTROY = "mcp_server_installations_destroy"


# The package as a whole.


def test_every_operation_of_the_document_has_a_module_and_nothing_else_does() -> None:
    modules = [path.stem for path in (GENERATED / "api").glob("*/*.py") if path.stem != "__init__"]
    assert sorted(modules) == sorted(OPERATIONS)
    for operation in OPERATIONS:
        module = part(lowlevel, operation)
        assert all(callable(getattr(module, name)) for name in ("build_request", "parse_response", "asyncio"))


@pytest.mark.parametrize("file", sorted(GENERATED.rglob("*.py")), ids=lambda file: str(file.relative_to(GENERATED)))
def test_a_module_imports_itself_relatively_and_otherwise_only_the_standard_library_attrs_and_httpx(file: Path) -> None:
    depth = len(file.relative_to(GENERATED).parts)
    allowed = {*sys.stdlib_module_names, "attrs"} | ({"httpx"} if file == GENERATED / "client.py" else set())
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            assert {alias.name.partition(".")[0] for alias in node.names} <= allowed
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            assert str(node.module).partition(".")[0] in allowed
        elif isinstance(node, ast.ImportFrom):
            assert node.level <= depth, "leaves the package"


def test_stock_endpoints_all_import_the_http_library(stock: ModuleType) -> None:
    assert all(part(stock, operation).httpx is httpx for operation in OPERATIONS)


def test_the_package_says_that_it_is_typed() -> None:
    assert (GENERATED / "py.typed").read_bytes() == b""


def test_stock_package_does_not_say_that_it_is_typed(stock: ModuleType) -> None:
    assert not Path(str(stock.__file__)).with_name("py.typed").exists()


def test_the_package_says_what_it_was_generated_from() -> None:
    assert "openapi.yaml" in str(lowlevel.__doc__)
    assert DOCUMENT["info"]["version"] == lowlevel.DOCUMENT_VERSION


def test_stock_package_does_not_say_what_it_was_generated_from(stock: ModuleType) -> None:
    assert "openapi.yaml" not in str(stock.__doc__)
    assert not hasattr(stock, "DOCUMENT_VERSION")


# client.py.jinja


async def test_a_separate_timeout_leaves_the_pool_and_the_original_client_alone() -> None:
    service = Service(json=ROW)
    client = service.client(timeout=httpx.Timeout(5))
    patient = client.with_timeout(httpx.Timeout(180))
    await mcp_server_installations_retrieve.asyncio("1", ID, client=patient)
    await mcp_server_installations_retrieve.asyncio("1", ID, client=client)
    assert [request.extensions["timeout"]["read"] for request in service.requests] == [180, 5]
    assert patient.get_async_httpx_client() is client.get_async_httpx_client() is service.pool
    assert service.pool.timeout == httpx.Timeout(77)


async def test_separate_headers_and_cookies_leave_the_pool_and_the_original_client_alone() -> None:
    service = Service(json=ROW)
    client = service.client(headers={"X-Both": "1"}, cookies={"both": "1"})
    derived = client.with_headers({"X-Own": "2"}).with_cookies({"own": "2"})
    await mcp_server_installations_retrieve.asyncio("1", ID, client=derived)
    await mcp_server_installations_retrieve.asyncio("1", ID, client=client)
    own, first = (request.headers for request in service.requests)
    assert (own["X-Both"], own["X-Own"], own["Cookie"]) == ("1", "2", "both=1; own=2")
    assert ("X-Own" in first, first["Cookie"]) == (False, "both=1")
    assert derived.get_async_httpx_client() is service.pool
    assert not {"x-own", "x-both", "cookie"} & set(service.pool.headers)
    assert not service.pool.cookies


def test_a_client_and_what_was_made_from_it_share_a_pool_that_is_made_later() -> None:
    client = AuthenticatedClient(base_url=HOST, token="phx_secret")
    derived = client.with_timeout(httpx.Timeout(180)).with_headers({}).with_cookies({})
    assert derived.get_async_httpx_client() is client.get_async_httpx_client()


def test_stock_client_is_changed_by_what_is_made_from_it_and_keeps_the_pool_to_itself(stock: ModuleType) -> None:
    client = stock.AuthenticatedClient(base_url=HOST, token="phx_secret")
    pool = client.get_async_httpx_client()
    derived = [
        client.with_timeout(httpx.Timeout(180)),
        client.with_headers({"X-Own": "2"}),
        client.with_cookies({"own": "2"}),
    ]
    assert pool.timeout == httpx.Timeout(180)
    assert pool.headers["X-Own"] == "2"
    assert pool.cookies["own"] == "2"
    assert all(each.get_async_httpx_client() is not pool for each in derived)


async def test_there_is_a_timeout_by_default() -> None:
    service = Service(json=ROW)
    await mcp_server_installations_retrieve.asyncio("1", ID, client=service.client())
    assert set(service.requests[0].extensions["timeout"].values()) == {30}
    assert AuthenticatedClient(base_url=HOST, token="").get_async_httpx_client().timeout == httpx.Timeout(30)


def test_stock_client_waits_forever_by_default(stock: ModuleType) -> None:
    pool = stock.AuthenticatedClient(base_url=HOST, token="").get_async_httpx_client()
    assert pool.timeout == httpx.Timeout(None)


def test_no_credential_is_in_the_repr() -> None:
    client = AuthenticatedClient(
        base_url=HOST,
        token="phx_secret",
        headers={"X-Key": "phx_secret"},
        cookies={"session": "phx_secret"},
        httpx_args={"auth": ("me", "phx_secret")},
    )
    assert "phx_secret" not in repr(client)
    client.get_async_httpx_client()
    assert "phx_secret" not in repr(client)


def test_stock_client_shows_its_token_in_the_repr(stock: ModuleType) -> None:
    assert "phx_secret" in repr(stock.AuthenticatedClient(base_url=HOST, token="phx_secret"))


def test_no_key_of_a_server_is_in_the_repr() -> None:
    auth_type = InstallCustomAuthTypeEnum.API_KEY
    body = InstallCustom(name="a", url="b", auth_type=auth_type, api_key="server_secret", client_secret="oauth_secret")
    request = mcp_server_installations_install_custom_create.build_request("1", body=body)
    assert body.to_dict()["api_key"] == request.json["api_key"] == "server_secret"
    assert body.to_dict()["client_secret"] == request.json["client_secret"] == "oauth_secret"
    from_template = InstallTemplate(template_id=ID, api_key="server_secret")
    assert "server_secret" not in repr((body, request, from_template))
    assert "oauth_secret" not in repr((body, request))


def test_stock_body_shows_the_key_of_a_server_in_the_repr(stock: ModuleType) -> None:
    models = importlib.import_module(f"{stock.__name__}.models")
    auth_type = models.InstallCustomAuthTypeEnum.API_KEY
    assert "server_secret" in repr(
        models.InstallCustom(name="a", url="b", auth_type=auth_type, api_key="server_secret")
    )


async def test_the_token_goes_with_each_request_and_stays_out_of_the_pool() -> None:
    service = Service(json=ROW)
    client = service.client()
    await mcp_server_installations_retrieve.asyncio("1", ID, client=client)
    client.token = "phx_next"
    await mcp_server_installations_retrieve.asyncio("1", ID, client=client)
    assert [request.headers["Authorization"] for request in service.requests] == [
        "Bearer phx_secret",
        "Bearer phx_next",
    ]
    made = AuthenticatedClient(base_url=HOST, token="phx_secret").get_async_httpx_client()
    assert "Authorization" not in made.headers
    assert "Authorization" not in service.pool.headers


async def test_a_client_without_credentials_sends_none() -> None:
    service = Service(json=ROW)
    client = Client(base_url=HOST).set_async_httpx_client(service.pool)
    await client.send(mcp_server_installations_retrieve.build_request("1", ID))
    assert "Authorization" not in service.requests[0].headers


async def test_stock_client_bakes_the_token_into_the_pool_and_sends_none_over_any_other(stock: ModuleType) -> None:
    client = stock.AuthenticatedClient(base_url=HOST, token="phx_secret")
    pool = client.get_async_httpx_client()
    client.token = "phx_next"
    assert client.get_async_httpx_client() is pool
    assert pool.headers["Authorization"] == "Bearer phx_secret"

    service = Service(json=ROW)
    await part(stock, RETRIEVE).asyncio("1", ID, client=service.stock_client(stock))
    assert "Authorization" not in service.requests[0].headers


async def test_everything_is_sent_through_one_method_that_can_be_overridden() -> None:
    seen: list[Request] = []

    class Between(AuthenticatedClient):
        async def send(self, request: Request) -> httpx.Response:
            seen.append(request)
            return httpx.Response(200, json={"count": 0, "results": []})

    page = await mcp_server_installations_list.asyncio("@current", client=Between(base_url=HOST, token=""), limit=5)
    assert isinstance(page, PaginatedMCPServerInstallationList)
    assert seen == [mcp_server_installations_list.build_request("@current", limit=5)]
    assert seen[0].operation_id == LIST
    assert seen[0].path_template == "/api/environments/{project_id}/mcp_server_installations/"


def test_stock_endpoints_send_past_everything_but_the_pool(stock: ModuleType) -> None:
    assert not hasattr(stock.AuthenticatedClient, "send")
    assert not hasattr(part(stock, LIST), "build_request")


async def test_leaving_the_client_closes_its_pool() -> None:
    async with AuthenticatedClient(base_url=HOST, token="") as client:
        pool = client.get_async_httpx_client()
        assert not pool.is_closed
    assert pool.is_closed


# endpoint_module.py.jinja and types.py.jinja


@pytest.mark.parametrize("status", [420, 520, 561])
async def test_a_status_that_python_does_not_know_is_a_response_like_any_other(status: int) -> None:
    service = Service(status, content=b"<html>")
    answer = await mcp_server_installations_retrieve.asyncio_detailed("1", ID, client=service.client())
    assert (answer.status_code, answer.parsed, answer.content) == (status, None, b"<html>")
    with pytest.raises(UnexpectedStatus) as caught:
        await mcp_server_installations_retrieve.asyncio("1", ID, client=service.client(raise_on_unexpected_status=True))
    assert (caught.value.status_code, caught.value.content) == (status, b"<html>")


async def test_stock_endpoints_fail_on_a_status_that_python_does_not_know(stock: ModuleType) -> None:
    client = Service(520).stock_client(stock)
    with pytest.raises(ValueError, match="520 is not a valid HTTPStatus"):  # the generator's issue 1442
        await part(stock, RETRIEVE).asyncio_detailed("1", ID, client=client)


@pytest.mark.parametrize("segment", ["", ".", ".."])
async def test_a_segment_that_would_leave_the_path_is_refused_and_nothing_is_sent(segment: str) -> None:
    service = Service(json={"count": 0, "results": []})
    with pytest.raises(ValueError, match="segment of a path"):
        await mcp_server_installations_list.asyncio(segment, client=service.client())
    assert service.requests == []


@pytest.mark.parametrize(
    ("segment", "sent"),
    [("@current", "@current"), ("a/b", "a%2Fb"), ("%2e%2e", "%252e%252e"), ("1?x", "1%3Fx"), ("a\n", "a%0A")],
)
async def test_a_segment_stays_one_and_keeps_its_at_sign(segment: str, sent: str) -> None:
    service = Service(json={"count": 0, "results": []})
    await mcp_server_installations_list.asyncio(segment, client=service.client())
    path = f"/api/environments/{sent}/mcp_server_installations/"
    assert service.requests[0].url.raw_path.decode() == path


async def test_stock_endpoints_leave_the_path_and_encode_the_at_sign(stock: ModuleType) -> None:
    service = Service(json={"count": 0, "results": []})
    for segment in ("..", "", "@current"):
        await part(stock, LIST).asyncio(segment, client=service.stock_client(stock))
    assert [request.url.raw_path.decode() for request in service.requests] == [
        "/api/mcp_server_installations/",
        "/api/environments//mcp_server_installations/",
        "/api/environments/%40current/mcp_server_installations/",
    ]


async def test_a_response_without_a_body_is_none() -> None:
    deleted = await mcp_server_installations_destroy.asyncio_detailed("1", ID, client=Service(204).client())
    assert (deleted.status_code, deleted.parsed) == (204, None)

    service = Service(302, headers={"Location": "https://auth.example.com/authorize"})
    redirect = await mcp_server_installations_authorize_retrieve.asyncio_detailed(
        "1", client=service.client(), server_id=ID
    )
    assert (redirect.parsed, redirect.headers["Location"]) == (None, "https://auth.example.com/authorize")

    accepted = await mcp_server_installations_proxy_create.asyncio_detailed(
        "1", ID, client=Service(202).client(), body=JSONRPCMessage.from_dict({"jsonrpc": "2.0", "method": "x"})
    )
    assert accepted.parsed is None


def parsed_types(module: Any) -> set[object]:
    return set(typing.get_args(typing.get_type_hints(module.asyncio)["return"]))


@pytest.mark.parametrize("operation", OPERATIONS)
def test_no_response_is_typed_as_anything(operation: str) -> None:
    assert Any not in parsed_types(part(lowlevel, operation))
    assert type(None) in parsed_types(part(lowlevel, operation))


def test_stock_endpoints_type_a_response_without_a_body_as_anything(stock: ModuleType) -> None:
    assert Any in parsed_types(part(stock, DESTROY))


async def test_an_error_status_is_read_with_the_documents_error() -> None:
    body = {"type": "invalid_request", "code": "not_found", "detail": "Not found.", "attr": None}
    error = await mcp_server_installations_retrieve.asyncio("1", ID, client=Service(404, json=body).client())
    assert isinstance(error, ErrorResponse)
    assert (error.code, error.detail, error.attr, error.error) == ("not_found", "Not found.", None, None)


async def test_an_mcp_servers_own_error_is_read_as_it_came() -> None:
    body = {"jsonrpc": "2.0", "id": 1, "error": {"code": -32600, "message": "Session not found"}}
    error = await mcp_server_installations_proxy_create.asyncio(
        "1", ID, client=Service(404, json=body).client(), body=JSONRPCMessage.from_dict({"jsonrpc": "2.0"})
    )
    assert isinstance(error, JSONRPCMessage)
    assert error["error"] == body["error"]


NO_JSON = [
    pytest.param({"content": b"typecodedetailattr", "headers": {"Content-Type": "*/*; charset=utf-8"}}, id="glued"),
    pytest.param({"html": "<h1>Bad gateway</h1>"}, id="html"),
    pytest.param({}, id="empty"),
]


@pytest.mark.parametrize("answer", NO_JSON)
async def test_an_error_that_is_not_json_is_its_status(answer: dict[str, Any]) -> None:
    service = Service(401, **answer)
    error = await mcp_server_installations_retrieve.asyncio_detailed("1", ID, client=service.client())
    assert (error.status_code, error.parsed) == (401, None)


@pytest.mark.parametrize("answer", NO_JSON)
async def test_stock_endpoints_fail_on_an_error_that_is_not_json(stock: ModuleType, answer: dict[str, Any]) -> None:
    with pytest.raises(json.JSONDecodeError):
        await part(stock, RETRIEVE).asyncio("1", ID, client=Service(401, **answer).stock_client(stock))


@pytest.mark.parametrize("answer", NO_JSON)
async def test_a_success_that_is_not_json_is_refused(answer: dict[str, Any]) -> None:
    with pytest.raises(json.JSONDecodeError):
        await mcp_server_installations_retrieve.asyncio("1", ID, client=Service(200, **answer).client())


def every_copy(value: object) -> list[object]:
    return [copy.copy(value), copy.deepcopy(value), pickle.loads(pickle.dumps(value))]


def test_a_copied_or_unpickled_unset_is_the_same_unset() -> None:
    assert all(each is UNSET for each in every_copy(UNSET))
    assert (bool(UNSET), repr(UNSET)) == (False, "UNSET")
    body = InstallCustom(name="n", url="u", auth_type=InstallCustomAuthTypeEnum.OAUTH, api_key=UNSET)
    assert all(typing.cast(InstallCustom, each).to_dict() == body.to_dict() for each in every_copy(body))


def test_stock_unset_is_another_one_when_copied(stock: ModuleType) -> None:
    unset = part(stock, "types").UNSET
    assert all(each is not unset for each in every_copy(unset))


# errors.py.jinja


def test_the_clients_errors_pickle_and_print_one_line() -> None:
    status = pickle.loads(pickle.dumps(UnexpectedStatus(520, b"<html>\nbad gateway")))
    assert (status.status_code, status.content) == (520, b"<html>\nbad gateway")
    assert str(status) == "Unexpected status code: 520"

    body = pickle.loads(pickle.dumps(InvalidBodyError("results[1].created_at", "missing")))
    assert (body.path, body.reason) == ("results[1].created_at", "missing")
    assert str(body) == "results[1].created_at: missing"


def test_stock_error_does_not_pickle_and_prints_the_whole_body(stock: ModuleType) -> None:
    error = part(stock, "errors").UnexpectedStatus(520, b"<html>\nbad gateway")
    assert "<html>\nbad gateway" in str(error)
    with pytest.raises(TypeError):
        pickle.loads(pickle.dumps(error))


# model.py.jinja


async def test_a_response_is_read_completely() -> None:
    service = Service(json={"count": 1, "next": None, "previous": None, "results": [row(server_id=str(ID))]})
    page = await mcp_server_installations_list.asyncio("1", client=service.client())
    assert isinstance(page, PaginatedMCPServerInstallationList)
    (installation,) = page.results
    assert (installation.id, installation.server_id) == (ID, ID)
    assert installation.auth_type is MCPServerInstallationAuthTypeEnum.API_KEY
    assert installation.created_at == datetime(2026, 3, 4, 9, 13, 44, 123456, UTC)
    assert installation.updated_at == datetime(2026, 3, 4, 9, 13, 44, 123470, UTC)
    assert Installation.from_dict(installation.to_dict()) == installation
    assert repr(installation).startswith("Installation(id=")


def test_a_text_that_is_newer_than_the_document_stays_a_text_in_responses() -> None:
    installation = Installation.from_dict(row(auth_type="none"))
    assert installation.auth_type == "none"
    assert installation.to_dict()["auth_type"] == "none"


def test_a_text_that_is_not_in_the_document_is_refused_in_requests() -> None:
    with pytest.raises(InvalidBodyError, match=r"^auth_type: 'none' is not a valid InstallCustomAuthTypeEnum"):
        InstallCustom.from_dict({"name": "n", "url": "u", "auth_type": "none"})


def test_stock_enums_are_closed_wherever_the_document_does_not_open_them(stock: ModuleType) -> None:
    with pytest.raises(ValueError, match="is not a valid InstallCustomAuthTypeEnum"):
        part(stock, "models").InstallCustom.from_dict({"name": "n", "url": "u", "auth_type": "none"})


@pytest.mark.parametrize("body", [row(server_id=None, updated_at=None), row_without("server_id", "updated_at")])
def test_a_nullable_field_that_is_null_or_missing_is_none(body: dict[str, Any]) -> None:
    installation = Installation.from_dict(body)
    assert (installation.server_id, installation.updated_at) == (None, None)


DEFAULTED = ("display_name", "description", "is_enabled")


@pytest.mark.parametrize("body", [row(**dict.fromkeys(DEFAULTED)), row_without(*DEFAULTED)])
def test_a_field_with_a_default_that_is_null_or_missing_has_its_default(body: dict[str, Any]) -> None:
    installation = Installation.from_dict(body)
    assert [getattr(installation, name) for name in DEFAULTED] == ["", "", True]


def test_fields_left_out_of_a_request_are_not_sent_as_their_defaults() -> None:
    authorize = mcp_server_installations_authorize_retrieve.build_request("1", server_id=ID)
    assert authorize.params == {"server_id": str(ID)}
    body = InstallCustom(name="n", url="u", auth_type=InstallCustomAuthTypeEnum.OAUTH)
    assert body.to_dict() == {"name": "n", "url": "u", "auth_type": "oauth"}


async def test_stock_requests_hold_the_defaults_of_what_they_leave_out(stock: ModuleType) -> None:
    service = Service(302)
    authorize = part(stock, "mcp_server_installations_authorize_retrieve")
    await authorize.asyncio_detailed("1", server_id=ID, client=service.stock_client(stock))
    assert service.requests[0].url.params["posthog_code_callback_url"] == ""
    models = importlib.import_module(f"{stock.__name__}.models")
    body = models.InstallCustom(name="n", url="u", auth_type=models.InstallCustomAuthTypeEnum.OAUTH)
    assert body.to_dict()["install_source"] == "posthog"


def test_no_field_of_a_response_may_be_unset() -> None:
    responses = [getattr(models, name) for name in models.__all__ if name in BODIES and name not in REQUESTS]
    for model in responses:
        assert not [name for name, hint in typing.get_type_hints(model).items() if "Unset" in str(hint)]


def test_stock_fields_of_responses_are_unset_where_they_are_missing_even_with_a_default(stock: ModuleType) -> None:
    model = part(stock, "models").MCPServerInstallation
    unset = part(stock, "types").UNSET
    missing = model.from_dict(row_without("server_id", "updated_at", *DEFAULTED))
    assert all(getattr(missing, name) is unset for name in ("server_id", "updated_at", *DEFAULTED))
    assert model.from_dict(row(is_enabled=None)).is_enabled is None
    assert "Unset" in str(typing.get_type_hints(model)["updated_at"])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", 5),
        ("id", "no-uuid"),
        ("name", 5),
        ("name", None),
        ("url", ["https://mcp.custom.com"]),
        ("auth_type", 5),
        ("is_enabled", "yes"),
        ("is_enabled", 1),
        ("needs_reauth", None),
        ("created_at", "yesterday"),
        ("created_at", 1772615624),
        ("created_at", None),
        ("server_id", "no-uuid"),
        ("updated_at", "yesterday"),
        ("updated_at", 0),
        ("display_name", {}),
    ],
)
def test_a_value_of_a_wrong_type_names_its_field(field: str, value: object) -> None:
    with pytest.raises(InvalidBodyError) as caught:
        Installation.from_dict(row(**{field: value}))
    assert caught.value.path == field
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            {"count": 2, "results": [ROW, row(created_at="yesterday")]},
            "results[1].created_at: Invalid isoformat",
        ),
        ({"count": 2, "results": [ROW, row_without("name")]}, "results[1].name: missing"),
        ({"count": 2, "results": [ROW, 5]}, "results[1]: expected object, not int"),
        ({"count": 2, "results": {}}, "results: expected list, not dict"),
        ({"count": 2, "results": None}, "results: expected list, not NoneType"),
        ({"count": True, "results": []}, "count: expected int, not bool"),
        ({"count": "2", "results": []}, "count: expected int, not str"),
        ({"results": []}, "count: missing"),
        ({"count": 0, "results": [], "next": 5}, "next: expected str, not int"),
    ],
)
async def test_a_fault_inside_a_response_is_named_with_its_path(body: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidBodyError) as caught:
        await mcp_server_installations_list.asyncio("1", client=Service(json=body).client())
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("body", [[], "text", 5, True])
async def test_a_response_of_another_json_type_is_refused(body: object) -> None:
    with pytest.raises(TypeError, match="expected object, not "):
        await mcp_server_installations_retrieve.asyncio("1", ID, client=Service(json=body).client())


def test_stock_models_take_values_of_any_type(stock: ModuleType) -> None:
    model = part(stock, "models").MCPServerInstallation
    assert model.from_dict(row(name=5)).name == 5
    assert model.from_dict(row(is_enabled="yes")).is_enabled == "yes"
    # No alternative of `date-time or null` fits, and the raw value passes.
    assert model.from_dict(row(updated_at="yesterday")).updated_at == "yesterday"


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (row(created_at="yesterday"), ValueError),
        (row_without("name"), KeyError),
        (row(id=5), AttributeError),
    ],
)
def test_stock_models_do_not_say_where_a_response_is_wrong(
    stock: ModuleType, body: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error) as caught:
        part(stock, "models").PaginatedMCPServerInstallationList.from_dict({"count": 2, "results": [ROW, body]})
    assert type(caught.value) is error
    assert "results" not in str(caught.value)


MOMENT, LATER = "2026-03-04T09:13:44+00:00", "2026-03-04T09:13:45+00:00"
BODIES = {
    "Installation": row(server_id=str(ID), name="n", display_name="d", description="w", needs_reauth=True)
    | {"template_id": str(ID), "icon_key": "k", "icon_domain": "e", "scope": "shared", "is_owner": False}
    | {"tool_count": 3, "last_synced_at": MOMENT, "last_sync_error": "f", "created_at": MOMENT, "updated_at": LATER},
    "PaginatedMCPServerInstallationList": {"count": 0, "results": [], "next": "n", "previous": "p"},
    "OAuthRedirectResponse": {"redirect_url": "u"},
    "ErrorResponse": {"type": "t", "code": "c", "detail": "d", "attr": "a", "error": "e", "error_event_id": "i"}
    | {"reason": "r"},
    "InstallCustom": {
        "name": "n",
        "url": "u",
        "auth_type": "oauth",
        "api_key": "k",
        "description": "d",
        "client_id": "i",
        "client_secret": "s",
        "install_source": "posthog-code",
        "posthog_code_callback_url": "p",
        "scope": "shared",
        "team_enabled": False,
        "agent_scope": "team",
        "return_path": "r",
    },
    "InstallTemplate": {
        "template_id": str(ID),
        "api_key": "k",
        "install_source": "posthog-code",
        "posthog_code_callback_url": "p",
        "scope": "shared",
        "team_enabled": False,
        "agent_scope": "team",
        "return_path": "r",
    },
    "PaginatedMCPServerInstallationToolList": {"results": []},
    "Tool": {
        "id": str(ID),
        "tool_name": "t",
        "display_name": "d",
        "description": "e",
        "input_schema": [1],
        "approval_state": "do_not_use",
        "team_state": "approved",
        "locked": True,
        "decided_by": "b",
        "last_seen_at": MOMENT,
        "removed_at": LATER,
        "created_at": MOMENT,
        "updated_at": LATER,
    },
    "PatchedToolApprovalUpdate": {"approval_state": "do_not_use"},
    "CallToolRequest": {"tool_name": "t", "arguments": {"a": 1}},
    "CallToolRequestArguments": {"a": 1},
    "CallToolResponse": {"content": [{"type": "text"}], "is_error": True, "structured_content": {"a": 1}},
    "CallToolResponseContentItem": {"type": "text"},
    "CallToolResponseStructuredContentType0": {"a": 1},
    "CallToolError": {"detail": "d", "reason": "r"},
    "AvailableToolsResponse": {"servers": []},
    "AvailableServer": {"installation_id": str(ID), "name": "n", "slug": "s", "tools": []},
    "AvailableTool": {
        "name": "n",
        "description": "d",
        "input_schema": {"a": 1},
        "annotations": {"b": 2},
        "approval_state": "approved",
    },
    "AvailableToolInputSchemaType0": {"a": 1},
    "AvailableToolAnnotationsType0": {"b": 2},
    "PaginatedMCPServerTemplateList": {"results": []},
    "Template": {
        "id": str(ID),
        "name": "n",
        "url": "u",
        "docs_url": "v",
        "description": "d",
        "auth_type": "oauth",
        "icon_key": "k",
        "icon_domain": "e",
        "category": "c",
    },
    "MCPServerInstallationCreate": {
        "url": "u",
        "server_id": str(ID),
        "display_name": "n",
        "description": "d",
        "auth_type": "oauth",
        "is_enabled": False,
    },
    "PatchedMCPServerInstallationUpdate": {"display_name": "n", "description": "d", "is_enabled": False},
    "JSONRPCMessage": {"jsonrpc": "2.0", "id": 1},
}
FREE_FORM = {
    "JSONRPCMessage",
    "CallToolRequestArguments",
    "CallToolResponseContentItem",
    "CallToolResponseStructuredContentType0",
    "AvailableToolInputSchemaType0",
    "AvailableToolAnnotationsType0",
}
"""Objects without fields of their own."""
REQUESTS = {
    "InstallCustom",
    "InstallTemplate",
    "MCPServerInstallationCreate",
    "PatchedMCPServerInstallationUpdate",
    "PatchedToolApprovalUpdate",
    "CallToolRequest",
}


@pytest.mark.parametrize("name", [name for name in models.__all__ if hasattr(getattr(models, name), "from_dict")])
def test_each_field_of_a_body_is_read_into_the_attribute_of_its_name(name: str) -> None:
    model, body = getattr(models, name), BODIES[name]
    read_only = MappingProxyType({**body, "extra": 1})
    assert model.from_dict(read_only).to_dict() == read_only
    fields = {field.name for field in attrs.fields(model)} - {"additional_properties"}
    assert len(fields) == len({} if name in FREE_FORM else body)


TEXTS_FOR_A_UUID = [
    str(ID),
    str(ID).upper(),
    ID.hex,
    f"{{{ID}}}",
    f"{{{ID.hex}",
    f"urn:uuid:{ID}",
    f"uuid:{ID}",
    "-".join(ID.hex),
    f"--{ID.hex}--",
    "f" * 32,
    # int() reads these.
    f"+{ID.hex[1:]}",
    f"0x{ID.hex[2:]}",
    f"{ID.hex[:-2]}_1",
    f" {ID.hex[1:-1]}\n",
    ID.hex.replace("0", "\N{FULLWIDTH DIGIT ZERO}"),
    # And not these: too short, too long, too short after stripping, not hexadecimal.
    "",
    str(ID)[:-1],
    f"{ID}0",
    f"{{{ID.hex[2:]}}}",
    f"urn:{ID.hex[4:]}",
    f"uuid:{ID.hex[5:]}",
    f"{ID.hex[:-1]}g",
    f"{ID.hex[:-1]}_",
    f"{ID.hex[:-1]}\ud800",
    ID.hex.replace("0", "\N{MINUS SIGN}"),
]


@pytest.mark.parametrize("text", TEXTS_FOR_A_UUID)
def test_the_texts_that_pythons_own_uuid_takes_are_taken_and_no_others(text: str) -> None:
    try:
        expected = UUID(text)
    except ValueError:
        with pytest.raises(ValueError, match=r"UUID|base 16"):
            decode_uuid(text)
    else:
        assert decode_uuid(text) == expected


@pytest.mark.parametrize("text", ["0195f3a0-0000-7000-8000-000000000001", "820efca4-4a15-4ab7-82fc-9e76f6d61325"])
def test_a_uuid_that_was_read_is_one_like_any_other(text: str) -> None:
    read, other = decode_uuid(text), UUID(text)
    assert type(read) is UUID
    assert read is not decode_uuid(text)
    assert (read, hash(read), repr(read), str(read), read.bytes) == (other, hash(other), repr(other), text, other.bytes)
    assert (read.version, read.variant, read.is_safe) == (other.version, other.variant, SafeUUID.unknown)
    assert all(each == other and type(each) is UUID for each in every_copy(read))
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.dumps(read, protocol) == pickle.dumps(other, protocol)
    assert weakref.ref(read)() is read
    with pytest.raises(TypeError):
        read.int = 0  # type: ignore[misc]


def test_where_uuids_are_built_otherwise_their_own_class_makes_them(monkeypatch: pytest.MonkeyPatch) -> None:
    class SealedUUID:
        """Without slots to fill, as UUID will be when it is written in C (CPython's pull request 139123)."""

        int = is_safe = property(lambda self: NotImplemented)

        def __init__(self, text: str) -> None:
            self.text = text

    name = f"{lowlevel.__name__}.types_on_another_python"
    spec = importlib.util.spec_from_file_location(name, GENERATED / "types.py")
    assert spec is not None
    assert spec.loader is not None
    types = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, name, types)
    monkeypatch.setattr("uuid.UUID", SealedUUID)
    spec.loader.exec_module(types)

    made = types.decode_uuid(str(ID))

    assert isinstance(made, SealedUUID)
    assert made.text == str(ID)


def test_fields_that_the_document_does_not_list_stay_readable() -> None:
    installation = Installation.from_dict(row(owner_name="alice", icon={"key": "k"}))
    assert (installation["owner_name"], installation["icon"]) == ("alice", {"key": "k"})
    assert "owner_name" in installation
    assert installation.additional_keys == ["owner_name", "icon"]
    assert installation.to_dict()["icon"] == {"key": "k"}


def test_unset_fields_are_not_sent() -> None:
    body = InstallCustom(
        name="n",
        url="https://mcp.custom.com",
        auth_type=InstallCustomAuthTypeEnum.API_KEY,
        api_key=UNSET,
        description="",
        install_source=UNSET,
        posthog_code_callback_url=UNSET,
    )
    request = mcp_server_installations_install_custom_create.build_request("1", body=body)
    assert request.json == {"name": "n", "url": "https://mcp.custom.com", "auth_type": "api_key", "description": ""}
