"""The pytest fixture of the testing kit. pytest finds it by itself where the package is installed."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from ._service import EmbeddedService


@pytest.fixture
def mcp_store_service() -> Iterator["EmbeddedService"]:
    """A fresh EmbeddedService, served over HTTP at its `base_url` for the length of the test."""
    # Imported here because every pytest run imports this module, also those that never ask for the fixture.
    from ._service import EmbeddedService  # noqa: PLC0415

    service = EmbeddedService()
    with service.serve():
        yield service
