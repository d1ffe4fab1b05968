"""A minimal browser that plays the user at a provider's consent page."""

from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import httpx

from .._certificates import trusted_certificates
from .._model.urls import is_local

_MAX_REDIRECTS = 20


async def give_consent(url: str, *, allow: bool = True, client: httpx.AsyncClient | None = None) -> str:
    """Open the provider's page, press `Allow` or `Deny`, and return the URL at which the browser ends.

    That is the last URL that responded, or the callback of an application: a callback with a custom scheme is not
    opened, and one on this machine does not need a server. If no page asks for consent, the browser stops there.

    Args:
        url: The URL to which the service sends the user's browser.
        allow: Whether to press `Allow`; else `Deny`.
        client: The client to use as the browser, for example one with the cookies of a login to the service.
    """
    button = "allow" if allow else "deny"
    if client is not None:
        return await _press(client, url, button)
    async with httpx.AsyncClient(trust_env=False, timeout=10, verify=trusted_certificates()) as browser:
        return await _press(browser, url, button)


async def _press(browser: httpx.AsyncClient, url: str, button: str) -> str:
    end, response = await _browse(browser, browser.build_request("GET", url))
    form = _Form.on(response, button=button)
    if form is not None:
        end, _ = await _browse(browser, browser.build_request("POST", urljoin(end, form.action), data=form.fields))
    return end


async def _browse(browser: httpx.AsyncClient, request: httpx.Request) -> tuple[str, httpx.Response | None]:
    """Send the request and follow redirects. Return the last URL, and its response if there was one."""
    for hop in range(_MAX_REDIRECTS):
        try:
            response = await browser.send(request, follow_redirects=False)
        except httpx.ConnectError:
            if hop and is_local(str(request.url)):
                return str(request.url), None
            raise
        if response.next_request is None:
            return str(request.url), response
        location = urljoin(str(request.url), response.headers["location"])
        if urlsplit(location).scheme not in ("http", "https"):
            return location, None
        request = response.next_request
    raise RuntimeError(f"more than {_MAX_REDIRECTS} redirects, the last to {request.url}")


class _Form(HTMLParser):
    """The form that a button belongs to, and the fields that pressing it sends: hidden ones and the button's."""

    def __init__(self, button: str) -> None:
        super().__init__()
        self.action = ""
        self.fields: dict[str, str] = {}
        self.has_button = False
        self._button = button
        self._is_over = False

    @classmethod
    def on(cls, response: httpx.Response | None, *, button: str) -> "_Form | None":
        form = cls(button)
        form.feed("" if response is None else response.text)
        return form if form.has_button else None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._is_over:
            return
        values = {name: value or "" for name, value in attrs}
        is_pressed = tag == "button" and values.get("id") == self._button
        if tag == "form":
            self.action, self.fields = values.get("action", ""), {}
        elif is_pressed or (tag == "input" and values.get("type") == "hidden"):
            self.fields[values.get("name", "")] = values.get("value", "")
        self.has_button |= is_pressed

    def handle_endtag(self, tag: str) -> None:
        self._is_over |= tag == "form" and self.has_button
