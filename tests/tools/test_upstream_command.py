"""scripts/upstream.py as a command: its sources, output and exit status."""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
import yaml
from upstream import main

from .documents import BELOW_NOW, DOCUMENTS, GONE, ROOT, edited, ours, upstream

LATER, NOW = DOCUMENTS["later"], DOCUMENTS["now"]
TITLE = f"openapi.yaml {ours()['info']['version']} compared with"
SCHEMAS = "components.schemas"
MANY = 300
"""Enough chunks to exceed the limits, but bounded in case the client never stops."""


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def run(*arguments: object) -> tuple[int, str, str]:
        status = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


Run = Callable[..., tuple[int, str, str]]


# The exit status.


def test_the_exit_status_is_0_if_there_is_nothing_to_do(run: Run) -> None:
    status, output, _ = run(NOW)
    assert status == 0
    assert output.startswith(f"{TITLE} {NOW} (OpenAPI 3.0.3, reconstructed)\n0 breaking, 0 non-breaking, ")


def test_the_exit_status_is_1_for_breaking_changes(run: Run) -> None:
    status, output, _ = run(LATER)
    assert status == 1
    assert "\nBreaking changes (7)\n" in output


def test_the_exit_status_is_3_for_non_breaking_changes_only(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "upstream.json"
    addition = (f"{SCHEMAS}.MCPServerInstallation.properties.more", {"type": "integer"})
    file.write_text(json.dumps(edited(upstream("now"), addition)))
    assert run(file)[0] == 3


def test_the_exit_status_is_0_for_changes_of_wording_only(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "upstream.json"
    name = (f"paths.{BELOW_NOW}/.get.operationId", "list_installations")
    file.write_text(json.dumps(edited(upstream("now"), name)))
    status, output, _ = run(file)
    assert status == 0
    assert "Changes of wording and names only (1)" in output


def error_line(run: Run, source: object, *options: object) -> str:
    """The only output when nothing was compared: one line that names the source."""
    status, output, error = run(source, *options)
    assert (status, output) == (2, "")
    assert error.startswith(f"upstream: {source}: ")
    assert error.count("\n") == 1
    return error


def test_a_missing_file_is_an_error(run: Run, tmp_path: Path) -> None:
    assert "No such file" in error_line(run, tmp_path / "nothing.json")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x00\x01", "neither JSON nor YAML"),
        (b"{", "neither JSON nor YAML"),
        (b"\xff\xfe\xff", "neither JSON nor YAML"),
        (b"<html>sign in</html>", "not an OpenAPI document"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"paths": []}', "not an OpenAPI document"),
        (b'{"swagger": "2.0", "paths": {}}', "OpenAPI 2.0 is not supported, only 3.0 and 3.1"),
        (b'{"openapi": "3.0.3", "paths": {}}', "no operation of mcp_server_installations"),
    ],
)
def test_a_file_with_other_content_is_an_error(run: Run, tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "upstream"
    file.write_bytes(content)
    assert message in error_line(run, file)


def test_references_that_multiply_are_an_error(run: Run, tmp_path: Path) -> None:
    both = {
        f"L{n}": {"properties": {side: {"$ref": f"#/components/schemas/L{n + 1}"} for side in "ab"}} for n in range(40)
    }
    document = edited(upstream("now"), *((f"{SCHEMAS}.{name}", schema) for name, schema in both.items()))
    document["components"]["schemas"]["L40"] = {}
    file = tmp_path / "upstream.json"
    file.write_text(json.dumps(edited(document, (f"{SCHEMAS}.InstallCustom.properties.name", both["L0"]))))
    assert "resolving its references takes more than 20000 schemas" in error_line(run, file)


@pytest.mark.parametrize("version", ["3.1", "3.1.0 \x1b[31mred\nline"])
def test_the_version_is_shown_without_control_characters(run: Run, tmp_path: Path, version: str) -> None:
    file = tmp_path / "upstream.json"
    file.write_text(json.dumps({**upstream("later"), "openapi": version}))
    status, output, _ = run(file)
    assert status == 1
    assert output.partition("\n")[0].startswith(f"{TITLE} {file} (OpenAPI 3.1")
    assert "\x1b" not in output


def test_a_file_over_the_size_limit_is_an_error(run: Run) -> None:
    assert "larger than 0.02 MB" in error_line(run, NOW, "--max-megabytes", "0.02")


def test_a_reference_without_a_target_is_an_error(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "upstream.json"
    file.write_text(json.dumps(edited(upstream("now"), (f"{SCHEMAS}.MCPServerInstallation", GONE))))
    assert "reference without a target: #/components/schemas/MCPServerInstallation" in error_line(run, file)


@pytest.mark.parametrize(
    "edit",
    [
        (f"{SCHEMAS}.InstallCustom.properties.name.maxLength", "200"),
        (f"paths.{BELOW_NOW}/.get.responses", {"": {"description": "Nothing."}}),
    ],
)
def test_an_invalid_document_is_an_error(run: Run, tmp_path: Path, edit: tuple[str, Any]) -> None:
    file = tmp_path / "upstream.json"
    file.write_text(json.dumps(edited(upstream("now"), edit)))
    assert f"{file}: can't be compared: " in error_line(run, file)


@pytest.mark.parametrize("arguments", [["--timeout", "-1"], ["--max-megabytes", "nan"], ["--max-megabytes", "inf"]])
def test_a_limit_that_is_not_a_positive_number_is_rejected(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main([*arguments, str(NOW)])
    assert "is not a number above 0" in capsys.readouterr().err


def test_help_lists_the_exit_statuses() -> None:
    output = subprocess.run(
        [sys.executable, ROOT / "scripts" / "upstream.py", "--help"], capture_output=True, text=True, check=True
    ).stdout
    assert "Exit status: 0" in output
    assert "FILE_OR_URL" in output


def test_an_unknown_format_is_rejected(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["--format", "html", str(NOW)])


def test_text_says_what_to_do_next_if_there_is_anything(run: Run) -> None:
    assert "When the API has changed" in run(LATER)[1].splitlines()[-1]
    assert "When the API has changed" not in run(NOW)[1]


def test_what_was_compared_of_a_document_can_be_saved(run: Run, tmp_path: Path) -> None:
    source, saved = tmp_path / "upstream.json", tmp_path / "saved.json"
    other = {"get": {"operationId": "other", "responses": {"200": {"$ref": "#/components/responses/Other"}}}}
    document = edited(
        upstream("now"),
        ("paths./api/projects/{project_id}/other/", other),
        (f"{SCHEMAS}.Other", {"type": "object"}),
        ("components.responses", {"Other": {"description": "", "$ref": f"#/{SCHEMAS.replace('.', '/')}/Other"}}),
        ("tags", [{"name": "other"}]),
    )
    source.write_text(json.dumps(document))

    assert run(source, "--save", saved)[0] == 0

    assert saved.read_text() == NOW.read_text()


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_stored_documents_are_as_they_are_saved(run: Run, tmp_path: Path, name: str) -> None:
    run(DOCUMENTS[name], "--save", tmp_path / "saved.json")
    assert (tmp_path / "saved.json").read_text() == DOCUMENTS[name].read_text()


def test_a_document_that_can_not_be_saved_is_an_error(run: Run, tmp_path: Path) -> None:
    status, output, error = run(NOW, "--save", tmp_path / "nowhere" / "saved.json")
    assert (status, output) == (2, "")
    assert error == f"upstream: {tmp_path / 'nowhere' / 'saved.json'}: No such file or directory\n"


# Files and URLs.


@pytest.mark.parametrize("name", DOCUMENTS)
def test_yaml_and_json_give_the_same_result(run: Run, tmp_path: Path, name: str) -> None:
    file = tmp_path / "upstream"
    document = upstream(name)
    document["components"]["schemas"]["InstallCustom"]["properties"]["name"]["default"] = "2026-03-04T09:13:44Z"
    file.write_text(json.dumps(document))
    as_json = run(file, "--format", "json")
    file.write_text(
        yaml.safe_dump(document, sort_keys=False)
        .replace("'2026-03-04T09:13:44Z'", "2026-03-04T09:13:44Z")
        .replace("'200':", "200:")
    )
    assert "default: 2026-03-04T09:13:44Z" in file.read_text()
    assert run(file, "--format", "json") == as_json


class Handler(BaseHTTPRequestHandler):
    """Serves the newest document, and misbehaves on other paths."""

    def do_GET(self) -> None:
        content = NOW.read_bytes()
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/api/schema/")
            self.end_headers()
        elif self.path == "/missing":
            self.send_error(404)
        elif self.path == "/silent":
            self.stop.wait(10)
        else:
            accepts_json = "json" in self.headers["Accept"]
            self.send_response(200)
            self.send_header("Content-Type", "application/vnd.oai.openapi+json" if accepts_json else "text/html")
            self.end_headers()
            self.wfile.write(content if accepts_json else b"<html>")
            for _ in range(MANY):
                if self.path == "/dripping" and not self.stop.wait(0.02):
                    self.wfile.write(b" ")
                elif self.path == "/endless":
                    self.wfile.write(b" " * 65536)

    def log_message(self, *_: object) -> None:
        pass

    stop = Event()


@pytest.fixture(scope="module")
def host() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.handle_error = lambda *_: None  # type: ignore[method-assign]  # clients leave early here
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        Handler.stop.set()
        server.shutdown()


@pytest.mark.parametrize("path", ["/api/schema/", "/moved"])
def test_a_url_is_downloaded(run: Run, host: str, path: str) -> None:
    status, output, _ = run(host + path)
    assert status == 0
    assert f"compared with {host}{path} (OpenAPI 3.0.3, reconstructed)" in output


@pytest.mark.parametrize(
    ("path", "options", "message"),
    [
        ("/missing", [], "the server responded with 404"),
        ("/silent", ["--timeout", "0.2"], "timed out after 0.2 seconds"),
        ("/dripping", ["--timeout", "0.2"], "timed out after 0.2 seconds"),
        ("/endless", ["--max-megabytes", "1"], "larger than 1 MB"),
    ],
)
def test_a_failed_download_is_an_error(run: Run, host: str, path: str, options: list[str], message: str) -> None:
    assert message in error_line(run, host + path, *options)


def test_an_unreachable_or_invalid_url_is_an_error(run: Run) -> None:
    assert error_line(run, "http://127.0.0.1:1/")
    assert error_line(run, "http://[::1")


# The output.


def test_text_groups_departures_by_reason(run: Run) -> None:
    lines = run(NOW)[1].splitlines()
    at = lines.index("    response 401: error response missing in upstream, in responses of all operations")
    accepted = json.loads(run(NOW, "--format", "json")[1])["accepted"]
    assert lines[at - 1] == f"  {next(each['why'] for each in accepted if each['where'] == 'response 401')}"


def test_text_shows_the_description_of_an_addition(run: Run) -> None:
    lines = run(LATER)[1].splitlines()
    at = next(at for at, line in enumerate(lines) if line.startswith("  InstallCustom.agent_ids: "))
    assert lines[at + 1].strip() == '"Service accounts that get the server at install time."'


def test_markdown_has_headings_and_escaped_items(run: Run) -> None:
    status, output, _ = run(LATER, "--format", "markdown")
    assert status == 1
    assert "\n## Breaking changes (7)\n\n- `MCPServerInstallation.last_synced_at`: field missing " in output
    assert re.search(r"\n- [^`]+\n  - `MCPServerInstallation", output)
    assert "(array, optional), in requests of install\\_custom\\_create" in output
    assert '. "Service accounts that get the server at install time."\n' in output


def test_json_has_all_details(run: Run) -> None:
    status, output, _ = run(LATER, "--format", "json")
    data = json.loads(output)
    assert (status, data["status"], len(data["breaking"]), len(data["non_breaking"])) == (1, 1, 7, 6)
    assert data["breaking"][2] == {
        "where": "InstallCustom.agent_scope",
        "what": "field missing in upstream (MCPAgentGrantScopeEnum, string, optional)",
        "subject": "field",
        "action": "removed",
        "ours": "MCPAgentGrantScopeEnum, string, optional",
        "direction": "request",
        "operations": ["install_custom_create"],
    }
    assert all(each["why"] for each in data["accepted"])


def test_upstream_text_is_escaped_and_shortened(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "upstream.json"
    hostile = {"type": "string", "description": "\x1b[31m @team `code` <b>\n# head " + "x" * 1000}
    place = f"{SCHEMAS}.InstallCustom.properties.a`\x1b"
    file.write_text(json.dumps(edited(upstream("now"), (place, hostile))))

    in_text, in_markdown = run(file)[1], run(file, "--format", "markdown")[1]

    assert "\x1b" not in in_text + in_markdown
    assert "x" * 500 not in in_text + in_markdown
    assert "- `InstallCustom.a `: field only in upstream" in in_markdown
    assert '" \\[31m \\@team \\`code\\` \\<b\\> \\# head xxx' in in_markdown
