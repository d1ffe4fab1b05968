"""The API key goes to the host, and nowhere else."""

import pickle
import traceback
from collections.abc import AsyncIterator, Callable

import httpx
import pytest

from posthog_mcp_store import MCPStore, MCPStoreError

from .wire import ID, Wire, installation

KEY = "phx_the_secret_key"
Faked = Callable[..., MCPStore]


def everything_said_by(error: BaseException) -> str:
    """The error as reporters of crashes see it: the chain of causes, and the local variables of our own frames."""
    said = ["".join(traceback.format_exception(error)), repr(pickle.dumps(error))]
    seen: BaseException | None = error
    while seen is not None:
        said += [repr(seen), repr(vars(seen))]
        request = getattr(seen, "_request", None)
        said.append(repr(request and (request.url, request.headers.raw)))
        frames = [frame for frame, _ in traceback.walk_tb(seen.__traceback__)]
        said += [repr(frame.f_locals) for frame in frames if "posthog_mcp_store" in frame.f_code.co_filename]
        seen = seen.__cause__
    return "\n".join(said)


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(401, json={"detail": f"{KEY} is invalid"}, headers={"X-Echo": KEY}),
        httpx.Response(200, text=f"<html>{KEY}</html>", headers={"X-Echo": KEY}),
        httpx.Response(302, headers={"Location": f"https://evil.example/{KEY}"}),
        httpx.Response(200, headers={"Content-Encoding": "gzip", "X-Echo": KEY}, stream=httpx.ByteStream(b"no")),
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("slow"),
    ],
)
async def test_no_error_tells_the_key(wire: Wire, faked: Faked, answer: httpx.Response | Exception) -> None:
    wire.answers(answer)

    with pytest.raises(MCPStoreError) as caught:
        await faked(api_key=KEY).installations.retrieve(ID)

    assert wire.request.headers["Authorization"] == f"Bearer {KEY}"
    assert KEY not in everything_said_by(caught.value)


def test_no_repr_tells_the_key() -> None:
    store = MCPStore(KEY, project_id=1)

    objects = [store, store.with_options(headers={"X-Trace": "a"}), store.lowlevel, vars(store)]

    assert KEY not in repr(objects)
    assert repr(store) == "MCPStore(host='https://us.posthog.com', project_id='1')"


@pytest.fixture
async def eager_client(wire: Wire) -> AsyncIterator[httpx.AsyncClient]:
    """A client with everything set that could lead the key astray."""
    client = httpx.AsyncClient(
        transport=httpx.MockTransport(wire),
        follow_redirects=True,
        base_url="https://evil.example/base/",
        auth=("user", "password"),
        headers={"Authorization": "Bearer other", "X-Own": "kept"},
        timeout=1,
    )
    async with client:
        yield client


async def test_a_client_of_the_users_own_is_neither_obeyed_nor_changed(
    wire: Wire, eager_client: httpx.AsyncClient
) -> None:
    wire.answers(httpx.Response(200, json=installation()))
    before = (eager_client.headers.raw, eager_client.timeout, eager_client.base_url, eager_client.follow_redirects)

    async with MCPStore(KEY, http_client=eager_client) as store:
        await store.installations.retrieve(ID)

    assert wire.request.url.host == "us.posthog.com"
    assert wire.request.headers["Authorization"] == f"Bearer {KEY}"
    assert wire.request.headers["X-Own"] == "kept"
    assert wire.request.extensions["timeout"]["read"] == 30.0
    after = (eager_client.headers.raw, eager_client.timeout, eager_client.base_url, eager_client.follow_redirects)
    assert after == before
    assert not eager_client.is_closed


async def test_a_redirect_is_not_followed_whatever_the_client_is_set_to(
    wire: Wire, eager_client: httpx.AsyncClient
) -> None:
    wire.answers(httpx.Response(302, headers={"Location": "https://evil.example/?state=x"}))

    with pytest.raises(MCPStoreError, match="not followed"):
        await MCPStore(KEY, http_client=eager_client).installations.retrieve(ID)

    assert [request.url.host for request in wire.requests] == ["us.posthog.com"]


async def test_the_key_never_goes_to_the_provider(wire: Wire, eager_client: httpx.AsyncClient) -> None:
    wire.answers(httpx.Response(302, headers={"Location": "https://evil.example/?state=x"}))

    redirect = await MCPStore(KEY, http_client=eager_client).installations.authorize(ID)

    assert redirect.origin == "https://evil.example"
    assert [request.url.host for request in wire.requests] == ["us.posthog.com"]
