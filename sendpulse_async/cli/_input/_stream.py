"""Rows of an input that may keep its reader waiting: a thread waits in place of the event loop."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import anyio
import anyio.from_thread
import anyio.lowlevel
import attrs

from ._row import Row


@attrs.define(eq=False)
class _Reading:
    """One row that is being read, and who waits for it."""

    is_done: anyio.Event = attrs.field(factory=anyio.Event)
    row: Row | None = None
    fault: Exception | None = None

    def run(self, rows: Iterator[Row], token: Any) -> None:
        try:
            self.row = next(rows, None)
        except Exception as fault:  # noqa: BLE001 - raised by the one who waits
            self.fault = fault
        with contextlib.suppress(anyio.RunFinishedError):  # then nobody waits any more
            anyio.from_thread.run_sync(self.is_done.set, token=token)


class Stream(AsyncIterator[Row]):
    """Hands on each row of an iterator that may block, as soon as it is there.

    A row that was being read when its reader was cancelled is the next one. Nothing is read ahead, so nothing but a
    waiting thread is left behind by one who reads no more.
    """

    def __init__(self, rows: Iterator[Row]) -> None:
        self._rows = rows
        self._reading: _Reading | None = None

    async def __anext__(self) -> Row:
        if self._reading is None:
            self._reading = _Reading()
            arguments = (self._rows, anyio.lowlevel.current_token())
            # A daemon: a program that ends does not wait for the input. anyio's own threads, abandoned or not, it does.
            threading.Thread(
                target=self._reading.run, args=arguments, name="sendpulse_async input", daemon=True
            ).start()
        await self._reading.is_done.wait()
        reading, self._reading = self._reading, None
        if reading.fault is not None:
            raise reading.fault
        if reading.row is None:
            raise StopAsyncIteration
        return reading.row
