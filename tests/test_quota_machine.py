"""Random lives of a quota, step by step on a clock that the test moves: no rate is ever exceeded, nobody is lost."""

from __future__ import annotations

import heapq
import itertools
import math
import types

import attrs
import pytest
from examples import examples
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from sendpulse_async import NotSentError, Quota, RateLimit, RateLimitedError
from sendpulse_async._quota import Gcra, meters

pytestmark = pytest.mark.timeout(100)

LITTLE = 1e-6
WINDOWS = (("per_minute", 60.0), ("per_day", 86_400.0))

limits = st.builds(
    RateLimit,
    per_second=st.sampled_from([0.01, 0.3, 1, 3, 10, 1000]),
    per_minute=st.none() | st.integers(1, 40),
    per_day=st.none() | st.integers(1, 40),
    burst=st.integers(1, 12),
)
GAPS = st.one_of(st.just(0.0), st.floats(0, 0.2), st.floats(0, 30), st.floats(0, 200_000))


def assert_within(limit, times):
    """Assert that requests at these times keep every rate of a limit."""
    assert times == sorted(times)
    for name, window in WINDOWS:
        if (count := getattr(limit, name)) is not None:
            for first, one_too_many in zip(times, times[count:], strict=False):
                assert one_too_many - first >= window - LITTLE, f"{count + 1} within {name}"
    for distance in range(limit.burst, len(times)):
        least = (distance - limit.burst + 1) / limit.per_second
        for first, later in zip(times, times[distance:], strict=False):
            assert later - first >= least - LITTLE * (1 + distance), f"{distance + 1} in {least} s"


@given(limits, st.lists(GAPS, max_size=60))
def test_no_rolling_window_sees_more_than_its_limit(limit, gaps):
    """However requests arrive, each that begins when its meters allow it, no window of any length sees too many."""
    made, times = meters(limit), []

    for arrival in itertools.accumulate(gaps):
        start = max(meter.earliest(arrival) for meter in made)
        for meter in made:
            meter.take(start)
        times.append(start)

    assert_within(limit, times)


@given(st.floats(0.001, 100), st.integers(1, 20), st.lists(GAPS, max_size=40))
def test_a_meter_is_never_slower_than_its_rate(interval, burst, gaps):
    """Nobody waits longer than the arrivals before it make necessary: n of them never take longer than n intervals."""
    meter, quiet_since = Gcra(interval, burst), -math.inf

    for arrival in itertools.accumulate(gaps):
        start = meter.earliest(arrival)
        assert start <= max(arrival, quiet_since) + LITTLE
        meter.take(start)
        quiet_since = max(quiet_since, start) + interval


@attrs.define(eq=False)
class Visitor:
    """A coroutine that waits, run by hand."""

    wait: object
    deadline: float
    asked: int
    wakes: float = 0.0


class QuotaMachine(RuleBasedStateMachine):
    """Callers ask, leave and are refused; the clock moves only where a rule says so."""

    def __init__(self):
        super().__init__()
        self.now = 0.0
        self.numbers = itertools.count()
        self.parked = []
        self.admitted = []
        self.paused_until = -math.inf
        self.was_disturbed = False

    @initialize(limit=limits)
    def begin(self, limit):
        self.limit = limit
        self.quota = Quota(limit, clock=lambda: self.now, sleep=self._sleep)

    @types.coroutine
    def _sleep(self, seconds):
        assert seconds > 0
        yield self.now + seconds

    def _step(self, visitor):
        try:
            visitor.wakes = visitor.wait.send(None)
        except StopIteration:
            self._admit(visitor)
        except RateLimitedError as error:
            self._refuse(visitor, error.retry_after)
        except NotSentError:
            assert self.now >= visitor.deadline
        else:
            assert visitor.wakes < visitor.deadline, "a wait began that lasts until the deadline"
            heapq.heappush(self.parked, (visitor.wakes, visitor.asked, visitor))

    def _admit(self, visitor):
        assert self.now >= self.paused_until - LITTLE, "somebody began in a pause"
        assert self.now <= visitor.deadline + LITTLE
        self.admitted.append((self.now, visitor.asked))

    def _refuse(self, visitor, retry_after):
        assert self.now < visitor.deadline, "a passed deadline is no matter of the rate"
        assert self.now + retry_after >= visitor.deadline - LITTLE, "there was a place before the deadline"

    @rule(patience=st.sampled_from([0.0, 0.5, 10.0, 20.0, math.inf, math.inf]), count=st.integers(1, 5))
    def ask(self, patience, count):
        for _ in range(count):
            deadline, foretold = self.now + patience, self.quota.next_place(self.now)
            visitor = Visitor(self.quota.wait(deadline), deadline, next(self.numbers), wakes=self.now)
            self._step(visitor)
            assert foretold >= deadline or visitor.wakes == pytest.approx(foretold), "the place was another one"

    @rule(later=GAPS)
    def foretell(self, later):
        place = self.quota.next_place(self.now + later)
        assert place >= self.now + later, "nobody begins before he asks"
        assert place >= self.paused_until - LITTLE, "nobody begins in a pause"

    @rule(seconds=GAPS)
    def advance(self, seconds):
        end = self.now + seconds
        while self.parked and self.parked[0][0] <= end:
            _, _, visitor = heapq.heappop(self.parked)
            self.now = max(self.now, visitor.wakes)
            self._step(visitor)
        self.now = end

    @precondition(lambda self: self.parked)
    @rule(data=st.data())
    def cancel(self, data):
        place = data.draw(st.integers(0, len(self.parked) - 1))
        _, _, visitor = self.parked.pop(place)
        heapq.heapify(self.parked)
        self.was_disturbed = True
        with pytest.raises(KeyboardInterrupt):
            visitor.wait.throw(KeyboardInterrupt)

    @rule(seconds=st.none() | st.floats(0, 100))
    def pause(self, seconds):
        with pytest.raises(StopIteration) as ended:  # at its first step: nothing is awaited
            self.quota.pause(self.now, seconds).send(None)
        assert ended.value.value is True
        self.was_disturbed = True
        length = seconds or 1  # without a word of its own at least a second
        self.paused_until = max(self.paused_until, self.now + length)

    @rule()
    def resume(self):
        self.quota.resume(self.now)

    @invariant()
    def no_rate_is_exceeded(self):
        times = [time for time, _ in self.admitted]
        if times:
            assert_within(self.limit, times)

    @invariant()
    def first_come_first_served(self):
        if not self.was_disturbed:
            assert [asked for _, asked in self.admitted] == sorted(asked for _, asked in self.admitted)

    def teardown(self):
        if hasattr(self, "quota"):
            for _ in range(200):
                self.advance(max([100_000.0, *(wakes - self.now for wakes, _, _ in self.parked)]))
            assert not self.parked, "somebody waits for ever"
            self.no_rate_is_exceeded()


QuotaMachine.TestCase.settings = examples(150, stateful_step_count=25)
TestQuotaMachine = QuotaMachine.TestCase
