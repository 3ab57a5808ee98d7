"""What Ctrl-C means to a bulk run."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType, TracebackType
from typing import Self

import anyio

HEARTBEAT = 0.2
"""Seconds."""


@contextmanager
def heartbeat() -> Iterator[None]:
    """Wake the event loop now and then.

    A signal that comes just before the loop goes to sleep is seen by Python when it wakes: without this, perhaps at the
    event's deadline.
    """
    loop = asyncio.get_running_loop()
    timer = None

    def beat() -> None:
        nonlocal timer
        timer = loop.call_later(HEARTBEAT, beat)

    beat()
    try:
        yield
    finally:
        if timer is not None:
            timer.cancel()


class Interrupts:
    """Counts Ctrl-C: the first asks for the end, the second aborts, a third is Python's own again.

    Args:
        on_first: Called in the event loop at the first.

    Attributes:
        is_stopping: There was a first one.
        scope: Cancelled by the second.
    """

    def __init__(self, on_first: Callable[[], object]) -> None:
        self.is_stopping = False
        self.scope = anyio.CancelScope()
        self._on_first = on_first

    def __enter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        # Not the loop's add_signal_handler, which Windows lacks.
        self._before = signal.signal(signal.SIGINT, self._handle)
        self._open = ExitStack()
        self._open.enter_context(heartbeat())
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._open.close()
        signal.signal(signal.SIGINT, self._before)

    def _handle(self, _signal: int, _frame: FrameType | None) -> None:
        if not self.is_stopping:
            self.is_stopping = True
            self._loop.call_soon_threadsafe(self._on_first)
            return
        signal.signal(signal.SIGINT, self._before)
        self._loop.call_soon_threadsafe(self.scope.cancel)
