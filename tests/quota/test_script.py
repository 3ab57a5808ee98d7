"""The script, played on a real Redis by a clock of the test's: the rule of `Quota`, for any number of processes."""

from __future__ import annotations

import itertools
import math

import anyio
import attrs
import pytest
import redis
from examples import examples
from fakes import backend
from hypothesis import given
from hypothesis import strategies as st
from test_quota_machine import GAPS, assert_within, limits

from sendpulse_async import Quota, RateLimit
from sendpulse_async.stores.redis._meter import (
    HEARING,
    KEPT_FOR,
    LONGEST,
    Acceptance,
    Question,
    Refusal,
    SharedMeter,
)

from .clocked import EPOCH, ClockedRedis

pytestmark = pytest.mark.timeout(200)

KEY = "sendpulse:quota:{default}"


class Account:
    """An account's meter in Redis, asked by several processes at times that the test sets.

    Attributes:
        now: In the clock of all processes.
    """

    names = itertools.count()

    def __init__(self, server, limit, *, processes=1, name=None):
        self.now = 1000.0
        self.client = ClockedRedis(server.url, clock=lambda: self.now)
        name = f"account {next(self.names)}" if name is None else name
        self._meters = [SharedMeter(self.client, name, limit) for _ in range(processes)]

    async def ask(self, *deadlines, words=(), process=0, paused_until=-math.inf, was_away=False):
        meter = self._meters[process]
        meter._identity = lambda: str(process)
        return await meter.ask(Question(self.now, paused_until, deadlines, words, was_away))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.close_blocking()


def play(work):
    name, options = backend("asyncio")
    anyio.run(work, backend=name, backend_options=options)


# Rates


patience = st.sampled_from([0.0001, 0.34567, 2.1234, 45.6789, math.inf, math.inf, math.inf])
crowds = st.tuples(GAPS, st.integers(0, 2), st.lists(patience, min_size=1, max_size=8))


@examples(100)
@given(limit=limits, crowd=st.lists(crowds, max_size=15))
def test_no_rolling_window_sees_more_than_its_limit(redis_server, limit, crowd):
    """However many processes ask, whenever they do: no window of any length sees more than the rates allow in it."""
    times = []

    async def ask():
        with Account(redis_server, limit, processes=3) as account:
            for gap, process, each in crowd:
                account.now = round(account.now + gap, 6)
                reply = await account.ask(*[account.now + seconds for seconds in each], process=process)
                times.extend(account.now + wait for wait, is_taken in reply.places if is_taken)

    play(ask)

    assert_within(limit, times)


@attrs.frozen
class Refused:
    """SendPulse refuses a request that began when the refused process knew all, or one that was under way before.

    Attributes:
        seconds: What it asks for, or None.
        ago: How long before the latest refusal it began; None: it begins now.
    """

    seconds: float | None
    ago: float | None


@attrs.frozen
class Accepted:
    """SendPulse accepts a request that began so long ago."""

    ago: float


events = st.one_of(
    st.lists(patience, min_size=1, max_size=4),
    st.builds(Refused, st.none() | st.sampled_from([0.05, 2.5, 90.0]), st.none() | st.sampled_from([0.001, 1.0])),
    st.builds(Accepted, st.sampled_from([0.0, 0.5, 20.0])),
)


@examples(150)
@given(limit=st.none() | limits, steps=st.lists(st.tuples(GAPS, st.integers(0, 2), events), max_size=25))
def test_it_is_the_rule_of_a_quota(redis_server, limit, steps):
    """Whatever processes do in turn, the places, the pauses and their doubling are those of one `Quota` for all."""

    async def compare():
        with Account(redis_server, limit, processes=3) as account:
            quota = Quota(limit, clock=lambda: account.now)
            for gap, process, event in steps:
                account.now = round(account.now + gap, 6)
                if isinstance(event, list):
                    await compare_places(account, quota, process, event)
                else:
                    await compare_words(account, quota, process, event)

    play(compare)


async def compare_places(account, quota, process, each):
    deadlines = [account.now + seconds for seconds in each]
    expected = [quota.next_place(account.now) - account.now]
    for deadline in deadlines:
        quota._take(max(account.now, quota._paused_until), deadline)
        expected.append(quota.next_place(account.now) - account.now)

    reply = await account.ask(*deadlines, process=process)

    for seconds, before, (wait, is_taken) in zip(each, expected, reply.places, strict=False):
        assert wait == pytest.approx(before, abs=1e-3)
        assert is_taken == (wait < seconds)


async def compare_words(account, quota, process, event):
    now = account.now
    if isinstance(event, Accepted):
        quota.resume(now - event.ago)
        words = [Acceptance(now - event.ago)]
    else:
        since = now if event.ago is None else quota._paused_at - event.ago
        if since == -math.inf or (since == now and quota.is_paused):
            return  # nobody begins in a pause
        await quota.pause(since, event.seconds)
        words = [Refusal(since, event.seconds or 0.0, now)]

    reply = await account.ask(words=words, process=process)

    assert reply.in_a_row == quota._pauses_in_a_row
    assert max(0.0, reply.pause) == pytest.approx(quota.pause_left, abs=1e-3)


# Pauses


async def refused(account, process=0, ago=0.0, seconds=0.0, began=0.0):
    words = [Refusal(account.now - began - ago, seconds, account.now - ago)]
    return await account.ask(words=words, process=process)


def test_who_had_not_heard_of_a_refusal_begins_no_pause_of_his_own(redis_server):
    """A request that begins within a moment after it is refused for the same reason; a later one is not."""

    async def ask():
        with Account(redis_server, None, processes=2) as account:
            await refused(account)
            account.now += HEARING + 0.5
            ignorant = await refused(account, process=1, began=0.51)
            informed = await refused(account, process=1, began=0.49)
            assert (ignorant.in_a_row, informed.in_a_row) == (1, 2)

    play(ask)


def test_a_refusal_that_is_told_late_counts_from_when_it_came(redis_server):
    """A process that could not tell of a pause for a while tells how long ago that was: the pause is no longer."""

    async def ask():
        with Account(redis_server, None) as account:
            reply = await refused(account, ago=3, seconds=10)
            assert reply.pause == pytest.approx(7)

    play(ask)


def test_what_happened_in_turn_is_told_in_turn(redis_server):
    """Of a pause, a good answer after it and another pause the last alone counts."""

    async def ask():
        with Account(redis_server, None) as account:
            words = [Refusal(990, 0, 990), Acceptance(995), Refusal(996, 0, 996), Refusal(999, 0, 999.5)]
            reply = await account.ask(words=words)
            assert (reply.in_a_row, reply.pause) == (2, pytest.approx(1.5))

    play(ask)


def test_a_pause_that_redis_forgot_holds_for_who_knows_it(redis_server):
    """Places come after the pause that a process knows of, though others may be told nothing of it."""

    async def ask():
        with Account(redis_server, RateLimit(per_second=10), processes=2) as account:
            knows = await account.ask(math.inf, paused_until=account.now + 7)
            ((wait, is_taken),) = knows.places
            assert (wait, is_taken, knows.pause < 0) == (pytest.approx(7), True, True)

    play(ask)


# Clocks, rubbish, and what is left behind


@pytest.mark.parametrize("seconds", [7200.0, 400 * 86_400.0])
def test_a_clock_that_is_set_back_stops_nobody(redis_server, seconds):
    """After Redis's clock was set back, or another server took over, places and pauses are as far away as before."""

    async def ask():
        with Account(redis_server, RateLimit(per_second=1)) as account:
            await account.ask(*[math.inf] * 5)
            await refused(account, seconds=10)
            account.client.ahead = -seconds
            reply = await account.ask(math.inf)
            assert reply.places[0][0] <= 10
            assert seconds > LONGEST or (reply.pause, reply.in_a_row) == (pytest.approx(10), 1)

    play(ask)


@pytest.mark.parametrize("rubbish", ["", "soon", "nan", "inf", "-inf", "1e300", "-7", "0x7fffffffffffff", "9" * 400])
def test_rubbish_in_a_field_is_as_good_as_absent(redis_server, rubbish):
    """Whatever stands where a time should be, a place and a sound answer come at once, and the next one is spaced."""

    async def ask():
        with Account(redis_server, RateLimit(per_second=1, per_minute=50, per_day=100), name="default") as account:
            fields = (
                "seen",
                "heard_at",
                "paused_until",
                "in_a_row",
                "reopens_at",
                "per_second",
                "per_minute",
                "per_day",
            )
            for field in fields:
                account.client.ask("HSET", KEY, field, rubbish)
            reply = await account.ask(math.inf, math.inf)
            assert [wait for wait, _ in reply.places] == [0, 1]
            assert (reply.in_a_row, reply.pause < 0) == (0, True)

    play(ask)


@pytest.mark.parametrize("key", [KEY, f"{KEY}:processes"])
def test_a_key_of_another_type_is_an_error(redis_server, key):
    """A key that somebody else uses is left alone, and the question fails."""

    async def ask():
        with Account(redis_server, RateLimit(per_second=1), name="default") as account:
            account.client.ask("SET", key, "mine")
            with pytest.raises(redis.ResponseError):
                await account.ask(math.inf)
            assert account.client.ask("GET", key) == b"mine"

    play(ask)


def test_all_keys_expire(redis_server):
    """What nobody uses any more goes by itself, and not before the last place, the pause and a while are over."""

    async def ask():
        with Account(redis_server, RateLimit(per_second=1), name="default") as account:
            await account.ask(*[math.inf] * 100)
            lives = {key: account.client.ask("PTTL", key) / 1000 for key in (KEY, f"{KEY}:processes")}
            assert lives == {KEY: pytest.approx(100 + KEPT_FOR, abs=2), f"{KEY}:processes": pytest.approx(60, abs=2)}
            assert sorted(account.client.ask("KEYS", "*")) == sorted(key.encode() for key in lives)

    play(ask)


def test_processes_count_for_a_minute(redis_server):
    """Redis says how many processes asked within a minute."""

    async def ask():
        with Account(redis_server, None, processes=3) as account:
            counts = [(await account.ask(process=number)).processes for number in (0, 1, 2, 0)]
            account.now += 59
            counts.append((await account.ask(process=2)).processes)
            account.now += 2
            counts.append((await account.ask(process=2)).processes)
            assert counts == [1, 2, 3, 3, 3, 1]

    play(ask)


def test_all_for_whom_redis_was_away_come_back_together(redis_server):
    """The first one that is back sets the time, those who follow are told it, and who was not away is told nothing."""

    async def ask():
        with Account(redis_server, None, processes=3) as account:
            replies = [await account.ask(process=0, was_away=True)]
            account.now += 0.5
            replies.append(await account.ask(process=1, was_away=True))
            account.now += 5
            replies.append(await account.ask(process=2))
            replies.append(await account.ask(process=2, was_away=True))
            assert [reply.reopens for reply in replies] == pytest.approx([1.25, 0.75, -4.25, 1.25])

    play(ask)


def test_a_time_of_coming_back_that_nobody_can_have_set_is_set_anew(redis_server):
    """Rubbish in that field keeps nobody to his share for long."""

    async def ask():
        with Account(redis_server, None, name="default") as account:
            account.client.ask("HSET", KEY, "reopens_at", int((EPOCH + account.now + 1e6) * 1e6))
            assert (await account.ask(was_away=True)).reopens == pytest.approx(1.25)

    play(ask)


def test_no_refusal_shortens_a_pause(redis_server):
    """Of two refusals that were under way together the longer one holds, in whichever order they are told."""

    async def ask():
        for name, each in (("up", (2, 20)), ("down", (20, 2))):
            with Account(redis_server, None, name=name) as account:
                for seconds in each:
                    reply = await refused(account, seconds=seconds, began=1)
                assert (reply.pause, reply.in_a_row) == (pytest.approx(20), 1)

    play(ask)
