"""Turns what a caller gave into plain JSON values, and notes every problem with its path."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

import attrs
import cattrs
import cattrs.gen

from ._errors import InvalidEventError

MAX_DEPTH = 64
MAX_BITS = 1024
MAX_VALUES = 100_000

_converter = cattrs.Converter()
_AS_IT_IS = cattrs.override(unstruct_hook=lambda value: value)


@_converter.register_unstructure_hook_factory(lambda kind: attrs.has(kind) or dataclasses.is_dataclass(kind))
def _one_level(kind: type[Any]) -> Callable[[Any], dict[str, Any]]:
    """Unstructure an object but not what it holds: that has a path, a depth and problems of its own."""
    fields = attrs.fields(kind) if attrs.has(kind) else dataclasses.fields(kind)
    as_they_are: dict[str, Any] = {field.name: _AS_IT_IS for field in fields}
    return cattrs.gen.make_dict_unstructure_fn(kind, _converter, **as_they_are)


_SMALL = 2**62
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class Check:
    """One pass over one event: collects all of its problems before it raises."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self._is_bottomless = False
        self._values = 0

    def note(self, path: str, problem: str) -> None:
        """Add a problem of the field at `path`."""
        self.problems.append(f"{path}: {problem}")

    def finish(self) -> None:
        """Raise `InvalidEventError` if anything was noted."""
        if self.problems:
            raise InvalidEventError(self.problems)

    def label(self, path: str, value: object) -> str | None:
        """Return a short text without surrounding blanks; a blank one is absent."""
        if value is None:
            return None
        if not isinstance(value, str):
            self.note(path, f"must be a string, not {type(value).__name__}")
            return None
        stripped = value.strip()
        if not stripped.isprintable() and _CONTROL.search(stripped):
            self.note(path, "has a control character")
        return self.text(path, stripped) or None

    def text(self, path: str, value: str, _depth: int = 0) -> str:
        """Return `value`, which must be text that UTF-8 can carry."""
        if not value.isascii():
            try:
                value.encode()
            except UnicodeEncodeError:
                self.note(path, "has half of a surrogate pair, which UTF-8 cannot carry")
        return value

    def object(self, path: str, value: object, depth: int = 0) -> dict[str, Any]:
        """Return a mapping as a JSON object."""
        if type(value) is not dict and not isinstance(value, Mapping):
            self.note(path, f"must be a mapping, not {type(value).__name__}")
            return {}
        plain: dict[str, Any] = {}
        for key, item in value.items():
            if type(key) is str and key.isascii() and _is_plain(item):
                plain[key] = item
                continue
            if not isinstance(key, str) or isinstance(key, Enum):
                self.note(path, f"every name must be a string, one is of type {type(key).__name__}")
                continue
            inner = joined(path, key)
            plain[self.text(inner, str(key))] = self.value(inner, item, depth + 1)
        return plain

    def value(self, path: str, value: Any, depth: int) -> Any:
        """Return any value as plain JSON."""
        kind = type(value)
        if (convert := _EXACT.get(kind)) is not None:
            return convert(self, path, value, depth)
        self._values += 1
        if depth > MAX_DEPTH or self._values > MAX_VALUES or self._is_bottomless:
            return self.bottomless(path)
        for types, convert in _CONVERSIONS:
            if isinstance(value, types):
                return convert(self, path, value, depth)
        if attrs.has(kind) or dataclasses.is_dataclass(value):
            return self.instance(path, value, depth)
        return self.note(path, f"a {kind.__name__} has no place in JSON; convert it first")

    def bottomless(self, path: str) -> None:
        """Note the first value that is too deep, and look no further: what contains itself never ends."""
        if not self._is_bottomless:
            self._is_bottomless = True
            self.note(path, f"is nested deeper than {MAX_DEPTH} levels, or beside more than {MAX_VALUES:,} others")

    def instance(self, path: str, value: Any, depth: int) -> Any:
        """Return an attrs class's or a dataclass's instance as a JSON object."""
        try:
            fields = _converter.unstructure(value)
        except Exception as fault:  # noqa: BLE001 - a class of the caller's own may raise anything when it is read
            return self.note(path, f"reading the {type(value).__name__} raised {type(fault).__name__}")
        return self.object(path, fields, depth)

    def array(self, path: str, value: list[Any] | tuple[Any, ...], depth: int) -> list[Any]:
        """Return a list or a tuple as a JSON array."""
        return [self.value(f"{path}[{position}]", item, depth + 1) for position, item in enumerate(value)]

    def enum(self, path: str, value: Enum, depth: int) -> Any:
        """Return what the member stands for."""
        return self.value(path, value.value, depth + 1)

    def integer(self, path: str, value: int, _depth: int = 0) -> int:
        """Return an integer of a sane size: Python itself refuses to write one of thousands of digits."""
        if value.bit_length() > MAX_BITS:
            self.note(path, f"must have at most {MAX_BITS} bits; send it as a string")
        return int(value)

    def number(self, path: str, value: float, _depth: int = 0) -> float | None:
        """Return a finite number."""
        if math.isfinite(value):
            return float(value)
        self.note(path, "must be a finite number")
        return None

    def decimal(self, path: str, value: Decimal, _depth: int) -> int | float | None:
        """Return the JSON number of the same value, if there is one."""
        if not value.is_finite():
            return self.number(path, math.nan)
        if value == value.to_integral_value() and value.adjusted() < 18:
            return int(value)
        number = float(value)
        if math.isfinite(number) and Decimal(repr(number)) == value:
            return number
        self.note(path, "has more digits than a JSON number keeps; round it, or send it as a string")
        return None

    def moment(self, path: str, value: datetime, _depth: int) -> str:
        """Return an aware datetime in ISO 8601."""
        if value.utcoffset() is None:
            self.note(path, "a datetime needs a time zone; for a day alone use a date")
        return value.isoformat()


_EXACT: dict[type, Callable[[Check, str, Any, int], Any]] = {
    str: Check.text,
    int: Check.integer,
    float: Check.number,
    bool: lambda _check, _path, value, _depth: value,
    type(None): lambda _check, _path, value, _depth: value,
}

_CONVERSIONS: tuple[tuple[type | tuple[type, ...], Callable[[Check, str, Any, int], Any]], ...] = (
    # Enum before str and int, datetime before date: members and moments are instances of these too.
    (Enum, Check.enum),
    (Mapping, Check.object),
    ((list, tuple), Check.array),
    (float, Check.number),
    (Decimal, Check.decimal),
    (datetime, Check.moment),
    (date, lambda _check, _path, value, _depth: value.isoformat()),
    (UUID, lambda _check, _path, value, _depth: str(value)),
    (str, lambda check, path, value, _depth: check.text(path, str(value))),
    (int, Check.integer),
)


def _is_plain(value: object) -> bool:
    """Tell whether a value is JSON as it is; False: it has to be looked at more closely."""
    kind = type(value)
    if kind is str:
        return value.isascii()  # type: ignore[attr-defined, no-any-return] # it is a string
    if kind is int:
        return -_SMALL < value < _SMALL  # type: ignore[operator] # it is a number
    if kind is float:
        return math.isfinite(value)  # type: ignore[arg-type] # likewise
    return kind is bool or value is None


def joined(path: str, key: str) -> str:
    """Return the path of the member `key` of the object at `path`."""
    return f"{path}.{key}" if key.isidentifier() else f"{path}[{key!r}]"


def copied(value: Any) -> Any:
    """Copy plain JSON, so that what is sent does not change under a caller's hand."""
    if isinstance(value, dict):
        return {key: copied(item) for key, item in value.items()}
    if isinstance(value, list):
        return [copied(item) for item in value]
    return value
