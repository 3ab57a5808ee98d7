"""Runs on one delivery log in Redis: what the next run, and another one at the same time, make of it."""

from __future__ import annotations

import math
import random
from collections import Counter
from functools import partial

import anyio
import pytest
from bulk.scripted import (
    LOST,
    TAKEN,
    UNREACHABLE,
    URL,
    item,
    items,
    sender_on,
)
from journal import resuming
from journal.network import Network
from journal.resuming import AFTERWARDS, UNAVAILABLE, WRONG, assert_done, named
from redis.asyncio import Redis

from sendpulse_async import (
    DuplicateEventError,
    Event,
    JournalError,
    Outcome,
    OutcomeStatus,
    Receipt,
    UnknownDeliveryError,
    send_many,
)
from sendpulse_async._journal import identify
from sendpulse_async.stores.redis import RedisDeliveryLog

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60)]

run = partial(resuming.run, network=Network)


@pytest.mark.parametrize(("answer", "state", "again"), AFTERWARDS.values(), ids=AFTERWARDS)
async def test_what_each_outcome_means_for_the_next_run(log, answer, state, again):
    """As with a journal: settled is skipped, safe is sent, in doubt is reported, and sent only where that is asked."""
    await run(log, items(1), lambda n: answer)
    assert (await log.look_up(identity_of(0)))[0].state is state

    assert_done(again, *await run(log, items(1)))


def identity_of(number):
    """Return what the log knows an event of `items` by."""
    return identify(Event.from_mapping(item(number)), number, URL)


async def test_a_doubt_ends_where_it_is_sent_again(log):
    """What was seen then is told until then."""
    await run(log, items(3), lambda n: LOST if n == 1 else TAKEN)
    report, sent, outcomes = await run(log, items(3))
    assert (report.resumed, report.unknown, sent) == (2, 1, [])
    assert "in an earlier run: sent, but no answer came" in str(outcomes[0].error)

    report, sent, _ = await run(log, items(3), resend_unknown=True)
    assert (report.accepted, sent) == (1, [1])
    report, sent, _ = await run(log, items(3), resend_unknown=True)
    assert (report.resumed, sent) == (3, [])


async def leave_claims(log, count):
    """Do what a killed process would have done before its end."""
    async with log.run() as killed:
        for number in range(count):
            await killed.claim(identity_of(number))


async def test_a_claim_without_an_outcome_is_unknown(log):
    """As a killed process leaves it: in doubt for every run after it, and sent by none."""
    await leave_claims(log, 2)

    for answers in ([2], []):
        report, sent, outcomes = await run(log, items(3))
        assert (report.unknown, sent) == (2, answers)
        told = [str(outcome.error) for outcome in outcomes if outcome.status is OutcomeStatus.UNKNOWN]
        assert all("the event may have left" in text for text in told)


async def test_a_killed_process_own_word_is_still_taken(log):
    """It was only slow: that its event was accepted is true, whatever others made of its claim meanwhile."""
    async with log.run() as slow:
        await slow.claim(identity_of(0))
        assert (await run(log, items(1)))[0].unknown == 1
        await slow.settle(identity_of(0), Outcome(0, None, OutcomeStatus.ACCEPTED, Receipt(200, 1, 0.1, True)))

    assert (await run(log, items(1)))[0].resumed == 1


async def test_a_wrong_event_is_told_once_and_may_be_mended(log):
    """Nothing of it was ever sent, so what stands in its place now is."""
    await run(log, [item(0), WRONG])
    again, sent, _ = await run(log, [item(0), WRONG])
    mended, sent_mended, _ = await run(log, items(2))

    assert (again.resumed, sent) == (2, [])
    assert (mended.resumed, mended.accepted, sent_mended) == (1, 1, [1])


async def test_another_input_is_refused(log):
    """Before anything of it is sent, with what to do."""
    await run(log, items(1))

    with pytest.raises(JournalError, match=r"event 1 of the input is not the one that the log knows.* another name"):
        await run(log, [item(7)])


async def test_an_event_under_another_name_is_another_event(client):
    """Two lists may hold the same event, and each is sent."""
    for name in ("spring", "autumn"):
        report, sent, _ = await run(RedisDeliveryLog(client, name=name), items(1))
        assert (report.accepted, sent) == (1, [0])


async def test_a_repeated_id_is_not_sent(log):
    """The second one is refused as a duplicate in this run, and both are settled in the next."""
    first, sent, outcomes = await run(log, named(1, 2, 1, 3, 1))
    second, sent_again, _ = await run(log, named(1, 2, 1, 3, 1))

    assert (first.accepted, first.rejected, sent) == (3, 2, [1, 2, 3])
    assert all(isinstance(outcome.error, DuplicateEventError) for outcome in outcomes if outcome.error)
    assert (second.resumed, sent_again) == (5, [])


@pytest.mark.parametrize("answers", [[UNREACHABLE, UNREACHABLE], [LOST]], ids=["unreachable", "lost"])
async def test_a_refused_repetition_spoils_nothing(log, answers):
    """What is said of the second one must not settle the first, which was not sent or is in doubt."""
    given = iter(answers)
    first, _, _ = await run(log, named(*[1] * 8), lambda n: next(given, TAKEN))
    second, sent, _ = await run(log, named(1))

    assert first.total == 8
    assert second.resumed == (first.accepted > 0)
    assert sent == ([] if first.accepted or first.unknown else [1])
    assert second.unknown == first.unknown


async def test_runs_at_the_same_time_send_an_event_once(redis_server):
    """Four of them begin together on one list: each event is taken once, and each run accounts for all of it."""
    taken, reports, outcomes = Counter(), [], []

    async def begin():
        async with Redis(port=redis_server.port) as client, sender_on(Network(taken=taken)) as sender:
            log = RedisDeliveryLog(client)
            reports.append(await send_many(sender, items(300), journal=log, on_outcome=outcomes.append))

    async with anyio.create_task_group() as group:
        for _ in range(4):
            group.start_soon(begin)

    assert taken == Counter(dict.fromkeys(range(300), 1))
    assert sum(report.accepted for report in reports) == 300
    assert all(report.total == 300 for report in reports)
    errors = [outcome.error for outcome in outcomes if outcome.error]
    assert all(isinstance(error, DuplicateEventError | UnknownDeliveryError) for error in errors)
    assert len(errors) + sum(report.resumed for report in reports) == 900
    assert any("another process" in str(error) for error in errors) or len(errors) == 0


@pytest.mark.parametrize("seed", range(30))
async def test_whatever_breaks_off_no_event_is_taken_twice(redis_server, seed):
    """Runs that overlap, meet faults and are cancelled at any moment; those who come after finish the list."""
    dice, taken, accepted = random.Random(seed), Counter(), Counter()

    def script(n):
        return dice.choices([TAKEN, LOST, UNREACHABLE, UNAVAILABLE], [12, 1, 2, 1])[0]

    def heard(outcome):
        accepted[outcome.event["n"]] += outcome.status is OutcomeStatus.ACCEPTED

    async def attempt(patience, script):
        async with Redis(port=redis_server.port) as client, sender_on(Network(script, taken)) as sender:
            log = RedisDeliveryLog(client, name=str(seed))
            with anyio.move_on_after(patience):
                await send_many(sender, items(60), journal=log, max_in_flight=8, on_outcome=heard)

    for _ in range(4):
        async with anyio.create_task_group() as group:
            for _ in range(2):
                group.start_soon(attempt, dice.uniform(0.0, 0.08), script)
    await attempt(math.inf, lambda n: TAKEN)

    assert max(taken.values()) == 1
    assert all(count <= 1 for count in accepted.values())
    async with Redis(port=redis_server.port) as client:
        report, sent, outcomes = await run(RedisDeliveryLog(client, name=str(seed)), items(60))
    assert (sent, report.resumed + report.unknown) == ([], 60)
    doubtful = {outcome.index for outcome in outcomes}
    assert set(range(60)) - doubtful <= set(taken)
