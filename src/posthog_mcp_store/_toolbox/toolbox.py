"""What `connect_all()` returns: the tools of all installations, to be called."""

import json
from collections.abc import Awaitable, Iterator, Mapping
from typing import Any, Protocol
from uuid import UUID

from attrs import field, frozen

from .._adapter import Installation
from .._core import validation
from .._core.errors import MCPStoreError, ToolCallError
from .._core.text import json_fault, short_repr, single_line
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
    """A tool of an installation.

    `unique_name` is the tool's own name if that is valid for every vendor of models, or else the name with other
    characters replaced, shortened, or with a digest appended. If the tool of an older installation has that name, the
    installation's name is put before it. It stays the same when installations are added. It changes when an older
    installation starts or stops listing a tool of this name, because it was removed, disabled or can't be reached; or
    when this installation is renamed, if its name is part of it. So do not decide by this name alone what a tool may
    do: check `installation` and `name`.

    Attributes:
        name: The tool's name on its server. Tools of different installations may have the same name.
        unique_name: The name to give to a model: unique in the toolbox, at most 64 characters of `[A-Za-z0-9_-]`.
        description: The description from the server, at most 10,000 characters; untrusted.
        input_schema: The JSON Schema of the arguments, from the server; untrusted. It always has `"type": "object"` and
            `properties`.
        annotations: The server's hints, such as `readOnlyHint`; untrusted.
        approval_state: `approved` or `needs_approval`. In the second case `call()` raises ToolApprovalRequiredError,
            which says how to approve it. None on instances last updated in spring 2026, which do not list it.
        installation: The installation that the tool belongs to.
    """

    name: str
    unique_name: str
    description: str = field(repr=False)
    input_schema: dict[str, Any] = field(repr=False)
    annotations: dict[str, Any] = field(repr=False)
    approval_state: str | None
    installation: Installation = field(repr=False)
    _calls: ToolCalls = field(repr=False, alias="calls")

    async def call(self, arguments: Mapping[str, Any] | None = None) -> ToolResult:
        """Call the tool. If the tool itself fails, the result has `is_error`.

        The call is never repeated once the tool may have run. It can be awaited in any event loop, and runs in the one
        where the toolbox was opened; cancelling it cancels the call there.

        Args:
            arguments: The tool's arguments, as its `input_schema` describes them: values of JSON.

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
        """Call the tool, and return text for a model, at most the `max_text_length` of `connect_all()`.

        The text says what the tool returned, or why it failed or was refused (ToolCallError), or that the values of the
        arguments can't be written as JSON, such as NaN. All other errors of `call()` are raised, because a model can't
        do anything about them: credentials, connections, limits, and arguments of types that are not JSON.

        Structured content is shown as JSON if there is no text. Images and other binary content are named, not shown.

        Args:
            **arguments: The tool's arguments, by name.
        """
        limit = self._calls.max_text_length
        if fault := _unsendable(arguments):
            return shortened(f"The tool was not called: its arguments can't be written as JSON: {fault}", limit)
        try:
            return result_text(await self.call(arguments), max_length=limit)
        except ToolCallError as error:
            return refusal_text(error, self._label, max_length=limit)

    def run_sync(self, /, **arguments: Any) -> str:
        """Do the same as `run()`, from a thread other than that of the event loop, and block until it is done.

        Args:
            **arguments: The tool's arguments, by name.

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
    """An installation whose tools could not be listed, or not all of them.

    Attributes:
        installation: The installation.
        error: Why they could not be listed.
    """

    installation: Installation
    error: MCPStoreError


@frozen
class Toolbox:
    """The tools of all enabled installations, and the failures to list some of them.

    `toolbox["unique_name"]` returns one of the tools, or raises KeyError; `"unique_name" in toolbox` tests whether it
    exists; iterating yields all of them.

    Attributes:
        tools: The tools, those of the newest installation first.
        failures: The installations whose tools are missing, completely or in part, with the reasons.
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
        return single_line(json_fault(error))
    return None
