"""The service's refusals as exceptions, in the three shapes of docs/service.md, section 2.

`responses` renders them.
"""

import math
import secrets
from typing import Any


class ServiceError(Exception):
    """An error response: a status, a JSON body that is sent unchanged, and additional headers."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(status, body)
        self.status = status
        self.body = body
        self.headers: dict[str, str] = {}


class FrameworkError(ServiceError):
    """A refusal by the web framework in front of the views. On the proxy, only its key names are sent."""

    def __init__(self, status: int, type_: str, code: str, detail: str, attr: str | None = None, **extra: str) -> None:
        super().__init__(status, {"type": type_, "code": code, "detail": detail, "attr": attr, **extra})


def view_error(status: int, detail: str) -> ServiceError:
    return ServiceError(status, {"detail": detail})


def call_error(status: int, detail: str, reason: str) -> ServiceError:
    """The reason why `call_tool` did not return a result."""
    return ServiceError(status, {"detail": detail, "reason": reason})


def proxy_error(status: int, error: str) -> ServiceError:
    return ServiceError(status, {"error": error})


def invalid(attr: str | None, code: str, detail: str) -> FrameworkError:
    return FrameworkError(400, "validation_error", code, detail, attr)


def parse_error(reason: object) -> FrameworkError:
    return FrameworkError(400, "invalid_request", "parse_error", f"JSON parse error - {reason}")


def not_authenticated() -> FrameworkError:
    detail = "Authentication credentials were not provided."
    return FrameworkError(401, "authentication_error", "not_authenticated", detail)


def authentication_failed(detail: str) -> FrameworkError:
    return FrameworkError(401, "authentication_error", "authentication_failed", detail)


def permission_denied(detail: str) -> FrameworkError:
    # Not a mistake: the service uses this type for 403s as well as 401s.
    return FrameworkError(403, "authentication_error", "permission_denied", detail)


def not_found(detail: str = "Not found.") -> FrameworkError:
    return FrameworkError(404, "invalid_request", "not_found", detail)


def method_not_allowed(method: str) -> FrameworkError:
    return FrameworkError(405, "invalid_request", "method_not_allowed", f'Method "{method}" not allowed.')


def not_acceptable() -> FrameworkError:
    detail = "Could not satisfy the request Accept header."
    return FrameworkError(406, "invalid_request", "not_acceptable", detail)


def unsupported_media_type(content_type: str) -> FrameworkError:
    detail = f'Unsupported media type "{content_type}" in request.'
    return FrameworkError(415, "invalid_request", "unsupported_media_type", detail)


def throttled(wait: float) -> FrameworkError:
    seconds = math.ceil(wait)
    unit = "second" if seconds == 1 else "seconds"
    detail = f"Request was throttled. Expected available in {seconds} {unit}."
    error = FrameworkError(429, "throttled_error", "throttled", detail)
    error.headers["Retry-After"] = str(seconds)
    return error


def server_error() -> FrameworkError:
    detail = "A server error occurred."
    return FrameworkError(500, "server_error", "error", detail, error_event_id=secrets.token_hex(16))
