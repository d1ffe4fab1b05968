"""HTTP replies of the loopback receiver: the page at the end of an OAuth flow, and errors. Pure.

No reply repeats any part of a request.
"""

from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from http import HTTPStatus

from attrs import frozen

from .._oauth.callback import DENIALS, OAuthCallback

STYLE = """
:root { color-scheme: light dark; --card: #fff; --ground: #f3f4f6; --text: #1f2937; --line: #e2e5ea; }
.success { --mark: #15803d; }
.denied { --mark: #b45309; }
.failed { --mark: #b91c1c; }
@media (prefers-color-scheme: dark) {
  :root { --card: #1d2026; --ground: #121419; --text: #e5e7eb; --line: #31353d; }
  .success { --mark: #4ade80; }
  .denied { --mark: #fbbf24; }
  .failed { --mark: #f87171; }
}
* { box-sizing: border-box; }
body {
  margin: 0; min-height: 100vh; padding: 1.5rem; display: grid; place-items: center;
  background: var(--ground); color: var(--text);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif;
}
main {
  width: 100%; max-width: 26rem; padding: 2.5rem 2rem; text-align: center;
  background: var(--card); border: 1px solid var(--line); border-top: 4px solid var(--mark); border-radius: 12px;
}
svg { width: 3.5rem; height: 3.5rem; fill: none; stroke: var(--mark); stroke-width: 1.75; stroke-linecap: round;
  stroke-linejoin: round; }
h1 { margin: 1rem 0 .5rem; font-size: 1.375rem; line-height: 1.25; color: var(--mark); }
p { margin: 0; text-wrap: balance; }
"""
DOCUMENT = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body class="{kind}">
<main>
<svg viewBox="0 0 24 24" aria-hidden="true"><circle cx="12" cy="12" r="10"/><path d="{mark}"/></svg>
<h1>{title}</h1>
<p>{text} You can close this window.</p>
</main>
</body>
</html>
"""
OUTCOMES = {
    "success": ("Authorization complete", "M7.5 12.5l3 3 6-6.5", "Go back to the application to continue."),
    "denied": ("Authorization denied", "M8 12h8", "Access was not given. Go back to the application to try again."),
    "failed": (
        "Authorization failed",
        "M9 9l6 6M15 9l-6 6",
        "Something went wrong. Go back to the application to see what, and to try again.",
    ),
}
"""Title, mark and text of each page."""
STYLE_HASH = b64encode(sha256(STYLE.encode()).digest()).decode()
COMMON_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Connection": "close",
}
PAGE_HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{STYLE_HASH}'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "X-Frame-Options": "DENY",
    # The page's own address is a secret of the flow.
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@frozen
class HTTPReply:
    status: HTTPStatus
    headers: Mapping[str, str]
    body: bytes

    def encode(self, *, with_body: bool = True) -> bytes:
        headers = {**self.headers, **COMMON_HEADERS, "Content-Length": str(len(self.body))}
        lines = [f"HTTP/1.1 {self.status} {self.status.phrase}", *map(": ".join, headers.items()), "", ""]
        return "\r\n".join(lines).encode("ascii") + self.body * with_body


def result_page(callback: OAuthCallback) -> HTTPReply:
    """The page for the user whose browser came back from the provider."""
    kind = _kind(callback)
    title, mark, text = OUTCOMES[kind]
    page = DOCUMENT.format(kind=kind, style=STYLE, title=title, mark=mark, text=text)
    return HTTPReply(HTTPStatus.OK, PAGE_HEADERS, page.encode())


def error_reply(status: HTTPStatus) -> HTTPReply:
    """The reply to every other request."""
    headers = {"Content-Type": "text/plain; charset=utf-8"}
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = "GET"
    return HTTPReply(status, headers, f"{status} {status.phrase}\n".encode("ascii"))


def _kind(callback: OAuthCallback) -> str:
    if callback.is_success:
        return "success"
    return "denied" if callback.error in DENIALS else "failed"
