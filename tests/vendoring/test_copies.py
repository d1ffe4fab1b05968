"""Copies as other teams use them: under any path, next to each other, out of zip files."""

import ast
import importlib
import logging
import pickle
import shutil
import sys
from collections.abc import Iterator
from itertools import permutations
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import UUID

import httpx
import pytest

import posthog_mcp_store

from .support import CALLING, REFUSING, run, vendored

ROW = UUID(int=7)
PROVIDER = "https://provider.example.com/authorize?state=flow"


# Under any path


@pytest.mark.parametrize(
    ("package", "flags"),
    [
        ("mcp_store", ["-O"]),
        ("acme.posthog_mcp_store", ["-OO"]),
        ("acme.platform._vendor.mcp_store", ["-X", "dev"]),
    ],
)
def test_a_copy_works_under_any_path_and_is_quiet(tmp_path: Path, package: str, flags: list[str]) -> None:
    """The packages above it have no `__init__.py`: they are namespace packages."""
    vendored(tmp_path.joinpath(*package.split(".")))

    said = run("-W", "error", *flags, "-c", using(package), path=tmp_path)

    assert said.stderr == ""
    assert said.stdout.split() == [f"{package}.NotFoundError", posthog_mcp_store.__version__]


def using(package: str) -> str:
    return f"""
REFUSED = {{"posthog_mcp_store"}}
{REFUSING}
{CALLING}
import importlib
sdk = importlib.import_module("{package}")
error = asyncio.run(failed_call(sdk), debug=False)
print(type(error).__module__ + "." + type(error).__qualname__, sdk.__version__)
"""


def test_a_copy_works_in_packages_that_a_team_made(tmp_path: Path) -> None:
    vendored(tmp_path / "acme" / "platform" / "_vendor" / "mcp_store")
    for package in ("acme", "acme/platform", "acme/platform/_vendor"):
        (tmp_path / package / "__init__.py").write_text("")

    said = run("-W", "error", "-c", using("acme.platform._vendor.mcp_store"), path=tmp_path)

    assert said.stderr == ""


def test_a_copy_works_out_of_a_zip_file(tmp_path: Path, copy: Path) -> None:
    archive = Path(shutil.make_archive(str(tmp_path / "application"), "zip", tmp_path, "acme"))

    said = run("-W", "error", "-c", using("acme.platform._vendor.mcp_store"), path=archive)

    assert said.stderr == ""
    assert said.stdout.split() == ["acme.platform._vendor.mcp_store.NotFoundError", posthog_mcp_store.__version__]


def test_every_module_of_a_copy_can_be_imported_and_none_brings_the_installed_sdk(tmp_path: Path, copy: Path) -> None:
    program = f"""
REFUSED = {{"posthog_mcp_store"}}
{REFUSING}
import importlib, pkgutil
from acme.platform._vendor import mcp_store as sdk
from acme.platform._vendor.mcp_store import lowlevel, testing

for name in sdk.__all__:
    getattr(sdk, name)
for name in testing.__all__:
    getattr(testing, name)
for found in pkgutil.walk_packages(sdk.__path__, sdk.__name__ + "."):
    importlib.import_module(found.name)
print(sum(name.startswith(sdk.__name__ + ".") for name in sys.modules))
"""

    said = run("-c", program, path=tmp_path)

    assert int(said.stdout) == sum(path.suffix == ".py" for path in copy.rglob("*")) - 1


def test_a_copy_reads_no_metadata_and_names_itself_in_no_import(copy: Path) -> None:
    # connect() says which version of `mcp` is installed.
    for path in {*copy.rglob("*.py")} - {copy / "_core" / "extras.py"}:
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
            module = (node.module or "") if isinstance(node, ast.ImportFrom) and not node.level else ""
            for name in (*names, module, f"{module}.{names[0]}" if names else ""):
                assert not name.startswith(("posthog_mcp_store", "importlib.metadata", "pkg_resources")), path


def test_the_fixture_of_a_copy_is_loaded_by_a_conftest(tmp_path: Path, copy: Path) -> None:
    """Without an entry point."""
    (tmp_path / "conftest.py").write_text(
        'pytest_plugins = ["acme.platform._vendor.mcp_store.testing.pytest_plugin"]\n'
    )
    (tmp_path / "test_service.py").write_text(
        "from acme.platform._vendor.mcp_store import MCPStore\n"
        "async def test_it(mcp_store_service):\n"
        "    assert type(mcp_store_service).__module__ == 'acme.platform._vendor.mcp_store.testing._service'\n"
        "    async with MCPStore(mcp_store_service.api_key, host=mcp_store_service.base_url) as store:\n"
        "        assert await store.installations.list().collect() == []\n"
    )

    said = run(
        *("-W", "error", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:hypothesispytest"),
        *("-p", "no:schemathesis", "--rootdir", str(tmp_path), str(tmp_path)),
        *("-o", "asyncio_mode=auto", "-o", "asyncio_default_fixture_loop_scope=function"),
        path=tmp_path,
    )

    assert "1 passed" in said.stdout


# Three in one process: installed, vendored, and vendored by another team from a later version


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory, later: Path) -> Iterator[list[Any]]:
    place = tmp_path_factory.mktemp("three")
    vendored(place / "acme_one" / "_vendor" / "mcp_store")
    run("-m", "posthog_mcp_store.vendor", str(place / "acme_two" / "_vendor" / "posthog_mcp_store"), path=later)
    sys.path.insert(0, str(place))
    one = importlib.import_module("acme_one._vendor.mcp_store")
    two = importlib.import_module("acme_two._vendor.posthog_mcp_store")
    yield [posthog_mcp_store, one, two]
    sys.path.remove(str(place))
    for name in [name for name in sys.modules if name.startswith(("acme_one", "acme_two"))]:
        del sys.modules[name]


def answer(request: httpx.Request) -> httpx.Response:
    if request.url.path.endswith("/authorize/"):
        return httpx.Response(302, headers={"Location": PROVIDER})
    return httpx.Response(404, json={"detail": "Not found."}, headers={"Sunset": "Sat, 31 Oct 2037 23:59:59 GMT"})


def store_of(sdk: ModuleType, client: httpx.AsyncClient | None = None, **options: Any) -> Any:
    return sdk.MCPStore("phx_key", http_client=client, **options)


async def failure_of(sdk: Any, client: httpx.AsyncClient) -> Exception:
    with pytest.raises(Exception, match="404") as caught:
        await store_of(sdk, client).installations.retrieve(ROW)
    return caught.value


def test_three_of_them_are_three(three: list[Any]) -> None:
    assert [sdk.__version__ for sdk in three] == [posthog_mcp_store.__version__, posthog_mcp_store.__version__, "7.7.7"]
    assert len({sdk.MCPStore for sdk in three}) == 3


async def test_the_errors_of_one_are_not_caught_as_anothers(three: list[Any]) -> None:
    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
        errors = {sdk.__name__: await failure_of(sdk, client) for sdk in three}

    for raised, other in permutations(three, 2):
        error = errors[raised.__name__]
        assert type(error).__module__ == raised.__name__
        assert isinstance(error, raised.MCPStoreError)
        assert not isinstance(error, other.MCPStoreError)


async def test_the_errors_of_each_are_pickled_as_its_own(three: list[Any]) -> None:
    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
        for sdk in three:
            restored = pickle.loads(pickle.dumps(await failure_of(sdk, client)))
            assert type(restored) is sdk.NotFoundError


async def test_the_loggers_do_not_meet(three: list[Any], caplog: pytest.LogCaptureFixture) -> None:
    names = [sdk.__name__ for sdk in three]
    for told in names:
        caplog.clear()
        with caplog.at_level(logging.DEBUG, logger=told):
            async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
                for sdk in three:
                    await failure_of(sdk, client)
        attempts = {record.name for record in caplog.records if record.levelno == logging.DEBUG}
        assert {name for name in attempts if name.startswith(tuple(names))} == {f"{told}._request.attempt_log"}


async def test_each_warns_of_the_end_of_a_path_for_itself(three: list[Any], caplog: pytest.LogCaptureFixture) -> None:
    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
        for sdk in three:
            await failure_of(sdk, client)

    warned = [record.name for record in caplog.records if record.levelno == logging.WARNING]
    assert warned == [f"{sdk.__name__}._request.state" for sdk in three]


async def test_each_has_its_own_settings_and_says_its_own_version(three: list[Any]) -> None:
    sent: list[httpx.Request] = []

    def keep(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return answer(request)

    async with httpx.AsyncClient(transport=httpx.MockTransport(keep)) as client:
        stores = [
            store_of(sdk, client, host=f"https://host{number}.example.com", project_id=number, api_prefix="projects")
            for number, sdk in enumerate(three, 1)
        ]
        for sdk, store in zip(three, stores, strict=True):
            view = store.with_options(headers={"X-Of": sdk.__name__})
            with pytest.raises(sdk.NotFoundError):
                await view.installations.retrieve(ROW)

    assert [request.url.host for request in sent] == [f"host{number}.example.com" for number in (1, 2, 3)]
    assert [request.url.path.split("/")[3] for request in sent] == ["1", "2", "3"]
    assert [request.headers["X-Of"] for request in sent] == [sdk.__name__ for sdk in three]
    for request, sdk in zip(sent, three, strict=True):
        assert request.headers["User-Agent"].startswith(f"posthog-mcp-store/{sdk.__version__} ")


async def test_all_of_them_work_over_one_client_and_leave_it_as_it_was(three: list[Any]) -> None:
    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
        hooks = {event: list(given) for event, given in client.event_hooks.items()}
        redirects = [await store_of(sdk, client).installations.authorize(ROW) for sdk in three]

        assert client.event_hooks == hooks
        assert not client.is_closed

    assert [redirect.url for redirect in redirects] == [PROVIDER] * 3
    for redirect, sdk in zip(redirects, three, strict=True):
        assert type(redirect) is sdk.AuthorizationRedirect


async def test_objects_of_another_copy_are_refused_and_not_mistaken(three: list[Any]) -> None:
    for given, other in permutations(three, 2):
        async with store_of(other) as store:
            with pytest.raises(other.ConfigurationError):
                await store.installations.wait_until_authorized(given.AuthorizationRedirect(PROVIDER))
