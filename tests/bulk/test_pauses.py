"""Rate limits and pauses of a bulk run: waited for before an event's deadline begins, in a time of the test's own."""

from __future__ import annotations

import anyio
import pytest

from sendpulse_async import (
    OutcomeStatus,
    Quota,
    RateLimitedError,
    RetryPolicy,
    send_many,
)
from sendpulse_async._bulk import _places

from .scripted import (
    HOUR,
    TAKEN,
    ForeignSender,
    Input,
    answer,
    both_quotas,
    item,
    items,
    run_many,
)

pytestmark = pytest.mark.anyio


def over_quota(times, retry_after=HOUR):
    """A script that refuses the first `times` requests, whichever events they are for."""
    asked = iter(range(10_000))
    return lambda n: answer(429, retry_after=retry_after) if next(asked) < times else TAKEN


def brief(time):
    """Requests that take a while, as all do: so a pause begins after the request that led to it."""
    return lambda n: time.sleep(1 / 16)


# A pause puts the event back


@pytest.mark.parametrize("retry", [RetryPolicy(max_attempts=1), RetryPolicy()], ids=["once", "repeating"])
async def test_a_long_pause_puts_the_event_back(time, retry):
    """A `Retry-After` longer than the deadline pauses the run; the event is delivered afterwards, with one outcome."""
    options = both_quotas(time)
    options["sender_options"]["retry"] = retry

    report, source, transport = await run_many(
        over_quota(1), items(3), travel=brief(time), max_in_flight=1, max_failures=0, **options
    )

    assert [outcome.index for outcome in source.outcomes] == [0, 1, 2]
    assert transport.sent == [0, 0, 1, 2]
    assert (report.accepted, report.stopped_because) == (3, None)
    assert HOUR < time.elapsed < HOUR + 1


async def test_all_that_were_refused_together_come_back(time):
    """Events that were under way together and refused are all put back: one pause, one outcome each."""
    report, source, transport = await run_many(
        over_quota(8), items(20), travel=brief(time), max_in_flight=8, **both_quotas(time)
    )

    assert report.accepted == 20
    assert sorted(transport.sent) == sorted([*range(8), *range(20)])
    assert source.furthest <= 8
    assert HOUR < time.elapsed < HOUR + 2


async def test_nobody_sends_during_a_pause(time):
    """While a run is paused nothing is sent and nothing more is pulled."""
    moments = []

    async def travel(n):
        moments.append((n, time.elapsed))
        await time.sleep(1 + n)

    report, _, _ = await run_many(over_quota(1), items(6), travel=travel, max_in_flight=3, **both_quotas(time))

    assert report.accepted == 6
    assert [n for n, moment in moments if moment < 1] == [0, 1, 2]
    assert all(moment >= HOUR for n, moment in moments[3:])


async def test_a_paused_event_is_told_once_to_the_sender_too(time):
    """The sender's own `on_outcome` hears of an event that was put back once, when it has its outcome."""
    heard = []
    options = both_quotas(time)
    options["sender_options"]["on_outcome"] = lambda outcome: heard.append((outcome.index, outcome.status))

    await run_many(over_quota(1), items(2), travel=brief(time), max_in_flight=1, **options)

    assert heard == [(0, OutcomeStatus.ACCEPTED), (1, OutcomeStatus.ACCEPTED)]


async def test_a_receipt_counts_all_requests(time):
    """The receipt of an event that was put back counts every request that was begun for it."""
    _, source, _ = await run_many(over_quota(2), items(1), travel=brief(time), **both_quotas(time))

    assert source.outcomes[0].receipt.attempts == 3


async def test_a_stop_ends_a_pause(time):
    """Events that wait for the end of a pause are NOT_SENT as soon as another event stops the run."""

    async def travel(n):
        await time.sleep(1 + 8 * n)

    report, _, _ = await run_many(
        lambda n: answer(403, result=False) if n == 2 else answer(429, retry_after=HOUR),
        items(9),
        travel=travel,
        max_in_flight=3,
        **both_quotas(time),
    )

    assert (report.rejected, report.not_sent, report.total) == (1, 2, 3)
    assert all(outcome.error.__cause__ is report.stopped_because for outcome in report.failures if outcome.index != 2)
    assert time.elapsed == 17


async def test_pauses_of_no_said_length(time):
    """Without a `Retry-After` each pause in a row is twice as long as the one before, from 1 s on."""
    report, _, transport = await run_many(
        over_quota(4, None), items(2), travel=brief(time), max_in_flight=1, **both_quotas(time)
    )

    assert report.accepted == 2
    assert len(transport.sent) == 6
    assert 1 + 2 + 4 + 8 <= time.elapsed < 16


async def test_a_pause_after_success_is_a_first_one_again(time):
    """Without a `Retry-After` a pause lasts 1 s where events were accepted since the last: no doubling all day long."""
    asked = iter(range(10_000))

    def script(n):
        return TAKEN if next(asked) % 4 else answer(429)

    report, _, transport = await run_many(script, items(24), travel=brief(time), max_in_flight=1, **both_quotas(time))

    assert report.accepted == 24
    assert len(transport.sent) == 32
    assert 8 <= time.elapsed < 8 + 32 / 16 + 1


async def test_a_foreign_senders_refusal_pauses_too(time):
    """A foreign sender's `RateLimitedError` pauses the run and puts its event back."""
    source, refusals = Input(items(4)), [RateLimitedError("slow down", retry_after=HOUR)]
    sender = ForeignSender(lambda event: refusals.pop() if event["n"] == 1 and refusals else None)

    report = await send_many(sender, source, max_in_flight=1, rate_limit=time.quota(), on_outcome=source.heard)

    source.check(report)
    assert (report.accepted, time.elapsed) == (4, HOUR)
    assert [event["n"] for event in sender.seen] == [0, 1, 1, 2, 3]


async def test_who_is_cancelled_while_a_pause_is_told_has_its_outcome(time):
    """A cancellation that comes while a shared quota tells others of a pause loses nothing of what was known."""

    class HangingQuota(Quota):
        async def pause(self, since, seconds):
            await super().pause(since, seconds)
            await anyio.sleep_forever()

    source, quota = Input(items(1)), HangingQuota(None, clock=time.clock, sleep=time.sleep)
    sender = ForeignSender(lambda event: RateLimitedError("slow down", retry_after=HOUR))

    with anyio.move_on_after(0.1):
        await send_many(sender, source, rate_limit=quota, on_outcome=source.heard)

    assert quota.is_paused
    assert [(type(outcome.error), outcome.error.retry_after) for outcome in source.outcomes] == [
        (RateLimitedError, HOUR)
    ]


# Five pauses in a row


async def test_five_pauses_stop(time):
    """Five pauses in a row without an accepted event stop the run; the event put back last is NOT_SENT."""
    report, _, transport = await run_many(
        over_quota(1_000), items(50), travel=brief(time), max_in_flight=1, **both_quotas(time)
    )

    assert isinstance(report.stopped_because, RateLimitedError)
    assert report.stopped_because.retry_after == HOUR
    assert transport.sent == [0] * 5
    assert (report.total, report.not_sent) == (1, 1)
    assert 4 * HOUR < time.elapsed < 5 * HOUR


async def test_five_pauses_leave_waiting_events_unsent(time):
    """When five pauses have stopped the run, every event that it had pulled is NOT_SENT, at once."""

    async def travel(n):
        await time.sleep((1 + n) / 16)

    report, source, transport = await run_many(
        over_quota(1_000), items(50), travel=travel, max_in_flight=4, **both_quotas(time)
    )

    assert isinstance(report.stopped_because, RateLimitedError)
    assert (report.total, report.not_sent, len(transport.sent)) == (4, 4, 20)
    assert {outcome.status for outcome in source.outcomes} == {OutcomeStatus.NOT_SENT}
    assert time.elapsed < 5 * HOUR


async def test_one_pause_of_many_events_counts_once(time):
    """The refusals of events that were under way together are one pause of the five."""
    travel = brief(time)

    report, _, _ = await run_many(over_quota(32), items(64), travel=travel, max_in_flight=32, **both_quotas(time))

    assert (report.accepted, report.stopped_because) == (64, None)


async def test_an_accepted_event_begins_the_count_anew(time):
    """An accepted event between pauses makes the next one the first of five again."""
    asked = iter(range(10_000))

    def script(n):
        return TAKEN if next(asked) % 5 == 4 else answer(429, retry_after=HOUR)

    report, _, transport = await run_many(script, items(4), travel=brief(time), max_in_flight=1, **both_quotas(time))

    assert (report.accepted, report.stopped_because) == (4, None)
    assert len(transport.sent) == 20


async def test_invalid_events_do_not_break_the_row(time):
    """Only an accepted event breaks the row: invalid ones in between leave the count as it is."""
    report, _, transport = await run_many(
        over_quota(1_000), [item(0), *[None] * 20], travel=brief(time), max_in_flight=2, **both_quotas(time)
    )

    assert isinstance(report.stopped_because, RateLimitedError)
    assert len(transport.sent) == 5


async def test_one_quota_for_the_sender_and_the_run(time):
    """A run whose `rate_limit` is the sender's own `Quota` stops after five pauses as any other."""
    quota = time.quota()
    options = {"rate_limit": quota, "sender_options": {"rate_limit": quota}}

    with anyio.fail_after(3):
        report, _, transport = await run_many(over_quota(200), items(2), travel=brief(time), max_in_flight=1, **options)

    assert isinstance(report.stopped_because, RateLimitedError)
    assert len(transport.sent) == 5


async def test_five_is_the_number():
    """The number of pauses in a row is five."""
    assert _places.MAX_PAUSES == 5
