from collections.abc import Callable, Mapping

import pytest

from posthog_mcp_store.testing import EmbeddedService

from .support import Outcome, invoke

Run = Callable[..., Outcome]
NOTHING: Mapping[str, str | None] = {}


@pytest.fixture
def run(service: EmbeddedService) -> Run:
    """Runs a command against the embedded service."""

    def run(*arguments: str, env: Mapping[str, str | None] = NOTHING, typed: str | None = None) -> Outcome:
        environment = {"POSTHOG_PERSONAL_API_KEY": service.api_key, "POSTHOG_HOST": service.base_url}
        return invoke(*arguments, env={**environment, **env}, typed=typed)

    return run
