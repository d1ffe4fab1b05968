"""The provider's page that asks the user for consent."""

from html import escape
from urllib.parse import urlsplit

from starlette.responses import Response

from .._asgi.pages import page, paragraph

_FORM = """\
<form method="post" action="{action}">
<input type="hidden" name="request" value="{request}">
<button id="allow" name="decision" value="allow">Allow</button>
<button id="deny" name="decision" value="deny">Deny</button>
</form>"""


def consent_page(*, action: str, request: str, client: str, redirect_uri: str) -> Response:
    """Ask whether `client` may have access. The form identifies the request."""
    reason = paragraph(f"{client} wants to use the tools of this server in your name.")
    where = paragraph(f"Afterwards your browser goes back to {urlsplit(redirect_uri).netloc}.")
    form = _FORM.format(action=escape(action), request=escape(request))
    return page(f"{client} asks for access", f"{reason}\n{where}\n{form}")


def answered_page() -> Response:
    return page("Nothing to decide", paragraph("This request is unknown, or was answered already."), status=400)
