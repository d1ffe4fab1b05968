"""What docs/public_api.txt records is described in the docstrings that `help()` shows, and nothing else is."""

import ast
import builtins
import inspect
import pydoc
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import EnumType, StrEnum
from pathlib import Path
from typing import Any, cast

import pytest

import posthog_mcp_store
import posthog_mcp_store.testing
from posthog_mcp_store import MCPStoreError

RECORD = Path(__file__).parents[2] / "docs" / "public_api.txt"
LINE = re.compile(r"(?:@\S+ )*(?:async )?(class|def|attribute|property|value) ([\w.]+)(?:\[\d\])?(.*)")
SECTION = re.compile(r"^(Args|Attributes|Raises):\n((?: {4}.*(?:\n|$)|\n)+)", re.MULTILINE)
ITEM = re.compile(r"^ {4}(\S+?): (.+(?:\n {8}.+)*)", re.MULTILINE)


@dataclass(frozen=True)
class Entry:
    """One line of the record."""

    kind: str
    name: str
    text: str

    @property
    def owner(self) -> str:
        return self.name.rpartition(".")[0]

    @property
    def own_name(self) -> str:
        return self.name.rpartition(".")[2]

    def parameters(self) -> dict[str, ast.expr | None]:
        """Their annotations, by their names as docstrings write them: `**arguments`."""
        function = ast.parse(f"def f{self.text}: ...").body[0]
        assert isinstance(function, ast.FunctionDef)
        every = function.args
        named = {each.arg: each.annotation for each in [*every.posonlyargs, *every.args, *every.kwonlyargs]}
        rest = {f"**{every.kwarg.arg}": every.kwarg.annotation} if every.kwarg else {}
        return {name: type_ for name, type_ in {**named, **rest}.items() if name not in {"self", "cls"}}

    def type(self) -> ast.expr | None:
        """The type of an attribute, or what an alias stands for."""
        return ast.parse(re.sub(r"^(: | = )", "", self.text) or "None", mode="eval").body


def recorded() -> Iterator[Entry]:
    for line in RECORD.read_text().splitlines():
        if match := LINE.fullmatch(line):
            kind, name, text = match.groups()
            yield Entry(kind, name, text.partition(" = ")[0] if text.startswith(":") else text)


ENTRIES = list(recorded())
CLASSES = [entry.name for entry in ENTRIES if entry.kind == "class"]
ATTRIBUTES = [entry for entry in ENTRIES if entry.kind == "attribute"]
PROPERTIES = [entry for entry in ENTRIES if entry.kind == "property"]
VALUES = [entry for entry in ENTRIES if entry.kind == "value"]
# Python says what other special methods do, and pytest passes fixtures their arguments.
CALLABLES = [
    entry
    for entry in ENTRIES
    if entry.kind == "def"
    and re.fullmatch(r"__init__|[a-z]\w*", entry.own_name)
    and entry.owner != "testing.pytest_plugin"
]
METHODS = [entry for entry in CALLABLES if entry.own_name != "__init__"]


def named(name: str) -> Any:
    """What has a public name. For a property it is the property, not its value."""
    found: Any = posthog_mcp_store
    for part in filter(None, name.split(".")):
        found = inspect.getattr_static(found, part) if isinstance(found, type) else getattr(found, part)
    return found.__func__ if isinstance(found, classmethod) else found


def docstring(name: str) -> str:
    """The docstring that was written for it: dataclasses without one get their signature."""
    text = inspect.cleandoc(named(name).__doc__ or "")
    return "" if text.startswith(f"{name.rpartition('.')[2]}(") else text


def sections(name: str, *titles: str) -> dict[str, str]:
    """What sections of a docstring describe, with the descriptions."""
    return {
        item: re.sub(r"\s+", " ", text)
        for title, body in SECTION.findall(docstring(name))
        if title in titles
        for item, text in ITEM.findall(body)
    }


def parameters(name: str) -> dict[str, str]:
    """Described parameters. The class may describe those of `__init__`, as arguments or as attributes."""
    if not name.endswith(".__init__"):
        return sections(name, "Args")
    return sections(name.removesuffix(".__init__"), "Args", "Attributes") | sections(name, "Args")


def is_defined_elsewhere(method: Entry) -> bool:
    """Whether it overrides a method of a class that is not ours, which describes it."""
    owner = named(method.owner)
    bases = owner.__mro__[1:] if isinstance(owner, type) and method.own_name != "__init__" else ()
    return any(method.own_name in vars(base) for base in bases if not base.__module__.startswith("posthog_mcp_store"))


def choices(annotation: ast.expr | None, names: Mapping[str, Any]) -> set[str]:
    """The values of the `Literal`s and enums in an annotation."""
    found: set[str] = set()
    for node in ast.walk(annotation) if annotation else ():
        match node:
            case ast.Subscript(value=ast.Name(id="Literal"), slice=values):
                found |= {str(each.value) for each in ast.walk(values) if isinstance(each, ast.Constant)}
            case ast.Name(id=name) if isinstance(kind := names.get(name), EnumType):
                found |= {member.value for member in cast("Iterable[StrEnum]", kind)}
    return found - {""}


def enums_of(entry: Entry) -> Mapping[str, Any]:
    """The names that annotations of generated fields may use."""
    return vars(inspect.getmodule(named(entry.owner))) if entry.owner in {"Installation", "Template", "Tool"} else {}


def unnamed(values: set[str], description: str) -> set[str]:
    """The values that a description does not name. It may name their type instead, which names them."""
    if any(values == choices(alias.type(), {}) and alias.name in description for alias in VALUES):
        return set()
    return {value for value in values if f"`{value}`" not in description}


def test_every_class_method_property_and_function_has_a_docstring() -> None:
    without = [name for name in CLASSES if not docstring(name)]
    without += [
        each.name for each in [*METHODS, *PROPERTIES] if not docstring(each.name) and not is_defined_elsewhere(each)
    ]

    assert without == []


@pytest.mark.parametrize("name", ["", *CLASSES, *(each.name for each in METHODS if each.owner not in CLASSES)])
def test_help_shows_the_docstrings(name: str) -> None:
    members = [each.name for each in [*CALLABLES, *PROPERTIES] if name and each.owner == name]
    shown = pydoc.plain(pydoc.render_doc(named(name)))

    assert [line for each in [name, *members] for line in docstring(each).splitlines() if line not in shown] == []


def test_every_attribute_is_described() -> None:
    assert [each.name for each in ATTRIBUTES if each.own_name not in sections(each.owner, "Attributes")] == []


def test_every_parameter_is_described() -> None:
    missing = [
        f"{each.name}({name})"
        for each in CALLABLES
        if not is_defined_elsewhere(each)
        for name in each.parameters()
        # `Page` is created by a `Pager` and keeps it to itself.
        if name not in parameters(each.name) and not hasattr(named(each.owner), f"_{name}")
    ]

    assert missing == []


def test_every_value_is_described() -> None:
    assert [each.name for each in VALUES if each.name not in sections("", "Attributes")] == []


def test_nothing_is_described_that_does_not_exist() -> None:
    known: dict[str, set[str]] = {name: set() for name in ["", *CLASSES]}
    for each in [*ATTRIBUTES, *VALUES]:
        known[each.owner].add(each.own_name)
    for each in CALLABLES:
        names = known.setdefault(each.name, set())
        names |= {*each.parameters()}
        if each.own_name == "__init__":
            known[each.owner] |= names

    described = [(place, name) for place in known for name in sections(place, "Args", "Attributes")]

    assert [f"{place}: {name}" for place, name in described if name not in known[place]] == []


def test_the_values_of_every_attribute_parameter_and_alias_are_named() -> None:
    places = [(each, each.own_name, each.type(), sections(each.owner, "Attributes")) for each in ATTRIBUTES + VALUES]
    for each in CALLABLES:
        places += [(each, name, type_, parameters(each.name)) for name, type_ in each.parameters().items()]

    missing = [
        f"{entry.name}, {name}: {value}"
        for entry, name, type_, described in places
        for value in unnamed(choices(type_, enums_of(entry)), described.get(name, ""))
    ]

    assert missing == []


def test_errors_that_are_raised_are_public() -> None:
    raised = {name for each in [*CLASSES, *(each.name for each in CALLABLES)] for name in sections(each, "Raises")}
    public = {name for name in CLASSES if issubclass(named(name), MCPStoreError)}

    assert raised >= {"ConfigurationError", "NotFoundError"}
    assert {name for name in raised - public if not hasattr(builtins, name)} == {"InvalidBodyError"}
