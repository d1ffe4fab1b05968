"""Keyword arguments that other SDKs have: the TypeError says what to use here."""

import inspect
from collections.abc import Callable
from typing import Any, get_overloads
from unittest.mock import AsyncMock, create_autospec

import pytest

from posthog_mcp_store import ConfigurationError, Installations, MCPStore, Templates

from ..support.crash_report import everything_said_by
from ..support.wire import ID, Wire

KEY = "phx_the_secret_key"
CLOUDS = r"such as https://us\.posthog\.com or https://eu\.posthog\.com"
Faked = Callable[..., MCPStore]


def public_methods(kind: type) -> list[str]:
    return [name for name, member in vars(kind).items() if inspect.isfunction(member) and not name.startswith("_")]


CALLS = [(kind, name) for kind in (Installations, Templates) for name in public_methods(kind)]
VIEW_OPTIONS = [name for name in inspect.signature(MCPStore.with_options).parameters if name != "self"]
STORE_OPTIONS = [name for name in inspect.signature(MCPStore).parameters if name not in VIEW_OPTIONS]


async def refusal_of(function: Callable[..., Any], *arguments: object, **keywords: object) -> str:
    """The message of the TypeError of a call."""
    with pytest.raises(TypeError) as caught:
        await function(*arguments, **keywords)
    return str(caught.value)


@pytest.mark.parametrize(("kind", "name"), CALLS)
async def test_every_method_names_the_option_of_a_view(wire: Wire, faked: Faked, kind: type, name: str) -> None:
    method = getattr(faked().installations if kind is Installations else faked().templates, name)

    said = await refusal_of(method, extra_headers={"X-Trace": "a"})

    ours = "use headers=" if name == "proxy" else "use store.with_options(headers=...)"
    assert said == f"{kind.__name__}.{name}() got an unexpected keyword argument 'extra_headers': {ours}"
    assert wire.requests == []


@pytest.mark.parametrize("option", VIEW_OPTIONS)
async def test_every_option_of_a_view_is_named_where_a_call_does_not_have_it(faked: Faked, option: str) -> None:
    said = await refusal_of(faked().installations.retrieve, ID, **{option: 5})

    assert said.endswith(f"unexpected keyword argument {option!r}: use store.with_options({option}=...)")


@pytest.mark.parametrize("option", STORE_OPTIONS)
async def test_every_other_option_is_named_where_a_view_does_not_have_it(faked: Faked, option: str) -> None:
    said = await refusal_of(faked().with_options, **{option: 5})

    assert f"unexpected keyword argument {option!r}: use MCPStore({option}=...)" in said


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        ("base_url", f"use host=, {CLOUDS}$"),
        ("region", f"use host=, {CLOUDS}$"),
        ("url", f"use host=, {CLOUDS}$"),
        ("token", "use api_key=$"),
        ("project", "use project_id=$"),
        ("session", "use http_client=$"),
        ("retries", "use max_retries=$"),
        ("default_headers", r"use store\.with_options\(headers=\.\.\.\)$"),
        ("deadline", r"use store\.with_options\(deadline=\.\.\.\)$"),
    ],
)
def test_the_store_names_its_own_parameters(wrong: str, hint: str) -> None:
    with pytest.raises(TypeError, match=hint):
        MCPStore("phx_key", **{wrong: "eu"})  # type: ignore[arg-type]


def test_a_host_that_is_the_name_of_a_region_is_told_both_hosts() -> None:
    with pytest.raises(ConfigurationError, match=CLOUDS):
        MCPStore("phx_key", host="eu")


async def test_a_connection_has_a_timeout_of_its_own(faked: Faked) -> None:
    installations = faked().installations

    assert (await refusal_of(installations.connect, ID, timeout=5)).endswith("use stream_timeout=")
    assert (await refusal_of(installations.connect_all, timeout=5)).endswith("use store.with_options(timeout=...)")


async def test_a_name_with_another_meaning_gets_no_hint(faked: Faked) -> None:
    assert (await refusal_of(faked().installations.list, url="a")).endswith("unexpected keyword argument 'url'")


async def test_other_type_errors_are_pythons_own(faked: Faked) -> None:
    installations = faked().installations

    assert (await refusal_of(installations.retrieve)).endswith("missing 1 required positional argument: 'id'")
    assert (await refusal_of(installations.retrieve, ID, wat=1)).endswith("unexpected keyword argument 'wat'")
    assert (await refusal_of(installations.list, 5)).endswith("but 2 were given")
    # It has options of a view that this method has, too.
    said = await refusal_of(installations.install_custom, name="a", url="https://a.example.com", api_key="k")
    assert said.endswith("missing 1 required keyword-only argument: 'auth_type'")


async def test_the_first_argument_with_a_hint_is_named(faked: Faked) -> None:
    said = await refusal_of(faked().installations.retrieve, ID, wat=1, timeout=5)

    assert said.endswith("'timeout': use store.with_options(timeout=...)")


async def test_a_type_error_from_inside_is_not_changed(faked: Faked) -> None:
    def fail(_: object) -> None:
        raise TypeError("of the callback")

    view = faked().with_options(on_response=fail)

    with pytest.raises(TypeError, match=r"^of the callback$"):
        await view.installations.retrieve(id=ID)


def test_signatures_and_kinds_are_those_of_the_source() -> None:
    assert list(inspect.signature(Installations.retrieve).parameters) == ["self", "id"]
    assert list(inspect.signature(MCPStore).parameters)[:3] == ["api_key", "project_id", "host"]
    assert not inspect.iscoroutinefunction(Installations.list)
    assert len(get_overloads(Installations.install_custom)) == 2
    assert Installations.retrieve.__qualname__ == "Installations.retrieve"
    assert (Installations.retrieve.__doc__ or "").startswith("Fetch one installation.")


async def test_coroutine_functions_are_recognised_as_such(faked: Faked) -> None:
    """FastAPI's background tasks, for one, would call any other in a thread and never await it."""
    assert inspect.iscoroutinefunction(faked().installations.retrieve)
    assert isinstance(create_autospec(Installations).retrieve, AsyncMock)


async def test_no_error_shows_a_key_that_was_passed(faked: Faked) -> None:
    installations = faked().installations
    custom = {"name": "a", "url": "https://a.example.com", "auth_type": "api_key", "api_key": KEY}

    with pytest.raises(TypeError) as of_keyword:
        await installations.install_custom(**custom, timeout=5)  # type: ignore[call-overload]
    with pytest.raises(ConfigurationError) as of_view:
        faked().with_options(api_key=KEY, timeout=-1)
    with pytest.raises(ConfigurationError) as of_call:
        await installations.install_custom(**{**custom, "auth_type": "none"})  # type: ignore[call-overload]
    with pytest.raises(ConfigurationError) as of_store:
        MCPStore(KEY, host="eu")

    for caught in (of_keyword, of_view, of_call, of_store):
        assert KEY not in everything_said_by(caught.value)
