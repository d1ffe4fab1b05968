"""scripts/upstream.py as a person and a scheduled job run it: where it reads from, and what it prints."""

import json
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

from .documents import BELOW, GONE, ROOT, edited, upstream

PUBLISHED, LATER = (ROOT / "tests" / "tools" / "upstream" / f"{name}.json" for name in ("published", "later"))
SCHEMAS = "components.schemas"
MANY = 300
"""Enough to be too long or too large, and no more where nobody stops it."""


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def run(*arguments: object) -> tuple[int, str, str]:
        status = main([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return status, said.out, said.err

    return run


Run = Callable[..., tuple[int, str, str]]


# What a scheduled job goes by.


def test_nothing_to_do_is_0(run: Run) -> None:
    status, said, _ = run(PUBLISHED)
    assert status == 0
    assert said.startswith(f"openapi.yaml 1.0.0 beside {PUBLISHED} (OpenAPI 3.0.3)\n0 break callers, 0 new, ")


def test_callers_that_would_break_are_1(run: Run) -> None:
    status, said, _ = run(LATER)
    assert status == 1
    assert "\nBreaks callers (3)\n" in said


def test_news_alone_are_3(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "upstream.json"
    news = (f"{SCHEMAS}.MCPServerInstallation.properties.tool_count", {"type": "integer"})
    file.write_text(json.dumps(edited(upstream("published"), news)))
    assert run(file)[0] == 3


def test_words_alone_are_0(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "upstream.json"
    words = (f"{SCHEMAS}.InstallCustom.properties.name.description", "What to call it.")
    file.write_text(json.dumps(edited(upstream("published"), words)))
    status, said, _ = run(file)
    assert status == 0
    assert "Only words and names (1)" in said


def refusal(run: Run, source: object, *options: object) -> str:
    """What it says when nothing was compared: one line that names the source."""
    status, said, complaint = run(source, *options)
    assert (status, said) == (2, "")
    assert complaint.startswith(f"upstream: {source}: ")
    assert complaint.count("\n") == 1
    return complaint


def test_a_missing_file_is_2(run: Run, tmp_path: Path) -> None:
    assert "No such file" in refusal(run, tmp_path / "nothing.json")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"\x00\x01", "neither JSON nor YAML"),
        (b"{", "neither JSON nor YAML"),
        (b"\xff\xfe\xff", "neither JSON nor YAML"),
        (b"<html>sign in</html>", "no OpenAPI document"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"paths": []}', "no OpenAPI document"),
        (b'{"swagger": "2.0", "paths": {}}', "OpenAPI 2.0, not 3.0 or 3.1"),
        (b'{"openapi": "3.0.3", "paths": {}}', "no operation of mcp_server_installations"),
    ],
)
def test_a_file_that_holds_something_else_is_2(run: Run, tmp_path: Path, content: bytes, says: str) -> None:
    file = tmp_path / "upstream"
    file.write_bytes(content)
    assert says in refusal(run, file)


def test_references_that_fan_out_are_2(run: Run, tmp_path: Path) -> None:
    both = {
        f"L{n}": {"properties": {side: {"$ref": f"#/components/schemas/L{n + 1}"} for side in "ab"}} for n in range(40)
    }
    document = edited(upstream("published"), *((f"{SCHEMAS}.{name}", schema) for name, schema in both.items()))
    document["components"]["schemas"]["L40"] = {}
    file = tmp_path / "upstream.json"
    file.write_text(json.dumps(edited(document, (f"{SCHEMAS}.InstallCustom.properties.name", both["L0"]))))
    assert "refer to each other in more than 100000 ways" in refusal(run, file)


@pytest.mark.parametrize("version", ["3.1", "3.1.0 \x1b[31mred\nline"])
def test_the_version_is_told_as_it_is_and_works_on_no_terminal(run: Run, tmp_path: Path, version: str) -> None:
    file = tmp_path / "upstream.json"
    file.write_text(json.dumps({**upstream("later"), "openapi": version}))
    status, said, _ = run(file)
    assert status == 1
    assert said.partition("\n")[0].startswith(f"openapi.yaml 1.0.0 beside {file} (OpenAPI 3.1")
    assert "\x1b" not in said


def test_a_file_that_is_too_large_is_2(run: Run) -> None:
    assert "larger than 0.02 MB" in refusal(run, PUBLISHED, "--max-megabytes", "0.02")


def test_a_document_that_can_not_be_followed_is_2(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "upstream.json"
    file.write_text(json.dumps(edited(upstream("published"), (f"{SCHEMAS}.MCPServerInstallation", GONE))))
    assert "refers to nothing: #/components/schemas/MCPServerInstallation" in refusal(run, file)


@pytest.mark.parametrize(
    "edit",
    [
        (f"{SCHEMAS}.InstallCustom.properties.name.maxLength", "200"),
        (f"paths.{BELOW}/.get.responses", {"": {"description": "Nothing."}}),
    ],
)
def test_a_document_that_makes_no_sense_is_2(run: Run, tmp_path: Path, edit: tuple[str, Any]) -> None:
    file = tmp_path / "upstream.json"
    file.write_text(json.dumps(edited(upstream("published"), edit)))
    assert f"{file}: can't be compared: " in refusal(run, file)


@pytest.mark.parametrize("arguments", [["--timeout", "-1"], ["--max-megabytes", "nan"], ["--max-megabytes", "inf"]])
def test_a_bound_that_bounds_nothing_is_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main([*arguments, str(PUBLISHED)])
    assert "is no number above 0" in capsys.readouterr().err


def test_help_tells_the_exit_statuses() -> None:
    said = subprocess.run(
        [sys.executable, ROOT / "scripts" / "upstream.py", "--help"], capture_output=True, text=True, check=True
    ).stdout
    assert "Exit status: 0" in said
    assert "FILE_OR_URL" in said


def test_a_wrong_argument_is_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["--format", "html", str(PUBLISHED)])


# What it reads.


@pytest.mark.parametrize("name", ["published", "later"])
def test_yaml_is_read_as_json_is(run: Run, tmp_path: Path, name: str) -> None:
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
    """Serves the published document, and all that may go wrong with it."""

    def do_GET(self) -> None:
        content = PUBLISHED.read_bytes()
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
def test_a_url_is_read(run: Run, host: str, path: str) -> None:
    status, said, _ = run(host + path)
    assert status == 0
    assert f"beside {host}{path} (OpenAPI 3.0.3)" in said


@pytest.mark.parametrize(
    ("path", "options", "says"),
    [
        ("/missing", [], "the server answers 404"),
        ("/silent", ["--timeout", "0.2"], "not there after 0.2 seconds"),
        ("/dripping", ["--timeout", "0.2"], "not there after 0.2 seconds"),
        ("/endless", ["--max-megabytes", "1"], "larger than 1 MB"),
    ],
)
def test_a_url_that_does_not_give_a_document_is_2(
    run: Run, host: str, path: str, options: list[str], says: str
) -> None:
    assert says in refusal(run, host + path, *options)


def test_a_url_that_nobody_serves_is_2(run: Run) -> None:
    assert refusal(run, "http://127.0.0.1:1/")
    assert refusal(run, "http://[::1")


# What it prints.


def test_text_groups_departures_by_their_reason(run: Run) -> None:
    lines = run(PUBLISHED)[1].splitlines()
    at = lines.index("  Upstream publishes no error answer for any operation; the service gives these.")
    assert lines[at + 1] == "    answer 401: upstream has no such error, in answers of every operation"


def test_text_tells_what_upstream_says_of_a_new_thing(run: Run) -> None:
    lines = run(LATER)[1].splitlines()
    at = next(at for at, line in enumerate(lines) if line.startswith("  MCPServerInstallation.tool_count: "))
    assert lines[at + 1].strip() == '"Tools not marked as removed."'


def test_markdown_is_for_an_issue(run: Run) -> None:
    status, said, _ = run(LATER, "--format", "markdown")
    assert status == 1
    assert "\n## Breaks callers (3)\n\n- `operation`: prefix: " in said
    assert "\n- The service always sends it; upstream's schema doubles as create's request body.\n  - `MCP" in said
    assert "(integer, required), in answers of list, create, retrieve, partial\\_update, " in said
    assert '. "Tools not marked as removed."\n' in said


def test_json_is_for_programs(run: Run) -> None:
    status, said, _ = run(LATER, "--format", "json")
    data = json.loads(said)
    assert (status, data["status"], len(data["breaks"]), len(data["new"])) == (1, 1, 3, 23)
    assert data["breaks"][1] == {
        "where": "MCPServerInstallation.server_id",
        "what": "upstream has no such field (null or string, uuid, optional)",
        "subject": "field",
        "move": "gone",
        "here": "null or string, uuid, optional",
        "side": "answer",
        "operations": ["list", "create", "retrieve", "partial_update", "install_custom_create"],
    }
    assert all(each["why"] for each in data["accepted"])


def test_nothing_of_upstreams_words_works_on_a_terminal_or_in_an_issue(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "upstream.json"
    hostile = {"type": "string", "description": "\x1b[31m @team `code` <b>\n# head " + "x" * 1000}
    place = f"{SCHEMAS}.InstallCustom.properties.a`\x1b"
    file.write_text(json.dumps(edited(upstream("published"), (place, hostile))))

    in_text, in_markdown = run(file)[1], run(file, "--format", "markdown")[1]

    assert "\x1b" not in in_text + in_markdown
    assert "x" * 500 not in in_text + in_markdown
    assert "- `InstallCustom.a `: only upstream" in in_markdown
    assert '" \\[31m \\@team \\`code\\` \\<b\\> \\# head xxx' in in_markdown
