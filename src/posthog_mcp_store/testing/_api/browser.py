"""The pages for browsers, which have no key: the end of OAuth flows (docs/service.md, section 6)."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from .._asgi.pages import page, paragraph
from .._framework.endpoint import site_of
from .._framework.errors import ServiceError, not_found, view_error
from .._framework.responses import error_response
from .._model.flows import Flow
from .._model.state import ServiceState
from .._outbound.tokens import NoTokensError, request_tokens, token_fields
from .oauth_urls import destination
from .tool_sync import sync_after_connecting

_SESSION = "sessionid"


def browser_routes(state: ServiceState) -> list[Route]:
    pages = {
        "/api/mcp_store/oauth_redirect": _end_flow,
        "/project/{project_id}/settings/mcp-servers": _show_settings,
        "/login/{session}": _log_in,
    }
    return [
        Route(path + slash, _answering(state, handle), methods=["GET"])
        for path, handle in pages.items()
        for slash in ("/", "")
    ]


_Handler = Callable[[ServiceState, Request], Awaitable[Response]]


def _answering(state: ServiceState, handle: _Handler) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        try:
            return await handle(state, request)
        except ServiceError as error:
            return error_response(error)

    return answer


async def _end_flow(state: ServiceState, request: Request) -> Response:
    token = request.query_params.get("state")
    if not token:
        raise view_error(400, "Missing state parameter")
    flow = state.flows.take(token, lambda flow: _may_end(state, flow, request))
    if flow is None or not flow.is_open(state.now()):
        raise view_error(400, "Invalid or expired OAuth state")
    error = await _failure(state, flow, request)
    return RedirectResponse(destination(flow, error, site=site_of(request)), 302)


def _may_end(state: ServiceState, flow: Flow, request: Request) -> bool:
    """Whether this browser may end the flow, and the row still exists."""
    user = state.sessions.get(request.cookies.get(_SESSION, ""))
    return _accepts(state, flow, user) and flow.row in list(state.installations)


def _accepts(state: ServiceState, flow: Flow, user: str | None) -> bool:
    """Whether the browser of this user may end the flow. Version 2026-04 accepts any browser."""
    if state.version < "2026-09" or (state.development and flow.install_source == "posthog-code"):
        return True
    return user == flow.user if state.requires_login else user in (None, flow.user)


async def _failure(state: ServiceState, flow: Flow, request: Request) -> str | None:
    """Finish the flow. Return the reason if it failed, else None."""
    error, code = request.query_params.get("error"), request.query_params.get("code")
    if error:
        return "cancelled" if error == "access_denied" else error
    if not code:
        return "Missing authorization code"
    try:
        tokens = await request_tokens(
            flow.server,
            seconds=state.provider_timeout,
            grant_type="authorization_code",
            code=code,
            redirect_uri=flow.redirect_uri,
            code_verifier=flow.verifier,
        )
    except NoTokensError:
        return "token_exchange_failed"
    # The tokens replace all stored credentials, including an API key, even if the row's `auth_type` remains `api_key`.
    state.change(flow.row, {"server": flow.server, "api_key": "", **token_fields(tokens, state.now())})
    await sync_after_connecting(state, flow.row)
    return None


async def _show_settings(_state: ServiceState, request: Request) -> Response:
    if "oauth_error" in request.query_params:
        return page("MCP servers", paragraph("The connection failed."))
    if "oauth_complete" in request.query_params:
        return page("MCP servers", paragraph("The server is connected. You can close this window."))
    return page("MCP servers", paragraph("Nothing happened."))


async def _log_in(state: ServiceState, request: Request) -> Response:
    session = request.path_params["session"]
    if session not in state.sessions:
        raise not_found()
    response = page("PostHog", paragraph(f"This browser is logged in as {state.sessions[session]}."))
    response.set_cookie(_SESSION, session, httponly=True, samesite="lax")
    return response
