"""The statements that keep a journal's entries; they run in the file's own thread."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

from .._database import FileKind
from ._entry import Entry, EntryState, RepeatedEventError
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

Found = tuple[Entry, bytes]
"""An entry with its digest."""


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


def putting(identity: Identity, entry: Entry) -> Callable[[sqlite3.Connection], None]:
    """Return what puts an entry in the place of an earlier one."""
    known = entry.state.value, entry.attempts, entry.status_code, entry.reason, entry.at
    values = (identity.key, identity.digest, entry.position, *known)

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
