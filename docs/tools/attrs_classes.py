"""Shows the reference what the constructors of attrs classes take, which reading the source alone does not tell."""

from __future__ import annotations

from typing import Any

import griffe

DECORATORS = {f"attrs.{name}" for name in ("define", "frozen", "mutable")}


class AttrsClasses(griffe.Extension):
    """Gives each attrs class the `__init__` that attrs will make for it."""

    def on_package(self, *, pkg: griffe.Module, **_: Any) -> None:
        """Walk through a package that was read."""
        _visit(pkg)


def _visit(node: griffe.Module | griffe.Class) -> None:
    for member in list(node.members.values()):
        if member.is_alias or not (member.is_module or member.is_class):
            continue
        if isinstance(member, griffe.Class) and "__init__" not in member.members and _decorator(member):
            member.set_member("__init__", _constructor(member))
        _visit(member)


def _decorator(cls: griffe.Class) -> griffe.Decorator | None:
    return next((each for each in cls.decorators if each.callable_path in DECORATORS), None)


def _constructor(cls: griffe.Class) -> griffe.Function:
    kind = griffe.ParameterKind.positional_or_keyword
    if _arguments(_decorator(cls).value).get("kw_only") == "True":
        kind = griffe.ParameterKind.keyword_only
    fields = [field for field in map(_parameter, cls.members.values()) if field is not None]
    for field in fields:
        field.kind = kind
    itself = griffe.Parameter("self", kind=griffe.ParameterKind.positional_or_keyword)
    return griffe.Function(
        "__init__",
        lineno=cls.lineno,
        endlineno=cls.endlineno,
        parameters=griffe.Parameters(itself, *fields),
        parent=cls,
    )


def _parameter(member: griffe.Object | griffe.Alias) -> griffe.Parameter | None:
    if not member.is_attribute or member.annotation is None or "property" in member.labels:
        return None
    told, name = _arguments(member.value), member.name.lstrip("_")
    if told.get("init") == "False" or "ClassVar" in str(member.annotation) or _is_of_the_class(member):
        return None
    default = told.get("default", None if _is_field(member.value) else member.value)
    if "factory" in told:
        default = griffe.ExprCall(function=told["factory"], arguments=[])
    return griffe.Parameter(name, annotation=member.annotation, default=default)


def _is_of_the_class(member: griffe.Object | griffe.Alias) -> bool:
    return "class-attribute" in member.labels and "instance-attribute" not in member.labels


def _is_field(value: Any) -> bool:
    return isinstance(value, griffe.ExprCall) and value.canonical_path in {"attrs.field", "attr.field"}


def _arguments(value: Any) -> dict[str, Any]:
    if not isinstance(value, griffe.ExprCall):
        return {}
    return {
        each.name: each.value if isinstance(each.value, griffe.Expr) else str(each.value)
        for each in value.arguments
        if isinstance(each, griffe.ExprKeyword)
    }
