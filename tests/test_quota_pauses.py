"""The shared pause after a refusal: whom it stops, for how long, and what comes after it."""

from __future__ import annotations

import math

import anyio
import pytest
from fakes import (
    OVER_QUOTA,
    TAKEN,
    Listener,
    ScriptedTransport,
    Step,
    answer,
    at_once,
    backend,
    now,
    put_on_virtual_time,
    request_for,
    turns,
)

from sendpulse_async import Quota, RateLimit, RateLimitedError, RawEventSender
from sendpulse_async._quota import GatedTransport

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(30)]


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request):
    return backend(request.param)


@pytest.fixture
def quota_for():
    """Return a function that makes a quota on virtual time; what it promises is played on each kind of quota."""
    return lambda **limit: Quota(RateLimit(**limit) if limit else None, clock=now)


async def ask(quota, began, times, deadline=math.inf):
    await quota.wait(deadline)
    times.append(round(now() - began, 6))


async def test_a_pause_stops_all_and_the_meter_spaces_them_after_it(quota_for):
    """Who sleeps already waits as well as who comes during the pause, and after it nobody goes faster than the rate."""
    quota, began, times = quota_for(per_second=1), now(), []

    async with anyio.create_task_group() as group:
        for _ in range(4):  # at 0, and asleep until 1, 2 and 3
            group.start_soon(ask, quota, began, times)
        await anyio.sleep(0.5)
        await quota.pause(now(), 10)
        await anyio.sleep(5)
        for _ in range(2):
            group.start_soon(ask, quota, began, times)

    assert times == [0, 10.5, 11.5, 12.5, 13.5, 14.5]


async def test_a_place_beyond_the_pause_is_kept(quota_for):
    """Who has a place after the end of the pause loses nothing."""
    quota, began, times = quota_for(per_second=0.1), now(), []

    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(ask, quota, began, times)
        await turns()
        await quota.pause(now(), 5)

    assert times == [0, 10, 20]


async def test_a_pause_is_shared_without_a_rate_limit_too(quota_for):
    """A quota that meters nothing pauses all the same."""
    quota, began, times = quota_for(), now(), []
    await quota.pause(now(), 3)

    await at_once(*[lambda: ask(quota, began, times)] * 5)

    assert times == [3] * 5


async def test_a_pause_that_grows_is_waited_for_to_its_new_end(quota_for):
    """A second pause holds back those who were waiting for the end of the first."""
    quota, began, times = quota_for(), now(), []

    async with anyio.create_task_group() as group:
        await quota.pause(now(), 3)
        group.start_soon(ask, quota, began, times)
        await anyio.sleep(2)
        await quota.pause(now(), 10)

    assert times == [12]


async def test_pauses_without_a_length_double_up_to_a_minute(quota_for):
    """Refusals in a row that say nothing pause for 1, 2, 4 … 60 seconds, for ever after 60."""
    quota, lengths = quota_for(), []

    for _ in range(9):
        asked = now()
        await quota.pause(asked, None)
        await quota.wait()
        lengths.append(round(now() - asked, 6))

    assert lengths == [1, 2, 4, 8, 16, 32, 60, 60, 60]


async def test_no_number_of_pauses_is_too_many(quota_for):
    """A refusal for days overflows nothing."""
    quota = quota_for()

    for _ in range(1_100):
        await quota.pause(now(), None)
        await quota.wait()

    assert now() > 60 * 1_090


async def test_a_good_answer_makes_the_next_pause_a_first_one(quota_for):
    """What began after the pause and met no limit resets the doubling; what began before it does not."""
    quota, began = quota_for(), now()
    for _ in range(3):
        await quota.pause(now(), None)
        await quota.wait()

    quota.resume(began)
    asked = now()
    await quota.pause(asked, None)
    await quota.wait()
    still_doubling = now() - asked
    quota.resume(now())
    asked = now()
    await quota.pause(asked, None)
    await quota.wait()

    assert still_doubling == pytest.approx(8)
    assert now() - asked == pytest.approx(1)


async def test_refusals_of_requests_that_were_in_flight_together_count_once(quota_for):
    """Fifty requests under way that are all refused make one pause of a second, and the next one is of two."""
    quota, gone = quota_for(), anyio.Event()
    transport = ScriptedTransport(Step(OVER_QUOTA, after=gone))
    gate, began = GatedTransport(transport, quota), now()

    async with anyio.create_task_group() as group:
        for _ in range(50):
            group.start_soon(gate.send, request_for())
        await anyio.sleep(0.3)
        gone.set()
    await quota.wait()
    first = now() - began - 0.3
    asked = now()
    await gate.send(request_for())
    await quota.wait()

    assert first == pytest.approx(1)
    assert now() - asked == pytest.approx(2)


async def test_the_longest_of_several_lengths_holds(quota_for):
    """Of the refusals of one flight the one that asks for most is honoured, and none shortens the pause."""
    quota, began = quota_for(), now()
    await anyio.sleep(1)

    news = [await quota.pause(began, seconds) for seconds in (5, 20, 2, None)]
    await quota.wait()

    assert news == [True, False, False, False]
    assert now() - began == pytest.approx(21)


@pytest.mark.parametrize(
    ("refusal", "seconds"),
    [
        (OVER_QUOTA, 1),
        (answer(429, retry_after=2), 2),
        (answer(429, retry_after=2.5), 2.5),
        (answer(429, retry_after=90), 90),
        (answer(429, retry_after="soon"), 1),
        (answer(429, retry_after="-1"), 1),
        (answer(429, retry_after="nan"), 1),
        (answer(429, retry_after="1e999"), 1),
        (answer(429, retry_after="Wed, 01 Jan 2020 00:00:07 GMT"), 7),
        (answer(200, {"result": False, "error_code": 2020202020}), 1),
        (answer(400, {"error_code": 2020202020}, retry_after=4), 4),
        (answer(503, retry_after=9), 0),
        (answer(400, {"message": "2020202020 times"}), 0),
        (answer(401), 0),
        (TAKEN, 0),
    ],
)
async def test_the_gate_pauses_when_and_for_as_long_as_sendpulse_says(refusal, seconds, quota_for):
    """A 429 and error 2020202020 pause the quota for what they ask or a second, and nothing else pauses it."""
    quota = quota_for()
    gate = GatedTransport(ScriptedTransport(refusal), quota, wall_clock=lambda: 1_577_836_800.0)

    response = await gate.send(request_for())
    asked = now()
    await quota.wait()

    assert response is refusal
    assert now() - asked == pytest.approx(seconds)


async def test_a_pause_beyond_the_deadline_is_told_at_once(quota_for):
    """Who could not begin before its deadline is told how long the pause is, and begins no attempt."""
    quota, transport = quota_for(per_second=1), ScriptedTransport(TAKEN)
    request = request_for(deadline=now() + 30)
    await quota.pause(now(), 100)
    asked = now()

    with pytest.raises(RateLimitedError) as caught:
        await GatedTransport(transport, quota).send(request)

    assert now() == asked
    assert caught.value.retry_after == pytest.approx(100)
    assert (request.progress.attempts, transport.requests) == (0, [])


async def test_a_place_that_was_taken_before_does_not_begin_in_a_pause(quota_for):
    """A request that has its place already waits for the end of a pause like all others."""
    quota, transport = quota_for(per_second=1), ScriptedTransport(TAKEN)
    await quota.pause(now(), 10)
    began = now()

    await GatedTransport(transport, quota).send(request_for(place_at=now()))

    assert [time - began for time in transport.times] == pytest.approx([10])


async def test_a_sleeper_is_told_when_a_pause_takes_its_place_beyond_its_deadline(quota_for):
    """Who was asleep when a long pause began is told when its place would have been, not after its deadline."""
    quota, began, told = quota_for(per_second=1), now(), []
    await quota.wait()

    async def visit():
        with pytest.raises(RateLimitedError) as caught:
            await quota.wait(began + 30)
        told.append((now() - began, caught.value.retry_after))

    async with anyio.create_task_group() as group:
        group.start_soon(visit)
        await anyio.sleep(0.5)
        await quota.pause(now(), 100)

    ((when, retry_after),) = told
    assert when <= 1
    assert when + retry_after == pytest.approx(100.5)


async def test_a_wait_that_is_cancelled_in_a_pause_gives_its_place_back(quota_for):
    """Who leaves during a pause leaves its place behind: the next asker is the first after the pause."""
    quota, began, times = quota_for(per_second=1), now(), []
    await quota.pause(now(), 10)
    with anyio.move_on_after(5):
        await quota.wait()

    await at_once(*[lambda: ask(quota, began, times)] * 2)

    assert times == [10, 11]


async def test_a_pause_that_begins_while_an_attempt_waits_for_a_second_meter_counts(quota_for):
    """A repeat in a bulk run waits for the run's own rate too; what pauses the account meanwhile holds it back."""
    shared, own, transport = Quota(None, clock=now), quota_for(per_second=1), ScriptedTransport(TAKEN)
    request, began = request_for(), now()
    request.progress.also = own
    await own.wait()

    async with anyio.create_task_group() as group:
        group.start_soon(GatedTransport(transport, shared).send, request)
        await turns()
        await shared.pause(now(), 5)

    assert transport.times == [began + 5]


class HangingQuota(Quota):
    """A quota that tells others of a pause, and hangs there."""

    async def pause(self, since, seconds):
        await super().pause(since, seconds)
        await anyio.sleep_forever()


@pytest.fixture
def hanging(monkeypatch):
    """The options of a sender whose first event is refused by the body alone, under status 200."""
    put_on_virtual_time(monkeypatch)
    refusal = answer(200, {"result": False, "error_code": 2020202020})
    return {"transport": ScriptedTransport(refusal), "rate_limit": HangingQuota(None)}


async def test_a_deadline_that_strikes_while_a_pause_is_told_is_judged_by_the_whole_answer(hanging):
    """What SendPulse refused in the body is no accepted event because others were being told of the pause."""
    async with RawEventSender("http://127.0.0.1:9/events/id/x/1", **hanging) as sender:
        with pytest.raises(RateLimitedError) as caught:
            await sender.send_event({"email": "a@example.com"}, deadline=5)

    assert (caught.value.status_code, caught.value.error_code) == (200, 2020202020)
    assert hanging["rate_limit"].is_open  # the pause of a second held, and is over


async def test_a_cancellation_while_a_pause_is_told_is_judged_by_the_whole_answer(hanging):
    """The listener of a cancelled event hears what its whole answer says."""
    listener = Listener()

    async with RawEventSender("http://127.0.0.1:9/events/id/x/1", on_outcome=listener, **hanging) as sender:
        with anyio.move_on_after(0.5):
            await sender.send_event({"email": "a@example.com"})

    assert hanging["rate_limit"].is_paused
    assert listener.statuses == ["not_sent"]
    assert isinstance(listener.outcomes[0].error, RateLimitedError)
