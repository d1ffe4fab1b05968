"""The small browser that plays the person at a provider's page."""

from collections.abc import AsyncIterator, Callable

import httpx
import pytest

from posthog_mcp_store.testing import give_consent

PAGE = "https://provider.example.com/consent/page"
FORM = (
    '<form action="/search"><input type="hidden" name="q"><button>Search</button></form>'
    '<form method="post" action="decide?x=1"><input type="hidden" name="request" value="r"><input type="checkbox">'
    '<button id="allow" name="decision" value="yes">Allow</button>'
    '<button id="deny" name="decision" value="no">Deny</button><button>Help</button></form>'
    '<form action="/language"><input type="hidden" name="language" value="en"><button id="allow">OK</button></form>'
)

Answer = Callable[[httpx.Request], httpx.Response]


class Web:
    """A web of pages, and the requests for them."""

    def __init__(self) -> None:
        self.answers: dict[str, httpx.Response | Exception] = {PAGE: httpx.Response(200, text=FORM)}
        self.requests: list[httpx.Request] = []

    def leads(self, url: str, to: str, status: int = 302) -> None:
        self.answers[url] = httpx.Response(status, headers={"Location": to})

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.get(str(request.url), httpx.Response(200, text="The end"))
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def web() -> Web:
    return Web()


@pytest.fixture
async def browser(web: Web) -> AsyncIterator[httpx.AsyncClient]:
    # Redirects are followed whatever the client's own settings are.
    async with httpx.AsyncClient(transport=httpx.MockTransport(web), follow_redirects=True) as browser:
        yield browser


DECISION = "https://provider.example.com/consent/decide?x=1"


@pytest.mark.parametrize(("allow", "value"), [(True, "yes"), (False, "no")])
async def test_a_button_sends_its_form(web: Web, browser: httpx.AsyncClient, allow: bool, value: str) -> None:
    assert await give_consent(PAGE, allow=allow, client=browser) == DECISION
    sent = web.requests[-1]
    assert (sent.method, str(sent.url)) == ("POST", DECISION)
    assert sent.content.decode() == f"request=r&decision={value}"


async def test_redirects_are_followed_before_and_after(web: Web, browser: httpx.AsyncClient) -> None:
    web.leads("https://a.example.com/", PAGE)
    web.leads(DECISION, "/done", status=303)
    web.leads("https://provider.example.com/done", "https://b.example.com/end")
    assert await give_consent("https://a.example.com/", client=browser) == "https://b.example.com/end"
    assert [request.method for request in web.requests] == ["GET", "GET", "POST", "GET", "GET"]


@pytest.mark.parametrize("callback", ["posthog-code://oauth/callback?status=success", "array://"])
async def test_a_scheme_of_an_application_is_not_opened(web: Web, browser: httpx.AsyncClient, callback: str) -> None:
    web.leads(DECISION, callback)
    assert await give_consent(PAGE, client=browser) == callback
    assert len(web.requests) == 2


async def test_nobody_needs_to_listen_for_a_callback_on_this_machine(web: Web, browser: httpx.AsyncClient) -> None:
    web.leads(DECISION, "http://localhost:8000/callback?status=success")
    web.answers["http://localhost:8000/callback?status=success"] = httpx.ConnectError("nobody")
    assert await give_consent(PAGE, client=browser) == "http://localhost:8000/callback?status=success"


async def test_elsewhere_somebody_does(web: Web, browser: httpx.AsyncClient) -> None:
    web.leads(DECISION, "https://b.example.com/")
    web.answers["https://b.example.com/"] = httpx.ConnectError("nobody")
    with pytest.raises(httpx.ConnectError):
        await give_consent(PAGE, client=browser)


async def test_the_page_itself_has_to_be_there(web: Web, browser: httpx.AsyncClient) -> None:
    web.answers["http://127.0.0.1:1/"] = httpx.ConnectError("nobody")
    with pytest.raises(httpx.ConnectError):
        await give_consent("http://127.0.0.1:1/", client=browser)


@pytest.mark.parametrize("text", ["", "No form", '<form><button id="deny"></form>'])
async def test_a_page_without_the_button_is_the_end(web: Web, browser: httpx.AsyncClient, text: str) -> None:
    web.answers[PAGE] = httpx.Response(400, text=text)
    assert await give_consent(PAGE, client=browser) == PAGE


async def test_a_provider_that_does_not_ask_sends_on(web: Web, browser: httpx.AsyncClient) -> None:
    web.leads(PAGE, "array://x?status=error")
    assert await give_consent(PAGE, client=browser) == "array://x?status=error"


async def test_going_round_in_circles_has_an_end(web: Web, browser: httpx.AsyncClient) -> None:
    web.leads(PAGE, PAGE)
    with pytest.raises(RuntimeError, match="more than 20 redirects"):
        await give_consent(PAGE, client=browser)


async def test_cookies_stay_with_the_browser(web: Web, browser: httpx.AsyncClient) -> None:
    web.answers[PAGE] = httpx.Response(200, text=FORM, headers={"Set-Cookie": "visit=1; Path=/"})
    await give_consent(PAGE, client=browser)
    assert web.requests[-1].headers["cookie"] == "visit=1"
    assert browser.cookies["visit"] == "1"
