"""What the arguments of an outbox may be."""

from __future__ import annotations

import math

import attrs

from .._errors import ConfigurationError
from .._loops import is_asyncio
from .._telling import OnOutcome


@attrs.frozen
class Options:
    """The checked keywords of an outbox."""

    max_pending: int | None
    on_outcome: OnOutcome | None

    def __attrs_post_init__(self) -> None:
        if self.max_pending is not None:
            check_whole("max_pending", self.max_pending)
        if self.on_outcome is not None and not callable(self.on_outcome):
            raise ConfigurationError("on_outcome must be callable")


def check_whole(name: str, value: object) -> None:
    """Refuse what is no positive whole number that a file can hold."""
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value < 2**63:
        raise ConfigurationError(f"{name} must be a whole number, at least 1")


def check_drain(value: object) -> None:
    """Refuse what is no number of seconds."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= math.inf:
        raise ConfigurationError("drain must be a number of seconds, 0 or more; math.inf for no limit")


def check_asyncio() -> None:
    """Refuse any other event loop: the worker is a task that outlives the call which starts it."""
    if not is_asyncio():
        raise ConfigurationError("an Outbox works in asyncio's event loop only")
