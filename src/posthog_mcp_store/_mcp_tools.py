"""What a connection knows of the tools of its MCP server (extra `mcp`)."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from mcp_types import Tool
from mcp_types.methods import validate_server_result
from pydantic import ValidationError

from ._result_schema import ResultSchema
from ._text import one_line

logger = logging.getLogger(__name__)


class KnownTools:
    """Which tools were listed, and which were left out of a list."""

    def __init__(self) -> None:
        self.listed: dict[str, ResultSchema | None] = {}
        """Those that were listed, with their output schemas."""
        self.unlisted: set[str] = set()
        """Those that were looked up in vain."""
        self.malformed: dict[str, str] = {}
        """Those that were left out because they break MCP's schema, and how."""

    def forget(self) -> None:
        """The server may have other tools now: look each up again before it is used."""
        self.listed.clear()
        self.unlisted.clear()

    def knows(self, name: str) -> bool:
        return name in self.listed or name in self.unlisted

    def list(self, tools: Iterable[Tool]) -> None:
        for tool in tools:
            self.listed[tool.name] = None if tool.output_schema is None else ResultSchema(tool.output_schema)

    def without_malformed(self, result: Mapping[str, Any], version: str) -> Mapping[str, Any]:
        """A `tools/list` result without the tools that the client could not read: one would cost all the others."""
        tools = result.get("tools")
        if not isinstance(tools, Sequence):
            return result
        good = []
        for position, tool in enumerate(tools):
            name = _name(tool, position)
            fault = _fault(tool, version)
            if fault is None:
                self.malformed.pop(name, None)
                good.append(tool)
            elif self.malformed.get(name) != fault:
                logger.warning("the MCP server's tool %s breaks MCP's schema and was left out: %s", name, fault)
                self.malformed[name] = fault
        return {**result, "tools": good}


def _name(tool: object, position: int) -> str:
    name = tool.get("name") if isinstance(tool, Mapping) else None
    return one_line(repr(name), limit=100) if isinstance(name, str) else f"number {position + 1}"


def _fault(tool: object, version: str) -> str | None:
    try:
        # A version without a schema for this method has no rules of its own.
        with suppress(KeyError):
            validate_server_result("tools/list", version, {"tools": [tool]})
        Tool.model_validate(tool, by_name=False)
    except ValidationError as error:
        return reason(error)
    except ValueError as error:
        # Its schema is nested deeper than the client can read.
        return str(error)
    return None


def reason(error: ValidationError) -> str:
    """What does not fit, in one line."""
    return "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()[:3])
