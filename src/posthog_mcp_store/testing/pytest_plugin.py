"""The pytest fixture of the testing kit. pytest finds it automatically if the package is installed."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from ._extra import needing_extra

if TYPE_CHECKING:
    from ._asgi.swappable_app import SwappableApp
    from ._service import EmbeddedService


@pytest.fixture(scope="session")
def _mcp_store_server() -> Iterator[tuple["SwappableApp", str]]:
    """The server that all tests' services share, one after the other, and its URL."""
    # Imported here because every pytest run imports this module, even if no test uses the fixture.
    with needing_extra("the fixture mcp_store_service"):
        from ._asgi.server import serve_app  # noqa: PLC0415
        from ._asgi.swappable_app import SwappableApp  # noqa: PLC0415

    swappable_app = SwappableApp()
    with serve_app(swappable_app) as base_url:
        yield swappable_app, base_url


@pytest.fixture
def mcp_store_service(_mcp_store_server: tuple["SwappableApp", str]) -> Iterator["EmbeddedService"]:
    """A new EmbeddedService, served over HTTP at its `base_url` for the duration of the test."""
    from ._service import EmbeddedService  # noqa: PLC0415  # as above

    service = EmbeddedService()
    swappable_app, base_url = _mcp_store_server
    with swappable_app.using(service.app), service.served_at(base_url):
        yield service
