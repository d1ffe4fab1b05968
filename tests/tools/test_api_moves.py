"""The procedure for a changed API, from an edited document to passing checks, on a copy of the checkout."""

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from upstream import compare_documents

from .documents import BELOW, GONE, ROOT, Document, edited, ours

FACADE = ROOT / "src" / "posthog_mcp_store"
# Fast ones that together make every call, and read every kind of response.
TESTS = (
    "store/test_operations.py",
    "store/test_configuration.py",
    "store/test_lowlevel.py",
    "request/test_errors.py",
    "pagination/test_pages.py",
    "oauth/test_redirect.py",
)
# Keeps the type checker from reading packages that the generated client does not affect.
MYPY_SETTINGS = """
[[tool.mypy.overrides]]
module = ["aiohttp.*", "click.*", "cryptography.*", "jwt.*", "limits.*", "markdown_it.*",
  "opentelemetry.*", "redis.*", "rich.*"]
follow_imports = "skip"

[[tool.mypy.overrides]]
module = "posthog_mcp_store._ratelimit.redis_budget"
warn_unused_ignores = false

[[tool.mypy.overrides]]
module = ["posthog_mcp_store._transport.aiohttp_transport", "posthog_mcp_store._transport.aiohttp_session"]
ignore_errors = true
"""
SCHEMAS = "components.schemas"
LIST, INSTALL, AUTHORIZE = (f"paths.{BELOW}/{tail}" for tail in ("", "install_custom/", "authorize/"))

NEXT = "1.2.0"
TEST = {
    "operationId": "mcp_server_installations_test_create",
    "tags": ["mcp_store"],
    "security": [{"PersonalAPIKeyAuth": ["project:read"]}],
    "responses": {
        "200": {
            "description": "The installation.",
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/MCPServerInstallation"}}},
        }
    },
}
ADDITIONS: list[tuple[str, Any]] = [
    ("info.version", NEXT),
    (f"{SCHEMAS}.MCPServerInstallation.properties.call_count", {"type": "integer"}),
    (f"{SCHEMAS}.InstallCustom.properties.note", {"type": "string", "default": ""}),
    (f"{LIST}.get.parameters.2", {"in": "query", "name": "search", "schema": {"type": "string", "default": ""}}),
    (f"{INSTALL}.post.responses.409", {"$ref": "#/components/responses/BadRequest"}),
    (f"paths.{BELOW}/{{id}}/test/", {"parameters": ours()["paths"][f"{BELOW}/{{id}}/"]["parameters"], "post": TEST}),
]


def renamed(document: Document, old: str, new: str) -> Document:
    """A document with a schema renamed."""
    text = yaml.safe_dump(document, sort_keys=False)
    found: Document = yaml.safe_load(re.sub(rf"\b{old}\b", new, text))
    return found


class Copy:
    """A copy of the checkout to edit."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in ("src", "generated", "scripts", "tests"):
            shutil.copytree(ROOT / name, root / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("openapi.yaml", "openapi.lock", "pyproject.toml"):
            shutil.copy(ROOT / name, root)
        with (root / "pyproject.toml").open("a") as settings:
            settings.write(MYPY_SETTINGS)

    def regenerate(self, document: Document) -> None:
        (self.root / "openapi.yaml").write_text(yaml.safe_dump(document, sort_keys=False))
        self.run("scripts/regenerate.py")

    def type_errors(self) -> list[tuple[str, str, str]]:
        """Module, function and message of each type error in the facade."""
        modules = sorted((self.root / "src" / "posthog_mcp_store").glob("*.py"))
        output = self.run("-m", "mypy", *modules, status=None)
        errors, function = [], ""
        for line in output.splitlines():
            if found := re.search(r": note: (?:In (?:function|member) \"(\w+)\"|At top level)", line):
                function = found[1] or ""
            elif found := re.search(r"(\w+\.py):\d+: (?:error|note): (.*)", line):
                errors.append((found[1], function, found[2].strip()))
        return [each for each in errors if not each[0].startswith("_aiohttp")]

    def run(self, *arguments: object, status: int | None = 0) -> str:
        run = subprocess.run(
            [sys.executable, *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
            cwd=self.root,
            env={**os.environ, "PYTHONPATH": str(self.root / "src")},
        )
        assert status in (None, run.returncode), run.stdout + run.stderr
        return run.stdout


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    return Copy(tmp_path_factory.mktemp("copy"))


# These tests share a copy, and so the cache of the type checker; each writes its own document.


def test_additions_need_no_change_of_the_source(checkout: Copy) -> None:
    document = edited(ours(), *ADDITIONS)
    report = compare_documents(ours(), document, "upstream.yaml")
    assert [each.where for each in report.sections["non_breaking"]] == [
        "MCPServerInstallation.call_count",
        "query parameter search",
        "InstallCustom.note",
        "response 409",
        "test_create",
    ]
    assert (report.sections["breaking"], report.sections["wording"]) == ((), ())

    checkout.regenerate(document)

    assert checkout.type_errors() == []
    checkout.run(
        "-m",
        "pytest",
        "-q",
        "-x",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:schemathesis",
        *(f"tests/{path}" for path in TESTS),
    )
    assert checkout.run("-c", PROGRAM).split() == [str(checkout.root), NEXT, "3", "/test/"]
    # What `nox -s typing` adds to the type checker.
    test = "tests/test_architecture.py::test_every_operation_is_called_by_a_public_method"
    assert f"'{TEST['operationId']}'" in checkout.run("-m", "pytest", "-q", "-p", "no:cacheprovider", test, status=1)


PROGRAM = """
import pathlib, posthog_mcp_store
from posthog_mcp_store import Installation
from posthog_mcp_store.lowlevel.api.mcp_store import mcp_server_installations_test_create as test
from tests.support.wire import ID, installation

print(pathlib.Path(posthog_mcp_store.__file__).parents[2])
print(posthog_mcp_store.__document_version__)
print(Installation.from_dict(installation(call_count=3)).call_count)
print(test.build_request("1", ID).path[-6:])
"""


def test_a_renamed_schema_is_a_type_error_in_the_adapter_only(checkout: Copy) -> None:
    document = renamed(ours(), "OAuthRedirectResponse", "OAuthRedirect")
    report = compare_documents(ours(), document, "upstream.yaml")
    assert (report.sections["breaking"], report.sections["non_breaking"]) == ((), ())
    assert {each.change.theirs for each in report.sections["wording"]} == {"OAuthRedirect"}

    checkout.regenerate(document)

    errors = checkout.type_errors()
    assert {module for module, _, _ in errors} == {"_adapter.py"}
    assert any("OAuthRedirectResponse" in message for _, _, message in errors)


def test_a_removed_or_renamed_field_is_a_type_error_at_the_operation_that_uses_it(
    checkout: Copy,
) -> None:
    document = edited(
        ours(),
        (f"{SCHEMAS}.InstallCustom.properties.api_key", GONE),
        (f"{SCHEMAS}.PatchedMCPServerInstallationUpdate.properties.is_enabled", GONE),
        (f"{SCHEMAS}.PatchedMCPServerInstallationUpdate.properties.enabled", {"type": "boolean"}),
        (f"{SCHEMAS}.PaginatedMCPServerInstallationList.properties.count", GONE),
        (f"{SCHEMAS}.PaginatedMCPServerInstallationList.required", ["results"]),
        (f"{SCHEMAS}.OAuthRedirectResponse.properties.redirect_url", GONE),
        (f"{SCHEMAS}.OAuthRedirectResponse.properties.url", {"type": "string"}),
        (f"{SCHEMAS}.OAuthRedirectResponse.required", ["url"]),
        (f"{AUTHORIZE}.get.parameters.0", GONE),
        (f"{SCHEMAS}.MCPServerInstallation.properties.server_id", GONE),
        (f"{SCHEMAS}.MCPServerInstallation.properties.updated_at.type", "integer"),
        (f"{SCHEMAS}.MCPServerInstallation.properties.updated_at.format", GONE),
        (f"{SCHEMAS}.InstallTemplate.properties.agent_scope", GONE),
        (f"{SCHEMAS}.CallToolResponse.properties.is_error", GONE),
        (f"{SCHEMAS}.CallToolResponse.required", ["content"]),
        (f"{SCHEMAS}.AvailableTool.properties.annotations", GONE),
        (f"{SCHEMAS}.PaginatedMCPServerTemplateList.properties.results", GONE),
        (f"{SCHEMAS}.PaginatedMCPServerTemplateList.required", GONE),
    )

    checkout.regenerate(document)

    found = [(function, message) for module, function, message in checkout.type_errors() if module == "_adapter.py"]
    for function, field in (
        ("install_custom_create", '"api_key" for "InstallCustom"'),
        ("partial_update", '"is_enabled" for "PatchedMCPServerInstallationUpdate"'),
        ("list", '"PaginatedMCPServerInstallationList" has no attribute "count"'),
        ("authorize_retrieve", '"OAuthRedirectResponse" has no attribute "redirect_url"'),
        ("_install", '"OAuthRedirectResponse" has no attribute "redirect_url"'),
        ("authorize_retrieve", '"installation_id" for "build_request"'),
        ("install_template_create", '"agent_scope" for "InstallTemplate"'),
        ("call_tool_create", '"CallToolResponse" has no attribute "is_error"'),
        ("_server_tools", '"AvailableTool" has no attribute "annotations"'),
        ("mcp_servers_list", '"PaginatedMCPServerTemplateList" has no attribute "results"'),
        ("row_of_list_and_retrieve", "server_id"),
        ("row_of_list_and_retrieve", "updated_at: expected"),
    ):
        assert any(function == where and field in message for where, message in found), (
            function,
            field,
            found,
        )


def test_the_adapter_lists_the_fields_of_an_installation_that_the_facade_reads() -> None:
    """Otherwise a removed field would not be a type error in the adapter."""
    read = {
        node.attr
        for module in ("_oauth/flow", "_installations", "_oauth/polling")
        for node in ast.walk(ast.parse((FACADE / f"{module}.py").read_text()))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
        if node.value.id in {"row", "before", "after", "installation"}
    }
    fields = next(
        node
        for node in ast.walk(ast.parse((FACADE / "_adapter.py").read_text()))
        if isinstance(node, ast.ClassDef) and node.name == "InstallationFields"
    )
    listed = {node.target.id for node in fields.body if isinstance(node, ast.AnnAssign) and hasattr(node.target, "id")}
    assert listed == read


def test_both_versions_are_available_without_package_metadata() -> None:
    program = """
import sys
sys.modules["importlib.metadata"] = None
import posthog_mcp_store
print(posthog_mcp_store.__version__, posthog_mcp_store.__document_version__)
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    version, document_version = run.stdout.split()
    assert re.fullmatch(r"\d+\.\d+\.\d+\S*", version)
    assert document_version == ours()["info"]["version"]
