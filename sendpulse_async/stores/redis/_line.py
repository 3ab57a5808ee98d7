"""Those who wait for Redis in one event loop: whoever comes while one question is under way goes with the next."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import attrs

from ..._errors import RateLimitedError
from ..._quota import Gcra

MOST_AT_ONCE = 100
"""Places that one question asks for, so that the script never runs long."""


@attrs.frozen(eq=False)
class Place:
    """When somebody may begin.

    Attributes:
        at: In the quota's clock.
        meters: This process's own, where it is theirs and not Redis's.
    """

    at: float
    meters: list[Gcra] | None = None


Result = Place | RateLimitedError | None
"""A place, or that none comes in time; None where there is none to give."""
Answer = asyncio.Future[Result]


@attrs.frozen(eq=False)
class Ask:
    """One who waits for a place before his deadline, or without one for what Redis knows."""

    deadline: float | None
    answer: Answer


class Line:
    """One question at a time, however many wait: it is a task of its own, which no asker's cancellation ends.

    Args:
        exchange: Asks for places before some deadlines; returns what came of each, or None where Redis is away.
        give_back: Takes a place of which the asker has left, or which comes too late for him after all.
    """

    def __init__(
        self,
        exchange: Callable[[Sequence[float]], Awaitable[Sequence[Result] | None]],
        give_back: Callable[[Place], None],
    ) -> None:
        self._exchange = exchange
        self._give_back = give_back
        self._waiting: list[Ask] = []
        self._flight: asyncio.Task[None] | None = None

    def join(self, deadline: float | None) -> Answer:
        """Return what will be answered; who does not want it any more cancels it."""
        loop = asyncio.get_running_loop()
        ask = Ask(deadline, loop.create_future())
        self._waiting.append(ask)
        if self._flight is None or self._flight.done():
            self._flight = loop.create_task(self._fly(), name="sendpulse_async: quota")
        return ask.answer

    async def _fly(self) -> None:
        while crowd := self._waiting[:MOST_AT_ONCE]:
            del self._waiting[:MOST_AT_ONCE]
            asked = [(ask, ask.deadline) for ask in crowd if ask.deadline is not None]
            results: Sequence[Result] | None = None
            try:
                results = await self._exchange([deadline for _, deadline in asked])
                for (ask, deadline), result in zip(asked, results or (), strict=results is not None):
                    self._hand_out(ask.answer, deadline, result)
            finally:
                if results is None:  # nobody waits for the next question then
                    crowd, self._waiting = crowd + self._waiting, []
                for ask in crowd:
                    if not ask.answer.done():
                        ask.answer.set_result(None)

    def _hand_out(self, answer: Answer, deadline: float, result: Result) -> None:
        if isinstance(result, Place) and (answer.done() or result.at >= deadline):
            self._give_back(result)
        elif not answer.done():
            answer.set_result(result)
