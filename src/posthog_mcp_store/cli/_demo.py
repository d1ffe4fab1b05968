"""The service behind `--demo`: the testing kit's, over HTTP, with some installations in it."""

from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager

from .. import MCPStore
from ..testing import EmbeddedService, OAuthProvider, ToolRecord, give_consent, serve_app, tool_server
from ._session import Demo

NOTES_URL = "https://notes.example.com/mcp"
CALENDAR_URL = "https://calendar.example.com/mcp"
WIKI_URL = "https://wiki.example.com/mcp"
TRACKER_URL = "https://tracker.example.com/mcp"
OAUTH_URLS = (CALENDAR_URL, WIKI_URL, TRACKER_URL)


@asynccontextmanager
async def demo_service() -> AsyncIterator[Demo]:
    service, provider = EmbeddedService(), OAuthProvider()
    with ExitStack() as servers:
        servers.enter_context(provider.serve())
        notes = servers.enter_context(serve_app(tool_server()))
        protected = servers.enter_context(serve_app(tool_server(provider, CALENDAR_URL)))
        host = servers.enter_context(service.serve())
        service.add_mcp_server(NOTES_URL, f"{notes}/mcp")
        for url in OAUTH_URLS:
            service.add_mcp_server(url, f"{protected}/mcp")
        add_catalogue(service)
        add_installations(service)
        await start_flows(service)
        yield Demo(host, service.api_key, give_consent, OAUTH_URLS)


def add_catalogue(service: EmbeddedService) -> None:
    service.add_template(
        name="Calendar", url=CALENDAR_URL, category="productivity", description="Meetings and free time"
    )
    service.add_template(name="Tracker", url=TRACKER_URL, category="dev", description="Issues and projects")
    service.add_template(
        name="Notes", url=NOTES_URL, auth_type="api_key", category="productivity", description="Notes of your team"
    )


def add_installations(service: EmbeddedService) -> None:
    service.add_installation(display_name="Old CRM", is_enabled=False)
    service.add_installation(display_name="Metrics", last_sync_error="the server responded with 502 Bad Gateway")
    tools = {
        "add": ToolRecord(name="add", description="Add two numbers.", approval_state="approved"),
        "greet": ToolRecord(name="greet", description="Greet somebody by name."),
        "wipe": ToolRecord(name="wipe", description="Delete all notes.", approval_state="do_not_use"),
    }
    service.add_installation(url=NOTES_URL, display_name="Notes", tools=tools)


async def start_flows(service: EmbeddedService) -> None:
    """Install two servers that wait for their user, one of them again."""
    async with MCPStore(service.api_key, host=service.base_url) as store:
        for name, url in (("Wiki", WIKI_URL), ("Calendar", CALENDAR_URL)):
            await store.installations.install_custom(name=name, url=url, auth_type="oauth")
    calendar = service.installations[-1]
    calendar.access_token, calendar.needs_reauth = "expired", True
