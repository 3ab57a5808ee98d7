"""An account's meter and pause in Redis, and the one question that a process puts to them."""

from __future__ import annotations

import asyncio
import json
import math
import os
import secrets
from collections.abc import Awaitable, Sequence
from typing import Any

import attrs
from redis.asyncio import Redis, RedisCluster

from ..._errors import ConfigurationError
from ..._policies import RateLimit
from ..._quota import FIRST_PAUSE, LONGEST_PAUSE, meters
from ._script import SCRIPT

PATIENCE = 0.25
"""Seconds that Redis has for an answer."""
LINGERING = 3.0
"""Seconds for which a question that got no answer in time goes on: its connection may be slow to make, and serves
the next one."""
ASK_AGAIN = 1.0
"""Seconds between two questions while Redis is away."""
HEARING = 0.3
"""Seconds after a refusal in which another process may begin a request that has not heard of it."""
ALIVE_FOR = 60.0
"""Seconds for which a process counts that asks nothing more."""
KEPT_FOR = 3600.0
"""Seconds for which a quota that nobody uses remembers how many pauses in a row there were."""
LONGEST = 365 * 86_400.0
"""Seconds. What would last longer was never meant."""


@attrs.frozen(eq=False)
class Refusal:
    """A request was over the quota.

    Attributes:
        since: When it began, in the clock of the process, as all times here.
        seconds: What SendPulse asked for; 0: nothing.
        at: When its answer came.
    """

    since: float
    seconds: float
    at: float


@attrs.frozen(eq=False)
class Acceptance:
    """A request that began at `since`, after a pause, was within the quota."""

    since: float


Word = Refusal | Acceptance


@attrs.frozen
class Question:
    """What a process tells and asks; all times are in its clock.

    Attributes:
        now: When it asks.
        paused_until: No place is wanted before.
        deadlines: Of those who need a place.
        words: What happened since the latest answer, in its order.
        was_away: The latest question got none.
    """

    now: float
    paused_until: float
    deadlines: Sequence[float]
    words: Sequence[Word]
    was_away: bool

    def told(self) -> dict[str, Any]:
        """Return it in ages and lengths, which mean the same in another clock."""
        return {
            "pause": _at_least(self.paused_until - self.now),
            "patience": [_microseconds(deadline - self.now) for deadline in self.deadlines],
            "words": [_told(word, self.now) for word in self.words],
            "was_away": self.was_away,
        }


@attrs.frozen
class Reply:
    """What Redis knows; times are seconds from its answer on, below 0 where they have passed.

    Attributes:
        processes: How many use the quota, this one included.
        in_a_row: Pauses without an accepted request in between.
        heard: When all have heard of the latest one: what begins later and is refused begins another one.
        pause: When the pause ends.
        reopens: When those for whom Redis was away use it again.
        dues: `Gcra.due` of each meter.
        places: For each who asked, when his place comes, and whether it was taken: it is not where it comes too late.
    """

    processes: int
    in_a_row: int
    heard: float
    pause: float
    reopens: float
    dues: list[float]
    places: list[tuple[float, bool]]


class SharedMeter:
    """The account's meter and pause, as one process reaches them.

    Args:
        client: The caller's; it stays open.
        name: Which account.
        rate_limit: What is kept; None: the pause alone.

    Raises:
        ConfigurationError: It is another client, or the name cannot be one.
    """

    def __init__(self, client: Redis | RedisCluster, name: str, rate_limit: RateLimit | None) -> None:
        if not isinstance(client, Redis | RedisCluster):
            raise ConfigurationError("client must be a redis.asyncio.Redis")
        if not isinstance(name, str) or not name or {"{", "}"} & set(name):
            raise ConfigurationError("name must be a string without braces, and not empty")
        self._script = client.register_script(SCRIPT)
        key = f"sendpulse:quota:{{{name}}}"  # the braces put both keys into one slot of a cluster
        self._keys = [key, f"{key}:processes"]
        self._meters = [] if rate_limit is None else _named_meters(rate_limit)
        self._process = 0, ""

    async def ask(self, question: Question) -> Reply:
        """Tell what happened here, and take a place for each deadline, where one comes before it.

        Raises:
            TimeoutError: No answer came in time; whether the question arrived is not known.
            Exception: Whatever the client raises, or an answer that is none leads to.
        """
        told = question.told() | {"process": self._identity(), "meters": self._meters}
        answer = await _in_time(self._script(self._keys, [json.dumps(told | _LENGTHS)]))
        return _read(answer, told["patience"], len(self._meters))

    def _identity(self) -> str:
        """Return what tells this process from others; a forked child is another one."""
        if self._process[0] != (pid := os.getpid()):
            self._process = pid, secrets.token_hex(8)
        return self._process[1]


async def _in_time(answer: Awaitable[Any]) -> Any:
    call = asyncio.ensure_future(answer)
    for _ in range(2):  # in halves: where the event loop stalled, an answer that is there is read in the second one
        if (await asyncio.wait([call], timeout=PATIENCE / 2))[0]:
            return call.result()
    call.add_done_callback(_forget)
    asyncio.get_running_loop().call_later(LINGERING, call.cancel)
    raise TimeoutError


def _forget(call: asyncio.Future[Any]) -> None:
    """Look at what came of a question that was given up, or asyncio would complain that nobody did."""
    if not call.cancelled():
        call.exception()


def _read(answer: Any, patience: list[int], meters: int) -> Reply:
    """Understand an answer; one of another shape raises a `TypeError` or a `ValueError`."""
    *counts, dues, waits = answer
    processes, in_a_row, *times = counts
    if not all(isinstance(number, int) for number in (*counts, *dues, *waits)):
        raise TypeError("the script's answer has something that is no number")
    if len(dues) != meters:
        raise ValueError("the script's answer is about other meters")
    heard, pause, reopens = (time / 1e6 for time in times)
    places = [(wait / 1e6, wait < most) for wait, most in zip(waits, patience, strict=True)]
    return Reply(processes, in_a_row, heard, pause, reopens, [due / 1e6 for due in dues], places)


def _microseconds(seconds: float) -> int:
    return int(min(max(0.0, seconds), LONGEST) * 1e6)


def _at_least(seconds: float) -> int:
    return math.ceil(round(min(max(0.0, seconds), LONGEST) * 1e6, 3))


_LENGTHS = {
    "first_pause": _microseconds(FIRST_PAUSE),
    "longest_pause": _microseconds(LONGEST_PAUSE),
    "hearing": _microseconds(HEARING),
    "alive_for": _microseconds(ALIVE_FOR),
    "kept_for": _microseconds(KEPT_FOR),
    "returning": _microseconds(ASK_AGAIN + PATIENCE),
    "longest": _microseconds(LONGEST),
}


def _named_meters(limit: RateLimit) -> list[dict[str, Any]]:
    """Return what keeps a limit, in whole microseconds: sums stay exact, and rounded up nothing is too fast."""
    names = [name for name in ("per_second", "per_minute", "per_day") if getattr(limit, name) is not None]
    return [
        {"name": name, "burst": meter.burst, "interval": _at_least(meter.interval)}
        for name, meter in zip(names, meters(limit), strict=True)
    ]


def _told(word: Word, now: float) -> dict[str, int]:
    told = {"since": _microseconds(now - word.since)}
    if isinstance(word, Refusal):
        told |= {"ago": _microseconds(now - word.at), "length": _microseconds(word.seconds)}
    return told
