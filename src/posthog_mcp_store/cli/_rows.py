"""Installations, templates and tools as tables."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from .. import Installation, Template, Tool, ToolResult
from ._text import block, command, single_line
from ._view import Cell, Column, Fields, Table, Tone

TOOL_TONES: dict[str, Tone] = {"approved": "good", "needs_approval": "warning", "do_not_use": "quiet"}


def state(installation: Installation) -> Cell:
    """Whether an installation can be used, and if not, why."""
    if not installation.is_enabled:
        return Cell("disabled", "quiet")
    if installation.pending_oauth:
        return Cell("not authorized", "warning")
    if installation.needs_reauth:
        return Cell("needs reauth", "warning")
    if installation.last_sync_error:
        return Cell("server failed", "bad")
    return Cell("ready", "good")


def installation_table(installations: Sequence[Installation]) -> Table:
    columns = [Column("NAME", 12, wraps=True), Column("STATE", 14), Column("TOOLS", 5), Column("ID", 36)]
    rows = [
        [_cell(each.name), state(each), _cell(_number(each.tool_count)), Cell(str(each.id), "quiet")]
        for each in installations
    ]
    return Table(columns, rows, f"Nothing is installed. See what there is with: {command('templates')}")


def installation_fields(installation: Installation) -> Fields:
    owner = "you" if installation.is_owner else "somebody else in the project"
    rows = {
        "name": _cell(installation.name),
        "state": state(installation),
        "id": Cell(str(installation.id)),
        "url": _cell(installation.url),
        "authentication": _cell(installation.auth_type),
        "scope": _cell(f"{installation.scope}, owned by {owner}"),
        "tools": _cell(_number(installation.tool_count)),
        "description": _cell(installation.description),
        "created": _cell(_moment(installation.created_at)),
        "tools read": _cell(_moment(installation.last_synced_at)),
        "last failure": Cell(single_line(installation.last_sync_error), "bad"),
    }
    return Fields([(name, cell) for name, cell in rows.items() if cell.text])


def template_table(templates: Sequence[Template]) -> Table:
    columns = [
        Column("NAME", 12, wraps=True),
        Column("AUTH", 7),
        Column("CATEGORY", 8),
        Column("DESCRIPTION", 24, wraps=True),
    ]
    rows = [
        [_cell(each.name), _cell(each.auth_type), _cell(each.category), _cell(each.description)] for each in templates
    ]
    return Table(columns, rows, "The catalogue is empty.")


def tool_table(tools: Sequence[tuple[Installation, Tool]]) -> Table:
    columns = [
        Column("TOOL", 16, wraps=True),
        Column("STATE", 14),
        Column("INSTALLATION", 12, wraps=True),
        Column("DESCRIPTION", 20, wraps=True),
    ]
    rows = [
        [_cell(tool.tool_name), tool_state(tool), _cell(installation.name), _cell(tool.description)]
        for installation, tool in tools
    ]
    return Table(columns, rows, "There are no tools.")


def tool_state(tool: Tool) -> Cell:
    text = "removed" if tool.removed_at else single_line(tool.approval_state)
    return Cell(text, TOOL_TONES.get(text, "plain"))


def tool_data(installation: Installation, tool: Tool) -> dict[str, Any]:
    return {"installation_id": str(installation.id), **tool.to_dict()}


def tool_result_data(result: ToolResult) -> dict[str, Any]:
    return {
        "content": result.content,
        "is_error": result.is_error,
        "structured_content": result.structured_content,
    }


def tool_result_text(content: Sequence[dict[str, Any]]) -> str:
    """The text of a tool's result. Other content is named."""
    return "\n".join(_content_text(each) for each in content)


def _content_text(content: dict[str, Any]) -> str:
    if content.get("type") == "text":
        return block(str(content.get("text", "")))
    kind = single_line(f"{content.get('type')} {content.get('mimeType', '')}", limit=100)
    return f"[{kind}: see --json]"


def _cell(text: str) -> Cell:
    return Cell(single_line(text))


def _number(number: int | None) -> str:
    return "" if number is None else str(number)


def _moment(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment:%Y-%m-%d %H:%M} UTC"
