"""Finds breaking changes of the public API."""

import ast
from collections.abc import Iterator, Mapping

from api_record.extraction import Entry
from api_record.signatures import Parameter, parameters, parsed

Entries = Mapping[str, Entry]


def breaking_changes(old: Entries, new: Entries, version: str) -> list[str]:
    """The changes that break callers of the old API, one line for each."""
    changed = [
        f"{name}: {reason}"
        for name, entry in old.items()
        for reason in _changes(entry, _successor(name, old, new), version)
    ]
    added = [f"{name}: added to a protocol" for name in new.keys() - old.keys() if _is_protocol_member(name, old)]
    return changed + sorted(added)


def _is_protocol_member(name: str, old: Entries) -> bool:
    return "Protocol" in _bases(old.get(name.rpartition(".")[0]))


def _successor(name: str, old: Entries, new: Entries) -> Entry | None:
    """The new entry of a name, which a public base of its class may have."""
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


def _changes(old: Entry, new: Entry | None, version: str) -> Iterator[str]:
    if new is not None and new.deprecated:
        yield from _moved_up(old.deprecated, new.deprecated) if old.deprecated else _too_soon(new.deprecated, version)
    if new is None:
        yield from _removed_early(old, version)
    elif new.kind != old.kind and (old.kind, new.kind) != ("property", "attribute"):
        yield f"changed from `{old.kind}` to `{new.kind}`"
    elif old.kind == "class":
        yield from (f"no longer a subclass of {base}" for base in _bases(old) if base not in _bases(new))
    elif old.kind in {"attribute", "property"}:
        if not _is_subtype(_type(new), _type(old)):
            yield f"type changed from {_shown(_type(old))} to {_shown(_type(new))}"
    elif old.kind == "value":
        if new.text != old.text:
            yield f"changed from `{old.text.strip()}` to `{new.text.strip()}`"
    else:
        yield from _signature_changes(parsed(old.text), parsed(new.text))


def _removed_early(old: Entry, version: str) -> Iterator[str]:
    if old.deprecated is None:
        yield "removed without having been deprecated"
    elif _numbers(version) < _removal_version(old.deprecated):
        yield f"removed in {version}, earlier than announced: {old.deprecated}"


def _too_soon(deprecation: str, version: str) -> Iterator[str]:
    """A deprecation has to last for two minor versions, or until the next major one."""
    major, minor, _ = _numbers(version)
    if _removal_version(deprecation) < min((major, minor + 2, 0), (major + 1, 0, 0)):
        yield f"removal announced too soon after {version}: {deprecation}"


def _moved_up(old: str, new: str) -> Iterator[str]:
    if _removal_version(new) < _removal_version(old):
        yield f"removal moved up: {new}, instead of {old}"


def _removal_version(deprecation: str) -> tuple[int, ...]:
    return _numbers(deprecation.rpartition(" ")[2])


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in version.split("."))


def _type(entry: Entry) -> ast.expr | None:
    text = entry.text.removeprefix(":").removeprefix(" ->").partition(" = ")[0].strip()
    return ast.parse(text, mode="eval").body if text else None


def _signature_changes(old: ast.FunctionDef, new: ast.FunctionDef) -> Iterator[str]:
    before = {each.name: each for each in parameters(old)}
    after = {each.name: each for each in parameters(new)}
    for name, parameter in before.items():
        yield from _parameter_changes(parameter, after.get(name))
    yield from (f"new required parameter `{name}`" for name in after if after[name].is_required and name not in before)
    positional = [name for name in after if after[name].kind in {"/", ""}]
    for index, name in enumerate(name for name in before if before[name].kind in {"/", ""}):
        if name in positional and positional.index(name) != index:
            yield f"`{name}` is at another position"
    if not _is_subtype(new.returns, old.returns):
        yield f"return type changed from {_shown(old.returns)} to {_shown(new.returns)}"


def _parameter_changes(old: Parameter, new: Parameter | None) -> Iterator[str]:
    if new is None:
        yield f"`{old.name}` removed"
        return
    if new.kind not in {old.kind, ""}:
        yield f"`{old.name}` can't be passed as before"
    if new.is_required and not old.is_required:
        yield f"`{old.name}` is now required"
    elif old.default != new.default and not old.is_required:
        yield f"default of `{old.name}` changed from `{old.default}` to `{new.default}`"
    if not _is_subtype(old.annotation, new.annotation):
        yield f"type of `{old.name}` changed from {_shown(old.annotation)} to {_shown(new.annotation)}"


def _is_subtype(type: ast.expr | None, of: ast.expr | None) -> bool:
    """Whether the members of a union are among those of another, by their source; None is any type."""
    return of is None or (type is not None and _members(type) <= _members(of))


def _shown(annotation: ast.expr | None) -> str:
    return f"`{ast.unparse(annotation)}`" if annotation else "any type"


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
