"""Reading an OpenAPI document from a file or a URL: all of the I/O there is."""

import json
import time
from pathlib import Path
from typing import Any

import httpx
import yaml

DEEPEST = 200
ACCEPT = "application/vnd.oai.openapi+json, application/json;q=0.9, application/vnd.oai.openapi;q=0.8, */*;q=0.1"


class UnreadableError(Exception):
    """There is nothing to compare; the message says why, in one line."""


class YAMLLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # the fast one where it is built
    """Loads what JSON could hold as well: a date stays text."""

    yaml_implicit_resolvers = {  # noqa: RUF012  # PyYAML's own name for it
        first: [resolver for resolver in resolvers if not resolver[0].endswith(":timestamp")]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def read(source: str, *, timeout: float, max_bytes: int) -> dict[str, Any]:
    is_url = source.startswith(("http://", "https://"))
    try:
        content = fetched(source, timeout, max_bytes) if is_url else stored(Path(source), max_bytes)
        return checked(parsed(content))
    except UnreadableError as error:
        raise UnreadableError(f"{source}: {error}") from None


def stored(path: Path, max_bytes: int) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(max_bytes + 1)
    except OSError as error:
        raise UnreadableError(error.strerror or repr(error)) from None
    return capped(content, max_bytes)


def fetched(url: str, timeout: float, max_bytes: int) -> bytes:
    """The body of the URL; `timeout` is for all of it, however slowly it drips."""
    ends, content = time.monotonic() + timeout, bytearray()
    try:
        with httpx.stream("GET", url, timeout=timeout, follow_redirects=True, headers={"Accept": ACCEPT}) as answer:
            if not answer.is_success:
                raise UnreadableError(f"the server answers {answer.status_code}")
            for chunk in answer.iter_bytes():
                content += chunk
                capped(content, max_bytes)
                if time.monotonic() > ends:
                    raise UnreadableError(f"not there after {timeout:g} seconds")
    except httpx.TimeoutException:
        raise UnreadableError(f"not there after {timeout:g} seconds") from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise UnreadableError(one_line(error)) from None
    return bytes(content)


def capped(content: bytes | bytearray, max_bytes: int) -> bytes:
    if len(content) > max_bytes:
        raise UnreadableError(f"larger than {max_bytes / 1_000_000:g} MB")
    return bytes(content)


def parsed(content: bytes) -> object:
    """The data, JSON or YAML; JSON is tried first for it is the faster by far."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        pass
    try:
        check_depth(content)
        return yaml.load(content, YAMLLoader)  # noqa: S506  # it is a safe one
    except (yaml.YAMLError, ValueError) as error:
        raise UnreadableError(f"neither JSON nor YAML: {one_line(error)}") from None


def check_depth(content: bytes) -> None:
    """Refuse nesting at which libyaml would run out of its stack, and take the process with it."""
    depth = 0
    for event in yaml.parse(content, YAMLLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise UnreadableError("nested too deeply")


def checked(data: object) -> dict[str, Any]:
    if not isinstance(data, dict) or not isinstance(data.get("paths"), dict):
        raise UnreadableError("no OpenAPI document")
    version = str(data.get("openapi", data.get("swagger", "unknown")))
    if not f"{version}.".startswith(("3.0.", "3.1.")):
        raise UnreadableError(f"OpenAPI {version}, not 3.0 or 3.1")
    return data


def one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
