"""What arrived: accepted events in a ledger of bounded size, refused requests filed apart."""

from __future__ import annotations

import itertools
import threading
from collections import deque
from typing import Any, Final

from attrs import field, frozen

MAX_ENTRIES: Final = 10_000
MAX_BODY_BYTES: Final = 64 * 1024 * 1024
"""Of the bodies kept together, so that large events cannot fill the memory before `MAX_ENTRIES` does."""

MASK: Final = "***"


def _show_names(headers: tuple[tuple[str, str], ...]) -> str:
    return repr(tuple(name for name, _ in headers))


def _show_path(path: str) -> str:
    # A raw event URL is a secret; a name is not.
    return repr(path if "/events/name/" in path else MASK)


@frozen(kw_only=True)
class LedgerEntry:
    """One complete event request; its repr shows no payload, no header's value and no raw event URL.

    Attributes:
        sequence: Its place in the order of arrival, accepted and refused together, from 1.
        received_at: Unix seconds.
        door: `"raw"` or `"name"`.
        event: The event's name, percent-decoded; None at the raw door, where the URL names it.
        method: The request's method.
        path: The request's path as sent.
        headers: Names in lower case, with values.
        content_type: The request's content type, or None.
        body: The body as sent; empty when it was too large to keep.
        payload: The body as a JSON value, forms nested by their brackets; None when it could not be read.
        status: The status answered; None when a fault withheld the answer.
        error_code: SendPulse's own number in the answer, or None.
    """

    sequence: int
    received_at: float
    door: str
    event: str | None
    method: str
    path: str = field(repr=_show_path)
    headers: tuple[tuple[str, str], ...] = field(repr=_show_names)
    content_type: str | None
    body: bytes = field(repr=False)
    payload: Any = field(repr=False)
    status: int | None
    error_code: int | None = None

    @property
    def email(self) -> str | None:
        """Return the payload's e-mail address without blanks around it."""
        return self._contact("email")

    @property
    def phone(self) -> str | None:
        """Return the payload's phone number without blanks around it."""
        return self._contact("phone")

    def _contact(self, name: str) -> str | None:
        value = self.payload.get(name) if isinstance(self.payload, dict) else None
        return value.strip() if isinstance(value, str) else None


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
    """Keeps the newest entries and counts them all; safe to read from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sequence = itertools.count(1)
        self._accepted = _Shelf()
        self._refused = _Shelf()
        self._token_requests = 0

    def next_sequence(self) -> int:
        """Return the next entry's place in the order of arrival."""
        return next(self._sequence)

    def accept(self, entry: LedgerEntry) -> None:
        """Write an accepted event into the ledger."""
        with self._lock:
            self._accepted.add(entry)

    def refuse(self, entry: LedgerEntry) -> None:
        """File a refused request apart from the ledger."""
        with self._lock:
            self._refused.add(entry)

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
