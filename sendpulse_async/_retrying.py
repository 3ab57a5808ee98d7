"""The one place where anything is repeated: the policy decides, this loop obeys."""

from __future__ import annotations

import random
import time
from collections.abc import Awaitable, Callable

import anyio
import attrs

from ._errors import (
    DeliveryError,
    FailureScope,
    NotSentError,
    OutcomeStatus,
    RateLimitedError,
    ServiceUnavailableError,
)
from ._http import Request, Transport, TransportError
from ._policies import RetryPolicy
from ._wire import Answer, judge, judge_failure, read_answer

_SAVINGS = 10
"""How many times its reserve a budget may save up while all is well."""


@attrs.define
class RetryBudget:
    """Bounds the repeats of a sender, so that an outage is not answered with a multiple of the traffic."""

    ratio: float
    reserve: int
    _balance: float = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._balance = float(self.reserve)

    def deposit(self) -> None:
        """Count an event that was given to the sender."""
        self._balance = min(self._balance + self.ratio, max(1.0, self.reserve) * _SAVINGS)

    def withdraw(self) -> bool:
        """Take one repeat, if there is one."""
        if self._balance < 1:
            return False
        self._balance -= 1
        return True


class RetryingSender:
    """Sends until the event is accepted or the policy, the budget or the deadline says stop.

    Args:
        inner: Carries one attempt.
        policy: Says when to repeat.
        clock: Seconds, monotonic: the clock of `Request.deadline`.
        wall_clock: Unix time in seconds.
        sleep: Waits for some seconds.
        jitter: Gives a random number from 0 to 1.
        next_place: Says when an attempt could begin at the earliest, from a moment on.
    """

    def __init__(
        self,
        inner: Transport,
        policy: RetryPolicy,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
        jitter: Callable[[], float] = random.random,
        next_place: Callable[[float], float] = lambda start: start,
    ) -> None:
        self._inner = inner
        self._policy = policy
        self._budget = RetryBudget(policy.budget_ratio, policy.budget_reserve)
        self._clock = clock
        self._wall_clock = wall_clock
        self._sleep = sleep
        self._jitter = jitter
        self._next_place = next_place

    async def send(self, request: Request) -> Answer:
        """Deliver one event.

        Returns:
            The answer that accepted it.

        Raises:
            DeliveryError: What came of the last attempt.
        """
        if not request.progress.attempts:
            self._budget.deposit()
        last: DeliveryError | None = None
        while True:
            try:
                result = await self._attempt(request)
            except NotSentError as refusal:  # no place before the deadline: no attempt was begun
                raise _with_wait(last, refusal) from None
            if isinstance(result, Answer):
                request.progress.end_attempt(self._clock(), result.status_code, None)
                return result
            last = result
            request.progress.end_attempt(self._clock(), last.status_code, last)
            request.progress.settle_attempt(is_unknown=last.status is OutcomeStatus.UNKNOWN)
            delay = self._delay(last, request)
            if delay is None:
                raise last
            await self._sleep(delay)

    async def _attempt(self, request: Request) -> Answer | DeliveryError:
        try:
            response = await self._inner.send(request)
        except TransportError as failure:
            return judge_failure(failure, is_handed_over=request.progress.is_handed_over)
        answer = read_answer(response, self._wall_clock())
        return judge(answer, is_handed_over=request.progress.is_handed_over) or answer

    def _delay(self, error: DeliveryError, request: Request) -> float | None:
        """Return the seconds before the next attempt, or None where none may or can follow."""
        if error.scope is FailureScope.ACCOUNT:
            return None
        asked = getattr(error, "retry_after", None)
        delay = self._policy.next_delay(error.status, request.progress.attempts, self._jitter(), asked)
        if delay is None:
            return None
        if isinstance(error, RateLimitedError):
            return 0.0  # the gate below waits out the pause, and what comes after a pause is no extra load
        is_in_time = self._next_place(self._clock() + delay) < request.deadline
        return delay if is_in_time and self._budget.withdraw() else None


def _with_wait(last: DeliveryError | None, refusal: NotSentError) -> DeliveryError:
    """Return the answer that led to a wait, where there was one, with how long the wait would be."""
    if last is None:
        return refusal
    if isinstance(last, RateLimitedError | ServiceUnavailableError) and isinstance(refusal, RateLimitedError):
        last.retry_after = refusal.retry_after
    return last
