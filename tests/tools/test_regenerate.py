"""scripts/regenerate.py as a command, on a copy of the checkout."""

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import openapi_python_client
import pytest

CHECKOUT = Path(__file__).parents[2]
TYPES_TEMPLATE = Path("scripts/generator/templates/types.py.jinja")


def regenerate(
    root: Path, *arguments: str, path: str | None = None, status: int = 0
) -> subprocess.CompletedProcess[str]:
    environment = os.environ if path is None else {**os.environ, "PATH": path}
    run = subprocess.run(
        [sys.executable, root / "scripts" / "regenerate.py", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    assert run.returncode == status, run.stdout + run.stderr
    assert "Traceback" not in run.stderr
    return run


def failure(root: Path, *arguments: str, path: str | None = None) -> str:
    """The output of a run that fails, which must not change any file."""
    before = contents(root)
    run = regenerate(root, *arguments, path=path, status=1)
    assert contents(root) == before
    return run.stdout + run.stderr


def contents(root: Path) -> dict[str, bytes]:
    files = [root / "openapi.lock", *sorted((root / "generated").rglob("*"))]
    return {str(file.relative_to(root)): file.read_bytes() for file in files if file.is_file()}


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert text.count(old) == 1, f"{old!r} occurs {text.count(old)} times in {file.name}"
    file.write_text(text.replace(old, new))


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the files that the script reads and writes."""
    for name in ("openapi.yaml", "openapi.lock"):
        shutil.copy(CHECKOUT / name, tmp_path)
    for name in ("generated", "scripts"):
        shutil.copytree(CHECKOUT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_an_unchanged_checkout_passes_the_check_with_or_without_bytecode(checkout: Path) -> None:
    cache = checkout / "generated" / "__pycache__"
    cache.mkdir()
    (cache / "client.cpython-311.pyc").write_bytes(b"\xa7\r\r\n")
    before = contents(checkout)
    assert "generated/ is up to date" in regenerate(checkout, "--check").stdout
    assert contents(checkout) == before


def test_regenerating_restores_the_checked_in_files_byte_for_byte(checkout: Path) -> None:
    before = contents(checkout)
    (checkout / "generated" / "models" / "extra.py").touch()
    (checkout / "generated" / "client.py").unlink()
    (checkout / "openapi.lock").unlink()
    regenerate(checkout)
    assert contents(checkout) == before


def test_the_check_shows_every_difference(checkout: Path) -> None:
    generated = checkout / "generated"
    edit(generated / "client.py", "httpx.Timeout(30.0)", "httpx.Timeout(31.0)")
    (generated / "types.py").write_bytes((generated / "types.py").read_bytes().replace(b"\n", b"\r\n"))
    (generated / "__init__.py").write_bytes((generated / "__init__.py").read_bytes().rstrip(b"\n"))
    (generated / "errors.py").write_bytes(b"\xff\xfe")
    (generated / "models" / "install_custom.py").unlink()
    (generated / "models" / "extra.py").write_text("answer = 42\n")
    (generated / "models" / "extra_and_empty.py").touch()
    (checkout / "openapi.lock").unlink()

    output = failure(checkout, "--check")

    assert "-DEFAULT_TIMEOUT = httpx.Timeout(31.0)\n" in output
    assert "+DEFAULT_TIMEOUT = httpx.Timeout(30.0)\n" in output
    assert "-UNSET: Unset = Unset()\\r\n" in output
    assert "-)\\ no newline at end of file\n" in output
    assert "-\\xff\\xfe" in output
    assert "--- not checked in: generated/models/install_custom.py\n" in output
    assert "+++ not generated: generated/models/extra.py\n" in output
    assert "not generated: generated/models/extra_and_empty.py\n" in output
    assert "--- not checked in: openapi.lock\n" in output
    assert "nox -s regenerate" in output
    assert "generated/models/error_response.py" not in output


def test_a_missing_final_newline_fails_the_check(checkout: Path) -> None:
    file = checkout / "generated" / "client.py"
    file.write_bytes(file.read_bytes().rstrip(b"\n"))
    assert "generated/client.py" in failure(checkout, "--check")


def test_an_additional_empty_file_fails_the_check(checkout: Path) -> None:
    (checkout / "generated" / "extra.py").touch()
    assert "generated/extra.py" in failure(checkout, "--check")


def test_an_edited_document_fails_the_check_until_it_is_regenerated(checkout: Path) -> None:
    edit(
        checkout / "openapi.yaml",
        "description: Whether the proxy accepts calls for it.\n          example: false",
        "example: false",
    )
    output = failure(checkout, "--check")
    assert "generated/models/patched_mcp_server_installation_update.py" in output
    assert "-        is_enabled: Whether the proxy accepts calls for it." in output
    assert "openapi.lock" in output


def test_a_comment_in_the_document_changes_only_the_lock(checkout: Path) -> None:
    with (checkout / "openapi.yaml").open("a") as document:
        document.write("# A comment.\n")
    output = failure(checkout, "--check")
    assert "openapi.lock" in output
    assert "generated/client.py" not in output


def test_an_override_of_a_changed_template_is_rejected(checkout: Path) -> None:
    text = (checkout / TYPES_TEMPLATE).read_text()
    digest = text.partition("sha256:")[2][:64]
    (checkout / TYPES_TEMPLATE).write_text(text.replace(digest, "0" * 64))
    output = failure(checkout)
    assert "types.py.jinja" in output
    assert "has changed" in output


def test_an_override_of_a_removed_template_is_rejected(checkout: Path) -> None:
    edit(checkout / TYPES_TEMPLATE, "0.29.1 types.py.jinja", "0.29.1 kinds.py.jinja")
    assert "types.py.jinja" in failure(checkout)


def test_an_override_without_a_hash_is_rejected(checkout: Path) -> None:
    edit(checkout / TYPES_TEMPLATE, "overrides openapi-python-client", "replaces openapi-python-client")
    assert "types.py.jinja" in failure(checkout)


def unsupported_body(text: str) -> str:
    head, body, tail = text.partition("requestBody:")
    return head + body + tail.replace("application/json:", "application/x-msgpack:", 1)


def second_body(text: str) -> str:
    form = "content:\n          application/x-www-form-urlencoded: { schema: { type: object } }"
    head, body, tail = text.partition("requestBody:")
    return head + body + tail.replace("content:", form, 1)


def unknown_reference(text: str) -> str:
    return text.replace('#/components/schemas/InstallCustom"', '#/components/schemas/InstallAnything"', 1)


def same_operation_twice(text: str) -> str:
    return text.replace("operationId: mcp_server_installations_retrieve", "operationId: mcp_server_installations_list")


def field_of_two_types(text: str) -> str:
    return text.replace(
        "error:\n          type: string", "error:\n          anyOf: [{ type: string }, { type: integer }]"
    )


def list_of_strings(text: str) -> str:
    return text.replace(
        "error:\n          type: string\n          nullable: true",
        "error:\n          type: array\n          items: { type: string }",
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        # The generator only warns of the first two and skips the operation; it does not detect the third.
        (unsupported_body, "application/x-msgpack"),
        (unknown_reference, "POST /api/environments/{project_id}/mcp_server_installations/install_custom/"),
        (same_operation_twice, "mcp_server_installations_list (GET /api/environments/{project_id}"),
        # The others are not supported by our templates.
        (second_body, "several bodies or a body other than JSON: not supported by endpoint_module.py.jinja"),
        (field_of_two_types, "error: its type is not supported by decode.jinja"),
        (list_of_strings, "error_item: its type is not supported by decode.jinja"),
    ],
)
def test_an_unsupported_document_is_rejected(checkout: Path, change: Callable[[str], str], message: str) -> None:
    document = checkout / "openapi.yaml"
    text = document.read_text()
    document.write_text(change(text))
    assert document.read_text() != text
    assert message in failure(checkout)


def test_a_formatter_that_is_not_on_path_is_the_installed_one(
    checkout: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    assert "up to date" in regenerate(checkout, "--check", path=str(tmp_path_factory.mktemp("empty"))).stdout


def test_the_lock_has_the_version_of_the_formatter_that_ran(
    checkout: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The generator runs the ruff on PATH, which need not be the installed package."""
    directory = tmp_path_factory.mktemp("other")
    ruff = directory / "ruff"
    installed = Path(sysconfig.get_path("scripts")) / "ruff"
    ruff.write_text(f'#!/bin/sh\n[ "$1" = --version ] && exec echo "ruff 0.0.1"\nexec {installed} "$@"\n')
    ruff.chmod(0o755)
    assert '+    "ruff": "0.0.1"' in failure(checkout, "--check", path=f"{directory}{os.pathsep}{os.environ['PATH']}")


PINNED = metadata.version("openapi-python-client")


def test_the_pinned_generator_would_change_nothing(checkout: Path) -> None:
    before = contents(checkout)
    assert regenerate(checkout, "--with", PINNED).stdout == f"openapi-python-client {PINNED} would change 0 files\n"
    assert contents(checkout) == before


def generator(wheels: Path, program: str) -> str:
    """Build a wheel of another generator, which copies the checked-in files and then runs the program.

    One of the templates that we override has changed in it.
    """
    templates = Path(openapi_python_client.__file__).parent / "templates"
    files = {f"openapi_python_client/templates/{file.name}": file.read_text() for file in templates.glob("*.jinja")}
    files["openapi_python_client/templates/types.py.jinja"] += "\n"
    files["openapi_python_client/__init__.py"] = ""
    files["openapi_python_client/__main__.py"] = (
        "import pathlib, shutil, sys\n"
        "output = pathlib.Path(sys.argv[sys.argv.index('--output-path') + 1])\n"
        f"shutil.copytree({str(CHECKOUT / 'generated')!r}, output)\n{program}\n"
    )
    about = "openapi_python_client-99.0.dist-info"
    files[f"{about}/METADATA"] = "Metadata-Version: 2.1\nName: openapi-python-client\nVersion: 99.0\n"
    files[f"{about}/WHEEL"] = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    files[f"{about}/RECORD"] = "".join(f"{name},,\n" for name in files)
    with zipfile.ZipFile(wheels / "openapi_python_client-99.0-py3-none-any.whl", "w") as wheel:
        for name, content in files.items():
            wheel.writestr(name, content)
    return "99.0"


@pytest.fixture
def wheels(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only directory that pip installs from."""
    folder = tmp_path_factory.mktemp("wheels")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def test_the_changes_of_another_generator_are_shown_and_not_written(checkout: Path, wheels: Path) -> None:
    other = generator(wheels, "(output / 'client.py').write_text('# new\\n'); (output / 'extra.py').touch()")
    before = contents(checkout)

    output = regenerate(checkout, "--with", other, status=1).stdout

    assert contents(checkout) == before
    assert output.startswith("types.py.jinja: the generator's own types.py.jinja has changed; ")
    assert "+++ regenerated: generated/client.py\n" in output
    assert "\n+# new\n" in output
    assert "regenerated: generated/extra.py\n" in output
    assert output.endswith("openapi-python-client 99.0 would change 2 files\n")


def test_a_failure_of_another_generator_has_an_exit_status_of_its_own(checkout: Path, wheels: Path) -> None:
    other = generator(wheels, "sys.exit('no filter named x')")
    run = regenerate(checkout, "--with", other, status=2)
    assert run.stderr == "regenerate: the generator failed or warned:\nno filter named x\n"


def test_another_generator_that_skips_an_operation_is_an_error(checkout: Path, wheels: Path) -> None:
    other = generator(wheels, "(output / 'api/mcp_store/mcp_server_installations_list.py').unlink()")
    assert "mcp_server_installations_list (GET " in regenerate(checkout, "--with", other, status=2).stderr


def test_an_unknown_version_of_the_generator_is_an_error_of_one_line(checkout: Path, wheels: Path) -> None:
    assert regenerate(checkout, "--with", "98.0", status=2).stderr == (
        "regenerate: openapi-python-client 98.0 can't be installed: "
        "No matching distribution found for openapi-python-client==98.0\n"
    )


def test_an_invalid_version_is_not_passed_to_pip(checkout: Path) -> None:
    assert "invalid version value" in regenerate(checkout, "--with", "./wheel", status=2).stderr


def test_help_describes_the_options(checkout: Path) -> None:
    output = regenerate(checkout, "--help").stdout
    assert "openapi.yaml" in output
    assert "--check" in output
    assert "--with VERSION" in output
