"""Authentication, scopes and projects (docs/service.md, section 1)."""

import re
from collections.abc import Mapping

from .._model.records import ApiKey
from .._model.state import ServiceState
from .errors import authentication_failed, not_authenticated, not_found, permission_denied

# Case-sensitive, as in the service: `bearer` counts as no credentials at all.
_BEARER = re.compile(r"Bearer\s+(\S.*)")


def authenticate(authorization: str | None, keys: Mapping[str, ApiKey]) -> ApiKey:
    match = _BEARER.fullmatch(authorization or "")
    if match is None:
        raise not_authenticated()
    token = match[1].strip()
    if token not in keys:
        raise authentication_failed(_unknown_token(token))
    return keys[token]


def _unknown_token(token: str) -> str:
    if token.startswith("pha_"):
        return "Invalid access token."
    return "Personal API key found in request Authorization header is invalid."


def require_scope(key: ApiKey, scope: str) -> None:
    if not satisfies(key.scopes, scope):
        raise permission_denied(f"API key missing required scope '{scope}'")


def satisfies(scopes: tuple[str, ...], required: str) -> bool:
    """Whether the scopes include the required one. Writing includes reading."""
    subject, _, action = required.partition(":")
    return "*" in scopes or required in scopes or (action == "read" and f"{subject}:write" in scopes)


def resolve_project(text: str, key: ApiKey, state: ServiceState) -> str:
    """The numeric id of the project in the path, after checking that the key may be used there."""
    project_id = state.current_project_id(key.user) if text == "@current" else _numeric(text)
    if project_id is None or project_id not in state.projects:
        raise not_found("Project not found.")
    if key.projects is not None and project_id not in key.projects:
        raise permission_denied(f"API key does not have access to the requested project: ID {project_id}.")
    return project_id


def _numeric(text: str) -> str | None:
    try:
        return str(int(text))
    except ValueError:
        return None
