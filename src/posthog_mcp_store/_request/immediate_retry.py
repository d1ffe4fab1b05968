"""Immediate retries of what certainly failed before the service acted, if another request shows that it may succeed.

A 404 may mean that the service has its paths under the other prefix, and a 401 of the proxy that two calls refreshed
the same token, of which the service refuses one (docs/service.md, sections 1 and 7).
"""

from collections.abc import Awaitable, Callable, Mapping

from .._core.call import PROXY, Call
from .._core.errors import APIStatusError, ReauthenticationRequiredError, UpstreamError
from .._core.response import Response
from .api_prefix import LearnedPrefix
from .result import Failure, SuccessfulResponse
from .status_errors import has_own_text

Outcome = SuccessfulResponse | Failure
Send = Callable[[Call], Awaitable[Outcome]]

REFRESH_REFUSED = "Installation needs re-authentication"


async def attempt(call: Call, prefix: LearnedPrefix, send: Send) -> Outcome:
    """Send a call, and once more if the prefix was wrong or a token refresh lost a race."""
    outcome = await send(call)
    if is_answer(outcome):
        prefix.keep(call)
    if is_path_unknown(outcome):
        other = prefix.alternative(call, is_explained=has_own_text(outcome))
        return await _attempt_elsewhere(call, other, outcome, prefix, send) if other else outcome
    if is_refresh_refused(outcome) and is_usable(await send(call.for_installation())):
        return await send(call)
    return outcome


async def _attempt_elsewhere(placed: Call, other: Call, failure: Outcome, prefix: LearnedPrefix, send: Send) -> Outcome:
    """Send a call that got a 404 with the other prefix."""
    if placed.operation_id == PROXY and not await _is_elsewhere(placed, other, prefix, send):
        return failure
    outcome = await send(other)
    if is_answer(outcome):
        prefix.keep(other)
    elif isinstance(outcome, SuccessfulResponse) or (is_path_unknown(outcome) and not _explains_more(outcome, failure)):
        return failure
    return outcome


async def _is_elsewhere(placed: Call, other: Call, prefix: LearnedPrefix, send: Send) -> bool:
    """True if the service has the installation under the other prefix only.

    Otherwise a 404 of the proxy may be the MCP server's, after it acted on the call.
    """
    here = await send(placed.for_installation())
    if is_answer(here):
        prefix.keep(placed)
    return is_path_unknown(here) and is_answer(await send(other.for_installation()))


def is_path_unknown(outcome: Outcome) -> bool:
    """True if the service may not have this path."""
    if not isinstance(outcome, APIStatusError) or outcome.status_code != 404:
        return False
    # `call_tool` gives a reason once it has found the installation, and may have called the server by then.
    return not (isinstance(outcome.body, Mapping) and "reason" in outcome.body)


def is_answer(outcome: Outcome) -> bool:
    """True for what only the service itself responds with at this path: not for a page, or a redirect of a gateway."""
    if isinstance(outcome, SuccessfulResponse):
        response = outcome.response
        return response.status_code == 204 or (response.status_code < 300 and _is_data(response))
    if not isinstance(outcome, APIStatusError) or isinstance(outcome, UpstreamError):
        return False
    return 400 <= outcome.status_code < 500 and outcome.status_code != 404 and outcome.detail is not None


def is_refresh_refused(outcome: Outcome) -> bool:
    """True if the service could not refresh the installation's token, or lost a race to do so."""
    return isinstance(outcome, ReauthenticationRequiredError) and outcome.detail == REFRESH_REFUSED


def is_usable(row: Outcome) -> bool:
    """True for a response with an installation that needs no authorization."""
    if not isinstance(row, SuccessfulResponse):
        return False
    try:
        fields = row.response.json()
    except ValueError:
        return False
    return isinstance(fields, Mapping) and fields.get("needs_reauth") is False and fields.get("pending_oauth") is False


def _is_data(response: Response) -> bool:
    kind = response.headers.get("Content-Type", "")
    return "json" in kind or kind.startswith("text/event-stream")


def _explains_more(outcome: Outcome, failure: Outcome) -> bool:
    return has_own_text(outcome) and not has_own_text(failure)
