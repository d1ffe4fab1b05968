"""Read the public names and their signatures from the source of the package, whatever modules define them."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

PROMISING = {"_api": "", "testing": "testing.", "testing.pytest_plugin": "testing.pytest_plugin."}
"""The modules whose names are public, and how these are shown."""
WITH_FIELDS = {"_attrs_define", "dataclass", "define", "frozen"}
PROPERTIES = {"cached_property", "property"}
NOT_PROMISED = {"__attrs_post_init__", "__init_subclass__", "__post_init__", "__reduce__", "__repr__"}
Function = ast.FunctionDef | ast.AsyncFunctionDef


class UnreadableError(Exception):
    """The source has a construct that the reader does not support."""


@dataclass(frozen=True)
class Entry:
    """One line of the record."""

    kind: str
    name: str
    text: str = ""
    deprecated: str | None = None

    def __str__(self) -> str:
        end = f"  # deprecated: {self.deprecated}" if self.deprecated else ""
        return f"{self.kind} {self.name}{self.text}{end}"


@dataclass(frozen=True)
class Place:
    """Where something is defined."""

    module: str
    node: ast.stmt


class Source:
    """The modules of a package, by their dotted names below it."""

    def __init__(self, package: Path) -> None:
        self._package = package
        self._read: dict[str, list[ast.stmt]] = {}

    def statements(self, module: str) -> list[ast.stmt]:
        """What a module does at its top, either way of each `if`."""
        if module not in self._read:
            tree = ast.parse(self._path(module).read_text())
            self._read[module] = list(_flat(tree.body))
            self._write_out(module, tree)
        return self._read[module]

    def _write_out(self, module: str, tree: ast.Module) -> None:
        """Put what constants and aliases stand for in the place of their names, which may change."""
        for node in ast.walk(tree):
            match node:
                case ast.arguments():
                    node.defaults = [self._written_out(module, each) for each in node.defaults]
                    node.kw_defaults = [each and self._written_out(module, each) for each in node.kw_defaults]
                case ast.AnnAssign(value=ast.expr() as value):
                    node.value = self._written_out(module, value)
                case ast.keyword(arg="default", value=value):
                    node.value = self._written_out(module, value)
        for node in ast.walk(tree):
            match node:
                case ast.arg(annotation=ast.Name() as name) | ast.AnnAssign(annotation=ast.Name() as name):
                    node.annotation = self._choices(module, name)
                case ast.BinOp(left=left, op=ast.BitOr(), right=right):
                    node.left, node.right = self._choices(module, left), self._choices(module, right)
                case ast.FunctionDef(returns=ast.Name() as name) | ast.AsyncFunctionDef(returns=ast.Name() as name):
                    node.returns = self._choices(module, name)

    def _choices(self, module: str, annotation: ast.expr) -> ast.expr:
        """The texts that a type stands for which is an alias of them: the alias may be private."""
        place = self.find(module, annotation.id) if isinstance(annotation, ast.Name) else None
        match place:
            case Place(_, ast.Assign(value=ast.Subscript(value=ast.Name(id="Literal")) as value)):
                return value
        return annotation

    def _written_out(self, module: str, default: ast.expr) -> ast.expr:
        place = self.find(module, default.id) if isinstance(default, ast.Name) else None
        match place:
            case Place(_, ast.Assign(value=value) | ast.AnnAssign(value=ast.expr() as value)) if _is_constant(value):
                return value
        return default

    def find(self, module: str, name: str) -> Place | None:
        """Where a name of a module is defined, through imports and `A = B`; None where that is another package."""
        for node in self.statements(module):
            match node:
                case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef() if node.name == name:
                    return Place(module, node)
                case ast.Assign(targets=[ast.Name(id=target)], value=ast.Name(id=other)) if target == name:
                    return self.find(module, other)
                case ast.Assign(targets=[ast.Name(id=target)]) | ast.AnnAssign(target=ast.Name(id=target)) if (
                    target == name
                ):
                    return Place(module, node)
                case ast.ImportFrom() if imported := _imported_as(node, name):
                    return self.find(self._imported(module, node), imported) if node.level else None
        return None

    def literal(self, module: str, name: str) -> object:
        place = self.find(module, name)
        return ast.literal_eval(place.node.value) if place and isinstance(place.node, ast.Assign) else None

    def _path(self, module: str) -> Path:
        place = self._package.joinpath(*module.split("."))
        return place / "__init__.py" if place.is_dir() else place.with_suffix(".py")

    def _imported(self, module: str, node: ast.ImportFrom) -> str:
        parts = module.split(".")
        kept = len(parts) - node.level + (self._path(module).name == "__init__.py")
        return ".".join([*parts[:kept], *(node.module or "").split(".")])


def version(package: Path) -> str:
    return str(Source(package).literal("_version", "__version__"))


def public_api(package: Path) -> tuple[list[Entry], dict[str, str]]:
    """Everything that is promised, sorted by name; and the names that stand for others."""
    reader = Reader(Source(package))
    return sorted(reader.entries(), key=lambda entry: entry.name.split(".")), reader.renamed


class Reader:
    """Reads the public names, knowing which they are."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._listed = {
            prefix + name: source.find(module, name)
            for module, prefix in PROMISING.items()
            for name in self._names(module)
        }
        self.renamed: dict[str, str] = {}

    def _names(self, module: str) -> list[str]:
        """What a module lists, else its functions."""
        if isinstance(listed := self._source.literal(module, "__all__"), list):
            return listed
        functions = (node.name for node in self._source.statements(module) if isinstance(node, Function))
        return [name for name in functions if not name.startswith("_")]

    def entries(self) -> Iterator[Entry]:
        for name, place in self._listed.items():
            yield from self._described(place, name)
        yield from self._deprecated()

    def _deprecated(self) -> Iterator[Entry]:
        """What is no longer listed and still works: the table DEPRECATED of `_api`."""
        place = self._source.find("_api", "DEPRECATED")
        table = place.node.value if place and isinstance(place.node, ast.Assign | ast.AnnAssign) else None
        if not isinstance(table, ast.Dict):
            raise UnreadableError("_api.py has no DEPRECATED that is written out as a dict")
        for key, value in zip(table.keys, table.values, strict=True):
            match key, value:
                case ast.Constant(value=str(name)), ast.Call(args=[ast.Name(id=new), ast.Constant(value=str(message))]):
                    self.renamed[name] = new
                    described = self._described(self._source.find("_api", new), name)
                    yield from (replace(entry, deprecated=message) for entry in described)
                case _:
                    raise UnreadableError(f'DEPRECATED holds no `"Old": Deprecated(New, "...")`: {ast.unparse(value)}')

    def _described(self, place: Place | None, name: str) -> Iterator[Entry]:
        match place:
            case Place(_, ast.ClassDef() as node):
                bases = ", ".join(ast.unparse(base) for base in node.bases)
                yield Entry("class", name, f"({bases})" if bases else "", _deprecation(node))
                yield from self._members(place.module, node, name)
            case Place(_, ast.FunctionDef() | ast.AsyncFunctionDef() as node):
                yield _function(node, name)
            case Place(_, ast.AnnAssign(annotation=annotation, value=value)):
                yield Entry("value", name, f": {ast.unparse(annotation)}{_default(value)}")
            case Place(_, ast.Assign(value=value)):
                yield Entry("value", name, "" if name.startswith("__") else _default(value))
            case _:
                raise UnreadableError(f"{name} is defined in no way that scripts/api_record/reading.py knows")

    def _members(self, module: str, node: ast.ClassDef, name: str) -> Iterator[Entry]:
        """What a class has, with what it has from bases that are not public themselves."""
        found: dict[str, Entry] = {}
        for class_ in reversed(list(self._lineage(module, node, with_public=False))):
            found |= {entry.name: entry for entry in _own_members(class_, name)}
        if _decorated(node, WITH_FIELDS):
            found[f"{name}.__init__"] = Entry("def", f"{name}.__init__", f"({', '.join(self._made_of(module, node))})")
        yield from (entry for entry in found.values() if not self._is_internal(module, entry))

    def _lineage(self, module: str, node: ast.ClassDef, *, with_public: bool) -> Iterator[ast.ClassDef]:
        """A class and its bases in this package, nearest first; those that are public are described for themselves."""
        yield node
        for base in node.bases:
            match self._source.find(module, ast.unparse(base).partition("[")[0]):
                case Place(other, ast.ClassDef() as found) as place if with_public or not self._is_public(place):
                    yield from self._lineage(other, found, with_public=with_public)

    def _made_of(self, module: str, node: ast.ClassDef) -> Iterator[str]:
        """The parameters that attrs or dataclasses give a class."""
        fields = [
            (member, class_)
            for class_ in reversed(list(self._lineage(module, node, with_public=True)))
            for member in class_.body
            if isinstance(member, ast.AnnAssign) and _option(member.value, "init") != "False"
        ]
        by_name = [_parameter(field) for field, owner in fields if _is_by_name(field, owner)]
        yield from ("self", *(_parameter(field) for field, owner in fields if not _is_by_name(field, owner)))
        yield from ("*", *by_name) if by_name else ()

    def _is_internal(self, module: str, entry: Entry) -> bool:
        """Whether nobody outside can call it: a constructor that asks for something that is not public."""
        return entry.name.endswith(".__init__") and any(
            not self._is_public(place)
            for annotation in _required(entry)
            for each in ast.walk(annotation)
            if isinstance(each, ast.Name) and (place := self._source.find(module, each.id))
        )

    def _is_public(self, place: Place) -> bool:
        return place in self._listed.values() or not isinstance(place.node, ast.ClassDef)


def _own_members(node: ast.ClassDef, name: str) -> Iterator[Entry]:
    overloads: dict[str, int] = {}
    for member in node.body:
        match member:
            case ast.FunctionDef() | ast.AsyncFunctionDef() if _is_promised(member.name):
                if _decorated(member, {"overload"}):
                    overloads[member.name] = overloads.get(member.name, 0) + 1
                    yield _function(member, f"{name}.{member.name}[{overloads[member.name]}]")
                elif member.name not in overloads:
                    yield _function(member, f"{name}.{member.name}")
                if member.name == "__init__":
                    yield from _attributes(member, name)
            case ast.AnnAssign(target=ast.Name(id=field)) if _is_promised(field):
                yield Entry("attribute", f"{name}.{field}", f": {ast.unparse(member.annotation)}")
            case ast.Assign(targets=[ast.Name(id=field)]) if _is_promised(field):
                yield Entry("attribute", f"{name}.{field}", _default(member.value))


def _function(node: Function, name: str) -> Entry:
    kind = "async def" if isinstance(node, ast.AsyncFunctionDef) else "def"
    decorators = [ast.unparse(decorator) for decorator in node.decorator_list if not _is_deprecated(decorator)]
    returned = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    if PROPERTIES & {*decorators}:
        return Entry("property", name, returned, _deprecation(node))
    text = f"({ast.unparse(node.args)}){returned}"
    if any(decorator.endswith(".setter") for decorator in decorators):
        return Entry("setter", f"{name}=", text, _deprecation(node))
    marks = "".join(f"@{decorator.partition('(')[0]} " for decorator in decorators if decorator != "overload")
    return Entry(marks + kind, name, text, _deprecation(node))


def _attributes(init: Function, name: str) -> Iterator[Entry]:
    """What `__init__` keeps, with the type it names, or that of the argument where it keeps one."""
    types = {each.arg: each.annotation for each in [*init.args.args, *init.args.kwonlyargs]}
    for node in ast.walk(init):
        match node:
            case ast.Assign(targets=[ast.Attribute(value=ast.Name(id="self"), attr=field)]) if _is_promised(field):
                annotation = types.get(node.value.id) if isinstance(node.value, ast.Name) else None
                yield Entry("attribute", f"{name}.{field}", f": {ast.unparse(annotation)}" if annotation else "")
            case ast.AnnAssign(target=ast.Attribute(value=ast.Name(id="self"), attr=field)) if _is_promised(field):
                yield Entry("attribute", f"{name}.{field}", f": {ast.unparse(node.annotation)}")


def signature(text: str) -> ast.FunctionDef:
    """A signature as the record has it."""
    return cast(ast.FunctionDef, ast.parse(f"def f{text}: ...").body[0])


def _required(entry: Entry) -> Iterator[ast.expr]:
    """The types of the arguments that have no default."""
    arguments = signature(entry.text).args
    by_place = [*arguments.posonlyargs, *arguments.args]
    given = by_place[: len(by_place) - len(arguments.defaults)]
    given += [each for each, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if not default]
    yield from (each.annotation for each in given if each.annotation)


def _parameter(field: ast.AnnAssign) -> str:
    is_field = isinstance(field.value, ast.Call) and ast.unparse(field.value.func).endswith("field")
    written = _option(field.value, "default") if is_field else field.value and ast.unparse(field.value)
    is_made = {_option(field.value, option) for option in ("factory", "default_factory")} != {None}
    default = " = ..." if is_made else f" = {written}" if written else ""
    return f"{ast.unparse(field.target).lstrip('_')}: {ast.unparse(field.annotation)}{default}"


def _is_by_name(field: ast.AnnAssign, owner: ast.ClassDef) -> bool:
    return "True" in {_option(call, "kw_only") for call in [field.value, *owner.decorator_list]}


def _option(call: ast.expr | None, name: str) -> str | None:
    """A keyword argument of a call, as it is written."""
    if not isinstance(call, ast.Call):
        return None
    return next((ast.unparse(keyword.value) for keyword in call.keywords if keyword.arg == name), None)


def _decorated(node: Function | ast.ClassDef, names: set[str]) -> bool:
    return any(ast.unparse(decorator).partition("(")[0] in names for decorator in node.decorator_list)


def _deprecation(node: Function | ast.ClassDef) -> str | None:
    for decorator in node.decorator_list:
        match decorator:
            case ast.Call(args=[ast.Constant(value=str(message))]) if _is_deprecated(decorator):
                return message
    return None


def _is_deprecated(decorator: ast.expr) -> bool:
    return ast.unparse(decorator).startswith("deprecated(")


def _is_constant(value: ast.expr) -> bool:
    """Whether it is made of nothing that has a name."""
    return not any(isinstance(each, ast.Name | ast.Call) for each in ast.walk(value))


def _is_promised(name: str) -> bool:
    is_special = name.startswith("__") and name.endswith("__")
    return name not in NOT_PROMISED and (is_special or not name.startswith("_"))


def _default(value: ast.expr | None) -> str:
    return f" = {ast.unparse(value)}" if value else ""


def _flat(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for node in body:
        yield from _flat([*node.body, *node.orelse]) if isinstance(node, ast.If) else [node]


def _imported_as(node: ast.ImportFrom, name: str) -> str | None:
    """What is imported under a name."""
    return next((alias.name for alias in node.names if (alias.asname or alias.name) == name), None)
