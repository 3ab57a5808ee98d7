"""The thread that has a file to itself: it does what it is given, in order, with one `fsync` for all that waited."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, TypeVar

import anyio
import anyio.lowlevel
import attrs

from .._errors import JournalError
from ._file import FileKind, explained, opened

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]


@attrs.define(eq=False)
class Order(Generic[T]):
    """One piece of work, and who waits for it.

    Attributes:
        is_last: The file is closed before it is reported.
    """

    work: Work[T]
    is_last: bool = False
    is_done: anyio.Event = attrs.field(factory=anyio.Event)
    result: Any = None
    fault: Exception | None = None


Orders = queue.SimpleQueue[Order[Any]]


def nothing(_: sqlite3.Connection) -> None:
    """Do nothing: the work of an order that is given for something else."""


Caller = Callable[[Callable[[], None]], object]
"""Has a function called in an event loop, from another thread, and waits for nothing."""


def caller() -> Caller:
    """Return the way back into the running event loop."""
    loop: Any = anyio.lowlevel.current_token().native_token
    call: Caller = loop.call_soon_threadsafe if isinstance(loop, asyncio.AbstractEventLoop) else loop.run_sync_soon
    return call


def serve(path: Path, kind: FileKind, orders: Orders, call: Caller, before: threading.Thread | None) -> None:
    """Open the file for the first order, once the thread before has closed it, and do all others until the last."""
    if before is not None:
        before.join()
    first = orders.get()
    try:
        connection = opened(path, kind)
    except JournalError as error:
        first.fault = error
        _report([first], call)
        return
    _report([first], call)
    while True:
        batch = _next_batch(orders)
        _transact(connection, batch, path, kind)
        if batch[-1].is_last:
            connection.close()
            _report(batch, call)
            return
        _report(batch, call)


def _next_batch(orders: Orders) -> list[Order[Any]]:
    """Wait for an order, and return it with all that came after it."""
    batch = [orders.get()]
    while not batch[-1].is_last and not orders.empty():
        batch.append(orders.get())
    return batch


def _transact(connection: sqlite3.Connection, batch: list[Order[Any]], path: Path, kind: FileKind) -> None:
    try:
        with explained(path, kind):
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


def _do(order: Order[Any], connection: sqlite3.Connection) -> None:
    try:
        order.result = order.work(connection)
    except sqlite3.Error:
        raise  # that spoils all of the transaction
    except Exception as fault:  # noqa: BLE001 - raised by the one who gave the order
        order.fault = fault


def _report(batch: list[Order[Any]], call: Caller) -> None:
    """Tell all who wait; an event loop that has stopped, and may never run again, must not keep the file open."""

    def tell() -> None:
        for order in batch:
            order.is_done.set()

    with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
        call(tell)
