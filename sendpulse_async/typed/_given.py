"""What may be given as an event, as type checkers see it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol, TypeAlias

from .._events import Event

# No checker knows what a decorator adds to a class, so these go by what each of them knows of a class with fields: mypy
# gives one of attrs the first attribute, pyright gives it the second, and both give the second to a dataclass.


class AttrsObject(Protocol):
    """An object of an attrs class, for mypy."""

    __attrs_attrs__: ClassVar[Any]


class DataclassObject(Protocol):
    """An object of a dataclass; for pyright, of an attrs class, too."""

    __dataclass_fields__: ClassVar[dict[str, Any]]


EventLike: TypeAlias = Event | Mapping[str, Any] | AttrsObject | DataclassObject
"""What can be given wherever an event is asked for: an `Event`, the flat mapping, or an object of a class that
`sendpulse_async.typed.event` decorates."""
