"""Several processes on one account: one rate, one pause, and as few questions as can be; on virtual time."""

from __future__ import annotations

import math

import anyio
import pytest
from fakes import (
    OVER_QUOTA,
    TAKEN,
    ScriptedTransport,
    Step,
    answer,
    at_once,
    now,
    put_on_virtual_time,
    request_for,
    turns,
)

from sendpulse_async import (
    ConfigurationError,
    NotSentError,
    RateLimit,
    RateLimitedError,
    RawEventSender,
    RetryPolicy,
    send_many,
)
from sendpulse_async._quota import GatedTransport
from sendpulse_async.stores.redis import RedisQuota
from sendpulse_async.stores.redis._quota import FRESH, LATE

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60)]

URL = "http://127.0.0.1:9/events/id/x/1"
EVENT = {"email": "a@example.com"}


class Visits:
    """Waits of several processes, with the time of each that was admitted, from the first one on."""

    def __init__(self):
        self.began = now()
        self.times = []

    async def make(self, quota, deadline=math.inf):
        await quota.wait(deadline)
        self.times.append(round(now() - self.began, 4))

    async def all(self, *quotas):
        await at_once(*[lambda quota=quota: self.make(quota) for quota in quotas])


# The rate


async def test_all_processes_keep_one_rate(quota_for):
    """What two processes send together is spaced as if one sent it."""
    first, second, visits = quota_for(per_second=2), quota_for(per_second=2), Visits()

    await visits.all(*[first, second] * 4)

    assert sorted(visits.times) == [0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5]


async def test_quotas_of_other_names_keep_their_own(quota_for):
    """Two accounts on one Redis do not wait for each other."""
    visits = Visits()

    await visits.all(*[quota_for(per_second=1, name=name) for name in ("one", "other", "third account")])

    assert visits.times == [0, 0, 0]


async def test_a_crowd_asks_once(client_for, quota_for):
    """However many ask at the same moment, Redis is asked once, and answers them in the order in which they came."""
    client, admitted = client_for(), []
    quota = quota_for(client=client, per_second=1000)

    async def visit(number):
        await quota.wait()
        admitted.append(number)

    async with anyio.create_task_group() as group:
        for number in range(50):
            group.start_soon(visit, number)
        await turns()
        questions = client.questions

    assert admitted == list(range(50))
    assert questions == 1


async def test_no_question_asks_for_more_than_a_hundred_places(client_for, quota_for):
    """A crowd of thousands keeps Redis busy for a moment at a time, and all of them are served."""
    client, visits = client_for(), Visits()
    quota = quota_for(client=client, per_second=1e6)

    await visits.all(*[quota] * 1050)

    assert client.questions == 11
    assert len(visits.times) == 1050


async def test_who_comes_while_a_question_is_under_way_goes_with_the_next(client_for, quota_for):
    """One question at a time: its answer is awaited before the next one leaves, with all who came meanwhile."""
    client, visits = client_for(), Visits()
    quota = quota_for(client=client, per_second=1000)
    client.travel = 0.1

    async with anyio.create_task_group() as group:
        for seconds in (0, 0.05, 0.06, 0.07):
            group.start_soon(_later, seconds, visits.make, quota)

    assert client.questions == 2
    assert visits.times == [0.2, 0.4, 0.401, 0.402]


async def _later(seconds, call, *arguments):
    await anyio.sleep(seconds)
    await call(*arguments)


async def test_two_senders_and_a_run_on_one_quota(quota_for, monkeypatch):
    """Senders and bulk runs of several processes that are given the account's quota keep its rate together."""
    put_on_virtual_time(monkeypatch)
    transport, other = ScriptedTransport(TAKEN), ScriptedTransport(TAKEN)
    mine, theirs, began = quota_for(per_second=10), quota_for(per_second=10), now()

    async with (
        RawEventSender(URL, transport=transport, rate_limit=mine) as one,
        RawEventSender(URL, transport=transport, rate_limit=mine) as two,
        RawEventSender(URL, transport=other, rate_limit=None) as three,
    ):
        reports = await at_once(
            lambda: send_many(one, [EVENT] * 20),
            lambda: send_many(two, [EVENT] * 20),
            lambda: send_many(three, [EVENT] * 20, rate_limit=theirs),
        )

    times = sorted(transport.times + other.times)
    assert [report.accepted for report in reports] == [20, 20, 20]
    assert [round(time - began, 4) for time in times] == [round(number / 10, 4) for number in range(60)]


# Deadlines


async def test_the_time_that_redis_takes_counts(client_for, quota_for):
    """Whose deadline passes while Redis is asked is told so at his deadline, not when the answer comes."""
    client = client_for()
    quota, began = quota_for(client=client, per_second=1), now()
    client.travel = 0.1

    with pytest.raises(NotSentError) as caught:
        await quota.wait(began + 0.15)

    assert type(caught.value) is NotSentError
    assert now() - began == pytest.approx(0.15)


async def test_a_place_whose_asker_left_while_redis_was_asked_is_the_next_ones(client_for, quota_for):
    """Who is cancelled before his place came has taken it all the same: the next who asks gets it."""
    client, visits = client_for(), Visits()
    quota = quota_for(client=client, per_second=1)
    await visits.make(quota)
    client.travel = 0.1

    with anyio.move_on_after(0.15):
        await quota.wait()
    await anyio.sleep(0.1)
    questions = client.questions
    await visits.make(quota)

    assert visits.times == [0, 1.1]
    assert client.questions - questions == 1  # the look before a place that was taken long ago


async def test_a_place_that_the_way_back_makes_late_is_no_place(client_for, quota_for):
    """A place that came before the deadline for Redis, and after it for who asked, is refused and given to the next."""
    client = client_for()
    quota = quota_for(client=client, per_second=1)
    await quota.wait()
    began, client.travel = now(), 0.1

    with pytest.raises(RateLimitedError) as caught:
        await quota.wait(now() + 1.05)
    told, client.travel = now(), 0.0
    await quota.wait()

    assert told - began == pytest.approx(0.2)
    assert caught.value.retry_after == pytest.approx(0.9)
    assert now() - began == pytest.approx(1.1)


# The pause


@pytest.mark.parametrize("limit", [{}, {"per_second": 100}])
async def test_a_refusal_that_one_process_meets_pauses_all(quota_for, limit):
    """Who asks in another process waits for the end of the pause, with a rate or without one."""
    first, second, visits = quota_for(**limit), quota_for(**limit), Visits()
    await second.wait()

    await first.pause(now(), 7)
    await visits.make(second)

    assert visits.times == [7]
    assert (second.is_open, second.pause_left) == (not limit, 0)


async def test_a_pause_is_told_before_its_caller_goes_on(quota_for, redis_server):
    """When `pause` returns, Redis has it; here it holds before anything is awaited."""
    quota = quota_for()
    telling = quota.pause(now(), 7)

    telling.send(None)
    here_at_once = quota.is_paused, redis_server.ask("EXISTS", "sendpulse:quota:{default}")
    telling.close()
    await turns()

    assert here_at_once == (True, ":0")
    assert redis_server.ask("EXISTS", "sendpulse:quota:{default}") == ":1"


async def test_who_sleeps_on_a_place_already_is_held_back_too(quota_for):
    """A pause that begins in one process stops those in another that have their places and sleep."""
    first, second, visits = quota_for(per_second=1), quota_for(per_second=1), Visits()

    async with anyio.create_task_group() as group:
        for _ in range(4):
            group.start_soon(visits.make, second)
        await anyio.sleep(1.5)
        await first.pause(now(), 10)

    assert visits.times == [0, 1, 11.5, 12.5]


async def test_a_slow_redis_is_looked_at_in_time(client_for, quota_for):
    """However long an answer takes, who sleeps knows of a pause before his place comes, and is not late for it."""
    client, visits = client_for(), Visits()
    first, second = quota_for(per_second=1), quota_for(client=client, per_second=1)
    client.travel = 0.1

    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(visits.make, second)
        await anyio.sleep(1.5)
        await first.pause(now(), 10)

    assert visits.times[:2] == [0.2, 1.2]
    assert visits.times[2] == pytest.approx(11.7, abs=0.21)


async def test_a_redis_that_hangs_makes_no_sleeper_late(client_for, quota_for):
    """Who looks again, and gets no answer, goes at his place all the same."""
    client, visits = client_for(), Visits()
    quota = quota_for(client=client, per_second=1)

    async with anyio.create_task_group() as group:
        for _ in range(2):
            group.start_soon(visits.make, quota)
        await anyio.sleep(0.5)
        client.is_frozen = True

    assert visits.times == [0, pytest.approx(1, abs=LATE)]


async def test_answers_that_were_under_way_together_are_one_refusal(quota_for):
    """Refusals that two processes meet at once make one pause of a second, and the next one is of two."""
    quotas = [quota_for(), quota_for()]
    gates = [GatedTransport(ScriptedTransport(Step(OVER_QUOTA, seconds=0.1)), quota) for quota in quotas]
    lengths = []

    for _ in range(3):
        began = now()
        await at_once(*[lambda gate=gate: gate.send(request_for()) for gate in gates * 5])
        await quotas[0].wait()
        lengths.append(round(now() - began - 0.1, 3))
        await quotas[1].wait()

    assert lengths == [1, 2, 4]


async def test_a_request_that_began_before_its_process_heard_of_the_pause_begins_no_other(quota_for):
    """Who began a moment after a refusal elsewhere, since he could not know of it, is refused for the same reason."""
    first, second, visits = quota_for(), quota_for(), Visits()
    await second.wait()  # and knows for a moment that there is no pause
    await first.pause(now(), None)
    await anyio.sleep(FRESH / 2)

    assert second.is_open
    await second.pause(now(), None)
    await visits.all(first, second)

    assert visits.times == [1, pytest.approx(1, abs=FRESH)]
    began = now()
    await first.pause(now(), None)
    assert first.pause_left == pytest.approx(2)
    assert now() == began


async def test_pauses_double_across_processes(quota_for):
    """Refusals in a row, whichever process meets them, double up to a minute."""
    quotas, lengths = [quota_for() for _ in range(3)], []

    for number in range(9):
        quota, other = quotas[number % 3], quotas[(number + 1) % 3]
        asked = now()
        await quota.pause(asked, None)
        await other.wait()
        lengths.append(round(now() - asked, 3))

    assert lengths == [1, 2, 4, 8, 16, 32, 60, 60, 60]


async def test_an_accepted_request_of_any_process_ends_the_doubling(quota_for):
    """What began after the pause and met no limit makes the next pause a first one, in all processes."""
    first, second = quota_for(), quota_for()
    for _ in range(3):
        await first.pause(now(), None)
        await first.wait()

    await second.wait()
    second.resume(now())
    await anyio.sleep(1)
    await second.wait()  # which tells it
    await first.wait()
    await first.pause(now(), None)

    assert first.pause_left == pytest.approx(1)


async def test_an_accepted_request_that_began_before_the_pause_does_not(quota_for):
    """An answer that is on its way when another process is refused says nothing of what comes after the pause."""
    first, second = quota_for(), quota_for()
    await second.wait()
    began = now()
    await first.pause(now(), None)
    await first.wait()

    second.resume(began)
    await second.wait()
    await first.pause(now(), None)

    assert first.pause_left == pytest.approx(2)


async def test_success_costs_no_question(client_for, quota_for):
    """Thousands of accepted requests say nothing; after a pause the first of them is told with the next question."""
    client = client_for()
    quota, words = quota_for(client=client), []
    await quota.wait()

    for is_paused in (False, True):
        if is_paused:
            await quota.pause(now(), None)
            await quota.wait()
        questions = client.questions
        for _ in range(1000):
            quota.resume(now())
        assert client.questions == questions
        words.append(len(quota._words))
    await anyio.sleep(1)
    await quota.wait()
    words.append(len(quota._words))

    assert words == [0, 1, 0]


async def test_refusals_that_say_nothing_new_cost_no_question(client_for, quota_for):
    """Of a hundred requests that were under way together the first refusal is told, and the one that asks for more."""
    client = client_for()
    quota, other, began = quota_for(client=client), quota_for(), now()
    await quota.wait()
    await anyio.sleep(0.1)
    questions = client.questions

    for seconds in (None, *[None] * 98, 7):
        await quota.pause(began, seconds)
    await other.wait()

    assert client.questions - questions == 2
    assert now() - began == pytest.approx(7.1)


async def test_the_longest_of_several_lengths_holds_for_all(quota_for):
    """Of the refusals of one flight that several processes meet, the one that asks for most is honoured everywhere."""
    first, second, third = [quota_for() for _ in range(3)]
    began = now()
    await anyio.sleep(1)

    await first.pause(began, 5)
    await second.pause(began, 20)
    await third.pause(began, 2)
    await first.wait()

    assert now() - began == pytest.approx(21)


async def test_without_a_rate_nobody_asks_while_he_knows(client_for, quota_for):
    """Without a rate, what Redis said a moment ago serves for all who come; then one question serves the next ones."""
    client = client_for()
    quota = quota_for(client=client)
    transport = ScriptedTransport(TAKEN)
    gate = GatedTransport(transport, quota)

    await at_once(*[lambda: gate.send(request_for())] * 100)
    one = client.questions
    await anyio.sleep(FRESH + 0.001)
    await at_once(*[lambda: gate.send(request_for())] * 100)

    assert (one, client.questions) == (1, 2)
    assert len(transport.requests) == 200


async def test_a_pause_reaches_a_run_of_another_process(quota_for, monkeypatch):
    """A bulk run whose own quota is the shared one waits for a pause that somebody else's refusal brought."""
    put_on_virtual_time(monkeypatch)
    mine, theirs, transport = quota_for(), quota_for(), ScriptedTransport(TAKEN)
    refused = ScriptedTransport(answer(429, retry_after=30), TAKEN)
    began, options = now(), {"rate_limit": theirs, "retry": RetryPolicy(max_attempts=2), "deadline": 60}

    async with (
        RawEventSender(URL, transport=transport, rate_limit=None) as one,
        RawEventSender(URL, transport=refused, **options) as other,
        anyio.create_task_group() as group,
    ):
        group.start_soon(other.send_event, EVENT)
        while not theirs.is_paused:
            await turns(1)
        await turns()
        report = await send_many(one, [EVENT] * 3, rate_limit=mine)

    assert report.accepted == 3
    assert [round(time - began, 4) for time in transport.times] == [30, 30, 30]


# Places that are overslept


def overslept(client, seconds, **limit):
    """A quota in a process whose every sleep lasts longer than it should."""
    return RedisQuota(client, RateLimit(**limit), clock=now, sleep=lambda length: anyio.sleep(length + seconds()))


async def test_what_a_stalled_process_missed_is_no_burst(client_for):
    """After a stall one goes at once, and those whose places have passed with his get new ones."""
    began, visits = now(), Visits()
    quota = overslept(client_for(), lambda: 0.5 if now() < began + 0.4 else 0.0, per_second=100)

    await visits.all(*[quota] * 60)

    times = sorted(visits.times)
    assert len(times) == 60
    for first, eleventh in zip(times, times[10:], strict=False):
        assert eleventh - first >= 0.1 - LATE - 0.011


async def test_a_process_that_is_always_late_goes_on(client_for):
    """Where every sleep is too long the rate sinks, and nobody waits for ever."""
    quota, visits = overslept(client_for(), lambda: 0.3, per_second=100), Visits()

    await visits.all(*[quota] * 20)

    assert len(visits.times) == 20
    assert visits.times[-1] < 20


async def test_who_is_a_little_late_keeps_his_place(client_for):
    """A place that is overslept by less than an interval, or by less than a moment, is used."""
    quota, visits = overslept(client_for(), lambda: LATE / 4, per_second=1000), Visits()

    await visits.all(*[quota] * 30)

    assert visits.times[-1] < 0.03 + LATE


# What it does not take


async def test_a_loop_that_is_not_asyncios_is_named(quota_for, redis_server):
    """On trio the first wait says what it needs; a quota that was made has not asked anybody yet."""
    seen = []

    def play():
        async def wait():
            with pytest.raises(ConfigurationError, match="asyncio") as caught:
                await quota_for(per_second=1).wait()
            seen.append(caught.value)

        anyio.run(wait, backend="trio")

    await anyio.to_thread.run_sync(play)

    assert len(seen) == 1


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"client": object()}, "client"),
        ({"client": "redis://127.0.0.1/0"}, "client"),
        ({"name": ""}, "name"),
        ({"name": "a}b"}, "name"),
        ({"name": 7}, "name"),
        ({"processes": 0}, "processes"),
        ({"processes": True}, "processes"),
        ({"processes": 1.5}, "processes"),
        ({"rate_limit": 10}, "rate_limit"),
    ],
)
async def test_wrong_settings_are_refused_by_name(client_for, options, name):
    """A setting that cannot be meant is refused where the quota is made."""
    settings = {"client": client_for(), "rate_limit": None} | options

    with pytest.raises(ConfigurationError, match=name):
        RedisQuota(settings.pop("client"), settings.pop("rate_limit"), **settings)
