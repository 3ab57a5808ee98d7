"""Tells event loops apart, so that what belongs to one is never used in another, nor in a forked child."""

from __future__ import annotations

import asyncio
import math
import os
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary, ref

import anyio
import anyio.lowlevel
import sniffio

T = TypeVar("T")


def is_asyncio() -> bool:
    """Tell whether the running event loop is asyncio's (uvloop's counts as one).

    sniffio's own function asks for the current task as well, and this is asked for every event.
    """
    if (name := sniffio.thread_local.name) is not None:
        return name == "asyncio"
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


async def within(seconds: float, work: Awaitable[T]) -> T | None:
    """Return what `work` returns, or None where the time was up first; `inf` is no limit."""
    if seconds == math.inf:
        return await work
    limits = _limits.get()
    if limits is None:
        with anyio.move_on_after(seconds):
            return await work
        return None
    limit = limits.add(seconds)
    try:
        return await work
    except asyncio.CancelledError:
        if not limit.take_back():
            raise
    finally:
        limits.remove(limit)
    return None


def _current_loop() -> object:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return anyio.lowlevel.current_token().native_token


class _Process:
    """Knows a forked child from its parent without a question to the operating system, which every event would pay."""

    def __init__(self) -> None:
        self._begin()
        if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
            os.register_at_fork(after_in_child=self._begin)

    def _begin(self) -> None:
        self.identity = object()


_process = _Process()


class PerLoop(Generic[T]):
    """One `T` for each event loop that asks for one, made on first use and forgotten with the loop."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._begin()

    def _begin(self) -> None:
        self._process = _process.identity
        self._made: WeakKeyDictionary[object, T] = WeakKeyDictionary()
        self._latest: tuple[Callable[[], object | None], T] | None = None

    def get(self) -> T:
        """Return what belongs to the running loop; a forked child begins anew."""
        if self._process is not _process.identity:
            self._begin()
        loop, latest = _current_loop(), self._latest  # looked at once: another thread's loop may replace it
        if latest is not None and latest[0]() is loop:
            return latest[1]
        if (found := self._made.get(loop)) is None:
            self._forget_ended()
            found = self._made[loop] = self._make()
        self._latest = ref(loop), found
        return found

    def _forget_ended(self) -> None:
        """Let go of what belongs to closed loops: it holds on to its loop, so it would never go by itself."""
        for loop in list(self._made):
            if isinstance(loop, asyncio.AbstractEventLoop) and loop.is_closed():
                del self._made[loop]
        self._latest = None

    def peek(self) -> T | None:
        """Return what the running loop has, or None."""
        return self._made.get(_current_loop()) if self._process is _process.identity else None


class _Limit:
    """The time limit of one piece of work on asyncio: it ends as by `asyncio.timeout`, without a timer of its own.

    Attributes:
        ends_at: In the event loop's clock.
        has_struck: The time was up, and the task was cancelled.
    """

    __slots__ = ("_cancelling", "_task", "ends_at", "has_struck", "seconds", "timer")

    def __init__(self, task: asyncio.Task[object], seconds: float, ends_at: float) -> None:
        self._task = task
        self._cancelling = task.cancelling()
        self.seconds = seconds
        self.ends_at = ends_at
        self.timer: asyncio.TimerHandle | None = None
        self.has_struck = False

    def strike(self) -> None:
        self.has_struck = True
        self._task.cancel()

    def take_back(self) -> bool:
        """Take the cancellation back, if there was one; tell whether nobody else cancelled the task."""
        if not self.has_struck:
            return False
        self.has_struck = False
        return self._task.uncancel() <= self._cancelling


class _Limits:
    """The time limits of one asyncio loop: one timer for all of a length, which end in the order in which they began.

    A timer of its own for each event would be set and cancelled thousands of times a second, to fire never.
    """

    def __init__(self) -> None:
        self._find_loop = ref(asyncio.get_running_loop())  # what belongs to a loop must not keep it alive
        self._open: dict[float, dict[_Limit, None]] = {}
        self._timers: dict[float, asyncio.TimerHandle] = {}

    @property
    def _loop(self) -> asyncio.AbstractEventLoop:
        loop = self._find_loop()
        assert loop is not None  # noqa: S101 - it runs: only what runs in it comes here
        return loop

    def add(self, seconds: float) -> _Limit:
        """Begin a limit of the running task."""
        loop = self._loop
        task = asyncio.current_task(loop)
        assert task is not None  # noqa: S101 - a coroutine is running
        limit = _Limit(task, seconds, loop.time() + seconds)
        if (group := self._open.get(seconds)) is not None:
            group[limit] = None
        elif len(self._open) < _MOST_LENGTHS:
            self._open[seconds] = {limit: None}
            self._look_at(limit.ends_at, seconds)
        else:
            limit.timer = loop.call_at(limit.ends_at, limit.strike)
        return limit

    def remove(self, limit: _Limit) -> None:
        limit.take_back()
        if limit.timer is not None:
            limit.timer.cancel()
        elif (group := self._open.get(limit.seconds)) is not None:
            group.pop(limit, None)

    def _look(self, seconds: float) -> None:
        """End those whose time is up, and look again when the next one's is."""
        group, now = self._open[seconds], self._loop.time()
        for limit in list(group):
            if limit.ends_at > now:
                self._look_at(limit.ends_at, seconds)
                return
            del group[limit]
            limit.strike()
        self._forget(seconds)

    def _look_at(self, moment: float, seconds: float) -> None:
        self._timers[seconds] = self._loop.call_at(moment, self._look, seconds)

    def _forget(self, seconds: float) -> None:
        self._timers.pop(seconds).cancel()
        del self._open[seconds]

    def forget_unused(self) -> None:
        for seconds in [seconds for seconds, group in self._open.items() if not group]:
            self._forget(seconds)


_MOST_LENGTHS = 16
"""That share a timer; who gives each event a deadline of its own pays for a timer of its own."""
_limits = PerLoop(lambda: _Limits() if is_asyncio() else None)


def forget_unused_limits() -> None:
    """Cancel the timers that no work in this event loop needs any more."""
    if (limits := _limits.peek()) is not None:
        limits.forget_unused()
