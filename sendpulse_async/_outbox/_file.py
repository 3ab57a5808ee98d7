"""A shelf in a file: what it says is done outlives the process, and the machine."""

from __future__ import annotations

import os
import sqlite3
from typing import Final

from .._database import Database, FileKind
from .._errors import OutcomeStatus
from ._values import Burial, Entry, Grave, OutboxStats

KIND: Final = FileKind(
    name="outbox",
    application_id=0x53504F42,
    version=1,
    schema=(
        # A place is one in the line; a dead letter has none. AUTOINCREMENT: no number is ever given to a second event.
        """CREATE TABLE events (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            record TEXT NOT NULL,
            place INTEGER UNIQUE,
            is_intended INTEGER NOT NULL DEFAULT 0,
            status TEXT,
            reason TEXT,
            at REAL
        )""",
        "CREATE TABLE counts (put INTEGER, accepted INTEGER, rejected INTEGER, unknown INTEGER)",
        "INSERT INTO counts VALUES (0, 0, 0, 0)",
    ),
)
_END: Final = "(SELECT coalesce(max(place), 0) + 1 FROM events)"


class FileShelf:
    """Keeps the promises of `Shelf` in a file of its own.

    Args:
        path: See `Database`.

    Raises:
        ConfigurationError: `path` is no path.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._database = Database(path, KIND)
        self.name = str(self._database.path)

    async def open(self) -> None:
        """See `Shelf`."""
        await self._database.open()
        try:
            await self._database.do(_overwrite_what_is_deleted)
        except BaseException:
            self._database.abandon()
            raise

    async def add(self, record: str) -> int:
        """See `Shelf`."""

        def work(file: sqlite3.Connection) -> int:
            sql = f"INSERT INTO events (record, place) VALUES (?, {_END})"  # noqa: S608 - our own words
            number = file.execute(sql, (record,)).lastrowid
            file.execute("UPDATE counts SET put = put + 1")
            assert number is not None  # noqa: S101 - a row was inserted
            return number

        return await self._database.do(work)

    async def first(self, after: int = 0) -> Entry | None:
        """See `Shelf`."""
        sql = "SELECT number, record, place FROM events WHERE place > ? ORDER BY place LIMIT 1"
        row = await self._database.do(lambda file: file.execute(sql, (after,)).fetchone())
        return None if row is None else Entry(*row)

    async def intend(self, number: int) -> None:
        """See `Shelf`."""
        sql = "UPDATE events SET is_intended = 1 WHERE number = ? AND place IS NOT NULL"
        await self._database.do(lambda file: file.execute(sql, (number,)).rowcount)

    async def put_back(self, number: int, *, to_end: bool) -> None:
        """See `Shelf`."""
        place = _END if to_end else "place"
        sql = f"UPDATE events SET is_intended = 0, place = {place} WHERE number = ? AND place IS NOT NULL"  # noqa: S608
        await self._database.do(lambda file: file.execute(sql, (number,)).rowcount)

    async def accept(self, number: int) -> None:
        """See `Shelf`."""

        def work(file: sqlite3.Connection) -> None:
            if file.execute("DELETE FROM events WHERE number = ? AND place IS NOT NULL", (number,)).rowcount:
                file.execute("UPDATE counts SET accepted = accepted + 1")

        await self._database.do(work)

    async def bury(self, number: int, grave: Grave) -> None:
        """See `Shelf`."""
        await self._database.do(lambda file: _bury(file, "number = ?", (number,), grave))

    async def recover(self, grave: Grave) -> list[Burial]:
        """See `Shelf`."""
        return await self._database.do(lambda file: _bury(file, "is_intended", (), grave))

    async def requeue(self, number: int) -> bool:
        """See `Shelf`."""

        def work(file: sqlite3.Connection) -> bool:
            row = file.execute("SELECT status FROM events WHERE number = ? AND place IS NULL", (number,)).fetchone()
            if row is None:
                return False
            sql = f"UPDATE events SET place = {_END}, status = NULL, reason = NULL, at = NULL WHERE number = ?"  # noqa: S608
            file.execute(sql, (number,))
            _count(file, OutcomeStatus(row[0]), -1)
            return True

        return await self._database.do(work)

    async def dead(self, limit: int) -> list[Burial]:
        """See `Shelf`."""
        sql = "SELECT number, record, status, reason, at FROM events WHERE place IS NULL ORDER BY number LIMIT ?"
        return await self._database.do(lambda file: [_burial(*row) for row in file.execute(sql, (limit,))])

    async def stats(self) -> OutboxStats:
        """See `Shelf`."""
        sql = "SELECT put, accepted, rejected, unknown, (SELECT count(place) FROM events) FROM counts"
        return OutboxStats(*await self._database.do(lambda file: file.execute(sql).fetchone()))

    async def aclose(self) -> None:
        """See `Shelf`."""
        await self._database.aclose()

    def abandon(self) -> None:
        """See `Shelf`."""
        self._database.abandon()


def _overwrite_what_is_deleted(file: sqlite3.Connection) -> None:
    file.execute("PRAGMA secure_delete = ON").fetchone()


def _bury(file: sqlite3.Connection, which: str, values: tuple[int, ...], grave: Grave) -> list[Burial]:
    where = f"WHERE {which} AND place IS NOT NULL"
    rows = file.execute(f"SELECT number, record FROM events {where} ORDER BY number", values).fetchall()  # noqa: S608
    sql = f"UPDATE events SET place = NULL, is_intended = 0, status = ?, reason = ?, at = ? {where}"  # noqa: S608
    file.execute(sql, (grave.status.value, grave.reason, grave.at, *values))
    _count(file, grave.status, len(rows))
    return [Burial(number, record, grave) for number, record in rows]


def _count(file: sqlite3.Connection, status: OutcomeStatus, more: int) -> None:
    name = status.value
    file.execute(f"UPDATE counts SET {name} = {name} + ?", (more,))  # noqa: S608 - one of two words


def _burial(number: int, record: str, status: str, reason: str, at: float) -> Burial:
    return Burial(number, record, Grave(OutcomeStatus(status), reason, at))
