"""Tells event loops apart, so that what belongs to one is never used in another, nor in a forked child."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

import sniffio

T = TypeVar("T")


def is_asyncio() -> bool:
    """Tell whether the running event loop is asyncio's (uvloop's counts as one)."""
    return sniffio.current_async_library() == "asyncio"


def _current_loop() -> object:
    if is_asyncio():
        return asyncio.get_running_loop()
    import trio  # noqa: PLC0415 - it runs already, or we would not be here

    return trio.lowlevel.current_trio_token()


class PerLoop(Generic[T]):
    """One `T` for each event loop that asks for one, made on first use and forgotten with the loop."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._pid = os.getpid()
        self._made: WeakKeyDictionary[object, T] = WeakKeyDictionary()

    def get(self) -> T:
        """Return what belongs to the running loop; a forked child begins anew."""
        if self._pid != os.getpid():
            self._pid, self._made = os.getpid(), WeakKeyDictionary()
        loop = _current_loop()
        if (found := self._made.get(loop)) is None:
            found = self._made[loop] = self._make()
        return found

    def peek(self) -> T | None:
        """Return what the running loop has, or None."""
        return self._made.get(_current_loop()) if self._pid == os.getpid() else None

    def __bool__(self) -> bool:
        """Tell whether any loop has one."""
        return self._pid == os.getpid() and bool(self._made)
