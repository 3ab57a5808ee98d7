"""What one worker writes of one event into the log that all of them share."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import attrs

from ..._errors import JournalError
from ..._journal import Entry, Identity, RunLog
from ..._logging import facts, logger
from ..._outcomes import Outcome

_PAUSES = (0.5, 1.0, 2.0)
"""Seconds between tries to tell the log what came of an event."""


@attrs.frozen
class World:
    """What lies outside: the monotonic clock and the wall's, in seconds, and a sleep."""

    clock: Callable[[], float] = time.monotonic
    wall_clock: Callable[[], float] = time.time
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


@attrs.define(eq=False)
class Claim:
    """The claim on one event, written once for all of its attempts, and what came of it.

    Args:
        run: The log, in this event's hands alone.
        identity: The event's.
        found: What the log knew of it.
        sleep: Waits for some seconds.

    Attributes:
        is_asked: The log was asked for it, and may have written it.
        is_written: It was.
    """

    run: RunLog
    identity: Identity
    found: Entry | None
    sleep: Callable[[float], Awaitable[None]]
    is_asked: bool = attrs.field(default=False, init=False)
    is_written: bool = attrs.field(default=False, init=False)

    async def write(self) -> None:
        """Claim the event: from now on no other worker sends it.

        Raises:
            ClaimedError: Another one was quicker.
            JournalError: The log cannot be reached.
        """
        if not self.is_written:
            self.is_asked = True
            await self.run.claim(self.identity, self.found)
            self.is_written = True

    async def settle(self, outcome: Outcome) -> None:
        """Write what came of the event, unless nothing was ever asked for it; try a few times, then go on without."""
        pauses = iter(_PAUSES)
        while self.is_asked:
            try:
                await self.run.settle(self.identity, outcome)
            except JournalError as error:
                if (pause := next(pauses, None)) is None:
                    text = "what came of an event is not in the delivery log: %s"
                    logger.error(text, type(error).__name__, extra=facts(error=error, status=outcome.status))
                    return
                await self.sleep(pause)
            else:
                return
