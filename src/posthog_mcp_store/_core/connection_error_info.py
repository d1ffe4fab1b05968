"""An attempt that got no response, as plain data."""

from attrs import frozen

from .errors import APIConnectionError


@frozen
class ConnectionErrorInfo:
    """An attempt without a response, as passed to the callback of `with_options(on_connection_error=...)`.

    Attributes:
        method: The HTTP method of the request.
        path_template: The path with placeholders, such as `/api/environments/{project_id}/...`.
        error: Why there is no response. It is an APITimeoutError if it did not arrive within the `timeout`, or within
            the call's `deadline`.
        seconds: From sending the request until it failed. Time in the queue, in a rate limiter, and between attempts is
            not included: 0 if the request was still in the queue.
        attempt: 1 for the first attempt of a call, 2 for its first retry.
        installation_id: The id in the path; None if the call is not for one installation.
    """

    method: str
    path_template: str
    error: APIConnectionError
    seconds: float
    attempt: int
    installation_id: str | None
