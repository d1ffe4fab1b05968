"""Starting OAuth flows (docs/service.md, section 6)."""

import secrets

from .._framework.endpoint import RequestContext
from .._model.flows import Flow
from .._model.installations import InstallationRecord
from .._model.records import OAuthServerRecord
from .forms import FlowForm
from .oauth_urls import authorization_url, redirect_uri_at


def start_flow(
    context: RequestContext, server: OAuthServerRecord, form: FlowForm, row: InstallationRecord | None
) -> str:
    """The provider's page for a new flow. Without a row the flow is not stored, and fails at its end."""
    state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(64)
    redirect_uri = server.redirect_uri or redirect_uri_at(context.site)
    is_later = context.state.version >= "2026-09"
    url = authorization_url(
        server,
        redirect_uri=redirect_uri,
        state=state,
        verifier=verifier,
        resource=row.url if row is not None and is_later else "",
        is_template=is_later and row is not None and row.template is not None,
    )
    if row is not None:
        flow = Flow(
            user=context.user,
            row=row,
            server=server,
            redirect_uri=redirect_uri,
            verifier=verifier,
            install_source=form.install_source,
            callback=form.posthog_code_callback_url,
            return_path=form.return_path,
            started_at=context.state.now(),
        )
        context.state.flows.keep(state, flow)
    return url
