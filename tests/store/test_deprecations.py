"""Deprecated names warn, and say what to use and when they will be removed. There are none yet."""

import inspect
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

import posthog_mcp_store
from posthog_mcp_store import MCPStore
from posthog_mcp_store._api import DEPRECATED
from posthog_mcp_store._core.deprecations import Deprecated, deprecated, warn

from ..vendoring.support import run, vendored

MESSAGE = "use new(); removed in 0.4.0"


class Store:
    @deprecated("use new(); removed in 0.4.0")
    def old(self, number: int, *, more: int = 0) -> int:
        """The old docstring."""
        return number + more

    @deprecated("use new(); removed in 0.4.0")
    async def fetch(self) -> str:
        return "fetched"

    @property
    @deprecated("use new(); removed in 0.4.0")
    def size(self) -> int:
        return 7

    def list(self, limit: int | None = None) -> str:
        if limit is not None:
            warn("limit=", "use page_size=; removed in 0.4.0")
        return "listed"


def line_of(function: Callable[..., object], text: str) -> int:
    lines, start = inspect.getsourcelines(function)
    return start + next(number for number, line in enumerate(lines) if text in line)


def test_a_deprecated_method_works_and_warns_where_it_is_called() -> None:
    with pytest.warns(DeprecationWarning, match=r"^Store.old\(\) is deprecated") as warned:
        result = Store().old(1, more=2)

    assert result == 3
    (warning,) = warned
    assert str(warning.message) == f"Store.old() is deprecated: {MESSAGE}"
    assert warning.filename == __file__
    assert warning.lineno == line_of(test_a_deprecated_method_works_and_warns_where_it_is_called, "Store().old")


async def test_a_deprecated_coroutine_warns_when_it_is_called() -> None:
    with pytest.warns(DeprecationWarning, match=r"^Store.fetch\(\) is deprecated"):
        waiting = Store().fetch()

    assert await waiting == "fetched"


def test_a_deprecated_property_warns_when_it_is_read() -> None:
    with pytest.warns(DeprecationWarning, match=r"^Store.size\(\) is deprecated") as warned:
        assert Store().size == 7

    assert warned[0].filename == __file__


def test_a_deprecated_method_keeps_its_name_and_text_and_is_marked_for_tools() -> None:
    assert Store.old.__name__ == "old"
    assert Store.old.__doc__ == "The old docstring."
    assert getattr(Store.old, "__deprecated__") == MESSAGE  # noqa: B009  # type checkers do not know it


def test_a_deprecated_parameter_warns_where_it_is_given() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert Store().list() == "listed"

    with pytest.warns(DeprecationWarning, match="^limit= is deprecated: use page_size=; removed in 0.4.0$") as warned:
        assert Store().list(limit=1) == "listed"

    assert warned[0].filename == __file__


@pytest.mark.parametrize(
    "message", ["", "use new()", "removed in 0.4.0", "use new(); removed in 0.4", "new; removed in 1.0.0"]
)
@pytest.mark.parametrize(
    "make", [deprecated, lambda message: Deprecated(None, message), lambda message: warn("it", message)]
)
def test_a_message_that_does_not_say_what_to_use_and_until_when_is_refused(
    make: Callable[[str], object], message: str
) -> None:
    with pytest.raises(ValueError, match=r"a deprecation reads `use New; removed in 0.4.0`, not"):
        make(message)


# Old names of the package


def test_an_old_name_of_the_package_stands_for_the_new_one(monkeypatch: pytest.MonkeyPatch) -> None:
    old = "OldStore"
    monkeypatch.setitem(DEPRECATED, old, Deprecated(MCPStore, MESSAGE))

    with pytest.warns(DeprecationWarning, match=r"^OldStore is deprecated: use new\(\); removed in 0.4.0$") as warned:
        assert getattr(posthog_mcp_store, old) is MCPStore

    assert warned[0].filename == __file__


@pytest.fixture
def with_old_name(tmp_path: Path) -> Path:
    """A path of packages with a copy that has one."""
    copy = vendored(tmp_path / "mcp_store")
    names = copy / "_api.py"
    table = 'DEPRECATED: dict[str, Deprecated] = {"OldStore": Deprecated(MCPStore, "use MCPStore; removed in 0.4.0")}'
    text = names.read_text()
    assert text.count("DEPRECATED: dict[str, Deprecated] = {}") == 1
    names.write_text(text.replace("DEPRECATED: dict[str, Deprecated] = {}", table))
    return tmp_path


@pytest.mark.parametrize("use", ["from mcp_store import OldStore", "import mcp_store\nOldStore = mcp_store.OldStore"])
def test_an_old_name_works_and_warns_where_it_is_used(with_old_name: Path, use: str) -> None:
    program = with_old_name / "program.py"
    program.write_text(f"{use}\nfrom mcp_store import MCPStore\nassert OldStore is MCPStore\n")

    said = run("-W", "default", str(program), path=with_old_name)

    head, _, rest = said.stderr.partition("\n")
    line = 1 + use.count("\n")
    assert head == f"{program}:{line}: DeprecationWarning: OldStore is deprecated: use MCPStore; removed in 0.4.0"
    assert rest.count("Warning") == 0


def test_an_old_name_is_an_error_where_the_warning_filter_says_so(with_old_name: Path) -> None:
    said = run("-W", "error", "-c", "from mcp_store import OldStore", path=with_old_name, status=1)

    assert said.stderr.endswith("DeprecationWarning: OldStore is deprecated: use MCPStore; removed in 0.4.0\n")


def test_an_old_name_is_not_listed_and_disturbs_no_other(with_old_name: Path) -> None:
    program = "from mcp_store import *; import mcp_store; assert 'OldStore' not in dir(mcp_store); mcp_store.MCPStore"

    assert run("-W", "error", "-c", program, path=with_old_name).stderr == ""
