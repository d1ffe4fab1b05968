"""What every framework's agent has to do with the tools, asynchronously and synchronously."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
from anyio.from_thread import start_blocking_portal

from posthog_mcp_store import APITimeoutError, MCPStoreError, RateLimitError, ReauthenticationRequiredError, Toolbox

from .conftest import Settings, open_toolbox

FAILURES = [
    ("read", ReauthenticationRequiredError, "401"),
    ("send", RateLimitError, "429"),
    ("wait", APITimeoutError, "deadline"),
]
"""Tools, the errors that calling them raises, and a word of their messages."""


class AgentCases:
    """The cases. A subclass runs an agent of its framework, whose model is a fake."""

    errors_are: ClassVar[str] = "raised"
    """What becomes of an error of the SDK: it is `raised`, `wrapped` in the framework's own, or the model is `told`."""

    def run(self, settings: Settings, tool: str, arguments: dict[str, Any], deadline: float = 30.0) -> str:
        """Let the model call a tool; the text that the model then gets."""
        raise NotImplementedError

    def test_the_model_gets_the_result(self, settings: Settings) -> None:
        assert "42" in self.run(settings, "add", {"a": 19, "b": 23})

    def test_the_tool_gets_its_arguments_as_the_model_gave_them(self, settings: Settings) -> None:
        given = {
            "config": "default",
            "site": "https://example.com",
            "filters": [{"field": "event", "values": ["$pageview", None]}],
        }

        text = self.run(settings, "search", given)

        assert json.loads(text) == ["default", "https://example.com", 20, given["filters"]]

    def test_the_model_gets_the_reason_why_a_tool_failed(self, settings: Settings) -> None:
        assert "the divisor is 0" in self.run(settings, "divide", {"a": 1, "b": 0})

    def test_the_model_learns_that_a_tool_needs_approval(self, settings: Settings) -> None:
        assert "needs approval" in self.run(settings, "delete", {})

    @pytest.mark.parametrize(("tool", "expected", "word"), FAILURES)
    def test_an_error_that_no_model_can_correct(
        self, settings: Settings, tool: str, expected: type[MCPStoreError], word: str
    ) -> None:
        if self.errors_are == "told":
            assert word in self.run(settings, tool, {}, deadline=2.0)
            return
        with pytest.raises(Exception) as raised:  # noqa: PT011  # the framework's own class, where it wraps errors
            self.run(settings, tool, {}, deadline=2.0)
        found = [error for error in chain(raised.value) if isinstance(error, MCPStoreError)]
        assert [type(error) for error in found[:1]] == [expected], raised.value
        assert (raised.value in found) == (self.errors_are == "raised")


class AsyncCases(AgentCases):
    async def ask(self, toolbox: Toolbox, tool: str, arguments: dict[str, Any]) -> str:
        raise NotImplementedError

    def run(self, settings: Settings, tool: str, arguments: dict[str, Any], deadline: float = 30.0) -> str:
        async def main() -> str:
            async with open_toolbox(settings, deadline) as toolbox:
                return await self.ask(toolbox, tool, arguments)

        return asyncio.run(main())


class SyncCases(AgentCases):
    def ask(self, toolbox: Toolbox, tool: str, arguments: dict[str, Any]) -> str:
        raise NotImplementedError

    def run(self, settings: Settings, tool: str, arguments: dict[str, Any], deadline: float = 30.0) -> str:
        with (
            start_blocking_portal() as portal,
            portal.wrap_async_context_manager(open_toolbox(settings, deadline)) as toolbox,
        ):
            return self.ask(toolbox, tool, arguments)


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error and its causes."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def offered(toolbox: Toolbox, schemas: dict[str, Any]) -> None:
    """Fail unless a model is offered all tools of the toolbox, with all their parameters."""
    expected = {tool.unique_name: set(tool.input_schema["properties"]) for tool in toolbox.tools}
    assert {name: set(schema.get("properties", {})) for name, schema in schemas.items()} == expected
