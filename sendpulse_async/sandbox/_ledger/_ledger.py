"""What arrived: accepted events in a ledger of bounded size, refused requests filed apart."""

from __future__ import annotations

import itertools
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from attrs import evolve, frozen

from ..._listeners import Listeners
from ._counts import Counts
from ._entry import LedgerEntry
from ._measure import measure, weigh
from ._twins import Key, Twins

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_ENTRIES: Final = 10_000
"""Of the accepted events, and of the refused requests."""
MAX_WEIGHT: Final = 64 * 1024 * 1024
"""Bytes of all that is kept together, bodies, headers and payloads as read; the heavier shelf gives way."""


class _Shelf:
    def __init__(self) -> None:
        self.kept: deque[tuple[LedgerEntry, int, Key]] = deque()
        self.count = 0
        self.weight = 0


@frozen
class Tally:
    """The ledger's counts at one moment, as the test API shows them."""

    accepted: int
    refused: int
    kept: int
    token_requests: int
    last_sequence: int
    per_second: list[int]
    by_event: dict[str, int]
    by_status: dict[str, int]


class Ledger:
    """Keeps the newest entries and counts them all; safe to read from any thread.

    Args:
        listeners: Told of each change.
        clock: Seconds that only grow.
    """

    def __init__(self, listeners: Listeners, clock: Callable[[], float] = time.monotonic) -> None:
        self._listeners = listeners
        self._clock = clock
        self._lock = threading.Lock()
        self._sequence = itertools.count(1)
        self._last_sequence = 0
        self._cleared_through = 0
        self._start()

    def _start(self) -> None:
        self._accepted = _Shelf()
        self._refused = _Shelf()
        self._in_order: dict[int, LedgerEntry] = {}
        self._twins = Twins()
        self._counts = Counts(self._clock)
        self._token_requests = 0

    def next_sequence(self) -> int:
        """Return the next entry's place in the order of arrival."""
        return next(self._sequence)

    def add(self, entry: LedgerEntry) -> None:
        """Write an accepted event into the ledger; file a refused request apart."""
        payload_weight, digest = measure(entry.payload)
        weight, key = weigh(entry, payload_weight), (entry.path, digest)
        with self._lock:
            twins = self._twins.of(key, entry.payload)
            if twins:
                entry = evolve(entry, duplicate_of=twins[0].sequence)
            shelf = self._accepted if entry.is_taken else self._refused
            shelf.kept.append((entry, weight, key))
            shelf.weight += weight
            shelf.count += 1
            self._in_order[entry.sequence] = entry
            self._last_sequence = max(self._last_sequence, entry.sequence)
            if entry.is_taken:
                self._twins.add(key, entry)
            self._counts.add(entry)
            self._make_room()
        self._listeners.notify()

    def _make_room(self) -> None:
        for shelf in (self._accepted, self._refused):
            if len(shelf.kept) > MAX_ENTRIES:
                self._drop_oldest(shelf)
        while self._accepted.weight + self._refused.weight > MAX_WEIGHT:
            self._drop_oldest(max(self._accepted, self._refused, key=lambda shelf: shelf.weight))

    def _drop_oldest(self, shelf: _Shelf) -> None:
        entry, weight, key = shelf.kept.popleft()
        shelf.weight -= weight
        del self._in_order[entry.sequence]
        if entry.is_taken:
            self._twins.drop(key, entry)

    def count_token_request(self) -> None:
        """Count a request that reached the token endpoint."""
        with self._lock:
            self._token_requests += 1
        self._listeners.notify()

    def holds(self, path: str, payload: Any) -> bool:
        """Tell whether an event with this path and payload is still in the ledger."""
        _, digest = measure(payload)
        with self._lock:
            return bool(self._twins.of((path, digest), payload))

    def get(self, sequence: int) -> LedgerEntry | None:
        """Return the request of this sequence, or None when it is not kept."""
        return self._in_order.get(sequence)

    def same_as(self, entry: LedgerEntry) -> tuple[int, ...]:
        """Return the sequences of the other accepted events that are kept and have its path and payload."""
        _, digest = measure(entry.payload)
        with self._lock:
            twins = self._twins.of((entry.path, digest), entry.payload)
            return tuple(twin.sequence for twin in twins if twin.sequence != entry.sequence)

    def duplicates(self) -> list[list[LedgerEntry]]:
        """Return the accepted events that are there more than once, each group oldest first, the largest first."""
        with self._lock:
            return self._twins.groups()

    def after(self, sequence: int) -> list[LedgerEntry]:
        """Return the kept requests that came after this one, accepted and refused, oldest first."""
        with self._lock:
            newest = itertools.takewhile(lambda entry: entry.sequence > sequence, reversed(self._in_order.values()))
            return list(newest)[::-1]

    @property
    def requests(self) -> tuple[LedgerEntry, ...]:
        """The kept requests, accepted and refused, in the order of their arrival."""
        with self._lock:
            return tuple(self._in_order.values())

    @property
    def events(self) -> tuple[LedgerEntry, ...]:
        """The newest accepted events, oldest first."""
        with self._lock:
            return tuple(entry for entry, _, _ in self._accepted.kept)

    @property
    def refused(self) -> tuple[LedgerEntry, ...]:
        """The newest refused requests, oldest first."""
        with self._lock:
            return tuple(entry for entry, _, _ in self._refused.kept)

    @property
    def accepted_count(self) -> int:
        """All accepted events, those no longer kept included."""
        return self._accepted.count

    @property
    def refused_count(self) -> int:
        """All refused requests, those no longer kept included."""
        return self._refused.count

    @property
    def token_requests(self) -> int:
        """All requests that reached the token endpoint."""
        return self._token_requests

    @property
    def last_sequence(self) -> int:
        """The newest request's place in the order of arrival, kept or not; 0 before the first."""
        return self._last_sequence

    @property
    def cleared_through(self) -> int:
        """The newest request that `clear` forgot, or 0."""
        return self._cleared_through

    def tally(self) -> Tally:
        """Return all counts at one moment."""
        with self._lock:
            return Tally(
                accepted=self._accepted.count,
                refused=self._refused.count,
                kept=len(self._in_order),
                token_requests=self._token_requests,
                last_sequence=self._last_sequence,
                per_second=self._counts.per_second(),
                by_event=self._counts.by_event(),
                by_status=self._counts.by_status(),
            )

    def clear(self) -> None:
        """Forget all entries and start all counts anew; the order of arrival goes on."""
        with self._lock:
            self._start()
            self._cleared_through = self._last_sequence
        self._listeners.notify()
