"""The record of the public API, and what may be done to it: scripts/public_api.py."""

import runpy
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
Compared = Callable[..., str]
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
    """What it is."""

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
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout with a small package of the same layout."""
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
def compared(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Compared:
    """Runs the script of a checkout, which must end with this status; gives what it said."""
    monkeypatch.syspath_prepend(ROOT / "scripts")

    def run(checkout: Path, *arguments: str, status: int = 0) -> str:
        monkeypatch.setattr(sys, "argv", ["public_api.py", *arguments])
        with pytest.raises(SystemExit) as left:
            runpy.run_path(str(checkout / "scripts" / "public_api.py"), run_name="__main__")
        told = capsys.readouterr()
        assert left.value.code == status, told.out + told.err
        return told.out + told.err

    return run


@pytest.fixture
def checkout(made: Path, tmp_path: Path, compared: Compared) -> Path:
    """The small package, and its record."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    compared(tmp_path, "--record")
    return tmp_path


def edit(checkout: Path, old: str, new: str, name: str = "_store.py") -> None:
    path = checkout / "src" / "posthog_mcp_store" / name
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))


def test_the_public_api_is_as_recorded(compared: Compared) -> None:
    """Run `nox -s api -- --record` where it is not, and read what it says."""
    assert "the public API is as recorded" in compared(ROOT)


def test_the_record_has_a_line_for_all_that_callers_can_rely_on(checkout: Path, compared: Compared) -> None:
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
        ("def shared(self) -> str", "def other(self) -> str", "Store.shared: is gone, and was never deprecated"),
        ("class Store(Root, Exception)", "class Store(Root)", "Store: is no Exception any more"),
        ("async def fetch", "def fetch", "Store.fetch: was `async def`, is `def`"),
        ("    @classmethod\n", "", "Store.parse: was `@classmethod def`, is `def`"),
        ("        self.rows = [key]\n", "", "Store.rows: is gone, and was never deprecated"),
        ("self.rows = ", "self._rows = ", "Store.rows: is gone, and was never deprecated"),
        ("    @size.setter\n    def size(self, value: int) -> None: ...\n", "", "Store.size=: is gone"),
        ("def size(self) -> int | None", "def size(self) -> int | str", "Store.size: is `int | str`, not `int | None`"),
        ("def size(self) -> int | None", "def size(self)", "Store.size: is anything, not `int | None`"),
        ("    id: str\n", "    id: str | int\n", "Row.id: is `str | int`, not `str`"),
        ("    size: int = 0\n", "    size: int\n", "Row.__init__: asks for `size`"),
        ('hidden: str = field(default="", kw_only=True)', 'hidden: str = field(init=False)', "takes no `hidden`"),
        ("    id: str\n    size: int = 0\n", "    size: int\n    id: str\n", "takes `id` at another place"),
        ('"on", "off"', '"on"', "Status: was `= Literal['on', 'off']`, is `= Literal['on']`"),
        ("limit: int = 100", "limit: int = 10", "limit: was `: int = 100`, is `: int = 10`"),
        (INIT, "key: str, *, retries: int = 2)", "Store.__init__: takes no `timeout` any more"),
        (INIT, "key: str, *, user: str, timeout: float | None = None, retries: int = 2)", "asks for `user`"),
        (INIT, "key: str, *, timeout: float | None, retries: int = 2)", "Store.__init__: asks for `timeout`"),
        (INIT, "key: str, *, timeout: float | None = None, retries: int = 3)", "without `retries` as with `3`"),
        (INIT, "key: str, *, timeout: float = 1, retries: int = 2)", "takes `float` for `timeout`, not `float | None`"),
        (INIT, "*, key: str, timeout: float | None = None, retries: int = 2)", "takes `key` in another way"),
        (INIT, "name: str, key: str, *, timeout: float | None = None, retries: int = 2)", "takes `key` at another"),
        (FETCH, FETCH.replace("str | int", "str"), "Store.fetch: takes `str` for `id`, not `str | int`"),
        (FETCH, FETCH.replace("-> int | str", "-> int | None"), "returns `int | None`, not `int | str`"),
        (FETCH, FETCH.replace(" -> int | str", ""), "Store.fetch: returns anything, not `int | str`"),
        (FETCH, FETCH.replace("m: int = 0, ", ""), "Store.fetch: takes no `m` any more"),
        (FETCH, FETCH.replace(", *n: str", ", *"), "Store.fetch: takes no `n` any more"),
        (FETCH, FETCH.replace(", **more: int", ""), "Store.fetch: takes no `more` any more"),
        ("raw: Literal[True]) -> bytes", "raw: Literal[True]) -> str", "Store.read[1]: returns `str`, not `bytes`"),
        ('"str | bytes"', "str", "Store.parse: takes `str` for `text`, not `'str | bytes'`"),
        ("class Writer(Protocol):", "class Writer(Protocol):\n    def end(self) -> None: ...\n", "Writer.end: who"),
        ('at: Status = "off"', 'at: Status = "on"', "close: does without `at` as with `'on'`, not `'off'`"),
    ],
)  # fmt: skip
def test_what_breaks_callers_fails_and_is_not_recorded(
    checkout: Path, compared: Compared, old: str, new: str, reason: str
) -> None:
    edit(checkout, old, new)
    record = (checkout / "docs" / "public_api.txt").read_text()

    said = compared(checkout, status=1)
    assert "Breaks callers:\n" in said
    assert reason in said

    assert "deprecate it first (docs/versioning.md)" in compared(checkout, "--record", status=1)
    assert (checkout / "docs" / "public_api.txt").read_text() == record


def test_a_name_that_is_no_longer_listed_breaks_callers(checkout: Path, compared: Compared) -> None:
    edit(checkout, "'close', ", "", "_api.py")

    assert "close: is gone, and was never deprecated" in compared(checkout, "--record", status=1)


@pytest.mark.parametrize(
    ("old", "new", "told"),
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
def test_what_breaks_nobody_has_to_be_recorded(
    checkout: Path, compared: Compared, old: str, new: str, told: str
) -> None:
    """For what is not recorded could go unseen."""
    edit(checkout, old, new)

    said = compared(checkout, status=1)
    assert "Breaks callers" not in said
    assert "the record is out of date: run `nox -s api -- --record`" in said

    compared(checkout, "--record")
    assert told in (checkout / "docs" / "public_api.txt").read_text()
    assert "is as recorded" in compared(checkout)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"""What it is."""', '"""What it has become."""'),
        ("self._secret = key", "self._secret = None"),
        ("def _inner(self)", "def _inner(self, more: int)"),
        ("def __init__(self, seam: Seam)", "def __init__(self, seam: Seam, other: Seam)"),
        ("def read(self, raw: bool)", "def read(self, raw: object)"),
    ],
)
def test_what_nobody_outside_sees_is_not_in_the_record(checkout: Path, compared: Compared, old: str, new: str) -> None:
    edit(checkout, old, new)

    assert "is as recorded" in compared(checkout)


def test_moving_a_module_into_a_package_does_not_change_the_record(checkout: Path, compared: Compared) -> None:
    package = checkout / "src" / "posthog_mcp_store"
    (package / "_core").mkdir()
    (package / "_core" / "__init__.py").write_text("")
    (package / "_store.py").rename(package / "_core" / "_client.py")
    edit(checkout, "from ._deprecations", "from .._deprecations", "_core/_client.py")
    edit(checkout, "from ._seam", "from .._seam", "_core/_client.py")
    edit(checkout, "from ._store import", "from ._core._client import", "_api.py")

    assert "is as recorded" in compared(checkout)


def test_a_member_may_move_to_a_public_base(checkout: Path, compared: Compared) -> None:
    edit(checkout, "class Child(Store):\n    pass", "class Child(Store):\n    def end(self) -> None: ...")
    compared(checkout, "--record")
    edit(checkout, "    def end(self) -> None: ...", "    pass")
    edit(checkout, "def _inner", "def end")

    said = compared(checkout, "--record")

    assert "Breaks callers" not in said
    assert "def Child.end(self) -> None" in said


@pytest.mark.parametrize(
    ("given", "constant", "module"),
    [("retries: int = LIMIT", "LIMIT = 2\n", "_store.py"), ("retries: int = LIMIT", "LIMIT: int = 2\n", "_seam.py")],
)
def test_a_default_is_its_value_and_not_its_name(
    checkout: Path, compared: Compared, given: str, constant: str, module: str
) -> None:
    edit(checkout, "retries: int = 2", given)
    path = checkout / "src" / "posthog_mcp_store" / module
    path.write_text(constant + path.read_text())
    if module == "_seam.py":
        edit(checkout, "class Root:", "from ._seam import LIMIT\nclass Root:")
    assert "is as recorded" in compared(checkout)

    edit(checkout, constant, constant.replace("2", "0"), module)

    assert "does without `retries` as with `0`, not `2`" in compared(checkout, "--record", status=1)


def test_the_texts_of_a_private_alias_are_promised_too(checkout: Path, compared: Compared) -> None:
    edit(checkout, "class Root:", 'Mode = Literal["r", "w"]\n\nclass Root:')
    edit(checkout, "retries: int = 2", "retries: int = 2, mode: Mode | None = None")
    edit(checkout, "def _inner(self) -> None", "def mode(self) -> Mode")
    compared(checkout, "--record")

    edit(checkout, 'Mode = Literal["r", "w"]', 'Mode = Literal["r"]')
    assert "takes `Literal['r'] | None` for `mode`" in compared(checkout, "--record", status=1)

    edit(checkout, 'Mode = Literal["r"]', 'Mode = Literal["r", "w", "x"]')
    assert "Store.mode: returns `Literal['r', 'w', 'x']`, not" in compared(checkout, "--record", status=1)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("size: int = 0", "size: int = 5", "does without `size` as with `5`, not `0`"),
        ('field(default="", kw', 'field(default="x", kw', "does without `hidden` as with `'x'`, not `''`"),
    ],
)
def test_a_field_has_its_default_too(checkout: Path, compared: Compared, old: str, new: str, told: str) -> None:
    edit(checkout, old, new)

    assert told in compared(checkout, "--record", status=1)


# Deprecations


def deprecate_method(checkout: Path) -> None:
    edit(checkout, "async def fetch", '@deprecated("use read(); removed in 0.5.0")\n    async def fetch')


def test_what_was_deprecated_may_go_in_the_version_that_was_named(checkout: Path, compared: Compared) -> None:
    deprecate_method(checkout)
    compared(checkout, "--record")
    assert "  # deprecated: use read(); removed in 0.5.0\n" in (checkout / "docs" / "public_api.txt").read_text()
    edit(checkout, '@deprecated("use read(); removed in 0.5.0")\n    async def fetch', "def _fetch")

    said = compared(checkout, "--record", status=1)
    assert "Store.fetch: is gone in 0.3.0, before its time: use read(); removed in 0.5.0" in said

    edit(checkout, "0.3.0", "0.10.0", "_version.py")
    assert "No longer:\n  async def Store.fetch" in compared(checkout, "--record")


@pytest.mark.parametrize(("removal", "status"), [("0.4.0", 1), ("0.4.9", 1), ("0.5.0", 0), ("1.0.0", 0)])
def test_two_minor_versions_or_a_major_one_lie_between_a_deprecation_and_its_end(
    checkout: Path, compared: Compared, removal: str, status: int
) -> None:
    edit(checkout, "async def fetch", f'@deprecated("use read(); removed in {removal}")\n    async def fetch')

    said = compared(checkout, "--record", status=status)

    assert (f"Store.fetch: is to go too soon after 0.3.0: use read(); removed in {removal}" in said) is (status == 1)


@pytest.mark.parametrize(("removal", "status"), [("0.4.9", 1), ("0.5.0", 0), ("0.6.0", 0)])
def test_what_was_deprecated_goes_no_sooner_than_was_said(
    checkout: Path, compared: Compared, removal: str, status: int
) -> None:
    deprecate_method(checkout)
    compared(checkout, "--record")
    edit(checkout, "removed in 0.5.0", f"removed in {removal}")

    said = compared(checkout, "--record", status=status)

    assert ("Store.fetch: is to go sooner than was said" in said) is (status == 1)


def test_deprecating_and_removing_in_one_go_is_no_deprecation(checkout: Path, compared: Compared) -> None:
    edit(checkout, "0.3.0", "0.5.0", "_version.py")
    deprecate_method(checkout)
    edit(checkout, "async def fetch", "def _fetch")

    assert "Store.fetch: is gone, and was never deprecated" in compared(checkout, "--record", status=1)


def test_a_name_that_was_changed_still_works_and_its_uses_break_nothing(checkout: Path, compared: Compared) -> None:
    edit(checkout, "class Store(", "class NewStore(")
    edit(checkout, "class Child(Store)", "class Child(NewStore)")
    edit(checkout, "close(store: Store", "close(store: NewStore")
    edit(checkout, '-> "Store"', '-> "NewStore"')
    edit(checkout, "'Store', ", "'NewStore', ", "_api.py")
    edit(checkout, ", Store, ", ", NewStore, ", "_api.py")
    edit(checkout, "= {}", '= {"Store": Deprecated(NewStore, "use NewStore; removed in 0.5.0")}', "_api.py")

    said = compared(checkout, "--record")

    assert "Breaks callers" not in said
    assert "class Store(Root, Exception)  # deprecated: use NewStore; removed in 0.5.0" in said
    assert "is as recorded" in compared(checkout)


def test_what_no_release_has_had_may_be_changed_when_told_so(checkout: Path, compared: Compared) -> None:
    edit(checkout, "async def fetch", "async def get")

    assert "Breaks callers:\n  Store.fetch" in compared(checkout, "--record", "--breaking")

    assert "is as recorded" in compared(checkout)


# What it can't read


@pytest.mark.parametrize(
    ("name", "old", "new", "told"),
    [
        ("_api.py", "= {}", "= dict(Store=1)", "_api.py has no DEPRECATED that is written out as a dict"),
        ("_api.py", "DEPRECATED: ", "OTHER: ", "_api.py has no DEPRECATED that is written out as a dict"),
        ("_api.py", "= {}", '= {"Old": Store}', 'DEPRECATED holds no `"Old": Deprecated(New, "...")`: Store'),
        ("_api.py", "from ._store import", "from elsewhere import", "Child is defined in no way that"),
        ("_store.py", "def close(", "def shut(", "close is defined in no way that"),
    ],
)
def test_a_source_that_it_does_not_understand_is_refused(  # noqa: PLR0917
    checkout: Path, compared: Compared, name: str, old: str, new: str, told: str
) -> None:
    edit(checkout, old, new, name)

    assert told in compared(checkout, status=1)


def test_a_record_with_a_broken_line_is_refused(checkout: Path, compared: Compared) -> None:
    (checkout / "docs" / "public_api.txt").write_text("<<<<<<< ours\n")

    assert "public_api.txt has a line that can't be read: <<<<<<< ours" in compared(checkout, status=1)


def test_help_says_what_it_does(checkout: Path, compared: Compared) -> None:
    said = compared(checkout, "--help")
    assert "docs/public_api.txt" in said
    assert "--record" in said
    assert "--breaking" in said
