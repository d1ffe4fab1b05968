"""Everything an OAuth flow needs: a provider with a consent page, an MCP server that it protects, and the service."""

from collections.abc import Iterator
from contextlib import contextmanager

from attrs import frozen

from posthog_mcp_store.testing import EmbeddedService, OAuthProvider, serve_app, tool_server

SERVER_URL = "https://calendar.example.com/mcp"


@frozen
class OAuthStack:
    service: EmbeddedService
    provider: OAuthProvider


@contextmanager
def serve_oauth_stack(service: EmbeddedService) -> Iterator[OAuthStack]:
    provider = OAuthProvider()
    service.approve_new_tools = True
    with provider.serve(), serve_app(tool_server(provider, SERVER_URL)) as host, service.serve():
        service.add_mcp_server(SERVER_URL, f"{host}/mcp")
        yield OAuthStack(service, provider)
