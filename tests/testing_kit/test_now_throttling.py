"""The rate limits of today's service, which its new operations share."""

import httpx
import pytest

from posthog_mcp_store.testing import EmbeddedService

from .support import of

ID = "0195f3a0-0000-7000-8000-000000000001"
OAUTH = [
    ("POST", "/install_custom/"),
    ("POST", "/install_template/"),
    ("GET", "/authorize/"),
    ("POST", f"/{ID}/tools/refresh/"),
]
PROXY = [("POST", f"/{ID}/proxy/"), ("POST", f"/{ID}/call_tool/")]
DEFAULT = [
    ("GET", "/"),
    ("PUT", f"/{ID}/"),
    ("GET", f"/{ID}/tools/"),
    ("PATCH", f"/{ID}/tools/add/"),
    ("POST", f"/{ID}/share/"),
    ("POST", f"/{ID}/unshare/"),
    ("GET", "/available_tools/"),
    ("GET", "http://posthog.test/api/projects/1/mcp_servers/"),
]
SCOPES = {"mcp_oauth": OAUTH, "mcp_proxy": PROXY, "default": DEFAULT}


@pytest.mark.parametrize("scope", SCOPES)
async def test_the_operations_of_a_scope_share_its_rates(
    today: EmbeddedService, api: httpx.AsyncClient, scope: str
) -> None:
    for operation in SCOPES[scope]:
        today.throttle(**{scope: [(1, 60)]})
        assert (await api.request(*operation)).status_code != 429
        for other in SCOPES[scope]:
            answer = await api.request(*other)
            assert (answer.status_code, answer.headers["retry-after"]) == (429, "60")


@pytest.mark.parametrize("scope", SCOPES)
async def test_they_do_not_count_for_the_others(today: EmbeddedService, api: httpx.AsyncClient, scope: str) -> None:
    today.throttle(**{scope: [(0, 60)]})
    for other in SCOPES.keys() - {scope}:
        for operation in SCOPES[other]:
            assert (await api.request(*operation)).status_code != 429


@pytest.mark.parametrize("scope", ["mcp_oauth", "mcp_proxy"])
async def test_all_keys_of_a_user_share_a_rate_and_other_users_do_not(
    today: EmbeddedService, api: httpx.AsyncClient, scope: str
) -> None:
    today.throttle(**{scope: [(1, 60)]})
    await api.request(*SCOPES[scope][0])
    async with of(today, "alice") as alice, of(today, "bob") as bob:
        assert (await alice.request(*SCOPES[scope][1])).status_code == 429
        assert (await bob.request(*SCOPES[scope][1])).status_code != 429


async def test_a_throttled_call_of_a_tool_is_a_json_error(today: EmbeddedService, api: httpx.AsyncClient) -> None:
    today.throttle(mcp_proxy=[(0, 60)])
    answer = await api.post(f"/{ID}/call_tool/", json={})
    assert (answer.status_code, answer.json()["code"]) == (429, "throttled")
