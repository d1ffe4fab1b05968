"""Loads an OpenAPI document from a file or URL."""

import json
import time
from pathlib import Path
from typing import Any

import httpx
import yaml

from . import DocumentError

MAX_DEPTH = 200
ACCEPT = "application/vnd.oai.openapi+json, application/json;q=0.9, application/vnd.oai.openapi;q=0.8, */*;q=0.1"


class YAMLLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # in C where PyYAML has it
    """Loads only values that JSON has too: a date stays a string."""

    yaml_implicit_resolvers = {  # noqa: RUF012  # PyYAML's name
        first: [resolver for resolver in resolvers if not resolver[0].endswith(":timestamp")]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def load(source: str, *, timeout: float, max_bytes: int) -> dict[str, Any]:
    is_url = source.startswith(("http://", "https://"))
    try:
        content = download(source, timeout, max_bytes) if is_url else read_file(Path(source), max_bytes)
        return checked(parse(content))
    except DocumentError as error:
        raise DocumentError(f"{source}: {error}") from None


def read_file(path: Path, max_bytes: int) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(max_bytes + 1)
    except OSError as error:
        raise DocumentError(error.strerror or repr(error)) from None
    check_size(content, max_bytes)
    return content


def download(url: str, timeout: float, max_bytes: int) -> bytes:
    """The body of the response; `timeout` bounds the whole download, however slow."""
    deadline, content = time.monotonic() + timeout, bytearray()
    try:
        with httpx.stream("GET", url, timeout=timeout, follow_redirects=True, headers={"Accept": ACCEPT}) as response:
            if not response.is_success:
                raise DocumentError(f"the server responded with {response.status_code}")
            for chunk in response.iter_bytes():
                content += chunk
                check_size(content, max_bytes)
                if time.monotonic() > deadline:
                    raise DocumentError(f"timed out after {timeout:g} seconds")
    except httpx.TimeoutException:
        raise DocumentError(f"timed out after {timeout:g} seconds") from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise DocumentError(one_line(error)) from None
    return bytes(content)


def check_size(content: bytes | bytearray, max_bytes: int) -> None:
    if len(content) > max_bytes:
        raise DocumentError(f"larger than {max_bytes / 1_000_000:g} MB")


def parse(content: bytes) -> object:
    """The data of a JSON or YAML document; JSON is tried first because it is much faster."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        pass
    try:
        check_depth(content)
        return yaml.load(content, YAMLLoader)  # noqa: S506  # derived from the safe loader
    except (yaml.YAMLError, ValueError) as error:
        raise DocumentError(f"neither JSON nor YAML: {one_line(error)}") from None


def check_depth(content: bytes) -> None:
    """Reject nesting that would overflow libyaml's stack, which crashes the process."""
    depth = 0
    for event in yaml.parse(content, YAMLLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise DocumentError("nested too deeply")


def checked(data: object) -> dict[str, Any]:
    if not isinstance(data, dict) or not isinstance(data.get("paths"), dict):
        raise DocumentError("not an OpenAPI document")
    version = str(data.get("openapi", data.get("swagger", "unknown")))
    if not f"{version}.".startswith(("3.0.", "3.1.")):
        raise DocumentError(f"OpenAPI {version} is not supported, only 3.0 and 3.1")
    return data


def one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
