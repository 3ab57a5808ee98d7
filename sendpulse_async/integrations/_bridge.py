"""An async context for code that is not async: its event loop runs in the calling thread, while something is asked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager
from typing import Any, Generic, Self, TypeVar

from .._errors import ConfigurationError

T = TypeVar("T")
R = TypeVar("R")


class Bridge(Generic[T]):
    """Holds a context open, and runs coroutines beside it.

    One task opens and closes it, since what it is made of (a task group, a timeout) may be one task's own.

    Args:
        make: Called in the event loop; returns the context.

    Attributes:
        value: What the context gave.
    """

    value: T

    def __init__(self, make: Callable[[], AbstractAsyncContextManager[T]]) -> None:
        self._make = make
        # The thread's own event loop, which a factory leaves alone, may be somebody's.
        self._runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)

    def __enter__(self) -> Self:
        try:
            self.value = self.run(self._open())
        except BaseException:
            self._runner.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if not _is_loop_running():
            self._end()
            return
        with ThreadPoolExecutor(1) as beside:  # whoever lets go of a generator does not choose where
            beside.submit(self._end).result()

    def _end(self) -> None:
        try:
            self._runner.run(self._close())
        finally:
            self._runner.close()

    def run(self, coroutine: Coroutine[Any, Any, R]) -> R:
        """Return what a coroutine returns.

        Raises:
            ConfigurationError: An event loop runs in this thread already.
        """
        if _is_loop_running():
            coroutine.close()
            raise ConfigurationError("an event loop runs in this thread already: in async code await send_many")
        return self._runner.run(coroutine)

    async def _open(self) -> T:
        self._is_over = asyncio.Event()
        opened: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._holder = asyncio.create_task(self._hold(opened))
        either: set[asyncio.Future[Any]] = {self._holder, opened}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not opened.done():
            await self._holder  # which raises
        return opened.result()

    async def _hold(self, opened: asyncio.Future[T]) -> None:
        async with self._make() as value:
            opened.set_result(value)
            await self._is_over.wait()

    async def _close(self) -> None:
        self._is_over.set()
        await self._holder


def _is_loop_running() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
