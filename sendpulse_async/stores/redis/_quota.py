"""The quota of an account that many processes share: its meter and its pause are in Redis, its waits are here."""

from __future__ import annotations

import asyncio
import math
import time
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

import anyio
from redis.asyncio import Redis, RedisCluster

from ..._arguments import check_whole
from ..._errors import ConfigurationError, NotSentError, RateLimitedError
from ..._logging import facts, logger
from ..._loops import PerLoop, is_asyncio, within
from ..._policies import RateLimit
from ..._quota import Quota, meters
from ._line import Answer, Line, Place, Result
from ._meter import ASK_AGAIN, Acceptance, Question, Refusal, Reply, SharedMeter, Word
from ._share import share

FRESH = 0.03
"""Seconds for which what Redis said of a pause serves; so long before his place a sleeper has it looked at again."""
LATE = 0.02
"""Seconds by which a place may be overslept: what a stalled process, or a stalled machine, missed would be a burst."""


class RedisQuota(Quota):
    """The meter and the pause that all processes of an account share, by way of Redis (6 or later).

    Places are reserved in Redis by its own clock, for all who ask at the same moment in one round trip, and slept for
    here. A refusal that one process meets pauses all. Where Redis is gone, slow or talks rubbish, each process keeps to
    its share, which is the limit divided by the processes that were seen within a minute, and comes back by itself.
    Nothing is lost or stopped by that.

    asyncio only, and in the event loop in which the client lives; nothing starts before the first wait.

    Args:
        client: Yours, and never closed. Its `decode_responses` may be what it likes.
        rate_limit: What all processes keep together; give each the same. None: they share the pause alone.
        name: Tells the quotas of several accounts apart.
        processes: How many share the quota, as long as Redis has never said it.
        clock: Seconds, monotonic.
        sleep: Waits for some seconds.

    Raises:
        ConfigurationError: An argument is wrong; on a wait, if the event loop is not asyncio's.
    """

    def __init__(
        self,
        client: Redis | RedisCluster,
        rate_limit: RateLimit | None,
        *,
        name: str = "default",
        processes: int = 1,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
    ) -> None:
        super().__init__(rate_limit, clock=clock, sleep=sleep)
        check_whole("processes", processes)
        self._rate_limit = rate_limit
        self._shared = SharedMeter(client, name, rate_limit)
        self._lines = PerLoop(lambda: Line(self._exchange, self._give_back))
        self._processes = processes
        self._words: deque[Word] = deque(maxlen=16)  # as many refusals in a row have reached the longest pause
        self._known_at = -math.inf
        self._trip = 0.0  # seconds between the latest question and its answer
        self._own_until = -math.inf  # inf: Redis is away; before: it is back, but not yet for all
        self._ask_again_at = -math.inf
        self._went_at = -math.inf

    async def wait(self, deadline: float = math.inf) -> None:
        """Wait for the next free place, past any pause, as `Quota.wait` does; the time that Redis takes counts.

        Raises:
            RateLimitedError: No place comes before the deadline; `retry_after` says in how many seconds one does.
            NotSentError: The deadline has passed.
            ConfigurationError: The event loop is not asyncio's.
        """
        while True:
            if (now := self._clock()) >= deadline:
                raise NotSentError("not sent: the deadline passed")
            place = self._own_place(now, deadline) or await self._asked_place(deadline)
            if place is not None and await self._sleep_for(place):
                return

    async def pause(self, since: float, seconds: float | None) -> bool:
        """Let nobody begin for a while, as `Quota.pause` does: here at once, and everywhere when this returns.

        While Redis is away it holds here alone; the others are told when Redis is back.
        """
        is_new = await super().pause(since, seconds)  # which suspends nowhere
        if is_new or seconds:
            self._words.append(Refusal(since, seconds or 0.0, self._clock()))
            if self._own_until == math.inf:
                self._mind_share()
            else:
                await self._ask(None)
        return is_new

    def resume(self, since: float) -> None:
        """Note that a request which began at `since` met no limit; the next question tells the others."""
        if self._pauses_in_a_row and since >= self._paused_until:
            self._words.clear()  # what went before has no consequences any more
            self._words.append(Acceptance(since))
        super().resume(since)

    @property
    def is_open(self) -> bool:
        """Whether anybody may begin at once, and nothing is counted nor has to be asked first."""
        return super().is_open and self._is_fresh

    def _own_place(self, now: float, deadline: float) -> Place | None:
        """Return a place for which nobody has to be asked, if there is one: it was given back, or is of the share."""
        self._mind_share()
        start = max(now, self._paused_until)
        if not self._has_share and self._returned_place(start) == math.inf:
            return None
        if (at := self._take(start, deadline)) is None:
            raise _no_place(self.next_place(now) - now)
        return Place(at, self._meters if self._has_share else None)

    async def _asked_place(self, deadline: float) -> Place | None:
        """Return the place that Redis has; None if it is away or the deadline came first."""
        answer, place = self._ask(deadline), None
        try:
            place = await within(deadline - self._clock(), answer)
        finally:
            if place is None and answer.done() and not answer.cancelled():  # who leaves in the moment in which it came
                self._give_back(answer.result())
        if isinstance(place, RateLimitedError):
            raise place
        return place

    async def _sleep_for(self, place: Place) -> bool:
        """Sleep until a place comes, and tell whether it may be used then."""
        try:
            await self._sleep_until(place.at - FRESH - self._trip, place)
            if not self._is_fresh and not self._has_share:
                await asyncio.wait([self._ask(None)], timeout=max(0.0, place.at + LATE / 2 - self._clock()))
            await self._sleep_until(place.at, place)
        except BaseException:
            self._give_back(place)
            raise
        now = self._clock()
        if not self._is_good(place) or max(now, place.at) < self._paused_until or self._is_burst(now - place.at, now):
            return False
        self._went_at = now
        return True

    async def _sleep_until(self, moment: float, place: Place) -> None:
        while (left := moment - self._clock()) > 0 and self._is_good(place):
            if place.meters is not None:  # it ends with the share
                self._mind_share()
                left = min(left, ASK_AGAIN)
            await self._sleep(left)

    def _is_good(self, place: Place) -> bool:
        return place.meters is None or place.meters is self._meters

    def _is_burst(self, late: float, now: float) -> bool:
        """Tell whether a place was overslept, and this process has just used another one."""
        if not self._meters or late <= max(LATE, self._meters[0].interval):
            return False
        return now - self._went_at < self._meters[0].interval * (1 if self._has_share else self._processes)

    def _returned_place(self, start: float) -> float:
        del self._returned[: bisect_left(self._returned, start)]
        return self._returned[0] if self._returned else math.inf

    def _give_back(self, place: Result) -> None:
        if isinstance(place, Place) and self._is_good(place):
            insort(self._returned, place.at)

    @property
    def _is_fresh(self) -> bool:
        return self._clock() - self._known_at <= FRESH

    def _ask(self, deadline: float | None) -> Answer:
        if not is_asyncio():
            raise ConfigurationError("a RedisQuota needs asyncio: the client of Redis knows no other event loop")
        return self._lines.get().join(deadline)

    async def _exchange(self, deadlines: Sequence[float]) -> list[Result] | None:
        asked, words, was_away = self._clock(), tuple(self._words), self._own_until == math.inf
        try:
            reply = await self._shared.ask(Question(asked, self._paused_until, deadlines, words, was_away))
        except Exception as error:  # noqa: BLE001 - a foreign client, whatever it raises, never stops a send
            self._fall_back(type(error).__name__)
            return None
        self._words = deque((word for word in self._words if word not in words), self._words.maxlen)
        self._learn(reply, asked)
        now = self._clock()
        return [
            Place(now + wait) if is_taken else self._refusal(now, deadline)
            for deadline, (wait, is_taken) in zip(deadlines, reply.places, strict=True)
        ]

    def _refusal(self, now: float, deadline: float) -> RateLimitedError | None:
        """Return what who gets no place is told; None where one that was given back meanwhile would be in time."""
        if self._returned_place(max(now, self._paused_until)) < deadline:
            return None
        return _no_place(self.next_place(now) - now)

    def _learn(self, reply: Reply, asked: float) -> None:
        now = self._clock()
        self._known_at, self._trip, self._processes = now, now - asked, max(1, reply.processes)
        self._paused_until = max(self._paused_until, now + reply.pause)
        if not self._words:
            self._paused_at, self._pauses_in_a_row = now + reply.heard, reply.in_a_row
        if self._own_until == math.inf:
            self._own_until = now + reply.reopens
            logger.info("the shared quota is back")
        elif not self._has_share:
            for meter, due in zip(self._meters, reply.dues, strict=True):
                meter.due = now + due

    @property
    def _has_share(self) -> bool:
        return self._own_until > -math.inf

    def _fall_back(self, fault: str) -> None:
        now = self._clock()
        self._ask_again_at = now + ASK_AGAIN
        if self._own_until < math.inf:
            text = "the shared quota failed (%s); keeping to a share of 1/%d of it"
            about = facts(error=fault, processes=self._processes)
            logger.warning(text, fault, self._processes, extra=about)
        if not self._has_share and self._rate_limit is not None:
            self._meters = share(self._rate_limit, self._processes, self._meters, self._known_at, now)
        self._own_until = math.inf

    def _mind_share(self) -> None:
        """Ask now and then whether Redis is back, which nobody waits for, and end the share when all have seen it."""
        now = self._clock()
        if now >= self._own_until > -math.inf:
            self._own_until = -math.inf
            self._meters = [] if self._rate_limit is None else meters(self._rate_limit)
            self._returned.clear()
        elif self._has_share and now >= self._ask_again_at:
            self._ask_again_at = now + ASK_AGAIN
            self._ask(None)


def _no_place(wait: float) -> RateLimitedError:
    return RateLimitedError("the rate limit leaves no place before the deadline", retry_after=wait)
