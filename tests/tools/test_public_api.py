"""The record of the public API, and the changes it allows: scripts/public_api.py."""

import runpy
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RunScript = Callable[..., str]
STORE = '''
from typing import Literal, Protocol, overload
from attrs import field, frozen
from ._deprecations import deprecated
from ._seam import Seam

Status = Literal["on", "off"]
limit: int = 100

class Root:
    def shared(self) -> str: ...

class Store(Root, Exception):
    """A docstring."""

    kind = "store"

    def __init__(self, key: str, *, timeout: float | None = None, retries: int = 2) -> None:
        self.key = key
        self.rows = [key]
        self.pages: list[str] = []
        self._secret = key

    @property
    def size(self) -> int | None: ...

    @size.setter
    def size(self, value: int) -> None: ...

    async def fetch(self, id: str | int, m: int = 0, /, *n: str, wide: bool = False, **more: int) -> int | str: ...

    @overload
    def read(self, raw: Literal[True]) -> bytes: ...
    @overload
    def read(self, raw: Literal[False]) -> str: ...
    def read(self, raw: bool) -> bytes | str: ...

    @classmethod
    def parse(cls, text: "str | bytes") -> "Store": ...

    def _inner(self) -> None: ...

class Child(Store):
    pass

@frozen
class Row(Root):
    id: str
    size: int = 0
    hidden: str = field(default="", kw_only=True)

class Writer(Protocol):
    def write(self, text: str) -> None: ...

class Session:
    def __init__(self, seam: Seam) -> None:
        self.seam = seam

def close(store: Store, at: Status = "off") -> None: ...
'''
LISTED = ["Child", "Row", "Session", "Status", "Store", "Writer", "close", "limit"]


@pytest.fixture(scope="session")
def minimal_checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A minimal checkout: a small package with the layout of the SDK."""
    directory = tmp_path_factory.mktemp("checkout")
    package = directory / "src" / "posthog_mcp_store"
    (package / "testing").mkdir(parents=True)
    (directory / "docs").mkdir()
    (directory / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "public_api.py", directory / "scripts")
    (package / "_version.py").write_text('__version__ = "0.3.0"\n')
    names = ", ".join(LISTED)
    (package / "_api.py").write_text(
        f"from ._deprecations import Deprecated\nfrom ._store import {names}\nfrom ._version import __version__\n"
        f"__all__ = {[*LISTED, '__version__']!r}\n\nDEPRECATED: dict[str, Deprecated] = {{}}\n"
    )
    (package / "_store.py").write_text(STORE)
    (package / "_deprecations.py").write_text("")
    (package / "_seam.py").write_text("class Seam: ...\n")
    (package / "testing" / "__init__.py").write_text(
        "if TYPE_CHECKING:\n    from ._service import Service as Service\n__all__ = ['Service']\n"
    )
    (package / "testing" / "_service.py").write_text("class Service: ...\n")
    (package / "testing" / "pytest_plugin.py").write_text(
        "@pytest.fixture(scope='session')\ndef service() -> int: ...\n\ndef _server(): ...\n"
    )
    return directory


@pytest.fixture
def run_script(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> RunScript:
    """Runs the script of a checkout, checks its exit status and returns its output."""
    monkeypatch.syspath_prepend(ROOT / "scripts")

    def run(checkout: Path, *arguments: str, status: int = 0) -> str:
        monkeypatch.setattr(sys, "argv", ["public_api.py", *arguments])
        with pytest.raises(SystemExit) as exited:
            runpy.run_path(str(checkout / "scripts" / "public_api.py"), run_name="__main__")
        captured = capsys.readouterr()
        assert exited.value.code == status, captured.out + captured.err
        return captured.out + captured.err

    return run


@pytest.fixture
def checkout(minimal_checkout: Path, tmp_path: Path, run_script: RunScript) -> Path:
    """A minimal checkout with its record."""
    shutil.copytree(minimal_checkout, tmp_path, dirs_exist_ok=True)
    run_script(tmp_path, "--record")
    return tmp_path


def edit(checkout: Path, old: str, new: str, name: str = "_store.py") -> None:
    path = checkout / "src" / "posthog_mcp_store" / name
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))


def test_the_public_api_matches_its_record(run_script: RunScript) -> None:
    """If it does not, run `nox -s api -- --record` and read its output."""
    assert "the public API matches its record" in run_script(ROOT)


def test_the_record_has_a_line_for_everything_that_callers_can_rely_on(checkout: Path, run_script: RunScript) -> None:
    assert (checkout / "docs" / "public_api.txt").read_text().splitlines() == [
        "class Child(Store)",
        "class Row(Root)",
        "def Row.__init__(self, id: str, size: int = 0, *, hidden: str = '')",
        "attribute Row.hidden: str",
        "attribute Row.id: str",
        "def Row.shared(self) -> str",
        "attribute Row.size: int",
        "class Session",
        "attribute Session.seam: Seam",
        "value Status = Literal['on', 'off']",
        "class Store(Root, Exception)",
        "def Store.__init__(self, key: str, *, timeout: float | None=None, retries: int=2) -> None",
        "async def Store.fetch(self, id: str | int, m: int=0, /, *n: str, wide: bool=False, **more: int) -> int | str",
        "attribute Store.key: str",
        "attribute Store.kind = 'store'",
        "attribute Store.pages: list[str]",
        "@classmethod def Store.parse(cls, text: 'str | bytes') -> 'Store'",
        "def Store.read[1](self, raw: Literal[True]) -> bytes",
        "def Store.read[2](self, raw: Literal[False]) -> str",
        "attribute Store.rows",
        "def Store.shared(self) -> str",
        "property Store.size -> int | None",
        "setter Store.size=(self, value: int) -> None",
        "class Writer(Protocol)",
        "def Writer.write(self, text: str) -> None",
        "value __version__",
        "def close(store: Store, at: Literal['on', 'off']='off') -> None",
        "value limit: int = 100",
        "class testing.Service",
        "@pytest.fixture def testing.pytest_plugin.service() -> int",
    ]


FETCH = "id: str | int, m: int = 0, /, *n: str, wide: bool = False, **more: int) -> int | str"
INIT = "key: str, *, timeout: float | None = None, retries: int = 2)"


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("def shared(self) -> str", "def other(self) -> str", "Store.shared: removed without having been deprecated"),
        ("class Store(Root, Exception)", "class Store(Root)", "Store: no longer a subclass of Exception"),
        ("async def fetch", "def fetch", "Store.fetch: changed from `async def` to `def`"),
        ("    @classmethod\n", "", "Store.parse: changed from `@classmethod def` to `def`"),
        ("        self.rows = [key]\n", "", "Store.rows: removed without having been deprecated"),
        ("self.rows = ", "self._rows = ", "Store.rows: removed without having been deprecated"),
        ("    @size.setter\n    def size(self, value: int) -> None: ...\n", "", "Store.size=: removed without"),
        ("def size(self) -> int | None", "def size(self) -> int | str", "changed from `int | None` to `int | str`"),
        ("def size(self) -> int | None", "def size(self)", "Store.size: type changed from `int | None` to any type"),
        ("    id: str\n", "    id: str | int\n", "Row.id: type changed from `str` to `str | int`"),
        ("    size: int = 0\n", "    size: int\n", "Row.__init__: `size` is now required"),
        ('hidden: str = field(default="", kw_only=True)', 'hidden: str = field(init=False)', "`hidden` removed"),
        ("    id: str\n    size: int = 0\n", "    size: int\n    id: str\n", "`id` is at another position"),
        ('"on", "off"', '"on"', "Status: changed from `= Literal['on', 'off']` to `= Literal['on']`"),
        ("limit: int = 100", "limit: int = 10", "limit: changed from `: int = 100` to `: int = 10`"),
        (INIT, "key: str, *, retries: int = 2)", "Store.__init__: `timeout` removed"),
        (INIT, "key: str, *, user: str, timeout: float | None = None, retries: int = 2)", "required parameter `user`"),
        (INIT, "key: str, *, timeout: float | None, retries: int = 2)", "Store.__init__: `timeout` is now required"),
        (INIT, "key: str, *, timeout: float | None = None, retries: int = 3)", "`retries` changed from `2` to `3`"),
        (INIT, "key: str, *, timeout: float = 1, retries: int = 2)", "changed from `float | None` to `float`"),
        (INIT, "*, key: str, timeout: float | None = None, retries: int = 2)", "`key` can't be passed as before"),
        (INIT, "name: str, key: str, *, timeout: float | None = None, retries: int = 2)", "`key` is at another"),
        (FETCH, FETCH.replace("str | int", "str"), "Store.fetch: type of `id` changed from `str | int` to `str`"),
        (FETCH, FETCH.replace("-> int | str", "-> int | None"), "return type changed from `int | str` to `int | None`"),
        (FETCH, FETCH.replace(" -> int | str", ""), "Store.fetch: return type changed from `int | str` to any type"),
        (FETCH, FETCH.replace("m: int = 0, ", ""), "Store.fetch: `m` removed"),
        (FETCH, FETCH.replace(", *n: str", ", *"), "Store.fetch: `n` removed"),
        (FETCH, FETCH.replace(", **more: int", ""), "Store.fetch: `more` removed"),
        ("raw: Literal[True]) -> bytes", "raw: Literal[True]) -> str", "Store.read[1]: return type changed"),
        ('"str | bytes"', "str", "Store.parse: type of `text` changed from `'str | bytes'` to `str`"),
        ("class Writer(Protocol):", "class Writer(Protocol):\n    def end(self) -> None: ...\n", "Writer.end: added"),
        ('at: Status = "off"', 'at: Status = "on"', "close: default of `at` changed from `'off'` to `'on'`"),
    ],
)  # fmt: skip
def test_a_breaking_change_fails_and_is_not_recorded(
    checkout: Path, run_script: RunScript, old: str, new: str, reason: str
) -> None:
    edit(checkout, old, new)
    record = (checkout / "docs" / "public_api.txt").read_text()

    output = run_script(checkout, status=1)
    assert "Breaking changes:\n" in output
    assert reason in output

    assert "deprecate it first (docs/versioning.md)" in run_script(checkout, "--record", status=1)
    assert (checkout / "docs" / "public_api.txt").read_text() == record


def test_removing_a_name_from_all_is_a_breaking_change(checkout: Path, run_script: RunScript) -> None:
    edit(checkout, "'close', ", "", "_api.py")

    assert "close: removed without having been deprecated" in run_script(checkout, "--record", status=1)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("def _inner", "def outer", "def Store.outer(self) -> None"),
        (INIT, "key: str, *, timeout: float | None = None, retries: int | str = 2, a: int = 1)", "a: int=1"),
        (INIT, "key: str, timeout: float | None = None, *, retries: int = 2)", "key: str, timeout: float"),
        (FETCH, FETCH.replace("str | int", "str | int | None"), "id: str | int | None"),
        (FETCH, FETCH.replace("-> int | str", "-> int"), "**more: int) -> int"),
        ("def size(self) -> int | None", "def size(self) -> int", "property Store.size -> int"),
        ('"str | bytes"', "bytes | str | None", "text: bytes | str | None"),
        ("class Store(Root, Exception)", "class Store(Root, Exception, ValueError)", "Exception, ValueError)"),
        ("self.rows = [key]", "self.rows = key", "attribute Store.rows: str"),
        ("    size: int = 0\n", "    size: int = 0\n    more: int = 0\n", "more: int = 0, *, hidden"),
        ("class Root:\n", "class Base:\n    x = 1\nclass Root(Base):\n", "attribute Store.x = 1"),
    ],
)  # fmt: skip
def test_a_non_breaking_change_has_to_be_recorded(
    checkout: Path, run_script: RunScript, old: str, new: str, expected: str
) -> None:
    """Otherwise it could be removed later without notice."""
    edit(checkout, old, new)

    output = run_script(checkout, status=1)
    assert "Breaking changes" not in output
    assert "the record is out of date: run `nox -s api -- --record`" in output

    run_script(checkout, "--record")
    assert expected in (checkout / "docs" / "public_api.txt").read_text()
    assert "matches its record" in run_script(checkout)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"""A docstring."""', '"""Another docstring."""'),
        ("self._secret = key", "self._secret = None"),
        ("def _inner(self)", "def _inner(self, more: int)"),
        ("def __init__(self, seam: Seam)", "def __init__(self, seam: Seam, other: Seam)"),
        ("def read(self, raw: bool)", "def read(self, raw: object)"),
    ],
)
def test_a_private_change_does_not_change_the_record(checkout: Path, run_script: RunScript, old: str, new: str) -> None:
    edit(checkout, old, new)

    assert "matches its record" in run_script(checkout)


def test_moving_a_module_into_a_package_does_not_change_the_record(checkout: Path, run_script: RunScript) -> None:
    package = checkout / "src" / "posthog_mcp_store"
    (package / "_core").mkdir()
    (package / "_core" / "__init__.py").write_text("")
    (package / "_store.py").rename(package / "_core" / "_client.py")
    edit(checkout, "from ._deprecations", "from .._deprecations", "_core/_client.py")
    edit(checkout, "from ._seam", "from .._seam", "_core/_client.py")
    edit(checkout, "from ._store import", "from ._core._client import", "_api.py")

    assert "matches its record" in run_script(checkout)


def test_a_member_may_move_to_a_public_base(checkout: Path, run_script: RunScript) -> None:
    edit(checkout, "class Child(Store):\n    pass", "class Child(Store):\n    def end(self) -> None: ...")
    run_script(checkout, "--record")
    edit(checkout, "    def end(self) -> None: ...", "    pass")
    edit(checkout, "def _inner", "def end")

    output = run_script(checkout, "--record")

    assert "Breaking changes" not in output
    assert "def Child.end(self) -> None" in output


@pytest.mark.parametrize(
    ("parameter", "constant", "module"),
    [("retries: int = LIMIT", "LIMIT = 2\n", "_store.py"), ("retries: int = LIMIT", "LIMIT: int = 2\n", "_seam.py")],
)
def test_a_constant_as_default_is_recorded_as_its_value(
    checkout: Path, run_script: RunScript, parameter: str, constant: str, module: str
) -> None:
    edit(checkout, "retries: int = 2", parameter)
    path = checkout / "src" / "posthog_mcp_store" / module
    path.write_text(constant + path.read_text())
    if module == "_seam.py":
        edit(checkout, "class Root:", "from ._seam import LIMIT\nclass Root:")
    assert "matches its record" in run_script(checkout)

    edit(checkout, constant, constant.replace("2", "0"), module)

    assert "default of `retries` changed from `2` to `0`" in run_script(checkout, "--record", status=1)


def test_the_values_of_a_private_literal_alias_are_recorded(checkout: Path, run_script: RunScript) -> None:
    edit(checkout, "class Root:", 'Mode = Literal["r", "w"]\n\nclass Root:')
    edit(checkout, "retries: int = 2", "retries: int = 2, mode: Mode | None = None")
    edit(checkout, "def _inner(self) -> None", "def mode(self) -> Mode")
    run_script(checkout, "--record")

    edit(checkout, 'Mode = Literal["r", "w"]', 'Mode = Literal["r"]')
    assert "to `Literal['r'] | None`" in run_script(checkout, "--record", status=1)

    edit(checkout, 'Mode = Literal["r"]', 'Mode = Literal["r", "w", "x"]')
    assert "Store.mode: return type changed from `Literal['r', 'w']` to" in run_script(checkout, "--record", status=1)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("size: int = 0", "size: int = 5", "default of `size` changed from `0` to `5`"),
        ('field(default="", kw', 'field(default="x", kw', "default of `hidden` changed from `''` to `'x'`"),
    ],
)
def test_changing_the_default_of_a_field_is_a_breaking_change(
    checkout: Path, run_script: RunScript, old: str, new: str, expected: str
) -> None:
    edit(checkout, old, new)

    assert expected in run_script(checkout, "--record", status=1)


# Deprecations


def deprecate_method(checkout: Path) -> None:
    edit(checkout, "async def fetch", '@deprecated("use read(); removed in 0.5.0")\n    async def fetch')


def test_a_deprecated_name_may_be_removed_in_the_announced_version(checkout: Path, run_script: RunScript) -> None:
    deprecate_method(checkout)
    run_script(checkout, "--record")
    assert "  # deprecated: use read(); removed in 0.5.0\n" in (checkout / "docs" / "public_api.txt").read_text()
    edit(checkout, '@deprecated("use read(); removed in 0.5.0")\n    async def fetch', "def _fetch")

    output = run_script(checkout, "--record", status=1)
    assert "Store.fetch: removed in 0.3.0, earlier than announced: use read(); removed in 0.5.0" in output

    edit(checkout, "0.3.0", "0.10.0", "_version.py")
    assert "Removed:\n  async def Store.fetch" in run_script(checkout, "--record")


@pytest.mark.parametrize(("removal", "status"), [("0.4.0", 1), ("0.4.9", 1), ("0.5.0", 0), ("1.0.0", 0)])
def test_a_deprecation_lasts_for_two_minor_versions_or_until_a_major_one(
    checkout: Path, run_script: RunScript, removal: str, status: int
) -> None:
    edit(checkout, "async def fetch", f'@deprecated("use read(); removed in {removal}")\n    async def fetch')

    output = run_script(checkout, "--record", status=status)

    assert (f"Store.fetch: removal announced too soon after 0.3.0: use read(); removed in {removal}" in output) is (
        status == 1
    )


@pytest.mark.parametrize(("removal", "status"), [("0.4.9", 1), ("0.5.0", 0), ("0.6.0", 0)])
def test_an_announced_removal_is_not_moved_up(checkout: Path, run_script: RunScript, removal: str, status: int) -> None:
    deprecate_method(checkout)
    run_script(checkout, "--record")
    edit(checkout, "removed in 0.5.0", f"removed in {removal}")

    output = run_script(checkout, "--record", status=status)

    assert ("Store.fetch: removal moved up" in output) is (status == 1)


def test_deprecating_and_removing_at_once_is_a_breaking_change(checkout: Path, run_script: RunScript) -> None:
    edit(checkout, "0.3.0", "0.5.0", "_version.py")
    deprecate_method(checkout)
    edit(checkout, "async def fetch", "def _fetch")

    assert "Store.fetch: removed without having been deprecated" in run_script(checkout, "--record", status=1)


def test_renaming_with_a_deprecated_alias_is_not_a_breaking_change(checkout: Path, run_script: RunScript) -> None:
    edit(checkout, "class Store(", "class NewStore(")
    edit(checkout, "class Child(Store)", "class Child(NewStore)")
    edit(checkout, "close(store: Store", "close(store: NewStore")
    edit(checkout, '-> "Store"', '-> "NewStore"')
    edit(checkout, "'Store', ", "'NewStore', ", "_api.py")
    edit(checkout, ", Store, ", ", NewStore, ", "_api.py")
    edit(checkout, "= {}", '= {"Store": Deprecated(NewStore, "use NewStore; removed in 0.5.0")}', "_api.py")

    output = run_script(checkout, "--record")

    assert "Breaking changes" not in output
    assert "class Store(Root, Exception)  # deprecated: use NewStore; removed in 0.5.0" in output
    assert "matches its record" in run_script(checkout)


def test_breaking_changes_are_recorded_with_the_option_breaking(checkout: Path, run_script: RunScript) -> None:
    edit(checkout, "async def fetch", "async def get")

    assert "Breaking changes:\n  Store.fetch" in run_script(checkout, "--record", "--breaking")

    assert "matches its record" in run_script(checkout)


# Unsupported source


@pytest.mark.parametrize(
    ("name", "old", "new", "expected"),
    [
        ("_api.py", "= {}", "= dict(Store=1)", "_api.py has no DEPRECATED that is a literal dict"),
        ("_api.py", "DEPRECATED: ", "OTHER: ", "_api.py has no DEPRECATED that is a literal dict"),
        (
            "_api.py",
            "= {}",
            '= {"Old": Store}',
            'DEPRECATED needs `"Old": Deprecated(New, "...")`, not Store',
        ),
        (
            "_api.py",
            "from ._store import",
            "from elsewhere import",
            "Child: scripts/api_record/extraction.py",
        ),
        ("_store.py", "def close(", "def shut(", "close: scripts/api_record/extraction.py"),
    ],
)
def test_unsupported_source_is_rejected(  # noqa: PLR0917
    checkout: Path, run_script: RunScript, name: str, old: str, new: str, expected: str
) -> None:
    edit(checkout, old, new, name)

    assert expected in run_script(checkout, status=1)


def test_a_record_with_an_invalid_line_is_rejected(checkout: Path, run_script: RunScript) -> None:
    (checkout / "docs" / "public_api.txt").write_text("<<<<<<< ours\n")

    assert "invalid line in public_api.txt: <<<<<<< ours" in run_script(checkout, status=1)


def test_help_describes_the_options(checkout: Path, run_script: RunScript) -> None:
    output = run_script(checkout, "--help")
    assert "docs/public_api.txt" in output
    assert "--record" in output
    assert "--breaking" in output
