"""The tools of an MCP server that a connection has listed (extra `mcp`)."""

import logging
from collections.abc import Mapping
from contextlib import suppress
from contextvars import ContextVar
from typing import Any

from mcp_types import ListToolsResult
from mcp_types.methods import validate_server_result
from pydantic import ValidationError

from .._core.redaction import Redactor
from .._core.text import single_line
from .result_schema import ResultSchema

logger = logging.getLogger(__name__)

RAW_RESULTS: ContextVar[list[Any]] = ContextVar("RAW_RESULTS")
"""Collects the raw results of a tool call, for the error about one that the client can't read."""
MAX_FAULTS = 100
"""How many malformed tools of a page are reported. Checking the rest could take long."""


class KnownTools:
    """The tools that were listed, and those that were left out."""

    def __init__(self) -> None:
        self.listed: dict[str, ResultSchema | None] = {}
        """Output schemas by tool."""
        self.unlisted: set[str] = set()
        """Tools that were looked up and not found."""
        self.malformed: dict[str, str] = {}
        """Why each tool that violates MCP's schema was left out."""
        self.revision = 0
        """How often the tools may have changed. A list requested under an earlier revision may be outdated."""
        self.redactor = Redactor.of()
        """Of the latest response."""

    def forget(self) -> None:
        """Look each tool up again before its next call, because the server may have changed them."""
        self.revision += 1
        self.listed.clear()
        self.unlisted.clear()

    def knows(self, name: str) -> bool:
        return name in self.listed or name in self.unlisted

    def readable(self, result: Mapping[str, Any], protocol: str, revision: int) -> Mapping[str, Any]:
        """Remove from a `tools/list` result what the client could not parse: one malformed tool would cost all others.

        `protocol` is the version of MCP, `revision` the one under which the list was requested.
        """
        result = {key: value for key, value in result.items() if key != "nextCursor" or isinstance(value, str)}
        tools = result.get("tools")
        if not isinstance(tools, list):
            return result
        good, faults = (tools, {}) if _fault(tools, protocol) is None else _sorted_out(tools, protocol)
        for tool in reversed(good):
            # Reversed, so that the first of two tools with the same name wins.
            self.malformed.pop(_name(tool, 0), None)
            if revision == self.revision:
                schema = tool.get("outputSchema")
                self.listed[tool["name"]] = None if schema is None else ResultSchema(schema)
        self._leave_out({self.redactor.text(name): self.redactor.text(fault) for name, fault in faults.items()})
        return {**result, "tools": good}

    def _leave_out(self, faults: Mapping[str, str]) -> None:
        for name, fault in faults.items():
            if self.malformed.get(name) != fault:
                logger.warning("the MCP server's tool %s violates MCP's schema and was left out: %s", name, fault)
        self.malformed.update(faults)


def _sorted_out(tools: list[Any], protocol: str) -> tuple[list[Any], dict[str, str]]:
    """The valid tools, and by name the faults of the others."""
    good: list[Any] = []
    faults: dict[str, str] = {}
    for position, tool in enumerate(tools):
        if len(faults) == MAX_FAULTS:
            faults[f"number {position + 1} and those after it"] = "not checked after so many malformed ones"
            break
        if (fault := _fault([tool], protocol)) is None:
            good.append(tool)
        else:
            faults[_name(tool, position)] = fault
    return good, faults


def _name(tool: object, position: int) -> str:
    name = tool.get("name") if isinstance(tool, Mapping) else None
    return single_line(repr(name), limit=100) if isinstance(name, str) else f"number {position + 1}"


def _fault(tools: list[Any], protocol: str) -> str | None:
    try:
        # KeyError: this version of MCP has no schema for the method.
        with suppress(KeyError):
            validate_server_result("tools/list", protocol, {"tools": tools})
        ListToolsResult.model_validate({"tools": tools}, by_name=False)
    except ValidationError as error:
        return reason(error)
    except ValueError as error:
        # Raised for a schema that is nested too deeply.
        return str(error)
    return None


def reason(error: ValidationError) -> str:
    """Summarise a validation error in one line."""
    return "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()[:3])
