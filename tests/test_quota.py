"""The meter of an account: how requests are spaced, who gets a place, and what a deadline means for it."""

from __future__ import annotations

import math

import anyio
import pytest
from fakes import TAKEN, ScriptedTransport, at_once, backend, now, put_on_virtual_time, request_for, turns

from sendpulse_async import (
    ConfigurationError,
    Quota,
    RateLimit,
    RateLimitedError,
    RawEventSender,
    Response,
    RetryPolicy,
)
from sendpulse_async._quota import GatedTransport, meters

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(30)]

EVENT = {"email": "a@example.com"}
URL = "http://127.0.0.1:9/events/id/x/1"


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request):
    return backend(request.param)


@pytest.fixture
def quota_for():
    """Return a function that makes a quota on virtual time; what it promises is played on each kind of quota."""
    return lambda **limit: Quota(RateLimit(**limit) if limit else None, clock=now)


class Visitors:
    """Ask a quota for places, and note when each got one.

    Attributes:
        began: When the first test action was.
        admitted: (name, seconds since then), in the order they got their places.
        refused: name → the error.
    """

    def __init__(self, quota):
        self.quota = quota
        self.began = now()
        self.admitted = []
        self.refused = {}

    async def visit(self, name, patience=math.inf):
        try:
            await self.quota.wait(now() + patience)
        except RateLimitedError as error:
            self.refused[name] = error
        else:
            self.admitted.append((name, round(now() - self.began, 6)))

    async def all(self, count):
        async with anyio.create_task_group() as group:
            for name in range(count):
                group.start_soon(self.visit, name)
                await turns(1)

    @property
    def times(self):
        return [time for _, time in self.admitted]


@pytest.mark.parametrize(
    ("limit", "times"),
    [
        ({"per_second": 10}, [0, 0.1, 0.2, 0.3, 0.4, 0.5]),
        ({"per_second": 0.5}, [0, 2, 4, 6, 8, 10]),
        ({"per_second": 10, "burst": 3}, [0, 0, 0, 0.1, 0.2, 0.3]),
        ({"per_second": 10, "per_minute": 2}, [0, 30, 60, 90, 120, 150]),
        ({"per_second": 1000, "burst": 1000, "per_minute": 30}, [0, 0, 0, *(60 / 28 * n for n in (1, 2, 3))]),
        ({"per_second": 1, "per_day": 1}, [86_400 * n for n in range(6)]),
        ({}, [0] * 6),
    ],
)
async def test_places_are_spaced(limit, times, quota_for):
    """Requests that come together go exactly as far apart as the strictest rate says, in the order they came."""
    visitors = Visitors(quota_for(**limit))

    await visitors.all(6)

    assert visitors.times == pytest.approx(times, abs=1e-4)
    assert [name for name, _ in visitors.admitted] == list(range(6))


async def test_a_burst_comes_back_with_quiet_time(quota_for):
    """A place of the burst is free again for each interval in which nobody asked, and never more than the burst."""
    visitors = Visitors(quota_for(per_second=1, burst=2))

    await visitors.all(2)
    await anyio.sleep(1)
    await visitors.all(2)
    await anyio.sleep(100)
    await visitors.all(3)

    assert visitors.times == [0, 0, 1, 2, 102, 102, 103]


async def test_a_cancelled_wait_gives_its_place_to_the_next_who_asks(quota_for):
    """Nobody else moves when a wait is cancelled, and the next asker gets exactly the place that became free."""
    visitors = Visitors(quota_for(per_second=1))
    async with anyio.create_task_group() as group:
        for name in ("first", "second"):
            group.start_soon(visitors.visit, name)
            await turns(2)
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as impatient:
                impatient.start_soon(visitors.visit, "impatient")
                await turns(2)
                group.start_soon(visitors.visit, "third")
                await turns(2)
                scope.cancel()

        await anyio.sleep(0.5)
        group.start_soon(visitors.visit, "late")

    assert visitors.admitted == [("first", 0), ("second", 1), ("late", 2), ("third", 3)]


async def test_cancelled_waits_cost_nothing(quota_for):
    """After a thousand cancelled waits the next asker gets the next place, and the one after it the next but one."""
    visitors = Visitors(quota_for(per_second=1))
    await visitors.visit("first")

    for _ in range(1000):
        with anyio.move_on_after(0.0005):
            await visitors.visit("never")
    await visitors.visit("second")
    await visitors.visit("third")

    assert visitors.admitted == [("first", 0), ("second", 1), ("third", 2)]


async def test_a_place_whose_time_has_passed_is_not_given_away(quota_for):
    """A place that was given back and that nobody asked for in time does not let two go at once later."""
    visitors = Visitors(quota_for(per_second=1))
    await visitors.visit("first")
    with anyio.move_on_after(0.5):
        await visitors.visit("never")

    await anyio.sleep(5)
    await visitors.all(2)

    assert visitors.times == [0, 5.5, 6.5]


@pytest.mark.parametrize(("patience", "is_admitted"), [(0.9, False), (0.9999, False), (1.0, False), (1.001, True)])
async def test_no_wait_begins_that_would_outlast_the_deadline(patience, is_admitted, quota_for):
    """Where no place comes before the deadline the wait ends before it begins, and the error says how long it takes."""
    visitors = Visitors(quota_for(per_second=1))
    await visitors.visit("first")
    asked = now()

    await visitors.visit("second", patience)

    if is_admitted:
        assert visitors.times == [0, 1]
    else:
        assert now() == asked
        assert visitors.refused["second"].retry_after == pytest.approx(1)
        await visitors.visit("third")  # the refused one took nobody's place
        assert visitors.times == [0, 1]


async def test_retry_after_counts_a_place_that_was_given_back(quota_for):
    """`retry_after` says when the asker would have had a place: the one that somebody gave back, not a later one."""
    visitors = Visitors(quota_for(per_second=1))
    async with anyio.create_task_group() as group:
        await visitors.visit("first")
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as impatient:
                impatient.start_soon(visitors.visit, "impatient")
                await turns(2)
                group.start_soon(visitors.visit, "third")
                await turns(2)
                scope.cancel()

        await visitors.visit("hasty", 0.5)
        await visitors.visit("second")

    assert visitors.times == [0, 1, 2]
    assert visitors.refused["hasty"].retry_after == pytest.approx(1)


async def test_senders_of_one_quota_share_its_meter_and_its_pause(monkeypatch):
    """Two senders with the same `Quota` go at its rate together, and a refusal of one holds back the other."""
    put_on_virtual_time(monkeypatch)
    quota = Quota(RateLimit(per_second=1))
    refusal = Response(429, ((b"Retry-After", b"10"),), b"{}")
    first, second = ScriptedTransport(TAKEN, TAKEN, refusal, TAKEN), ScriptedTransport(TAKEN)
    options = {"rate_limit": quota, "retry": RetryPolicy(max_attempts=2)}
    began = now()

    async with (
        RawEventSender(URL, transport=first, **options) as one,
        RawEventSender(URL, transport=second, **options) as other,
    ):
        for sender in (one, other, one, one, other):
            await sender.send_event(EVENT)

    assert [time - began for time in first.times] == pytest.approx([0, 2, 3, 13])
    assert [time - began for time in second.times] == pytest.approx([1, 14])


async def test_senders_without_a_common_quota_do_not_wait_for_each_other(monkeypatch):
    """A `RateLimit` is a value: two senders that are given the same one have a meter each."""
    put_on_virtual_time(monkeypatch)
    limit, transport, began = RateLimit(per_second=1), ScriptedTransport(TAKEN), now()

    async with (
        RawEventSender(URL, transport=transport, rate_limit=limit) as one,
        RawEventSender(URL, transport=transport, rate_limit=limit) as other,
    ):
        await at_once(lambda: one.send_event(EVENT), lambda: other.send_event(EVENT))

    assert transport.times == [began, began]


async def test_every_attempt_pays(monkeypatch):
    """A repeat waits for a place like a first attempt."""
    put_on_virtual_time(monkeypatch)
    transport, began = ScriptedTransport(Response(408), Response(408), TAKEN), now()
    policy = RetryPolicy(base_delay=0)

    async with RawEventSender(URL, transport=transport, rate_limit=RateLimit(per_second=0.2), retry=policy) as sender:
        await sender.send_event(EVENT)

    assert [time - began for time in transport.times] == [0, 5, 10]


async def test_a_place_that_was_taken_before_is_not_paid_twice(quota_for):
    """The first attempt of a request that has its place goes at once; its second waits."""
    quota, transport = quota_for(per_second=1), ScriptedTransport(TAKEN)
    gate, began = GatedTransport(transport, quota), now()
    request = request_for(place_at=now())
    await quota.wait()

    await gate.send(request)
    await gate.send(request)

    assert [time - began for time in transport.times] == [0, 1]
    assert request.progress.attempts == 2


async def test_closing_the_gate_closes_what_is_below(quota_for):
    """The layer owns what it was put on."""
    transport = ScriptedTransport(TAKEN)

    await GatedTransport(transport, quota_for()).aclose()

    assert transport.closed == 1


@pytest.mark.parametrize("limit", [10, "10/s", {"per_second": 10}])
def test_a_quota_takes_a_rate_limit_or_none(limit):
    """Anything else is refused by the name of the setting."""
    with pytest.raises(ConfigurationError, match="rate_limit"):
        Quota(limit)


async def test_an_open_quota_says_so(quota_for):
    """Only a quota without limit and without pause lets everybody begin uncounted."""
    unlimited, limited = quota_for(), quota_for(per_second=1)

    before = unlimited.is_open, limited.is_open
    await unlimited.pause(now(), 5)

    assert before == (True, False)
    assert (unlimited.is_open, unlimited.is_paused, limited.is_paused) == (False, True, False)


@pytest.mark.parametrize(
    ("limit", "made"),
    [
        (RateLimit(per_second=4), [(0.25, 1)]),
        (RateLimit(per_second=10, burst=3), [(0.1, 3)]),
        (RateLimit(per_second=10, per_minute=5), [(0.1, 1), (12.0, 1)]),
        (RateLimit(per_second=10, per_minute=19), [(0.1, 1), (60 / 19, 1)]),
        (RateLimit(per_second=10, per_minute=25), [(0.1, 1), (2.5, 2)]),
        (RateLimit(per_second=10, per_day=100), [(0.1, 1), (86_400 / 91, 10)]),
    ],
)
def test_a_tenth_of_a_window_may_go_at_once(limit, made):
    """Each rate has a meter; a minute's and a day's let a tenth go at once, and spread the rest so that it fits."""
    intervals, bursts = zip(*made, strict=True)

    assert [meter.interval for meter in meters(limit)] == pytest.approx(intervals)
    assert [meter.burst for meter in meters(limit)] == list(bursts)
