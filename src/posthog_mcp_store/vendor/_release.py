"""The source of a copy: the files and metadata of the package that this tool is part of."""

import ast
from collections.abc import Iterator
from importlib import resources
from importlib.resources.abc import Traversable

from .._version import __version__
from ._errors import VendorError

Files = dict[str, bytes]
"""Contents by path relative to the package, with slashes."""

NAME = "posthog-mcp-store"
VERSION = __version__
REQUIRES_PYTHON = ">=3.11"
REQUIRES = ("anyio>=4.4", "attrs>=23.2", "httpx>=0.28", "sniffio>=1.3")
OPTIONAL_REQUIRES = {
    "aiohttp": ("aiohttp>=3.11",),
    "cli": ("rich>=13.8", "typer>=0.26"),
    "mcp": ("mcp>=2.0,<3",),
    "redis": ("limits>=5,<6", "redis>=6,<9"),
    # With pytest, which loads the fixture: nobody else needs it, so the extra does not install it.
    "testing": ("mcp>=2.0,<3", "pytest>=8", "starlette>=1.0", "uvicorn>=0.40"),
}
"""What each part requires in addition. Package metadata has it too, but not if the SDK is run from a zip file."""

PACKAGE, _, TOOL = __name__.rpartition(".")[0].rpartition(".")
CACHE = "__pycache__"
OTHER_FILES = {"LICENSE", "py.typed"}
"""The files of a copy that are not Python modules."""
GENERATED = "lowlevel/__init__.py"


def package_files(package: Traversable | None = None) -> Files:
    """The files of the SDK without this tool, wherever it was imported from, even a zip file.

    Raises:
        VendorError: A file is missing, such as the licence in an installation that somebody has trimmed.
    """
    files = dict(sorted(_walk(package or resources.files(PACKAGE), "")))
    if missing := {"LICENSE", GENERATED, "__init__.py"} - files.keys():
        raise VendorError(f"this installation of {NAME} has no {min(missing)}: reinstall it")
    return files


def _walk(directory: Traversable, prefix: str) -> Iterator[tuple[str, bytes]]:
    for entry in directory.iterdir():
        path = prefix + entry.name
        if entry.is_dir():
            if path != TOOL and entry.name != CACHE:
                yield from _walk(entry, f"{path}/")
        elif entry.name.endswith(".py") or entry.name in OTHER_FILES:
            yield path, entry.read_bytes()


def document_version(files: Files) -> str:
    """The `info.version` of openapi.yaml that the generated client was made from.

    It is parsed instead of imported, because importing it would import the HTTP library.
    """
    for node in ast.parse(files[GENERATED]).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "DOCUMENT_VERSION":
            return str(ast.literal_eval(node.value))
    raise VendorError(f"{GENERATED} of this installation has no DOCUMENT_VERSION: reinstall {NAME}")
