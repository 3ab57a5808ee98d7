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
    limit = None if seconds == math.inf else seconds
    if not is_asyncio():
        with anyio.move_on_after(limit):
            return await work
        return None
    timeout = asyncio.timeout(limit)  # a third of what anyio's scope costs, and it stands in the way of every event
    try:
        async with timeout:
            return await work
    except TimeoutError:
        if not timeout.expired():
            raise
    return None


def _current_loop() -> object:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return anyio.lowlevel.current_token().native_token


class PerLoop(Generic[T]):
    """One `T` for each event loop that asks for one, made on first use and forgotten with the loop."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._begin()

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._made: WeakKeyDictionary[object, T] = WeakKeyDictionary()
        self._latest: tuple[Callable[[], object | None], T] | None = None

    def get(self) -> T:
        """Return what belongs to the running loop; a forked child begins anew."""
        if self._pid != os.getpid():
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
        return self._made.get(_current_loop()) if self._pid == os.getpid() else None
