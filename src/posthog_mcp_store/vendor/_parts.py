"""The optional parts of a copy."""

import ast
from collections.abc import Collection

from ._release import Files

PARTS = {
    "aiohttp": ("_transport/aiohttp_",),
    "cli": ("cli/", "__main__.py"),
    "loopback": ("_loopback/",),
    "mcp": ("_mcp/",),
    "redis": ("_ratelimit/redis_",),
    "testing": ("testing/", "cli/_demo.py"),
}
"""The path prefixes of each part. Only the list of public names has a statement that imports one."""
LIST_OF_NAMES = "_api.py"


def without(parts: Collection[str], files: Files) -> Files:
    """The files, without those of `parts` and without the public names defined in them."""
    beginnings = tuple(beginning for part in parts for beginning in PARTS[part])
    kept = {path: content for path, content in files.items() if not path.startswith(beginnings)}
    left_out = {path.removesuffix(".py").replace("/", ".") for path in files.keys() - kept.keys()}
    return {**kept, LIST_OF_NAMES: _without_imports(files[LIST_OF_NAMES].decode(), left_out).encode()}


def _without_imports(source: str, modules: Collection[str]) -> str:
    """A list of public names, one per line, without those that are imported from `modules`."""
    nodes = list(ast.walk(ast.parse(source)))
    imports = [node for node in nodes if isinstance(node, ast.ImportFrom) and node.module in modules]
    names = {alias.name for node in imports for alias in node.names}
    listed = [node for node in nodes if isinstance(node, ast.Constant) and node.value in names]
    gone: list[ast.stmt | ast.expr] = [*imports, *listed]
    dropped = {line for node in gone for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)}
    lines = enumerate(source.splitlines(keepends=True), 1)
    return "".join(line for number, line in lines if number not in dropped)
