"""Failures of commands: one line that says what went wrong, what to do, and an exit code for each kind."""

from collections.abc import Callable
from enum import IntEnum
from typing import Any

from attrs import frozen

from .. import (
    AlreadyInstalledError,
    APIConnectionError,
    APIStatusError,
    AuthenticationError,
    ConfigurationError,
    InstallationDisabledError,
    ListUnstableError,
    MCPStoreError,
    NotFoundError,
    OAuthError,
    PermissionDeniedError,
    RateLimitError,
    ReauthenticationRequiredError,
    ResponseDecodeError,
    ServerError,
    ToolApprovalRequiredError,
    ToolCallError,
    ToolDisabledError,
    ToolNotFoundError,
    UpstreamError,
)
from ._text import command, single_line


class ExitCode(IntEnum):
    """The exit codes, which docs/cli.md explains."""

    DONE = 0
    UNEXPECTED = 1
    USAGE = 2
    CREDENTIALS = 3
    NOT_ALLOWED = 4
    NOT_FOUND = 5
    REFUSED = 6
    RATE_LIMITED = 7
    NO_CONNECTION = 8
    SERVICE_FAILED = 9
    NEEDS_APPROVAL = 10
    TOOL_FAILED = 11
    NEEDS_AUTHORIZATION = 12
    PROBLEMS_FOUND = 13
    INTERRUPTED = 130


KINDS: list[tuple[type[Exception], ExitCode]] = [
    (ConfigurationError, ExitCode.USAGE),
    (ReauthenticationRequiredError, ExitCode.NEEDS_AUTHORIZATION),
    (OAuthError, ExitCode.NEEDS_AUTHORIZATION),
    (AuthenticationError, ExitCode.CREDENTIALS),
    (PermissionDeniedError, ExitCode.NOT_ALLOWED),
    (NotFoundError, ExitCode.NOT_FOUND),
    (RateLimitError, ExitCode.RATE_LIMITED),
    (APIConnectionError, ExitCode.NO_CONNECTION),
    (ServerError, ExitCode.SERVICE_FAILED),
    (UpstreamError, ExitCode.SERVICE_FAILED),
    (ResponseDecodeError, ExitCode.SERVICE_FAILED),
    (ListUnstableError, ExitCode.SERVICE_FAILED),
    (APIStatusError, ExitCode.REFUSED),
    (ToolApprovalRequiredError, ExitCode.NEEDS_APPROVAL),
    (ToolCallError, ExitCode.TOOL_FAILED),
]
"""The first class that an error is an instance of decides."""


NAMES = {
    "api_key= or ": "",
    ", or allow_insecure_host=True": "",
    "project_id": "the project",
    "store.installations.list()": "`mcp-store list`",
    "store.installations.refresh_tools()": "`mcp-store tools INSTALLATION --refresh`",
    "store.templates.list()": "`mcp-store templates`",
}
"""What the SDK's errors call arguments and methods, and what the command line calls them."""


class CommandError(Exception):
    """A command can't go on."""

    def __init__(self, code: ExitCode, message: str, action: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.action = action


@frozen
class Failure:
    """What a person, or with `--json` a program, is told about an error."""

    code: ExitCode
    message: str
    action: str | None = None
    """What to do about it."""

    def to_dict(self) -> dict[str, Any]:
        fields = {"kind": self.code.name.lower(), "exit_code": int(self.code)}
        return {"error": {**fields, "message": self.message, "action": self.action}}


def failure_of(error: CommandError | MCPStoreError) -> Failure:
    if isinstance(error, CommandError):
        return Failure(error.code, single_line(str(error)), error.action)
    code = next((code for kind, code in KINDS if isinstance(error, kind)), ExitCode.UNEXPECTED)
    advise = next((advise for kind, advise in ADVICE if isinstance(error, kind)), None)
    return Failure(code, single_line(_message(error)), advise(error) if advise else None)


def _message(error: MCPStoreError) -> str:
    """What the error says, in terms of the command line."""
    # `str()` of a refused tool call names the method of the SDK that approves it.
    message = error.message if isinstance(error, ToolCallError) else str(error)
    for python, here in NAMES.items():
        message = message.replace(python, here)
    return message


def _approve(error: ToolCallError) -> str:
    return command("approve", error.tool_name or "TOOL", "--installation", str(error.installation_id or "INSTALLATION"))


def _inspect_tools(error: ToolCallError) -> str:
    return command("tools", str(error.installation_id or "INSTALLATION"))


def _refresh_tools(error: ToolCallError) -> str:
    return command("tools", str(error.installation_id or "INSTALLATION"), "--refresh")


def _use_another_key(error: PermissionDeniedError) -> str | None:
    return f"use a key with the scope {error.required_scope}" if error.required_scope else None


def _wait(error: RateLimitError) -> str:
    return f"run the command again {'later' if error.retry_after is None else f'in {error.retry_after:.0f} s'}"


ADVICE: list[tuple[type[Exception], Callable[[Any], str | None]]] = [
    (ToolApprovalRequiredError, _approve),
    (ToolDisabledError, _inspect_tools),
    (ToolNotFoundError, _refresh_tools),
    (ReauthenticationRequiredError, lambda _: command("authorize", "INSTALLATION")),
    (InstallationDisabledError, lambda _: command("enable", "INSTALLATION")),
    (AlreadyInstalledError, lambda _: command("list")),
    (AuthenticationError, lambda _: command("doctor")),
    (APIConnectionError, lambda _: command("doctor")),
    (PermissionDeniedError, _use_another_key),
    (RateLimitError, _wait),
]
