"""What a connection knows of the tools of its MCP server (extra `mcp`)."""

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
"""Where the results of a tool call are kept as they came, for an error about one that the client can't read."""
MAX_FAULTS = 100
"""How many malformed tools of a page are named. What comes after them is not looked at, which takes time."""


class KnownTools:
    """Which tools were listed, and which were left out of a list."""

    def __init__(self) -> None:
        self.listed: dict[str, ResultSchema | None] = {}
        """Those that were listed, with their output schemas."""
        self.unlisted: set[str] = set()
        """Those that were looked up in vain."""
        self.malformed: dict[str, str] = {}
        """Those that were left out because they break MCP's schema, and how."""
        self.version = 0
        """How often the tools may have changed. A list that was asked for before says nothing about the time after."""
        self.redactor = Redactor.of()
        """Of the latest answer."""

    def forget(self) -> None:
        """The server may have other tools now: look each up again before it is used."""
        self.version += 1
        self.listed.clear()
        self.unlisted.clear()

    def knows(self, name: str) -> bool:
        return name in self.listed or name in self.unlisted

    def readable(self, result: Mapping[str, Any], protocol: str, version: int) -> Mapping[str, Any]:
        """A `tools/list` result, asked for in this version, without what the client could not read.

        One malformed tool would cost all the others.
        """
        result = {key: value for key, value in result.items() if key != "nextCursor" or isinstance(value, str)}
        tools = result.get("tools")
        if not isinstance(tools, list):
            return result
        good, faults = (tools, {}) if _fault(tools, protocol) is None else _sorted_out(tools, protocol)
        for tool in reversed(good):
            # Of two with one name, the first counts.
            self.malformed.pop(_name(tool, 0), None)
            if version == self.version:
                schema = tool.get("outputSchema")
                self.listed[tool["name"]] = None if schema is None else ResultSchema(schema)
        self._leave_out({self.redactor.text(name): self.redactor.text(fault) for name, fault in faults.items()})
        return {**result, "tools": good}

    def _leave_out(self, faults: Mapping[str, str]) -> None:
        for name, fault in faults.items():
            if self.malformed.get(name) != fault:
                logger.warning("the MCP server's tool %s breaks MCP's schema and was left out: %s", name, fault)
        self.malformed.update(faults)


def _sorted_out(tools: list[Any], protocol: str) -> tuple[list[Any], dict[str, str]]:
    """The tools that can be read, and what is wrong with the others, by their names."""
    good: list[Any] = []
    faults: dict[str, str] = {}
    for position, tool in enumerate(tools):
        if len(faults) == MAX_FAULTS:
            faults[f"number {position + 1} and those after it"] = "they were not looked at after so many others"
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
        # A version without a schema for this method has no rules of its own.
        with suppress(KeyError):
            validate_server_result("tools/list", protocol, {"tools": tools})
        ListToolsResult.model_validate({"tools": tools}, by_name=False)
    except ValidationError as error:
        return reason(error)
    except ValueError as error:
        # Its schema is nested deeper than the client can read.
        return str(error)
    return None


def reason(error: ValidationError) -> str:
    """What does not fit, in one line."""
    return "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()[:3])
