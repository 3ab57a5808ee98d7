"""What a journal holds of each event, and the statements that keep it; these run in the file's own thread."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from enum import Enum
from typing import Any

import attrs

from .._database import FileKind
from .._errors import DeliveryError, FailureScope, OutcomeStatus
from .._outcomes import Outcome
from ._identity import Identity

JOURNAL = FileKind(
    name="journal",
    application_id=0x53504A4C,  # "SPJL"
    version=1,
    schema=(
        """
        CREATE TABLE entries (
            key BLOB PRIMARY KEY,
            digest BLOB NOT NULL,
            position INTEGER NOT NULL,
            state TEXT NOT NULL,
            attempts INTEGER NOT NULL,
            status_code INTEGER,
            reason TEXT NOT NULL,
            at REAL NOT NULL
        ) WITHOUT ROWID
        """,
    ),
)
PAGE_SIZE = 1000
_LONGEST_REASON = 500


class EntryState(Enum):
    """What a journal knows of one event."""

    INTENT = "intent"
    """Its first byte may have left, and no outcome followed: the run was broken off."""
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    """It will not be taken as it is."""
    REFUSED = "refused"
    """Rejected for what is not its own fault: the account, the URL, the event's name."""
    NOT_SENT = "not_sent"
    UNKNOWN = "unknown"

    @property
    def is_settled(self) -> bool:
        """Whether nothing more is to be done or told."""
        return self in {EntryState.ACCEPTED, EntryState.REJECTED}

    @property
    def is_doubtful(self) -> bool:
        """Whether sending it again may double it."""
        return self in {EntryState.INTENT, EntryState.UNKNOWN}


@attrs.frozen
class Entry:
    """What a journal holds of one event: no payload, no address.

    Attributes:
        position: Its place in the input, from 0.
        state: What came of it.
        attempts: Requests that were begun for it in the run that settled it.
        status_code: The HTTP status that decided, or None.
        reason: The error's text.
        at: Unix time in seconds.
    """

    position: int
    state: EntryState
    attempts: int
    status_code: int | None
    reason: str
    at: float


Found = tuple[Entry, bytes]
"""An entry with its digest."""


class RepeatedEventError(Exception):
    """An event of this id came before in this run, which makes an outcome of it."""


class OtherEventError(Exception):
    """The journal knows another event at this position; the text is for the caller's `JournalError`."""


def state_of(outcome: Outcome) -> EntryState:
    """Return how a journal keeps an outcome: a rejection of all events is nobody's own."""
    error = outcome.error
    if outcome.status is OutcomeStatus.REJECTED:
        is_own = not isinstance(error, DeliveryError) or error.scope is FailureScope.EVENT
        return EntryState.REJECTED if is_own else EntryState.REFUSED
    return EntryState(outcome.status.value)


# In the file's thread


def begin(connection: sqlite3.Connection) -> int:
    """Forget which ids came, and return the position after the last."""
    connection.execute("CREATE TEMP TABLE IF NOT EXISTS seen (key BLOB PRIMARY KEY) WITHOUT ROWID")
    connection.execute("DELETE FROM seen")
    (last,) = connection.execute("SELECT max(position) FROM entries").fetchone()
    return 0 if last is None else last + 1


def find(connection: sqlite3.Connection, identity: Identity) -> Found | None:
    """Return what is kept of an event, and note that an event with an id came.

    Raises:
        RepeatedEventError: One of the same id came before in this run.
    """
    found = _get(connection, identity.key)
    if not identity.has_id:
        return found
    repetition = _get(connection, identity.repeated.key)
    if repetition and found and found[0].state.is_settled:
        return repetition  # whichever of the two is looked up first
    is_first = connection.execute("INSERT OR IGNORE INTO seen VALUES (?)", (identity.key,)).rowcount
    if is_first:
        return found  # it may be the only one now
    if repetition:
        return repetition
    raise RepeatedEventError


def _get(connection: sqlite3.Connection, key: bytes) -> Found | None:
    for _, digest, *entry in connection.execute("SELECT * FROM entries WHERE key = ?", (key,)):
        return _entry(*entry), digest
    return None


def putting(
    identity: Identity, state: EntryState, told: Any = None, reason: str = ""
) -> Callable[[sqlite3.Connection], None]:
    """Return what puts an entry in the place of an earlier one.

    Args:
        identity: The event's.
        state: What came of it.
        told: A receipt or an error.
        reason: The error's text.
    """
    known = getattr(told, "attempts", 0), getattr(told, "status_code", None), reason[:_LONGEST_REASON]
    values = (identity.key, identity.digest, identity.position, state.value, *known, time.time())

    def put(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT OR REPLACE INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)

    return put


def count(connection: sqlite3.Connection) -> dict[EntryState, int]:
    """Return how many entries are in each state."""
    counts = dict(connection.execute("SELECT state, count(*) FROM entries GROUP BY state"))
    return {state: counts.get(state.value, 0) for state in EntryState}


def page(connection: sqlite3.Connection, after: bytes) -> list[tuple[bytes, Entry]]:
    """Return the entries that follow the key `after`, with their keys."""
    rows = connection.execute("SELECT * FROM entries WHERE key > ? ORDER BY key LIMIT ?", (after, PAGE_SIZE))
    return [(key, _entry(*entry)) for key, _, *entry in rows]


def _entry(position: int, state: str, *rest: Any) -> Entry:
    return Entry(position, EntryState(state), *rest)
