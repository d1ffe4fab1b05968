"""What a model is told about a tool call: results and refusals as text. Pure."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from .._core.errors import ToolApprovalRequiredError, ToolCallError, ToolDisabledError, ToolNotFoundError
from .._core.plain_data import limit_depth
from .._core.text import single_line
from .._core.tools import ToolResult

MIN_LENGTH = 100
"""The least `max_text_length`: the note about what was cut needs some of it."""
REFUSALS: dict[type[ToolCallError], str] = {
    ToolApprovalRequiredError: "needs approval: its user approves it in PostHog",
    ToolDisabledError: "is blocked: its user or an admin can allow it in PostHog",
    ToolNotFoundError: "is gone, or PostHog has not read it from its server yet",
}


def result_text(result: ToolResult, *, max_length: int) -> str:
    """The result as text of at most `max_length` characters: text as it is, JSON where there is none, and what can't
    be shown named in brackets.
    """
    parts = list(_parts(result))
    if not result.is_error:
        return shortened("\n".join(parts) or "The tool returned nothing.", max_length)
    return shortened("The tool failed: " + ("\n".join(parts) or "it gave no reason"), max_length)


def refusal_text(error: ToolCallError, tool: str, *, max_length: int) -> str:
    """What became of a call that was refused by PostHog or by the MCP server. `tool` names the tool."""
    if type(error) in REFUSALS:
        return shortened(f"The tool was not called: {tool} {REFUSALS[type(error)]}.", max_length)
    return shortened(f"The call of {tool} failed: {error.message}", max_length)


def shortened(text: str, max_length: int) -> str:
    """At most `max_length` characters of a text that can be sent, with a note about what was cut."""
    # Half characters, which JSON can express, can't be written as UTF-8.
    text = text.encode(errors="replace").decode()
    if len(text) <= max_length:
        return text
    kept = max_length - len(_note_about_cut(len(text), len(text)))
    return text[:kept] + _note_about_cut(len(text) - kept, len(text))


def _note_about_cut(cut: int, length: int) -> str:
    return f"\n[cut: {cut:,} of {length:,} characters are not shown]"


def _parts(result: ToolResult) -> Iterator[str]:
    has_text = False
    for block in result.content:
        if block.get("type") == "text" and isinstance(block.get("text"), str):
            has_text = has_text or bool(block["text"].strip())
            yield block["text"]
        else:
            yield from _block(block)
    structured = _structured(result)
    if structured is not None and not has_text:
        yield _json(structured)


def _structured(result: ToolResult) -> object:
    """The structured content. Some servers send a list, which MCP did not allow at first."""
    if result.structured_content is not None:
        return result.structured_content
    return result.additional_properties.get("structuredContent")


def _block(block: Mapping[str, Any]) -> Iterator[str]:
    """A content block that is not text."""
    kind, resource = block.get("type"), block.get("resource")
    if kind in {"image", "audio"}:
        yield _in_brackets(block.get("mimeType") or kind, _size(block.get("data")), "not shown")
    elif kind == "resource_link":
        yield _in_brackets("link", block.get("name"), block.get("mimeType"), block.get("uri"))
    elif kind == "resource" and isinstance(resource, Mapping):
        text = resource.get("text")
        is_text = isinstance(text, str)
        hidden = () if is_text else (_size(resource.get("blob")), "not shown")
        yield _in_brackets("resource", resource.get("mimeType"), resource.get("uri"), *hidden)
        if is_text:
            yield str(text)
    else:
        yield _json(block)


def _in_brackets(*words: object) -> str:
    return f"[{', '.join(single_line(word, limit=200) for word in words if isinstance(word, str) and word)}]"


def _size(data: object) -> str:
    """The size of what is encoded as Base64."""
    size = len(data.rstrip("=")) * 3 // 4 if isinstance(data, str) else 0
    for unit in ("bytes", "kB"):
        if size < 1000:
            return f"{size} {unit}"
        size = round(size / 1000)
    return f"{size:,} MB"


def _json(value: object) -> str:
    # Writing deeper JSON could exceed Python's recursion limit.
    return json.dumps(limit_depth(value), ensure_ascii=False, separators=(",", ":"))
