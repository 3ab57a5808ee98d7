"""An expectation as a value, and the fields in which an event differs from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Any, Final, cast
from uuid import UUID

from attrs import field, frozen

ABSENT: Final = object()
"""Stands for what is not there."""


def contact_in(payload: Any, kind: str) -> str | None:
    """Return a payload's e-mail address or phone number without blanks around it."""
    value = cast("dict[str, Any]", payload).get(kind) if isinstance(payload, dict) else None
    return value.strip() if isinstance(value, str) else None


@frozen
class Seen:
    """An event as expectations see it.

    Attributes:
        number: Its number, for people.
        name: Its name, or None.
        is_nameless: Whether it went to a raw URL, which names it.
        payload: Its JSON value.
    """

    number: int
    name: str | None
    is_nameless: bool
    payload: Any = field(repr=False)

    def contact(self, kind: str) -> str | None:
        """Return the e-mail address or the phone number without blanks around it."""
        return contact_in(self.payload, kind)


@frozen
class Difference:
    """A field that is not as expected.

    Attributes:
        path: The field's path.
        expected: What it should be.
        sent: What it is, or `ABSENT`.
        beside: The names that stand where an absent one should.
    """

    path: str
    expected: Any
    sent: Any
    beside: tuple[str, ...] = ()


@frozen(kw_only=True)
class Expectation:
    """What must have been sent; a None is no condition.

    Attributes:
        event: The event's name.
        email: Its e-mail address.
        phone: Its phone number.
        variables: What its payload must hold, among others.
        times: How often; None: once or more.

    Raises:
        TypeError: A field is of another type.
        ValueError: `times` is negative.
    """

    event: str | None = None
    email: str | None = None
    phone: str | None = None
    variables: Mapping[str, Any] | None = None
    times: int | None = None

    def __attrs_post_init__(self) -> None:
        for name in ("event", "email", "phone"):
            if not isinstance(getattr(self, name), str | None):
                raise TypeError(f"{name} must be text or None, not {type(getattr(self, name)).__name__}")
        if not isinstance(self.variables, Mapping | None):
            raise TypeError(f"variables must be a mapping or None, not {type(self.variables).__name__}")
        if isinstance(self.times, bool) or not isinstance(self.times, int | None):
            raise TypeError(f"times must be a whole number or None, not {type(self.times).__name__}")
        if self.times is not None and self.times < 0:
            raise ValueError(f"times must be 0 or more, not {self.times}")

    def rows(self) -> list[tuple[str, Any]]:
        """Return what is asked for, by name."""
        asked = [(name, getattr(self, name)) for name in ("event", "email", "phone")]
        return [(name, value) for name, value in asked if value is not None] + list((self.variables or {}).items())

    def differences(self, seen: Seen) -> list[Difference]:
        """Return the fields in which an event is not as expected: none where it is the one."""
        found: list[Difference] = []
        if self.event is not None and seen.name != self.event:
            found.append(Difference("event", self.event, ABSENT if seen.name is None else seen.name))
        for kind in ("email", "phone"):
            expected, sent = getattr(self, kind), seen.contact(kind)
            if expected is not None and sent != expected.strip():
                found.append(Difference(kind, expected, ABSENT if sent is None else sent))
        if self.variables:
            found += _compare("", self.variables, seen.payload)
        return found

    def is_enough(self, count: int) -> bool:
        """Tell whether so many matches are at least as many as expected."""
        return count >= (1 if self.times is None else self.times)

    def is_met(self, count: int) -> bool:
        """Tell whether so many matches are as many as expected."""
        return self.is_enough(count) and self.times in (None, count)


def _compare(path: str, expected: Any, sent: Any) -> Iterator[Difference]:
    if isinstance(expected, Mapping) and isinstance(sent, dict):
        for key, value in cast("Mapping[str, Any]", expected).items():
            below = f"{path}.{key}" if path else str(key)
            if key in sent:
                yield from _compare(below, value, sent[key])
            else:
                yield Difference(below, value, ABSENT, tuple(map(str, cast("dict[str, Any]", sent))))
    elif _is_list(expected) and isinstance(sent, list) and len(expected) == len(sent):
        for place, (value, other) in enumerate(zip(expected, sent, strict=True)):
            yield from _compare(f"{path}[{place}]", value, other)
    elif not _is_same(expected, sent):
        yield Difference(path or "payload", expected, sent)


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _is_same(expected: Any, sent: Any) -> bool:
    if isinstance(expected, bool) or isinstance(sent, bool):  # which Python takes for numbers
        return expected == sent and (isinstance(expected, bool) is isinstance(sent, bool) or not _is_number(expected))
    return bool(expected == sent) or _as_sent(expected, sent)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal)


def _as_sent(expected: Any, sent: Any) -> bool:
    """Tell whether a value that JSON does not have is what was sent for it."""
    match expected:
        case Enum():
            return _is_same(expected.value, sent)
        case date():  # a datetime is one
            return bool(expected.isoformat() == sent)
        case UUID():
            return bool(str(expected) == sent)
        case Decimal():
            return isinstance(sent, int | float) and Decimal(repr(sent)) == expected
        case _:
            return False
