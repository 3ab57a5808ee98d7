"""A shelf in memory, for who would rather lose events with the process than keep a file."""

from __future__ import annotations

import itertools
from collections import OrderedDict

import attrs

from .._errors import OutcomeStatus
from ._values import Burial, Entry, Grave, OutboxStats


class MemoryShelf:
    """Keeps the promises of `Shelf` but that anything outlives the process."""

    name = "in memory"

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._last_place = itertools.count(1)
        self._line: OrderedDict[int, Entry] = OrderedDict()  # by place, in order; a dict is slow to find its first item
        self._places: dict[int, int] = {}
        self._intents: set[int] = set()
        self._dead: dict[int, Burial] = {}
        self._put = self._accepted = 0

    async def open(self) -> None:
        """See `Shelf`; nothing has to be done."""

    async def add(self, record: str) -> int:
        """See `Shelf`."""
        number = next(self._numbers)
        self._append(number, record)
        self._put += 1
        return number

    async def first(self, after: int = 0) -> Entry | None:
        """See `Shelf`."""
        return next((entry for place, entry in self._line.items() if place > after), None)

    async def intend(self, number: int) -> None:
        """See `Shelf`."""
        if number in self._places:
            self._intents.add(number)

    async def put_back(self, number: int, *, to_end: bool) -> None:
        """See `Shelf`."""
        self._intents.discard(number)
        if to_end and (entry := self._take(number)) is not None:
            self._append(number, entry.record)

    async def accept(self, number: int) -> None:
        """See `Shelf`."""
        if self._take(number) is not None:
            self._accepted += 1

    async def bury(self, number: int, grave: Grave) -> None:
        """See `Shelf`."""
        if (entry := self._take(number)) is not None:
            self._dead[number] = Burial(number, entry.record, grave)

    async def recover(self, grave: Grave) -> list[Burial]:
        """See `Shelf`."""
        numbers = sorted(self._intents)
        for number in numbers:
            await self.bury(number, grave)
        return [self._dead[number] for number in numbers]

    async def requeue(self, number: int) -> bool:
        """See `Shelf`."""
        if (burial := self._dead.pop(number, None)) is None:
            return False
        self._append(number, burial.record)
        return True

    async def dead(self, limit: int) -> list[Burial]:
        """See `Shelf`."""
        return [self._dead[number] for number in sorted(self._dead)[:limit]]

    async def stats(self) -> OutboxStats:
        """See `Shelf`."""
        graves = [burial.grave.status for burial in self._dead.values()]
        rejected = graves.count(OutcomeStatus.REJECTED)
        counts = OutboxStats(self._put, self._accepted, rejected, len(graves) - rejected)
        return attrs.evolve(counts, pending=len(self._line))

    async def aclose(self) -> None:
        """See `Shelf`; what is here stays, for the object may be opened again."""

    def abandon(self) -> None:
        """See `Shelf`."""

    def _append(self, number: int, record: str) -> None:
        place = self._places[number] = next(self._last_place)
        self._line[place] = Entry(number, record, place)

    def _take(self, number: int) -> Entry | None:
        self._intents.discard(number)
        place = self._places.pop(number, None)
        return None if place is None else self._line.pop(place)
