from pathlib import Path

import pytest

from .support import next_release, run, small_release, vendored


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the whole SDK, in another team's tree."""
    return vendored(tmp_path / "acme" / "platform" / "_vendor" / "mcp_store")


@pytest.fixture(scope="session")
def later(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A path of packages with a later version of the SDK."""
    return next_release(tmp_path_factory.mktemp("later"))


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A path of packages with a part of the SDK, for tests that update it many times."""
    return small_release(tmp_path_factory.mktemp("small"))


@pytest.fixture
def small_copy(small: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "acme" / "platform" / "_vendor" / "mcp_store"
    run("-m", "posthog_mcp_store.vendor", str(copy), path=small)
    return copy
