"""An attempt that got no response, as plain data."""

from attrs import frozen

from .errors import APIConnectionError


@frozen
class ConnectionErrorInfo:
    """An attempt without a response, as passed to the callback of `with_options(on_connection_error=...)`."""

    method: str
    path_template: str
    """The path with placeholders, such as `/api/environments/{project_id}/...`."""
    error: APIConnectionError
    """Why there is no response. An APITimeoutError if it did not come in time, or within the call's `deadline`."""
    seconds: float
    """From sending the request until it failed, as in ResponseInfo; 0 if it was still waiting for a place in the
    queue."""
    attempt: int
    """1 for the first attempt of a call."""
    installation_id: str | None
    """The id in the path; None if the call is not for one installation."""
