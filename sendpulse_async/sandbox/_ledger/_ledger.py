"""What arrived: accepted events in a ledger of bounded size, refused requests filed apart."""

from __future__ import annotations

import itertools
import threading
from collections import deque
from typing import Any, Final

from .._listeners import Listeners
from ._entry import LedgerEntry

MAX_ENTRIES: Final = 10_000
MAX_BODY_BYTES: Final = 64 * 1024 * 1024
"""Of the bodies kept together, so that large events cannot fill the memory before `MAX_ENTRIES` does."""


class _Shelf:
    def __init__(self) -> None:
        self.entries: deque[LedgerEntry] = deque()
        self.count = 0
        self._body_bytes = 0

    def add(self, entry: LedgerEntry) -> None:
        self.entries.append(entry)
        self.count += 1
        self._body_bytes += len(entry.body)
        while len(self.entries) > MAX_ENTRIES or self._body_bytes > MAX_BODY_BYTES:
            self._body_bytes -= len(self.entries.popleft().body)


class Ledger:
    """Keeps the newest entries and counts them all; safe to read from any thread.

    Args:
        listeners: Told of each change.
    """

    def __init__(self, listeners: Listeners) -> None:
        self._listeners = listeners
        self._lock = threading.Lock()
        self._sequence = itertools.count(1)
        self._accepted = _Shelf()
        self._refused = _Shelf()
        self._token_requests = 0

    def next_sequence(self) -> int:
        """Return the next entry's place in the order of arrival."""
        return next(self._sequence)

    def add(self, entry: LedgerEntry) -> None:
        """Write an accepted event into the ledger; file a refused request apart."""
        with self._lock:
            (self._accepted if entry.is_taken else self._refused).add(entry)
        self._listeners.notify()

    def count_token_request(self) -> None:
        """Count a request that reached the token endpoint."""
        with self._lock:
            self._token_requests += 1

    def holds(self, path: str, payload: Any) -> bool:
        """Tell whether an event with this path and payload is still in the ledger."""
        return any(entry.payload == payload and entry.path == path for entry in self.events)

    @property
    def events(self) -> tuple[LedgerEntry, ...]:
        """The newest accepted events, oldest first."""
        with self._lock:
            return tuple(self._accepted.entries)

    @property
    def refused(self) -> tuple[LedgerEntry, ...]:
        """The newest refused requests, oldest first."""
        with self._lock:
            return tuple(self._refused.entries)

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

    def clear(self) -> None:
        """Forget all entries and start all counts anew; the order of arrival goes on."""
        with self._lock:
            self._accepted = _Shelf()
            self._refused = _Shelf()
            self._token_requests = 0
        self._listeners.notify()
