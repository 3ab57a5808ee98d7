"""The meter and the pause that all senders of one account share, and the gate through which each attempt goes."""

from __future__ import annotations

import math
import time
from bisect import bisect_left, insort
from collections.abc import Awaitable, Callable

import anyio
import attrs

from ._errors import ConfigurationError, NotSentError, RateLimitedError
from ._http import Request, Response, Transport
from ._policies import RateLimit
from ._wire import is_over_quota, read_answer

FIRST_PAUSE = 1.0
"""Seconds of the first pause that names no length of its own; each further one in a row doubles it."""
LONGEST_PAUSE = 60.0


@attrs.define
class Gcra:
    """The generic cell rate algorithm: one number tells when the next request may begin.

    Args:
        interval: Seconds between two requests.
        burst: Requests that may begin at once after a quiet time.

    Attributes:
        due: When the next one would begin if none ever came in a burst.
    """

    interval: float
    burst: int
    due: float = attrs.field(default=-math.inf, init=False)

    def earliest(self, now: float) -> float:
        """Return when the next request may begin, from `now` on."""
        return max(now, self.due - (self.burst - 1) * self.interval)

    def take(self, start: float) -> None:
        """Count a request that begins at `start`."""
        self.due = max(self.due, start) + self.interval


def meters(limit: RateLimit) -> list[Gcra]:
    """Return what together keeps a limit.

    A window of a minute or a day never sees more than its limit: with a burst `b` and an interval of
    `window / (limit - b + 1)`, any window holds at most `limit` requests.
    """
    made = [Gcra(1 / limit.per_second, limit.burst)]
    for window, count in ((60.0, limit.per_minute), (86_400.0, limit.per_day)):
        if count is not None:
            burst = max(1, count // 10)
            made.append(Gcra(window / (count - burst + 1), burst))
    return made


class Quota:
    """The meter and the pause of one account; senders that are given the same one share both.

    It belongs to no event loop: only times are kept.

    Args:
        rate_limit: How fast requests may begin; None: as fast as they come, but the pause is shared all the same.
        clock: Seconds, monotonic.
        sleep: Waits for some seconds.

    Raises:
        ConfigurationError: `rate_limit` is something else.
    """

    def __init__(
        self,
        rate_limit: RateLimit | None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
    ) -> None:
        if rate_limit is not None and not isinstance(rate_limit, RateLimit):
            raise ConfigurationError(f"rate_limit must be a RateLimit or None, not {type(rate_limit).__name__}")
        self._meters = [] if rate_limit is None else meters(rate_limit)
        self._clock = clock
        self._sleep = sleep
        self._returned: list[float] = []
        self._paused_at = -math.inf
        self._paused_until = -math.inf
        self._pauses_in_a_row = 0

    async def wait(self, deadline: float = math.inf) -> None:
        """Wait for the next free place, past any pause.

        A cancelled wait gives its place to the next who asks.

        Args:
            deadline: In the quota's clock; no wait begins that would last as long.

        Raises:
            RateLimitedError: No place comes before the deadline; `retry_after` says in how many seconds one does.
            NotSentError: The deadline has passed.
        """
        while True:
            now = self._clock()
            if now >= deadline:
                raise NotSentError("not sent: the deadline passed")
            place = self._take(max(now, self._paused_until), deadline)
            if place is None:
                wait = self.next_place(now) - now
                raise RateLimitedError("the rate limit leaves no place before the deadline", retry_after=wait)
            if place > now:
                try:
                    await self._sleep(place - now)
                except BaseException:
                    insort(self._returned, place)
                    raise
            if self._clock() >= self._paused_until or place >= self._paused_until:
                return

    async def pause(self, since: float, seconds: float | None) -> bool:
        """Let nobody begin for a while: the account is over its quota.

        It holds here before anything is awaited; a quota of several processes tells the others before it returns.
        Answers to requests that were under way together count as one refusal.

        Args:
            since: When the refused request began, in the quota's clock.
            seconds: What SendPulse asked for; None, or 0: 1 s, doubling up to 60 s with each refusal in a row.

        Returns:
            Whether this is a new pause, not another word on the latest one.
        """
        now = self._clock()
        is_new = since >= self._paused_at
        if is_new:
            self._paused_at = now
            self._pauses_in_a_row += 1
        elif not seconds:
            return False
        doubled = FIRST_PAUSE * 2 ** min(self._pauses_in_a_row - 1, 16)
        length = seconds or min(doubled, LONGEST_PAUSE)
        self._paused_until = max(self._paused_until, now + length)
        return is_new

    def resume(self, since: float) -> None:
        """Note that a request which began at `since` met no limit: the next pause is a first one again."""
        if since >= self._paused_until:
            self._pauses_in_a_row = 0

    @property
    def is_open(self) -> bool:
        """Whether anybody may begin at once, and nothing is counted."""
        return not self._meters and not self.is_paused

    def is_valid(self, place_at: float | None) -> bool:
        """Tell whether a place that was taken then may still be used: many old ones at once would be a burst."""
        if place_at is None or self.is_paused:
            return False
        return not self._meters or self._clock() - place_at <= self._meters[0].interval

    def next_place(self, start: float) -> float:
        """Return when somebody who asks at `start` may begin, as things are now."""
        return self._earliest(max(start, self._paused_until))

    @property
    def is_paused(self) -> bool:
        """Whether nobody may begin now."""
        return self._clock() < self._paused_until

    @property
    def pause_left(self) -> float:
        """Seconds for which nobody may begin, because SendPulse said so."""
        return max(0.0, self._paused_until - self._clock())

    def now(self) -> float:
        """Return the time in the quota's clock."""
        return self._clock()

    def _take(self, start: float, deadline: float) -> float | None:
        place = self._earliest(start)
        if place >= deadline:
            return None
        del self._returned[: bisect_left(self._returned, start)]
        if self._returned:
            return self._returned.pop(0)
        for meter in self._meters:
            meter.take(place)
        return place

    def _earliest(self, start: float) -> float:
        """Return the first place from `start` on: one that was given back, or else the meters' next."""
        if (index := bisect_left(self._returned, start)) < len(self._returned):
            return self._returned[index]
        return max((meter.earliest(start) for meter in self._meters), default=start)


class GatedTransport:
    """The layer at which every attempt pays: it waits for the quota, and pauses it when SendPulse says so.

    Args:
        inner: Carries one attempt.
        quota: What is paid.
        wall_clock: Unix time in seconds.
        on_pause: Told the seconds of each new pause.
    """

    def __init__(
        self,
        inner: Transport,
        quota: Quota,
        *,
        wall_clock: Callable[[], float] = time.time,
        on_pause: Callable[[float], None] = lambda _: None,
    ) -> None:
        self._inner = inner
        self._quota = quota
        self._wall_clock = wall_clock
        self._on_pause = on_pause

    async def send(self, request: Request) -> Response:
        """Send when there is a place, as `Transport.send` promises.

        Raises:
            NotSentError: There is none before the request's deadline; no attempt was begun.
        """
        also = request.progress.also
        is_free = self._quota.is_open and (also is None or also.is_open)
        if not is_free and not self._quota.is_valid(request.progress.place_at):
            if also is not None:
                await also.wait(request.deadline)
            await self._quota.wait(request.deadline)  # last, since a pause of all counts up to the last moment
        began = self._quota.now()
        request.progress.begin_attempt(began)
        response = await self._inner.send(request)
        if is_over_quota(response):
            request.progress.head = response  # whole: who is cancelled in the next line is judged by its body too
            if await self._quota.pause(began, read_answer(response, self._wall_clock()).retry_after):
                self._on_pause(self._quota.pause_left)
        else:
            self._quota.resume(began)
        return response

    async def aclose(self) -> None:
        """Close what is below."""
        await self._inner.aclose()
