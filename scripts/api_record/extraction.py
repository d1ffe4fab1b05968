"""Extracts the public names and their signatures from the source, independent of the modules that define them."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from api_record.signatures import parameters, parsed

PUBLIC_MODULES = {"_api": "", "testing": "testing.", "testing.pytest_plugin": "testing.pytest_plugin."}
"""The modules whose names are public, with the prefix of their names in the record."""
FIELD_DECORATORS = {"_attrs_define", "dataclass", "define", "frozen"}
PROPERTIES = {"cached_property", "property"}
INTERNAL_METHODS = {"__attrs_post_init__", "__init_subclass__", "__post_init__", "__reduce__", "__repr__"}
Function = ast.FunctionDef | ast.AsyncFunctionDef


class UnreadableError(Exception):
    """The source or the record has a construct that is not supported."""


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
class Definition:
    """The statement that defines a name, and its module."""

    module: str
    node: ast.stmt


class Source:
    """The modules of a package, by their dotted names relative to it."""

    def __init__(self, package: Path) -> None:
        self._package = package
        self._modules: dict[str, list[ast.stmt]] = {}

    def statements(self, module: str) -> list[ast.stmt]:
        """The top-level statements of a module, including both branches of each `if`."""
        if module not in self._modules:
            tree = ast.parse(self._path(module).read_text())
            self._modules[module] = list(_flatten(tree.body))
            self._inline_aliases(module, tree)
        return self._modules[module]

    def _inline_aliases(self, module: str, tree: ast.Module) -> None:
        """Replace constants and aliases of literals by their values, because their names may change."""
        for node in ast.walk(tree):
            match node:
                case ast.arguments():
                    node.defaults = [self._inline_constant(module, each) for each in node.defaults]
                    node.kw_defaults = [each and self._inline_constant(module, each) for each in node.kw_defaults]
                case ast.AnnAssign(value=ast.expr() as value):
                    node.value = self._inline_constant(module, value)
                case ast.keyword(arg="default", value=value):
                    node.value = self._inline_constant(module, value)
        for node in ast.walk(tree):
            match node:
                case ast.arg(annotation=ast.Name() as name) | ast.AnnAssign(annotation=ast.Name() as name):
                    node.annotation = self._inline_literal(module, name)
                case ast.BinOp(left=left, op=ast.BitOr(), right=right):
                    node.left, node.right = self._inline_literal(module, left), self._inline_literal(module, right)
                case ast.FunctionDef(returns=ast.Name() as name) | ast.AsyncFunctionDef(returns=ast.Name() as name):
                    node.returns = self._inline_literal(module, name)

    def _inline_literal(self, module: str, annotation: ast.expr) -> ast.expr:
        """The `Literal[...]` that an alias stands for: the alias may be private."""
        match value := self._value_of(module, annotation):
            case ast.Subscript(value=ast.Name(id="Literal")):
                return value
        return annotation

    def _inline_constant(self, module: str, default: ast.expr) -> ast.expr:
        value = self._value_of(module, default)
        return value if value and _is_constant(value) else default

    def _value_of(self, module: str, expression: ast.expr) -> ast.expr | None:
        return self.value(module, expression.id) if isinstance(expression, ast.Name) else None

    def find(self, module: str, name: str) -> Definition | None:
        """The definition of a name, through imports and `A = B`; None if it is in another package."""
        for node in self.statements(module):
            match node:
                case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef() if node.name == name:
                    return Definition(module, node)
                case ast.Assign(targets=[ast.Name(id=target)], value=ast.Name(id=other)) if target == name:
                    return self.find(module, other)
                case ast.Assign(targets=[ast.Name(id=target)]) | ast.AnnAssign(target=ast.Name(id=target)) if (
                    target == name
                ):
                    return Definition(module, node)
                case ast.ImportFrom() if imported := _original_name(node, name):
                    return self.find(self._imported_module(module, node), imported) if node.level else None
        return None

    def value(self, module: str, name: str) -> ast.expr | None:
        """The expression that is assigned to a name."""
        found = self.find(module, name)
        return found.node.value if found and isinstance(found.node, ast.Assign | ast.AnnAssign) else None

    def literal(self, module: str, name: str) -> object:
        value = self.value(module, name)
        return ast.literal_eval(value) if value else None

    def _path(self, module: str) -> Path:
        path = self._package.joinpath(*module.split("."))
        return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")

    def _imported_module(self, module: str, node: ast.ImportFrom) -> str:
        parts = module.split(".")
        kept = len(parts) - node.level + (self._path(module).name == "__init__.py")
        return ".".join([*parts[:kept], *(node.module or "").split(".")])


def version(package: Path) -> str:
    return str(Source(package).literal("_version", "__version__"))


def public_api(package: Path) -> tuple[list[Entry], dict[str, str]]:
    """All public names, sorted; and the deprecated names, with the names that replace them."""
    extractor = Extractor(Source(package))
    return sorted(extractor.entries(), key=lambda entry: entry.name.split(".")), extractor.renamed


class Extractor:
    """Makes an entry for each public name."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._public = {
            prefix + name: source.find(module, name)
            for module, prefix in PUBLIC_MODULES.items()
            for name in self._names(module)
        }
        self.renamed: dict[str, str] = {}

    def _names(self, module: str) -> list[str]:
        """The names in `__all__`, or else its functions."""
        if isinstance(listed := self._source.literal(module, "__all__"), list):
            return listed
        functions = (node.name for node in self._source.statements(module) if isinstance(node, Function))
        return [name for name in functions if not name.startswith("_")]

    def entries(self) -> Iterator[Entry]:
        for name, definition in self._public.items():
            yield from self._described(definition, name)
        yield from self._deprecated()

    def _deprecated(self) -> Iterator[Entry]:
        """Names that are no longer listed but still work: the table DEPRECATED in `_api`."""
        table = self._source.value("_api", "DEPRECATED")
        if not isinstance(table, ast.Dict):
            raise UnreadableError("_api.py has no DEPRECATED that is a literal dict")
        for key, value in zip(table.keys, table.values, strict=True):
            match key, value:
                case ast.Constant(value=str(name)), ast.Call(args=[ast.Name(id=new), ast.Constant(value=str(message))]):
                    self.renamed[name] = new
                    described = self._described(self._source.find("_api", new), name)
                    yield from (replace(entry, deprecated=message) for entry in described)
                case _:
                    raise UnreadableError(f'DEPRECATED needs `"Old": Deprecated(New, "...")`, not {ast.unparse(value)}')

    def _described(self, definition: Definition | None, name: str) -> Iterator[Entry]:
        match definition:
            case Definition(_, ast.ClassDef() as node):
                bases = ", ".join(ast.unparse(base) for base in node.bases)
                yield Entry("class", name, f"({bases})" if bases else "", _deprecation(node))
                yield from self._members(definition.module, node, name)
            case Definition(_, ast.FunctionDef() | ast.AsyncFunctionDef() as node):
                yield _function(node, name)
            case Definition(_, ast.AnnAssign(annotation=annotation, value=value)):
                yield Entry("value", name, f": {ast.unparse(annotation)}{_default(value)}")
            case Definition(_, ast.Assign(value=value)):
                yield Entry("value", name, "" if name.startswith("__") else _default(value))
            case _:
                raise UnreadableError(f"{name}: scripts/api_record/extraction.py can't find its definition")

    def _members(self, module: str, node: ast.ClassDef, name: str) -> Iterator[Entry]:
        """The members of a class, including those of its bases that are not public."""
        found: dict[str, Entry] = {}
        for class_ in reversed(list(self._with_bases(module, node, with_public=False))):
            found |= {entry.name: entry for entry in _own_members(class_, name)}
        if _has_decorator(node, FIELD_DECORATORS):
            parameters = ", ".join(self._init_parameters(module, node))
            found[f"{name}.__init__"] = Entry("def", f"{name}.__init__", f"({parameters})")
        yield from (entry for entry in found.values() if not self._is_internal_init(module, entry))

    def _with_bases(self, module: str, node: ast.ClassDef, *, with_public: bool) -> Iterator[ast.ClassDef]:
        """A class and its bases in this package, nearest first; public bases have entries of their own."""
        yield node
        for base in node.bases:
            found = self._source.find(module, ast.unparse(base).partition("[")[0])
            if found and isinstance(found.node, ast.ClassDef) and (with_public or not self._is_public(found)):
                yield from self._with_bases(found.module, found.node, with_public=with_public)

    def _init_parameters(self, module: str, node: ast.ClassDef) -> Iterator[str]:
        """The parameters of an `__init__` that attrs or dataclasses generate."""
        fields = [
            (member, class_)
            for class_ in reversed(list(self._with_bases(module, node, with_public=True)))
            for member in class_.body
            if isinstance(member, ast.AnnAssign) and _option(member.value, "init") != "False"
        ]
        keyword_only = [_parameter(field) for field, owner in fields if _is_keyword_only(field, owner)]
        yield from ("self", *(_parameter(field) for field, owner in fields if not _is_keyword_only(field, owner)))
        yield from ("*", *keyword_only) if keyword_only else ()

    def _is_internal_init(self, module: str, entry: Entry) -> bool:
        """Whether it is an `__init__` that requires an argument of a type that is not public."""
        return entry.name.endswith(".__init__") and any(
            not self._is_public(definition)
            for parameter in parameters(parsed(entry.text))
            if parameter.is_required and parameter.annotation
            for each in ast.walk(parameter.annotation)
            if isinstance(each, ast.Name) and (definition := self._source.find(module, each.id))
        )

    def _is_public(self, definition: Definition) -> bool:
        return definition in self._public.values() or not isinstance(definition.node, ast.ClassDef)


def _own_members(node: ast.ClassDef, name: str) -> Iterator[Entry]:
    overloads: dict[str, int] = {}
    for member in node.body:
        match member:
            case ast.FunctionDef() | ast.AsyncFunctionDef() if _is_public_name(member.name):
                if _has_decorator(member, {"overload"}):
                    overloads[member.name] = overloads.get(member.name, 0) + 1
                    yield _function(member, f"{name}.{member.name}[{overloads[member.name]}]")
                elif member.name not in overloads:
                    yield _function(member, f"{name}.{member.name}")
                if member.name == "__init__":
                    yield from _attributes(member, name)
            case ast.AnnAssign(target=ast.Name(id=field)) if _is_public_name(field):
                yield Entry("attribute", f"{name}.{field}", f": {ast.unparse(member.annotation)}")
            case ast.Assign(targets=[ast.Name(id=field)]) if _is_public_name(field):
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
    """The attributes that `__init__` sets, with their annotations or those of the arguments."""
    types = {each.arg: each.annotation for each in [*init.args.args, *init.args.kwonlyargs]}
    for node in ast.walk(init):
        match node:
            case ast.Assign(targets=[ast.Attribute(value=ast.Name(id="self"), attr=field)]) if _is_public_name(field):
                annotation = types.get(node.value.id) if isinstance(node.value, ast.Name) else None
                yield Entry("attribute", f"{name}.{field}", f": {ast.unparse(annotation)}" if annotation else "")
            case ast.AnnAssign(target=ast.Attribute(value=ast.Name(id="self"), attr=field)) if _is_public_name(field):
                yield Entry("attribute", f"{name}.{field}", f": {ast.unparse(node.annotation)}")


def _parameter(field: ast.AnnAssign) -> str:
    is_field = isinstance(field.value, ast.Call) and ast.unparse(field.value.func).endswith("field")
    default = _option(field.value, "default") if is_field else field.value and ast.unparse(field.value)
    has_factory = {_option(field.value, option) for option in ("factory", "default_factory")} != {None}
    written = " = ..." if has_factory else f" = {default}" if default else ""
    return f"{ast.unparse(field.target).lstrip('_')}: {ast.unparse(field.annotation)}{written}"


def _is_keyword_only(field: ast.AnnAssign, owner: ast.ClassDef) -> bool:
    return "True" in {_option(call, "kw_only") for call in [field.value, *owner.decorator_list]}


def _option(call: ast.expr | None, name: str) -> str | None:
    """The source of a keyword argument of a call."""
    if not isinstance(call, ast.Call):
        return None
    return next((ast.unparse(keyword.value) for keyword in call.keywords if keyword.arg == name), None)


def _has_decorator(node: Function | ast.ClassDef, names: set[str]) -> bool:
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
    """Whether it contains neither names nor calls."""
    return not any(isinstance(each, ast.Name | ast.Call) for each in ast.walk(value))


def _is_public_name(name: str) -> bool:
    is_special = name.startswith("__") and name.endswith("__")
    return name not in INTERNAL_METHODS and (is_special or not name.startswith("_"))


def _default(value: ast.expr | None) -> str:
    return f" = {ast.unparse(value)}" if value else ""


def _flatten(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for node in body:
        yield from _flatten([*node.body, *node.orelse]) if isinstance(node, ast.If) else [node]


def _original_name(node: ast.ImportFrom, name: str) -> str | None:
    """The name in the other module of what is imported as `name`."""
    return next((alias.name for alias in node.names if (alias.asname or alias.name) == name), None)
