"""Reads the annotations of a class's fields: the markers in them, and what the values can be."""

from __future__ import annotations

import dataclasses
import sys
import types
import typing
from collections.abc import Iterator
from typing import Annotated, Any, Final, Literal, TypeAlias, Union

import attrs

from ._marks import Mark, SentAs

FieldOf: TypeAlias = "attrs.Attribute[Any] | dataclasses.Field[Any]"

_UNIONS: Final = (Union, types.UnionType)


class LaterError(Exception):
    """An annotation names what is not there yet."""


@attrs.frozen(eq=False, repr=False)
class Hint:
    """A field's annotation, read.

    Attributes:
        whole: The annotation, markers included.
        marks: Which parts of an event the field holds.
        names: Which variables it is sent as.
        members: The types that its value can have, one or those of a union.
        is_hiding: A marker stands deeper, where it says nothing.
    """

    whole: Any
    marks: tuple[Mark, ...]
    names: tuple[str, ...]
    members: tuple[Any, ...]
    is_hiding: bool

    def can_be(self, *kinds: type) -> bool:
        """Tell whether a value can be of one of these kinds; what cannot be told is taken to be so."""
        return any(_can_be(member, kinds) for member in self.members)


def fields_of(kind: type[Any]) -> tuple[FieldOf, ...]:
    """Return the fields of an attrs class or a dataclass."""
    return attrs.fields(kind) if attrs.has(kind) else dataclasses.fields(kind)


def read_hint(kind: type[Any], field: FieldOf) -> Hint:
    """Read the annotation of a field.

    Raises:
        LaterError: It names what is not there.
        Exception: It is none.
    """
    whole = Any if field.type is None else _evaluated(_owner(kind, field), field.name, field.type)
    found: list[Any] = []
    members = tuple(_members(whole, found))
    marks = tuple({mark: None for mark in found if isinstance(mark, Mark)})
    names = tuple({str.__str__(mark.name): None for mark in found if isinstance(mark, SentAs)})  # of a StrEnum, too
    return Hint(whole, marks, names, members, any(map(_hides, members)))


def _owner(kind: type[Any], field: FieldOf) -> type[Any]:
    """Return the class in which the field is written: the names in its annotation are those of its module."""
    own = (base for base in kind.__mro__ if _is_written_in(base, field))
    return next(own, kind)


def _is_written_in(kind: type[Any], field: FieldOf) -> bool:
    if isinstance(field, dataclasses.Field):  # which subclasses share, until they write their own
        above = (vars(base).get("__dataclass_fields__", {}) for base in kind.__mro__[1:])
        return all(fields.get(field.name) is not field for fields in above)
    written: tuple[attrs.Attribute[Any], ...] = vars(kind).get("__attrs_attrs__", ())
    # The types of attrs know nothing of `inherited`, which its documentation has.
    return any(one.name == field.name and not one.inherited for one in written)  # type: ignore[attr-defined]


def _evaluated(owner: type[Any], name: str, annotation: Any) -> Any:
    module = sys.modules.get(owner.__module__)
    holder = type(owner.__name__, (), {"__annotations__": {name: annotation}, "__module__": owner.__module__})
    try:
        # The module's names come first, as `get_type_hints` itself has it: a slot hides the type whose name it has.
        hints = typing.get_type_hints(
            holder, dict(vars(owner)), dict(vars(module) if module else {}), include_extras=True
        )
    except (NameError, AttributeError) as fault:
        raise LaterError(str(fault)) from None
    return hints[name]


def _members(hint: Any, marks: list[Any]) -> Iterator[Any]:
    hint = _unaliased(hint)
    if typing.get_origin(hint) is Annotated:
        marks += hint.__metadata__
        yield from _members(hint.__origin__, marks)
    elif typing.get_origin(hint) in _UNIONS:
        for member in typing.get_args(hint):
            yield from _members(member, marks)
    else:
        yield hint


def _unaliased(hint: Any) -> Any:
    """Return what a `type` statement names, or a `NewType` is made of."""
    while not isinstance(hint, type):  # a class may have attributes of these names, which mean nothing here
        meant = getattr(hint, "__supertype__", None) or getattr(hint, "__value__", None)
        if meant is None:
            break
        hint = meant
    return hint


def _hides(hint: Any) -> bool:
    if isinstance(hint, list):  # the arguments of a Callable
        return any(map(_hides, hint))
    if typing.get_origin(hint) is Annotated and any(isinstance(mark, Mark | SentAs) for mark in hint.__metadata__):
        return True
    return typing.get_origin(hint) is not Literal and any(map(_hides, typing.get_args(hint)))


def _can_be(member: Any, kinds: tuple[type, ...]) -> bool:
    origin = typing.get_origin(member)
    if origin is Literal:
        return any(isinstance(value, kinds) and not isinstance(value, bool) for value in typing.get_args(member))
    kind = origin or member
    if kind in (None, type(None), bool):  # a bool is an int to Python, and to nobody else
        return False
    if kind is Any or not isinstance(kind, type):  # from Python 3.11 on `Any` is a class
        return True
    if hasattr(kind, "__get_pydantic_core_schema__"):  # stands for another type: `EmailStr` for text
        return True
    try:
        return issubclass(kind, kinds) or any(issubclass(wanted, kind) for wanted in kinds)
    except TypeError:  # a protocol that is not for run time
        return True
