"""A SQLite file that one thread writes: what it says is on disk, is on disk, and the event loop never waits for it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import queue
import sqlite3
import threading
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, Generic, TypeVar

import anyio
import anyio.lowlevel
import anyio.to_thread
import attrs

from ._errors import ConfigurationError, JournalError
from ._hooks import briefly

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]


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


@attrs.define(eq=False)
class _Order(Generic[T]):
    """One piece of work, and who waits for it.

    Attributes:
        is_last: The file is closed before it is reported.
    """

    work: Work[T]
    is_last: bool = False
    is_done: anyio.Event = attrs.field(factory=anyio.Event)
    result: Any = None
    fault: Exception | None = None


_Orders = queue.SimpleQueue[_Order[Any]]


def _nothing(_: sqlite3.Connection) -> None:
    """Do nothing: the work of an order that is given for something else."""


class Database:
    """One file for one process: open, work, close.

    Work that is given while the disk is busy shares the next transaction, so that many wait for one `fsync`. Whoever is
    cancelled while waiting cannot know, but work is done wholly or not at all, and in the order in which it was given.

    Args:
        path: The file; made, for its owner's eyes only (mode 0600), where there is none.
        kind: What it is.

    Raises:
        ConfigurationError: `path` is no path.
    """

    def __init__(self, path: str | os.PathLike[str], kind: FileKind) -> None:
        try:
            self.path = Path(path)
        except TypeError:
            raise ConfigurationError(f"path must be a path, not {type(path).__name__}") from None
        if not os.fspath(path) or "\0" in str(path):
            raise ConfigurationError("path must name a file")
        self.kind = kind
        self._orders: _Orders | None = None
        self._thread: threading.Thread | None = None
        self._pid = 0

    @property
    def is_open(self) -> bool:
        """Whether it can be worked with."""
        return self._orders is not None

    async def open(self) -> None:
        """Open the file, and keep everybody else out.

        Raises:
            JournalError: It is in use, of a newer version or another kind, or cannot be read or made.
        """
        orders: _Orders = queue.SimpleQueue()
        opened = _Order(_nothing)
        orders.put(opened)
        arguments = (self.path, self.kind, orders, _caller(), self._thread)
        # A daemon, lest a program that forgot to close hangs at its end: a transaction survives that, as a crash.
        name = f"sendpulse_async {self.kind.name}"
        self._thread = threading.Thread(target=_serve, args=arguments, name=name, daemon=True)
        self._thread.start()
        try:
            await opened.is_done.wait()
        except BaseException:
            last = _Order(_nothing, is_last=True)
            orders.put(last)
            await briefly(_let_go(opened, last))
            raise
        if opened.fault is not None:
            raise opened.fault
        self._orders, self._pid = orders, os.getpid()

    def do(self, work: Work[T]) -> Coroutine[Any, Any, T]:
        """Do work in a transaction, and return what it returns once that is on disk.

        It is given to the thread by the call itself: works are done in the order of the calls, whoever waits first.

        Args:
            work: Called in another thread; it writes nothing before it raises anything of its own.

        Raises:
            JournalError: The file was closed, or the disk fails: nothing of this work is there.
        """
        if self._orders is None:
            raise JournalError(f"{self.path}: the {self.kind.name} is closed")
        if self._pid != os.getpid():
            raise JournalError(f"{self.path}: the {self.kind.name} was opened before a fork, by another process")
        order = _Order(work)
        self._orders.put(order)
        return _result(order)

    async def aclose(self) -> None:
        """Finish what was given, and close the file, whoever cancels."""
        if (last := self.abandon()) is not None:
            with anyio.CancelScope(shield=True):
                async with anyio.create_task_group() as group:  # a task's own `cancel` heeds no shield
                    group.start_soon(_shielded, last.is_done)

    def abandon(self) -> _Order[None] | None:
        """Have the file closed after what was given, and wait for nothing."""
        orders, self._orders = self._orders, None
        if orders is None or self._pid != os.getpid():
            return None
        last = _Order(_nothing, is_last=True)
        orders.put(last)
        return last


Caller = Callable[[Callable[[], None]], object]
"""Has a function called in an event loop, from another thread, and waits for nothing."""


def _caller() -> Caller:
    loop: Any = anyio.lowlevel.current_token().native_token
    call: Caller = loop.call_soon_threadsafe if isinstance(loop, asyncio.AbstractEventLoop) else loop.run_sync_soon
    return call


async def _result(order: _Order[T]) -> T:
    await order.is_done.wait()
    if order.fault is not None:
        raise order.fault
    result: T = order.result
    return result


async def _shielded(event: anyio.Event) -> None:
    with anyio.CancelScope(shield=True):
        await event.wait()


async def _let_go(opened: _Order[None], last: _Order[None]) -> None:
    """Wait until a file that nobody wants any more is closed, or could not be opened."""
    await opened.is_done.wait()
    if opened.fault is None:
        await last.is_done.wait()


# The thread


def _serve(path: Path, kind: FileKind, orders: _Orders, call: Caller, before: threading.Thread | None) -> None:
    """Open the file for the first order, once the thread before has closed it, and do all others until the last."""
    if before is not None:
        before.join()
    opened = orders.get()
    try:
        connection = _opened(path, kind)
    except JournalError as error:
        opened.fault = error
        _report([opened], call)
        return
    _report([opened], call)
    while True:
        batch = _next_batch(orders)
        _transact(connection, batch, path, kind)
        if batch[-1].is_last:
            connection.close()
            _report(batch, call)
            return
        _report(batch, call)


def _next_batch(orders: _Orders) -> list[_Order[Any]]:
    """Wait for an order, and return it with all that came after it."""
    batch = [orders.get()]
    while not batch[-1].is_last and not orders.empty():
        batch.append(orders.get())
    return batch


def _transact(connection: sqlite3.Connection, batch: list[_Order[Any]], path: Path, kind: FileKind) -> None:
    try:
        with _explained(path, kind):
            connection.execute("BEGIN")
            try:
                for order in batch:
                    _do(order, connection)
                connection.execute("COMMIT")
            finally:
                if connection.in_transaction:  # SQLite ends some broken ones by itself
                    connection.execute("ROLLBACK")
    except JournalError as error:
        for order in batch:
            order.fault = error


def _do(order: _Order[Any], connection: sqlite3.Connection) -> None:
    try:
        order.result = order.work(connection)
    except sqlite3.Error:
        raise  # that spoils all of the transaction
    except Exception as fault:  # noqa: BLE001 - raised by the one who gave the order
        order.fault = fault


def _report(batch: list[_Order[Any]], call: Caller) -> None:
    """Tell all who wait; an event loop that has stopped, and may never run again, must not keep the file open."""

    def tell() -> None:
        for order in batch:
            order.is_done.set()

    with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
        call(tell)


def _opened(path: Path, kind: FileKind) -> sqlite3.Connection:
    _make(path, kind)
    with _explained(path, kind):
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
def _explained(path: Path, kind: FileKind) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # without SQLite's finer distinctions
        raise JournalError(f"{path}: the {kind.name} {_REASONS.get(code, f'cannot be used: {error}')}") from error
