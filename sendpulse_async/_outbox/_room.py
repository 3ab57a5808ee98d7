"""The bound of an outbox: who would put one event more than it may hold waits, first come, first served."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque


class Room:
    """Counts the events that an outbox holds.

    Args:
        limit: Events; None: any number.
        held: Events that are there already, be they more.
    """

    def __init__(self, limit: int | None, held: int = 0) -> None:
        self._limit = limit
        self._held = held
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def enter(self) -> None:
        """Wait until there is room, and take it.

        Raises:
            Exception: What `refuse` was given meanwhile.
        """
        if self._has_room and not self._waiting:
            self._held += 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                with contextlib.suppress(ValueError):  # who made room has passed it by already
                    self._waiting.remove(turn)
            elif turn.exception() is None:  # it was let in at the very moment
                self.leave()
            raise

    def squeeze_in(self) -> None:
        """Count one more, whether there is room or not."""
        self._held += 1

    def leave(self) -> None:
        """Make room for one."""
        self._held -= 1
        while self._waiting and self._has_room:
            turn = self._waiting.popleft()
            if not turn.done():
                self._held += 1
                turn.set_result(None)

    def refuse(self, error: Exception) -> None:
        """Let nobody wait any longer."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_exception(error)

    @property
    def _has_room(self) -> bool:
        return self._limit is None or self._held < self._limit
