"""A SQLite file that one thread writes: what it says is on disk, is on disk, and the event loop never waits for it."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import anyio
import anyio.to_thread

from .._errors import ConfigurationError, JournalError
from .._telling import briefly
from ._file import FileKind
from ._thread import Order, Orders, Work, caller, nothing, serve

T = TypeVar("T")


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
        self._orders: Orders | None = None
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
        orders: Orders = queue.SimpleQueue()
        opened = Order(nothing)
        orders.put(opened)
        arguments = (self.path, self.kind, orders, caller(), self._thread)
        # A daemon, lest a program that forgot to close hangs at its end: a transaction survives that, as a crash.
        name = f"sendpulse_async {self.kind.name}"
        self._thread = threading.Thread(target=serve, args=arguments, name=name, daemon=True)
        self._thread.start()
        try:
            await opened.is_done.wait()
        except BaseException:
            last = Order(nothing, is_last=True)
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
        order = Order(work)
        self._orders.put(order)
        return _result(order)

    async def aclose(self) -> None:
        """Finish what was given, and close the file, whoever cancels."""
        if (last := self.abandon()) is not None:
            await _surely(last.is_done.wait)
        elif self._thread is not None and self._thread.is_alive():  # of an opening that was cancelled
            join = self._thread.join
            await _surely(lambda: anyio.to_thread.run_sync(join, abandon_on_cancel=True))

    def abandon(self) -> Order[None] | None:
        """Have the file closed after what was given, and wait for nothing."""
        orders, self._orders = self._orders, None
        if orders is None or self._pid != os.getpid():
            return None
        last = Order(nothing, is_last=True)
        orders.put(last)
        return last


async def _result(order: Order[T]) -> T:
    await order.is_done.wait()
    if order.fault is not None:
        raise order.fault
    result: T = order.result
    return result


async def _surely(wait: Callable[[], Awaitable[object]]) -> None:
    """Wait, whoever cancels: a scope is shielded from, and a task's own `cancel` comes when the wait is over."""

    async def shielded() -> None:
        with anyio.CancelScope(shield=True):
            await wait()

    with anyio.CancelScope(shield=True):
        async with anyio.create_task_group() as group:
            group.start_soon(shielded)


async def _let_go(opened: Order[None], last: Order[None]) -> None:
    """Wait until a file that nobody wants any more is closed, or could not be opened."""
    await opened.is_done.wait()
    if opened.fault is None:
        await last.is_done.wait()
