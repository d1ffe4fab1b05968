"""Find the changes of the public API that break callers."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from api_record.reading import Entry, signature

Entries = Mapping[str, Entry]


@dataclass(frozen=True)
class Parameter:
    name: str
    kind: str
    """`/` by place only, `` by either, `*` by name only, `*args` and `**kwargs`."""
    annotation: ast.expr | None
    default: str | None

    @property
    def is_required(self) -> bool:
        return self.default is None and self.kind in {"/", "", "*"}


def broken(old: Entries, new: Entries, version: str) -> list[str]:
    """What a caller of the old API can run into with the new one."""
    changed = [
        f"{name}: {reason}"
        for name, entry in old.items()
        for reason in _reasons(entry, _successor(name, old, new), version)
    ]
    asked = [
        f"{name}: who implements the protocol has none" for name in new.keys() - old.keys() if _is_asked(name, old)
    ]
    return changed + sorted(asked)


def _is_asked(name: str, old: Entries) -> bool:
    return "Protocol" in _bases(old.get(name.rpartition(".")[0]))


def _successor(name: str, old: Entries, new: Entries) -> Entry | None:
    """What a name is now; of a class also what it inherits."""
    if name in new:
        return new[name]
    owner, _, member = name.rpartition(".")
    for base in _bases(new.get(owner) or old.get(owner)):
        if found := _successor(f"{base}.{member}", old, new):
            return found
    return None


def _bases(entry: Entry | None) -> list[str]:
    if entry is None or entry.kind != "class" or not entry.text:
        return []
    return [base.strip().partition("[")[0] for base in entry.text.strip("()").split(",")]


def _reasons(old: Entry, new: Entry | None, version: str) -> Iterator[str]:
    if new is not None and new.deprecated:
        yield from _sooner(old.deprecated, new.deprecated) if old.deprecated else _too_soon(new.deprecated, version)
    if new is None:
        yield from _unannounced(old, version)
    elif new.kind != old.kind and (old.kind, new.kind) != ("property", "attribute"):
        yield f"was `{old.kind}`, is `{new.kind}`"
    elif old.kind == "class":
        yield from (f"is no {base} any more" for base in _bases(old) if base not in _bases(new))
    elif old.kind in {"attribute", "property"}:
        if not _is_among(_type(new), _type(old)):
            yield f"is {_said(_type(new))}, not {_said(_type(old))}"
    elif old.kind == "value":
        if new.text != old.text:
            yield f"was `{old.text.strip()}`, is `{new.text.strip()}`"
    else:
        yield from _changes_of_call(signature(old.text), signature(new.text))


def _unannounced(old: Entry, version: str) -> Iterator[str]:
    """Why something may not go: it was never deprecated, or promised for longer."""
    if old.deprecated is None:
        yield "is gone, and was never deprecated"
    elif _numbers(version) < _removal(old.deprecated):
        yield f"is gone in {version}, before its time: {old.deprecated}"


def _too_soon(deprecation: str, version: str) -> Iterator[str]:
    """Why something may not go when its deprecation says: two minor versions have to come before, or a major one."""
    major, minor, _ = _numbers(version)
    if _removal(deprecation) < min((major, minor + 2, 0), (major + 1, 0, 0)):
        yield f"is to go too soon after {version}: {deprecation}"


def _sooner(old: str, new: str) -> Iterator[str]:
    if _removal(new) < _removal(old):
        yield f"is to go sooner than was said: {new}, not {old}"


def _removal(deprecation: str) -> tuple[int, ...]:
    return _numbers(deprecation.rpartition(" ")[2])


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in version.split("."))


def _type(entry: Entry) -> ast.expr | None:
    text = entry.text.removeprefix(":").removeprefix(" ->").partition(" = ")[0].strip()
    return ast.parse(text, mode="eval").body if text else None


def _changes_of_call(old: ast.FunctionDef, new: ast.FunctionDef) -> Iterator[str]:
    before, after = parameters(old), parameters(new)
    now = {parameter.name: parameter for parameter in after}
    for parameter in before:
        yield from _changes_of_parameter(parameter, now.get(parameter.name))
    was = {parameter.name for parameter in before}
    yield from (f"asks for `{each.name}`" for each in after if each.is_required and each.name not in was)
    places = [each.name for each in after if each.kind in {"/", ""}]
    by_place = enumerate(each.name for each in before if each.kind in {"/", ""})
    yield from (f"takes `{name}` at another place" for place, name in by_place if place != _index(places, name, place))
    if not _is_among(new.returns, old.returns):
        yield f"returns {_said(new.returns)}, not {_said(old.returns)}"


def _changes_of_parameter(old: Parameter, new: Parameter | None) -> Iterator[str]:
    if new is None:
        yield f"takes no `{old.name}` any more"
        return
    if new.kind not in {old.kind, ""}:
        yield f"takes `{old.name}` in another way"
    if new.is_required and not old.is_required:
        yield f"asks for `{old.name}`"
    elif old.default != new.default and not old.is_required:
        yield f"does without `{old.name}` as with `{new.default}`, not `{old.default}`"
    if not _is_among(old.annotation, new.annotation):
        yield f"takes {_said(new.annotation)} for `{old.name}`, not {_said(old.annotation)}"


def _index(names: list[str], name: str, default: int) -> int:
    return names.index(name) if name in names else default


def _is_among(given: ast.expr | None, taken: ast.expr | None) -> bool:
    """Whether a type is one of those of another, by their texts; nothing said is anything."""
    return taken is None or (given is not None and _members(given) <= _members(taken))


def _said(annotation: ast.expr | None) -> str:
    return f"`{ast.unparse(annotation)}`" if annotation else "anything"


def _members(annotation: ast.expr) -> set[str]:
    match annotation:
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return _members(left) | _members(right)
        case ast.Subscript(value=ast.Name(id="Literal"), slice=ast.Tuple(elts=values)):
            return {f"Literal[{ast.unparse(value)}]" for value in values}
        case ast.Constant(value=str(text)):
            return _members(ast.parse(text, mode="eval").body)
        case _:
            return {ast.unparse(annotation)}


def parameters(function: ast.FunctionDef) -> list[Parameter]:
    given = function.args
    by_place = [*given.posonlyargs, *given.args]
    defaults = [None] * (len(by_place) - len(given.defaults)) + [ast.unparse(each) for each in given.defaults]
    kinds = ["/"] * len(given.posonlyargs) + [""] * len(given.args)
    found = [
        Parameter(each.arg, kind, each.annotation, default)
        for each, kind, default in zip(by_place, kinds, defaults, strict=True)
    ]
    found += [
        Parameter(each.arg, "*", each.annotation, ast.unparse(default) if default else None)
        for each, default in zip(given.kwonlyargs, given.kw_defaults, strict=True)
    ]
    rest = {"*args": given.vararg, "**kwargs": given.kwarg}
    return found + [Parameter(each.arg, kind, each.annotation, None) for kind, each in rest.items() if each]
