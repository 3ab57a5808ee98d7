"""The library's one logger, and how its records carry facts that programs can read."""

from __future__ import annotations

import logging
from enum import Enum

logger = logging.getLogger("sendpulse_async")


def facts(**given: Enum | BaseException | str | float | None) -> dict[str, object]:
    """Return the `extra` of a record: what is known, each under a name that no other library has.

    Of an error it is the kind alone, since the text may be a caller's own.
    """
    return {f"sendpulse_{name}": _plain(fact) for name, fact in given.items() if fact is not None}


def _plain(fact: Enum | BaseException | str | float) -> object:
    if isinstance(fact, BaseException):
        return type(fact).__name__
    return fact.value if isinstance(fact, Enum) else fact
