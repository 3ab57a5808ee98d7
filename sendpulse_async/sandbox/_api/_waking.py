"""A wait for the next change of a sandbox, without a look at the clock."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..._listeners import Listeners


class Waker:
    """Wakes one task of this event loop at each change, made in any thread; many changes at once wake it once."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._event = asyncio.Event()
        self._is_due = False

    @classmethod
    @contextlib.contextmanager
    def listening(cls, listeners: Listeners) -> Iterator[Waker]:
        """Open one that these listeners tell of each change."""
        waker = cls()
        with listeners.listening(waker.wake):
            yield waker

    def wake(self) -> None:
        """Wake the task, or keep it from falling asleep."""
        if self._is_due:
            return
        self._is_due = True
        # A loop that is closed has nobody left to wake.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._event.set)

    async def wait(self, seconds: float) -> bool:
        """Return at the next change since the last call, at once when there was one; False when none came in time."""
        try:
            async with asyncio.timeout(seconds):
                await self._event.wait()
        except TimeoutError:
            return False
        self._event.clear()
        # Before the caller looks: whatever changes from here on wakes it again.
        self._is_due = False
        return True
