"""Redis gone, slow or talking rubbish, on virtual time: each process keeps to its share, and comes back by itself."""

from __future__ import annotations

import asyncio
import logging
import math

import anyio
import pytest
import redis
from canaries import own_records
from fakes import TAKEN, ScriptedTransport, at_once, now, put_on_virtual_time, turns
from test_quota_machine import assert_within

from sendpulse_async import RateLimit, RateLimitedError, RawEventSender, send_many
from sendpulse_async._quota import Gcra, meters
from sendpulse_async.stores.redis._meter import ASK_AGAIN, PATIENCE, Acceptance
from sendpulse_async.stores.redis._quota import FRESH
from sendpulse_async.stores.redis._share import share

from .test_shared import Visits

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60)]

GONE = redis.ConnectionError("canary-host is gone")
BACK = ASK_AGAIN + PATIENCE
"""Seconds for which who came back keeps to his share."""


def said(caplog):
    return [(record.levelname, record.getMessage()) for record in own_records(caplog)]


@pytest.fixture(autouse=True)
def hear_all(caplog):
    caplog.set_level(logging.INFO, "sendpulse_async")


# Falling back


async def test_a_process_keeps_to_its_share(client_for, quota_for, caplog):
    """Half of the rate for one of two processes, from an interval after the last place that anybody has."""
    client, visits = client_for(), Visits()
    mine, other = quota_for(client=client, per_second=4), quota_for(per_second=4)
    for quota in (mine, other, mine):
        await visits.make(quota)

    client.fault = GONE
    visits.times.clear()
    await visits.all(*[mine] * 4)

    assert visits.times == pytest.approx([1.25, 1.75, 2.25, 2.75], abs=2 * FRESH)  # the next common one: 0.75
    assert said(caplog) == [("WARNING", "the shared quota failed (ConnectionError); keeping to a share of 1/2 of it")]


async def test_a_queue_that_was_known_is_taken_to_be_there_still(client_for, quota_for):
    """Who has not asked for a while takes it that others did, and that those who wait are as many as they were."""
    client, visits = client_for(), Visits()
    mine, other = quota_for(client=client, per_second=4), quota_for(per_second=4)

    async with anyio.create_task_group() as group:
        for quota in (*[other] * 9, mine):
            group.start_soon(visits.make, quota)
        await anyio.sleep(1)
        client.fault = GONE
        began = now()
        await mine.wait()

    assert max(visits.times) == 2.25  # and the next common place 2.5 after the latest answer
    assert now() - began == pytest.approx(2.5 + 0.5)


async def test_before_redis_was_ever_reached_the_processes_are_as_many_as_it_was_told(client_for, quota_for, caplog):
    """The keyword says what nobody could be asked."""
    client, visits = client_for(), Visits()
    client.fault = GONE
    quota = quota_for(client=client, processes=5, per_second=10)

    await visits.all(*[quota] * 3)

    assert visits.times == [0.5, 1, 1.5]
    assert said(caplog) == [("WARNING", "the shared quota failed (ConnectionError); keeping to a share of 1/5 of it")]


@pytest.mark.parametrize(
    ("limit", "processes", "made"),
    [
        (RateLimit(per_second=10, per_minute=100, per_day=1000), 1, (10, 100, 1000, 1)),
        (RateLimit(per_second=10, per_minute=100, per_day=1000, burst=9), 4, (2.5, 25, 250, 2)),
        (RateLimit(per_second=10, per_minute=3, per_day=2), 4, (2.5, 1, 1, 1)),
        (RateLimit(per_second=10), 3, (10 / 3, None, None, 1)),
    ],
)
def test_a_share_is_a_part_of_each_rate(limit, processes, made):
    """Of a minute and of a day at least one, of a burst likewise."""
    per_second, per_minute, per_day, burst = made
    part = RateLimit(per_second=per_second, per_minute=per_minute, per_day=per_day, burst=burst)

    own = share(limit, processes, meters(limit), -math.inf, 50.0)

    assert [(meter.interval, meter.burst) for meter in own] == [(meter.interval, meter.burst) for meter in meters(part)]


@pytest.mark.parametrize(("taken", "left"), [(0, 25), (60, 10), (60.5, 9), (61, 9), (99, 0), (100, 0), (150, 0)])
def test_a_share_has_its_part_of_what_is_left_of_a_day(taken, left):
    """What a day may still have at once is divided, rounded down; the rest of it comes at the share's rate."""
    limit = RateLimit(per_second=1000, per_day=1000)
    known = meters(limit)
    known[1].due = 100.0 + taken * known[1].interval

    _, own = share(limit, 4, known, 100.0, 100.0)

    start = max(100.0, known[1].earliest(100.0))
    times = []
    for _ in range(30):
        times.append(own.earliest(start))
        own.take(times[-1])
    assert sum(time <= start for time in times) == left
    assert times[left] - start == pytest.approx(own.interval)


def test_a_process_that_knows_of_nobody_begins_like_a_new_one():
    """Where Redis was never asked a day's part is whole."""
    limit = RateLimit(per_second=1000, per_day=1000)

    _, own = share(limit, 4, meters(limit), -math.inf, 100.0)

    assert own.due == 100.0


def test_no_window_sees_a_burst_when_all_fall_back():
    """However the common meter stood: what four processes send before and after it is gone keeps the second's rate."""
    limit = RateLimit(per_second=10, burst=5)
    common, times = Gcra(0.1, 5), []
    for _ in range(30):
        times.append(common.earliest(0.0))
        common.take(times[-1])

    for own in (share(limit, 4, [common], 0.0, 0.0) for _ in range(4)):
        for _ in range(20):
            times.append(own[0].earliest(0.0))
            own[0].take(times[-1])

    assert_within(RateLimit(per_second=10, burst=8), sorted(times))


@pytest.mark.parametrize(
    "answer",
    [
        *(None, b"OK", 7, [], [1, 2, 3], "12345678", [[1], 0, 0, 0, 0, [0], [0]]),
        [1, 0, 0, 0, 0, [], [0]],
        [1, 0, 0, 0, 0, [0, 0], [0]],
        [1, 0, 0, 0, 0, [0], []],
        [1, 0, 0, 0, 0, [0], [0, 0]],
        [1, 0, 0, 0, 0, [0], ["0"]],
        [1, 0, None, 0, 0, [0], [0]],
        [1, 0, 0, 0.5, 0, [0], [0]],
        [1, 0, 0, 0, [0], [0]],
    ],
    ids=repr,
)
async def test_rubbish_is_as_good_as_no_answer(client_for, quota_for, caplog, answer):
    """An answer that is none of the script's leads to the share, with one warning, and to no error."""
    client, visits = client_for(), Visits()
    client.fault = lambda _: answer
    quota = quota_for(client=client, per_second=10)

    await visits.make(quota)
    await visits.all(quota, quota)

    assert visits.times == [0.1, 0.2, 0.3]
    assert [level for level, _ in said(caplog)] == ["WARNING"]


async def test_a_connection_that_is_slow_to_make_serves_the_next_question(client_for, quota_for, caplog):
    """Where connecting takes longer than an answer may, the question that was given up has made the connection."""
    client = client_for()
    client.connects_in, client.travel = 0.5, 0.04
    quota, began = quota_for(client=client, per_second=100), now()

    while now() - began < 1.5:
        await quota.wait()

    assert [level for level, _ in said(caplog)] == ["WARNING", "INFO"]


async def test_a_redis_that_hangs_is_waited_for_once(client_for, quota_for, caplog):
    """The first crowd waits for a moment; while nothing answers nobody else waits for it, and one a second asks."""
    client, visits = client_for(), Visits()
    client.is_frozen = True
    quota = quota_for(client=client, per_second=10)

    await visits.all(*[quota] * 55)

    assert visits.times == pytest.approx([PATIENCE + number / 10 for number in range(1, 56)])
    assert 5 <= client.questions <= 7
    assert said(caplog) == [("WARNING", "the shared quota failed (TimeoutError); keeping to a share of 1/1 of it")]


async def test_all_who_stand_in_line_are_let_go_together(client_for, quota_for):
    """Who came while the question that fails was under way does not wait for one of his own."""
    client, visits = client_for(), Visits()
    client.is_frozen = True
    quota = quota_for(client=client)

    async with anyio.create_task_group() as group:
        group.start_soon(visits.make, quota)
        await anyio.sleep(PATIENCE / 2)
        group.start_soon(visits.make, quota)

    assert visits.times == [PATIENCE, PATIENCE]


async def test_an_event_loop_that_stalls_is_not_redis_failing(client_for, quota_for, caplog):
    """An answer that came while the event loop stood still is read, though all timers are late."""
    client, loop = client_for(), asyncio.get_running_loop()
    quota = quota_for(client=client, per_second=10)
    client.travel = 0.01

    def stall():
        loop._selector_of_time.skipped += 3 * PATIENCE

    loop.call_later(0.005, stall)
    await quota.wait()

    assert said(caplog) == []
    assert quota.next_place(now()) > now()


async def test_a_deadline_is_kept_while_redis_is_away(client_for, quota_for):
    """Who gets no place of the share in time is told at once how long it takes."""
    client = client_for()
    client.fault = GONE
    quota = quota_for(client=client, per_second=1)
    began = now()

    with pytest.raises(RateLimitedError) as caught:
        await quota.wait(now() + 0.9)

    assert now() == began
    assert caught.value.retry_after == pytest.approx(1)


async def test_who_leaves_gives_his_place_of_the_share_back(client_for, quota_for):
    """A cancelled wait costs the share nothing."""
    client, visits = client_for(), Visits()
    client.fault = GONE
    quota = quota_for(client=client, per_second=1)

    with anyio.move_on_after(0.5):
        await quota.wait()
    await visits.make(quota)

    assert visits.times == [1]


async def test_places_that_redis_gave_are_used_when_it_is_gone(client_for, quota_for):
    """Who has a place of the common meter keeps it, and is not late for it; the share begins after the last one."""
    client, visits = client_for(), Visits()
    quota = quota_for(client=client, per_second=1)

    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(visits.make, quota)
        await anyio.sleep(0.5)
        client.fault = GONE
        group.start_soon(visits.make, quota)

    assert visits.times == [0, 1, 2, 4.5]  # the last common one came 3 after the latest answer


async def test_a_pause_holds_here_while_redis_is_away(client_for, quota_for):
    """A refusal pauses this process at once, and nobody waits for Redis to hear of it."""
    client, visits = client_for(), Visits()
    quota = quota_for(client=client, per_second=10)
    client.is_frozen = True
    await quota.wait()
    visits = Visits()

    await quota.pause(now(), 5)
    told_at = now()
    await visits.make(quota)

    assert told_at == visits.began
    assert visits.times == [pytest.approx(5, abs=0.2)]


async def test_without_a_rate_nobody_waits_for_a_redis_that_is_away(client_for, quota_for, monkeypatch):
    """Where the pause alone is shared, events go as fast as they come."""
    put_on_virtual_time(monkeypatch)
    client, transport = client_for(), ScriptedTransport(TAKEN)
    client.is_frozen = True
    began = now()

    async with RawEventSender("http://127.0.0.1:9/x", transport=transport, rate_limit=quota_for(client=client)) as one:
        report = await send_many(one, [{"email": "a@example.com"}] * 500)

    assert report.accepted == 500
    assert now() - began == pytest.approx(PATIENCE)


# Coming back


async def test_a_process_comes_back_by_itself(client_for, quota_for, caplog):
    """Within a second of Redis's return one question finds it; once all may have, the whole rate is there again."""
    client, visits = client_for(), Visits()
    quota = quota_for(client=client, processes=5, per_second=10)
    client.fault = GONE

    async def send():
        while now() - visits.began < 20:
            await visits.make(quota)

    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(send)
        await anyio.sleep(10)
        client.fault = None

    away = [time for time in visits.times if time < 10]
    here = [time for time in visits.times if time > 10 + ASK_AGAIN + BACK + 0.5]
    assert len(away) == pytest.approx(20, abs=1)
    assert len(here) == pytest.approx(10 * (20 - 10 - ASK_AGAIN - BACK - 0.5), abs=6)
    assert said(caplog)[1:] == [("INFO", "the shared quota is back")]


async def test_coming_back_is_no_burst(client_for, quota_for):
    """While one process finds Redis back and another still has not, they send no more than the common rate."""
    clients, visits = [client_for() for _ in range(4)], Visits()
    quotas = [quota_for(client=client, per_second=40) for client in clients]

    async def send(quota):
        while now() - visits.began < 12:
            await visits.make(quota)

    async with anyio.create_task_group() as group:
        for quota in quotas * 10:
            group.start_soon(send, quota)
        for client in clients:
            await anyio.sleep(0.3)
            client.fault = GONE
        await anyio.sleep(5 - 4 * 0.3)
        for client in clients:
            client.fault = None

    times = [time for time in visits.times if 4 < time < 12]
    assert max(sum(first <= time < first + 1 for time in times) for first in times) <= 42
    assert len(times) > 8 * 40 * 0.95


async def test_what_could_not_be_told_is_told_when_redis_is_back(client_for, quota_for):
    """A pause that began while Redis was away for one process reaches the others once it is back."""
    client = client_for()
    mine, other = quota_for(client=client, per_second=10), quota_for(per_second=10)
    await mine.wait()
    client.fault = GONE
    await mine.wait()
    began = now()
    await mine.pause(now(), 60)
    await anyio.sleep(5)

    client.fault = None
    await at_once(mine.wait, other.wait)

    assert now() - began == pytest.approx(60, abs=0.2)


async def test_refusals_for_hours_are_a_few_words(client_for, quota_for):
    """What waits to be told does not grow, and still says that the next pause is the longest."""
    client = client_for()
    mine, other = quota_for(client=client), quota_for()
    client.fault = GONE
    await mine.wait()

    for _ in range(100):
        await mine.pause(now(), None)
        await mine.wait()
    waiting = len(mine._words)
    client.fault = None
    await anyio.sleep(2)
    await mine.wait()
    await turns()
    await other.wait()
    await other.pause(now(), None)

    assert waiting <= 16
    assert other.pause_left == pytest.approx(60)


async def test_a_good_answer_leaves_nothing_to_tell_of_the_pauses_before_it(client_for, quota_for):
    """What an accepted request has made good is not told later."""
    client = client_for()
    quota = quota_for(client=client)
    client.fault = GONE

    for _ in range(3):
        await quota.wait()
        await quota.pause(now(), None)
        await quota.wait()
        quota.resume(now())

    assert [type(word) for word in quota._words] == [Acceptance]


async def test_one_warning_for_each_time_that_redis_goes(client_for, quota_for, caplog):
    """Each time that Redis goes is told once, and each return; no word has more of the fault than its type."""
    client = client_for()
    quota = quota_for(client=client, per_second=100)

    for fault in (GONE, redis.ResponseError("canary"), OSError("canary")):
        client.fault = fault
        await at_once(*[quota.wait] * 300)
        client.fault = None
        await at_once(*[quota.wait] * 300)

    assert [level for level, _ in said(caplog)] == ["WARNING", "INFO"] * 3
    faults = [record.args[0] for record in own_records(caplog) if record.args]
    assert faults == ["ConnectionError", "ResponseError", "OSError"]


async def test_a_sleeper_on_the_share_hears_that_redis_is_back(client_for, quota_for):
    """Whose place on the share is an hour away does not sleep through Redis's return."""
    client, visits = client_for(), Visits()
    quota = quota_for(client=client, processes=1000, per_second=0.5)
    client.fault = GONE

    async with anyio.create_task_group() as group:
        group.start_soon(visits.make, quota)
        await anyio.sleep(10)
        client.fault = None

    assert visits.times == [pytest.approx(10 + BACK, abs=2 * ASK_AGAIN)]
