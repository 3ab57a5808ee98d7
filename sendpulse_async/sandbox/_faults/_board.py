"""The faults in play, and what of each has been played."""

from __future__ import annotations

import itertools
import random
import threading
from collections import deque
from typing import TYPE_CHECKING, Final

from attrs import define, evolve, field, frozen

from ._fault import Fault

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..._listeners import Listeners
    from .._ledger import LedgerEntry

MAX_FAULTS: Final = 1_000
MAX_OVER: Final = 100
"""Faults that were played out and can still be looked at."""
MAX_WEIGHT: Final = 16 * 1024 * 1024
"""Characters of all texts of those in play, and of those played out."""


@frozen(kw_only=True)
class PlacedFault:
    """A fault on the board.

    Attributes:
        id: Its number on the board, from 1.
        fault: The fault as it was given.
        played: How often it has been played.
    """

    id: int
    fault: Fault
    played: int

    @property
    def times(self) -> int | None:
        """How often it is still to be played; None: for ever."""
        return None if self.fault.times is None else self.fault.times - self.played

    @property
    def is_over(self) -> bool:
        """Whether it has been played as often as it was to be."""
        return self.times == 0


@define
class _Place:
    shown: PlacedFault
    chance: random.Random
    matched: int = field(default=0, init=False)

    def is_due(self) -> bool:
        """Count one more matching request, and tell whether it is one to play on."""
        fault = self.shown.fault
        self.matched += 1
        if fault.every is not None:
            return self.matched % fault.every == 0
        return fault.probability is None or self.chance.random() < fault.probability


class FaultBoard:
    """Holds the faults in play, first come first played; safe to use from any thread.

    Args:
        listeners: Told of each change.
    """

    def __init__(self, listeners: Listeners) -> None:
        self._listeners = listeners
        self._lock = threading.Lock()
        self._ids = itertools.count(1)
        self._places: dict[int, _Place] = {}
        self._over: deque[PlacedFault] = deque(maxlen=MAX_OVER)

    @property
    def faults(self) -> tuple[Fault, ...]:
        """The faults still to be played, each with the times that are left."""
        return tuple(evolve(placed.fault, times=placed.times) for placed in self.in_play)

    @property
    def in_play(self) -> tuple[PlacedFault, ...]:
        """The faults still to be played."""
        with self._lock:
            return tuple(place.shown for place in self._places.values())

    @property
    def over(self) -> tuple[PlacedFault, ...]:
        """The newest of those that were played out."""
        with self._lock:
            return tuple(self._over)

    def add(self, fault: Fault) -> PlacedFault:
        """Put a fault into play after those that are there.

        Raises:
            ValueError: There are too many, or they are too large together.
        """
        with self._lock:
            if len(self._places) >= MAX_FAULTS:
                raise ValueError(f"no more than {MAX_FAULTS} faults can be in play")
            if _weigh(place.shown for place in self._places.values()) + fault.size > MAX_WEIGHT:
                raise ValueError("the faults in play would be larger than 16 MiB together")
            placed = PlacedFault(id=next(self._ids), fault=fault, played=0)
            # Chance for tests, not for secrets.
            self._places[placed.id] = _Place(placed, random.Random(fault.seed))  # noqa: S311
        self._listeners.notify()
        return placed

    def find(self, number: int) -> PlacedFault | None:
        """Return the fault with this id, played out or not, or None."""
        return next((placed for placed in (*self.in_play, *self.over) if placed.id == number), None)

    def remove(self, number: int) -> bool:
        """Take one fault out of play and off the board; tell whether it was there."""
        with self._lock:
            over = [placed for placed in self._over if placed.id == number]
            for placed in over:
                self._over.remove(placed)
            was_there = self._places.pop(number, None) is not None or bool(over)
        if was_there:
            self._listeners.notify()
        return was_there

    def clear(self) -> None:
        """Take all faults off the board."""
        with self._lock:
            self._places.clear()
            self._over.clear()
        self._listeners.notify()

    def take(self, door: str, entry: LedgerEntry | None = None) -> Fault | None:
        """Return the first fault that is due on this request, used up by one, or None.

        Args:
            door: Where the request came.
            entry: The event; None at the token endpoint.
        """
        with self._lock:
            # All of them, not up to the first: what one counts and draws must not depend on the others.
            due = [
                place for place in self._places.values() if place.shown.fault.matches(door, entry) and place.is_due()
            ]
            if not due:
                return None
            played = evolve(due[0].shown, played=due[0].shown.played + 1)
            due[0].shown = played
            if played.is_over:
                del self._places[played.id]
                self._over.append(played)
                while _weigh(self._over) > MAX_WEIGHT:
                    self._over.popleft()
        self._listeners.notify()
        return played.fault


def _weigh(faults: Iterable[PlacedFault]) -> int:
    return sum(placed.fault.size for placed in faults)
