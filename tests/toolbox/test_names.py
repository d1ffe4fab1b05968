"""The unique names of tools."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posthog_mcp_store import MCPStore

from ..support.fake_project import FakeProject, tool

VALID = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")

Installations = Sequence[tuple[str, Sequence[str]]]
"""The names of installations, oldest first, and of the tools of each."""


def unique_names(installations: Installations, *, is_reversed: bool = False) -> dict[tuple[int, str], str]:
    """What `connect_all()` calls the tools: by the number of the installation, and the tool's own name."""
    project = FakeProject()
    for name, tools in installations:
        project.add(name, *(tool(each) for each in tools))
    if is_reversed:
        project.rows.reverse()
        project.servers.reverse()
        for server in project.servers:
            server["tools"].reverse()

    async def listed() -> dict[tuple[int, str], str]:
        client = httpx.AsyncClient(transport=httpx.MockTransport(project))
        async with client, MCPStore("phx_key", http_client=client).installations.connect_all() as toolbox:
            return {(each.installation.id.int, each.name): each.unique_name for each in toolbox.tools}

    return asyncio.run(listed())


@pytest.mark.parametrize(
    ("installations", "names"),
    [
        ([("Orders", ["add"]), ("Mail", ["send-mail"])], {(0, "add"): "add", (1, "send-mail"): "send-mail"}),
        ([("Orders", ["add"]), ("My Mail!", ["add"])], {(0, "add"): "add", (1, "add"): "my_mail__add"}),
        (
            [("Orders", ["files/read", "files_read"])],
            {(0, "files_read"): "files_read", (0, "files/read"): "orders__files_read"},
        ),
        (
            [("Orders", ["2fa", "-x", "é", "_"])],
            {(0, "2fa"): "_2fa", (0, "-x"): "_-x", (0, "_"): "_", (0, "é"): "orders___"},
        ),
        ([("Orders", ["x" * 64])], {(0, "x" * 64): "x" * 64}),
        ([("9 lives", ["a"]), ("9 lives", ["a"])], {(0, "a"): "a", (1, "a"): "_9_lives__a"}),
        ([("n" * 200, ["a"]), ("n" * 200, ["a"])], {(0, "a"): "a", (1, "a"): "n" * 24 + "__a"}),
    ],
    ids=range(7),
)
def test_the_tools_own_name_comes_first(installations: Installations, names: Mapping[tuple[int, str], str]) -> None:
    assert unique_names(installations) == names


def test_a_name_that_is_too_long_ends_with_a_digest_of_all_of_it() -> None:
    names = unique_names([("Orders", ["x" * 65, "x" * 66])])

    assert len(set(names.values())) == 2
    for name in names.values():
        assert re.fullmatch(r"x{55}_[0-9a-f]{8}", name)
    # The same in every run, and for every installation.
    assert unique_names([("Other", ["y"]), ("Orders", ["x" * 65])])[1, "x" * 65] == names[0, "x" * 65]


@pytest.mark.parametrize("name", ["Orders", "订单", "-"])
def test_where_the_installations_name_does_not_help_a_digest_does(name: str) -> None:
    names = unique_names([("Orders", ["add", "x" * 64]), (name, ["add", "x" * 64]), (name, ["add", "x" * 64])])

    assert names[0, "add"] == "add"
    assert re.fullmatch(r"add_[0-9a-f]{8}", names[2, "add"])
    assert re.fullmatch(r"x{55}_[0-9a-f]{8}", names[2, "x" * 64])
    assert len(set(names.values())) == 6


def test_a_newer_installation_can_not_take_the_name_of_another_ones_tool() -> None:
    before = unique_names([("Orders", ["add"]), ("Mail", ["add"])])
    after = unique_names([("Orders", ["add"]), ("Mail", ["add"]), ("Thief", ["add", *before.values()])])

    assert {key: after[key] for key in before} == before


TOOLS = st.lists(
    st.one_of(
        st.sampled_from(["add", "a/b", "a_b", "a.b", "_a", "orders__add", "mail__add", "x" * 64, "x" * 65, "9"]),
        st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=80),
    ),
    unique=True,
    max_size=6,
)
INSTALLATIONS = st.lists(st.tuples(st.sampled_from(["Orders", "Mail", "mail!", "订单", ""]), TOOLS), max_size=5)


@settings(derandomize=True, max_examples=60, deadline=None)
@given(INSTALLATIONS, st.data())
def test_names_are_valid_unique_and_the_same_whatever_the_order_and_whatever_is_added(
    installations: list[tuple[str, list[str]]], data: st.DataObject
) -> None:
    names = unique_names(installations)

    assert len(names) == sum(len(tools) for _, tools in installations)
    assert len(set(names.values())) == len(names)
    assert all(VALID.fullmatch(name) for name in names.values())
    assert unique_names(installations, is_reversed=True) == names
    hostile = data.draw(TOOLS) + [name for name in names.values() if data.draw(st.booleans())]
    more: list[Any] = [*installations, ("Orders", list(dict.fromkeys(hostile)))]
    after = unique_names(more)
    assert {key: after[key] for key in names} == names
    assert len(set(after.values())) == len(after)
