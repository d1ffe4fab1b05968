"""Signatures, as the record has them."""

import ast
from dataclasses import dataclass
from typing import cast


@dataclass(frozen=True)
class Parameter:
    name: str
    kind: str
    """`/` positional-only, `` either, `*` keyword-only, `*args` or `**kwargs`."""
    annotation: ast.expr | None
    default: str | None

    @property
    def is_required(self) -> bool:
        return self.default is None and self.kind in {"/", "", "*"}


def parsed(signature: str) -> ast.FunctionDef:
    return cast(ast.FunctionDef, ast.parse(f"def f{signature}: ...").body[0])


def parameters(function: ast.FunctionDef) -> list[Parameter]:
    args = function.args
    positional = [*(("/", each) for each in args.posonlyargs), *(("", each) for each in args.args)]
    variadic = [(kind, each) for kind, each in (("*args", args.vararg), ("**kwargs", args.kwarg)) if each]
    kinds = [*positional, *(("*", each) for each in args.kwonlyargs), *variadic]
    defaults: list[ast.expr | None] = [None] * (len(positional) - len(args.defaults))
    defaults += [*args.defaults, *args.kw_defaults, *(None for _ in variadic)]
    return [
        Parameter(each.arg, kind, each.annotation, ast.unparse(default) if default else None)
        for (kind, each), default in zip(kinds, defaults, strict=True)
    ]
