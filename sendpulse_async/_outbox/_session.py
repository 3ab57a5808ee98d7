"""An outbox while it is open, in one event loop of one process: who puts, the worker, and how it ends."""

from __future__ import annotations

import asyncio
import contextvars
import os
from collections.abc import Coroutine
from typing import Any, TypeVar

from .._errors import JournalError
from .._logging import facts, logger
from .._senders import ForeignSender, Sender
from .._telling import PATIENCE, briefly
from ._checks import Options
from ._delivery import Delivery, World
from ._room import Room
from ._shelf import Shelf
from ._values import Drained

T = TypeVar("T")
_ELSEWHERE = "is open in another event loop; close it there"
_FOR_EVER = 1e9
"""Seconds, for an event loop that takes no infinite ones."""


class Session:
    """One opening of a shelf.

    Args:
        shelf: Opened.
        sender: Sends one event.
        options: The outbox's.
    """

    def __init__(self, shelf: Shelf, sender: Sender | ForeignSender, options: Options) -> None:
        self._shelf = shelf
        self._options = options
        self._room = Room(options.max_pending)
        self._delivery = Delivery(shelf, sender, options.on_outcome, self._has_settled, World())
        self.loop = asyncio.get_running_loop()
        self._pid = os.getpid()
        self._changes: set[asyncio.Task[Any]] = set()
        self._worker: asyncio.Task[None] | None = None
        self._fault: Exception | None = None
        self._closing: asyncio.Task[None] | None = None
        self._hurry: asyncio.Future[None] = self.loop.create_future()
        self._is_forgotten = False

    async def begin(self) -> None:
        """Take over what an earlier process left, and let the worker go on with it."""
        await self._delivery.begin()
        self._room = Room(self._options.max_pending, self._delivery.pending)
        self._wake()

    # Who puts

    def check(self) -> None:
        """Let the worker go on where it stopped.

        Raises:
            JournalError: The outbox belongs to another event loop or process, or is being closed.
            Exception: What stopped the worker, once.
        """
        if self.is_childs:
            raise self._error("was opened before a fork, by another process")
        if self.loop is not asyncio.get_running_loop():
            raise self._error(_ELSEWHERE)
        if self._closing is not None:
            raise self._error("is closed")
        if self._fault is not None:
            fault, self._fault = self._fault, None
            raise fault
        self._wake()

    async def put(self, record: str) -> int:
        """Wait for room, and put an event at the end of the line; return its number."""
        await self._room.enter()
        return await self._change(self._add(record))

    async def requeue(self, number: int) -> bool:
        """Put a dead letter at the end of the line; tell whether it was one."""
        return await self._change(self._put_again(number))

    async def _change(self, change: Coroutine[Any, Any, T]) -> T:
        """Let a change of the shelf come to its end, and be counted, though who asked for it is cancelled."""
        task = self._task(change)
        self._changes.add(task)
        task.add_done_callback(self._changes.discard)
        return await asyncio.shield(task)

    async def _add(self, record: str) -> int:
        try:
            number = await self._shelf.add(record)
        except BaseException:
            self._room.leave()
            raise
        self._has_grown()
        return number

    async def _put_again(self, number: int) -> bool:
        if not await self._shelf.requeue(number):
            return False
        self._room.squeeze_in()
        self._has_grown()
        return True

    def _has_grown(self) -> None:
        self._delivery.pending += 1
        self._wake()

    def _has_settled(self) -> None:
        self._room.leave()

    # The worker

    def _wake(self) -> None:
        if self._worker is None and self._delivery.has_work and self._fault is None:
            self._worker = self._task(self._work())
            self._worker.add_done_callback(self._has_worked)

    def _task(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        # In a context of its own: what a caller keeps in context variables is not the next caller's.
        return self.loop.create_task(work, context=contextvars.Context())

    async def _work(self) -> None:
        try:
            await self._delivery.work()
        except Exception as fault:  # noqa: BLE001 - raised by whoever puts next
            about = facts(outbox=self._shelf.name, error=fault)
            logger.error("an outbox (%s) stopped: %s was raised", self._shelf.name, type(fault).__name__, extra=about)
            self._fault = fault
            self._room.refuse(fault)

    def _has_worked(self, worker: asyncio.Task[None]) -> None:
        self._worker = None
        if self._is_forgotten:
            self._shelf.abandon()
        elif not worker.cancelled() and worker.exception() is None:
            self._wake()  # something was put while it ended

    # The end

    @property
    def drained(self) -> Drained:
        """What was done, and what is left."""
        return Drained(self._delivery.delivered, self._delivery.pending, self._delivery.dead)

    @property
    def is_over(self) -> bool:
        """Whether it has ended, and the shelf is closed."""
        return self._closing is not None and self._closing.done()

    @property
    def is_childs(self) -> bool:
        """Whether this is a copy of it, made by a fork."""
        return self._pid != os.getpid()

    async def aclose(self, drain: float) -> None:
        """End it, as `Outbox.aclose` says; all who call it wait for the same end."""
        if self.loop is not asyncio.get_running_loop():
            raise self._error(_ELSEWHERE)
        if self._closing is None:
            self._closing = self._task(self._close(drain))
        try:
            await asyncio.shield(self._closing)
        except asyncio.CancelledError:
            if not self._hurry.done():
                self._hurry.set_result(None)
            await briefly(asyncio.wait([self._closing]))
            raise

    async def _close(self, drain: float) -> None:
        self._room.refuse(self._error("is closed"))
        try:
            if self._changes:
                await asyncio.wait(self._changes)
            if self._worker is not None:
                ends = [self._worker, self._hurry]
                await asyncio.wait(ends, timeout=min(drain, _FOR_EVER), return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._delivery.is_ended = True
            try:
                await self._stop()
            finally:
                await self._shelf.aclose()
        if self._fault is not None:
            raise self._fault

    async def _stop(self) -> None:
        """Cancel the worker; one whose sender will not end is left behind, and its event is UNKNOWN from then on."""
        if (worker := self._worker) is not None:
            worker.cancel()
            await asyncio.wait([worker], timeout=2 * PATIENCE)

    def forget(self) -> None:
        """Have the shelf closed when the worker has ended, for nobody will ask again."""
        self._is_forgotten = True
        if self._worker is None or self.loop.is_closed():
            self._shelf.abandon()

    def _error(self, what: str) -> JournalError:
        return JournalError(f"{self._shelf.name}: the outbox {what}")
