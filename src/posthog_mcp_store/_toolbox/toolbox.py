"""What `connect_all()` returns: the tools of all installations, to be called."""

import json
from collections.abc import Awaitable, Iterator, Mapping
from typing import Any, Protocol
from uuid import UUID

from attrs import field, frozen

from .._adapter import Installation
from .._core import validation
from .._core.errors import MCPStoreError, ToolCallError
from .._core.text import short_repr, single_line
from .._core.tools import ToolResult
from .own_loop import OwnLoop
from .result_text import refusal_text, result_text, shortened


class CallTool(Protocol):
    """A function that calls a tool of an installation."""

    def __call__(self, id: UUID, tool_name: str, arguments: Mapping[str, Any] | None, /) -> Awaitable[ToolResult]: ...


@frozen
class ToolCalls:
    """How the tools of a toolbox are called."""

    call_tool: CallTool
    loop: OwnLoop
    max_text_length: int


@frozen(eq=False)
class InstallationTool:
    """A tool of an installation."""

    name: str
    """The name that the server uses. Tools of different installations may have the same name."""
    unique_name: str
    """A name for models: unique in the toolbox, and valid for every vendor (`[A-Za-z0-9_-]`, at most 64 characters).

    It is the tool's own name if that is valid, or else the name with other characters replaced, cut or given a digest.
    If the tool of an older installation has that name, the installation's name is put before it.

    It stays the same when installations are added. It changes when an older installation starts or stops to list a tool
    of this name, because it was removed, disabled or can't be reached; or when this installation is renamed, if its
    name is part of it. So do not decide by this name alone what a tool may do: check `installation` and `name`.
    """
    description: str = field(repr=False)
    """The server's words, untrusted; at most 10,000 characters."""
    input_schema: dict[str, Any] = field(repr=False)
    """The JSON Schema of the arguments, untrusted. It always has `"type": "object"` and `properties`."""
    annotations: dict[str, Any] = field(repr=False)
    """The server's hints, untrusted, such as `readOnlyHint`."""
    approval_state: str | None
    """`approved` or `needs_approval`. In the second case `call()` raises ToolApprovalRequiredError, which says how to
    approve it. None on instances last updated in spring 2026, which do not list it."""
    installation: Installation = field(repr=False)
    _calls: ToolCalls = field(repr=False, alias="calls")

    async def call(self, arguments: Mapping[str, Any] | None = None) -> ToolResult:
        """Call the tool. Its own failure is a result with `is_error`.

        The call is never repeated once the tool may have run. It runs in the event loop where the toolbox was opened,
        from whichever loop it is awaited; cancelling it there cancels it here.

        Raises:
            ToolCallError: PostHog refused the call, with a subclass for each reason, or the MCP server did.
            InstallationDisabledError: The installation is disabled, or switched off for the team.
            ReauthenticationRequiredError: The installation's credentials are missing or no longer valid.
            UpstreamError: The MCP server failed. The tool may have run.
            ConfigurationError: The arguments are not JSON, or the toolbox is closed.
            APIConnectionError: The toolbox was closed during the call. The tool may have run.
        """
        if arguments is not None:
            validation.json_object(arguments, "arguments")
        return await self._calls.loop.run(lambda: self._calls.call_tool(self.installation.id, self.name, arguments))

    async def run(self, /, **arguments: Any) -> str:
        """Call the tool, and return text for a model, at most `max_text_length` characters.

        The text says what the tool returned, or why it failed or was refused (ToolCallError), or that JSON can't hold
        the values of the arguments, such as NaN. What a model can't do anything about raises, as `call()` does:
        credentials, connections, limits, and arguments of types that are not JSON.

        Structured content is shown as JSON if there is no text. Images and other binary content are named, not shown.
        """
        limit = self._calls.max_text_length
        if fault := _unsendable(arguments):
            return shortened(f"The tool was not called: its arguments can't be written as JSON: {fault}", limit)
        try:
            return result_text(await self.call(arguments), max_length=limit)
        except ToolCallError as error:
            return refusal_text(error, self._label, max_length=limit)

    def run_sync(self, /, **arguments: Any) -> str:
        """Do the same as `run()` from another thread than the event loop's, and wait for it.

        Raises:
            ConfigurationError: This is the thread of the event loop where the toolbox was opened, or that loop is not
                running.
        """
        return self._calls.loop.run_sync(lambda: self.run(**arguments))

    @property
    def _label(self) -> str:
        return f"{short_repr(self.name)} of {short_repr(self.installation.name)}"


@frozen
class UnavailableInstallation:
    """An installation whose tools could not be listed, or not all of them, with the error."""

    installation: Installation
    error: MCPStoreError


@frozen
class Toolbox:
    """The tools of all enabled installations, and the failures to list some of them.

    `toolbox["unique_name"]` is one of the tools; `"unique_name" in toolbox` says whether there is one.
    """

    tools: list[InstallationTool] = field(factory=list)
    failures: list[UnavailableInstallation] = field(factory=list)

    def __getitem__(self, unique_name: str) -> InstallationTool:
        for tool in self.tools:
            if tool.unique_name == unique_name:
                return tool
        raise KeyError(unique_name)

    def __contains__(self, unique_name: object) -> bool:
        return any(tool.unique_name == unique_name for tool in self.tools)

    def __iter__(self) -> Iterator[InstallationTool]:
        return iter(self.tools)


def _unsendable(arguments: Mapping[str, Any]) -> str | None:
    """Why JSON can't hold the values, which Python's parser accepts: NaN, half characters, deep nesting."""
    try:
        json.dumps(arguments, ensure_ascii=False, allow_nan=False).encode()
    except TypeError:
        # Not a value of JSON at all: `call()` raises.
        return None
    except (ValueError, RecursionError) as error:
        return single_line(str(error))
    return None
