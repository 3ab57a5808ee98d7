"""A SQLite file as it is opened: made or known, locked, and its errors in words that say what to do."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import attrs

from .._errors import JournalError


@attrs.frozen
class FileKind:
    """What a file is, so that nothing else is taken for it.

    Attributes:
        name: As errors call it.
        application_id: SQLite's mark of whose file it is.
        version: Of the schema; a file of a newer one is refused.
        schema: The statements that make an empty file one of this kind.
    """

    name: str
    application_id: int
    version: int
    schema: tuple[str, ...]


def opened(path: Path, kind: FileKind) -> sqlite3.Connection:
    """Return a connection to the file, which nobody else can open meanwhile.

    Raises:
        JournalError: It is in use, of a newer version or another kind, or cannot be read or made.
    """
    _make(path, kind)
    with explained(path, kind):
        connection = sqlite3.connect(path.absolute(), timeout=0, isolation_level=None)
        try:
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            connection.execute("BEGIN EXCLUSIVE")
            _identify(connection, path, kind)
            connection.execute("COMMIT")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")  # a commit is on disk, not in the operating system alone
        except BaseException:
            connection.close()
            raise
    return connection


def _make(path: Path, kind: FileKind) -> None:
    # An existing file is not opened here: closing it again would let go of the locks that this process has on it.
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        if not path.is_file():
            raise JournalError(f"{path}: is no file, and so no {kind.name}") from None
    except OSError as error:
        raise JournalError(f"{path}: the {kind.name} cannot be made: {error.strerror}") from error


def _identify(connection: sqlite3.Connection, path: Path, kind: FileKind) -> None:
    """Make an empty file one of this kind, and refuse what is another."""
    (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if not (application_id or version or tables):
        for statement in kind.schema:
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {kind.application_id}")
        connection.execute(f"PRAGMA user_version = {kind.version}")
    elif application_id != kind.application_id:
        raise JournalError(f"{path}: is no {kind.name} of sendpulse_async")
    elif version > kind.version:
        raise JournalError(f"{path}: is of a newer version of sendpulse_async; update it to use this {kind.name}")


_REASONS = {
    sqlite3.SQLITE_BUSY: "is in use; wait for the other run to end, or name another file",
    sqlite3.SQLITE_FULL: "cannot be written: the disk is full",
    sqlite3.SQLITE_NOTADB: "is no SQLite file",
    sqlite3.SQLITE_CORRUPT: "is damaged",
}


@contextlib.contextmanager
def explained(path: Path, kind: FileKind) -> Iterator[None]:
    """Raise what SQLite raises as a `JournalError`."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # without SQLite's finer distinctions
        raise JournalError(f"{path}: the {kind.name} {_REASONS.get(code, f'cannot be used: {error}')}") from error
