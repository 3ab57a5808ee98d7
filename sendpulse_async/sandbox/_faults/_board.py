"""The faults in play."""

from __future__ import annotations

import threading

from attrs import evolve

from .._listeners import Listeners
from ._fault import Fault


class FaultBoard:
    """Holds the faults in play, first come first played; safe to use from any thread.

    Args:
        listeners: Told of each change.
    """

    def __init__(self, listeners: Listeners) -> None:
        self._listeners = listeners
        self._lock = threading.Lock()
        self._faults: list[Fault] = []

    @property
    def faults(self) -> tuple[Fault, ...]:
        """The faults still to be played, each with the times that are left."""
        with self._lock:
            return tuple(self._faults)

    def add(self, fault: Fault) -> None:
        """Put a fault into play after those that are there."""
        with self._lock:
            self._faults.append(fault)
        self._listeners.notify()

    def clear(self) -> None:
        """Take all faults out of play."""
        with self._lock:
            self._faults.clear()
        self._listeners.notify()

    def take(self, door: str, event: str | None = None, email: str | None = None) -> Fault | None:
        """Return the first fault that matches, used up by one, or None."""
        with self._lock:
            for place, fault in enumerate(self._faults):
                if fault.matches(door, event, email):
                    if fault.times is not None:
                        rest = [evolve(fault, times=fault.times - 1)] if fault.times > 1 else []
                        self._faults[place : place + 1] = rest
                    return fault
        return None
