"""Dead letters: seen without being removed, put back once for all who put them back, and not lost on the way."""

from __future__ import annotations

import asyncio

import pytest

from sendpulse_async import ConfigurationError, Event, JournalError, OutcomeStatus
from sendpulse_async._records import record_of
from sendpulse_async.integrations.taskiq._line import Line
from sendpulse_async.integrations.taskiq._messages import Queued, key_of
from sendpulse_async.integrations.taskiq._verdicts import Dead
from sendpulse_async.sandbox import Fault

from .stage import event, letters_of, until, until_stats

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60)]

REJECTED = Dead(OutcomeStatus.REJECTED, "refused")
UNKNOWN = Dead(OutcomeStatus.UNKNOWN, "lost")


async def bury(queue, number, dead=REJECTED, *, generation=0, copies=1):
    """Make a dead letter, or some copies of it, as workers do; return its key."""
    given = Event.from_mapping(event(number), event_id=f"id-{number}")
    queued = Queued(record_of(given, None).encode(), key_of(given), generation)
    await queue.open()
    for copy in range(copies):
        await queue.broker.line.bury(queued, dead, at=1_700_000_000.5 + copy)
    return queued.key


def numbers(sandbox):
    return sorted(entry.payload["n"] for entry in sandbox.events)


async def test_letters_are_shown_and_stay(stage):
    """The oldest first, as often as one looks; somebody who looks away in between loses none."""
    async with stage.queue() as queue:
        keys = [await bury(queue, number) for number in range(5)]
        for _ in range(30):  # more often than RabbitMQ 4 lets a message come back unless it is told otherwise
            assert [letter.key async for letter in queue.dead_letters()] == keys
        assert [letter.at async for letter in queue.dead_letters()] == [1_700_000_000.5] * 5

        async for letter in queue.dead_letters():
            assert letter.key == keys[0]
            break
        await until_stats(queue, lambda stats: stats.dead == 5)

        assert sorted([letter.key async for letter in queue.dead_letters()]) == sorted(keys)


async def test_copies_are_shown_once(stage):
    """A crash between a dead letter and its acknowledgement leaves two."""
    async with stage.queue() as queue:
        await bury(queue, 0, copies=3)
        await bury(queue, 1)

        assert [letter.event.variables["n"] async for letter in queue.dead_letters()] == [0, 1]
        assert (await queue.stats()).dead == 4


async def test_a_rejected_event_is_replayed(stage, sandbox):
    """What made SendPulse refuse it was mended: it is sent, and no dead letter any more."""
    sandbox.add_fault(Fault(status=403))
    async with stage.queue() as queue, stage.worker(stage.orders(sandbox.event_url)):
        await queue.put(event(0))
        await until_stats(queue, lambda stats: stats.dead == 1)
        assert await queue.replay() == 1
        await until(lambda: sandbox.accepted_count == 1)
        assert (await queue.stats()).dead == 0
    await stage.drain(sandbox.event_url)

    assert numbers(sandbox) == [0]


async def test_a_replayed_event_may_die_again(stage, sandbox):
    """It is shown with what came of it the last time, and may be replayed again."""
    sandbox.add_fault(Fault(status=400, times=2))
    async with stage.queue() as queue, stage.worker(stage.orders(sandbox.event_url)):
        await queue.put(event(0))
        generations = []
        for _ in range(2):
            await until_stats(queue, lambda stats: stats.dead == 1)
            generations += [letter.generation async for letter in queue.dead_letters()]
            assert await queue.replay() == 1
        await until(lambda: sandbox.accepted_count == 1)
    await stage.drain(sandbox.event_url)

    assert generations == [0, 1]
    assert numbers(sandbox) == [0]


async def test_unknown_ones_need_a_word(stage, sandbox):
    """Without `resend_unknown` they stay; with it they are sent."""
    async with stage.queue() as queue, stage.worker(stage.orders(sandbox.event_url)):
        await bury(queue, 0, UNKNOWN)
        await bury(queue, 1, REJECTED)
        assert await queue.replay() == 1
        await until(lambda: sandbox.accepted_count == 1)
        assert list(await letters_of(queue)) == [0]

        assert await queue.replay(resend_unknown=True) == 1
        await until(lambda: sandbox.accepted_count == 2)
    await stage.drain(sandbox.event_url)

    assert numbers(sandbox) == [0, 1]


async def test_a_refusal_does_not_settle_what_was_unknown(stage, sandbox):
    """An event that may have been taken, and is refused when it is sent again, stays UNKNOWN."""
    sandbox.add_fault(Fault(status=400))
    async with stage.queue() as queue, stage.worker(stage.orders(sandbox.event_url)):
        await bury(queue, 0, UNKNOWN)
        assert await queue.replay(resend_unknown=True) == 1
        await until_stats(queue, lambda stats: stats.dead == 1)
        letter = (await letters_of(queue))[0]

        assert await queue.replay() == 0

    assert (letter.status, letter.generation) == (OutcomeStatus.UNKNOWN, 1)
    assert letter.reason.startswith("an earlier attempt may have been taken; then: HTTP 400")


async def test_two_operators_at_once(stage, sandbox):
    """Whoever gets a letter, or a copy of it, it is sent once."""
    async with stage.queue() as queue, stage.queue() as another, stage.worker(stage.orders(sandbox.event_url)):
        for number in range(20):
            await bury(queue, number, copies=2)
        counts = await asyncio.gather(queue.replay(), another.replay())
        await until(lambda: sandbox.accepted_count == 20)
        await until_stats(queue, lambda stats: stats.dead == 0)
    await stage.drain(sandbox.event_url)

    assert 20 <= sum(counts) <= 40
    assert numbers(sandbox) == list(range(20))


async def test_replayed_once_more_by_a_crash(stage, sandbox):
    """A letter that was put back, and is still there, is sent once, whenever it is put back again."""
    async with stage.queue() as queue, stage.worker(stage.orders(sandbox.event_url)):
        for _ in range(3):
            await bury(queue, 0)
            assert await queue.replay() == 1
            await until_stats(queue, lambda stats: not stats.waiting + stats.dead)
    await stage.drain(sandbox.event_url)

    assert numbers(sandbox) == [0]


async def test_an_event_that_died_twice(stage, sandbox):
    """A letter of it and one of its replay are put back one at a time, and it is sent once."""
    async with stage.queue() as queue:
        await bury(queue, 0)
        await bury(queue, 0, generation=1)

        assert await queue.replay() == 1
        assert [letter.generation async for letter in queue.dead_letters()] == [1]
        async with stage.worker(stage.orders(sandbox.event_url)):
            await until(lambda: sandbox.accepted_count == 1)

    assert numbers(sandbox) == [0]


async def test_a_limit(stage):
    """The oldest are put back, and no more."""
    async with stage.queue() as queue:
        for number in range(5):
            await bury(queue, number)

        assert await queue.replay(limit=2) == 2

        assert list(await letters_of(queue)) == [2, 3, 4]
        assert (await queue.stats()).waiting == 2
        assert await queue.replay(limit=5) == 3


@pytest.mark.parametrize("limit", [0, -1, 1.5, True, "1"])
async def test_a_wrong_limit(stage, limit):
    """It is refused before anything is done."""
    with pytest.raises(ConfigurationError, match="limit"):
        await stage.queue().replay(limit=limit)


async def test_a_letter_that_cannot_be_put_back_stays(stage, monkeypatch):
    """A failure on the way loses nothing."""

    async def fail(line, queued):
        raise JournalError("no")

    async with stage.queue() as queue:
        await bury(queue, 0)
        monkeypatch.setattr(Line, "put", fail)
        with pytest.raises(JournalError):
            await queue.replay()

        assert list(await letters_of(queue)) == [0]


async def test_an_event_that_dies_while_letters_are_replayed(stage, sandbox):
    """A replay puts back what is there when it begins: what it makes die again waits for the next one."""
    sandbox.add_fault(Fault(status=400, times=None))
    async with stage.queue() as queue, stage.worker(stage.orders(sandbox.event_url)):
        for number in range(5):
            await bury(queue, number)
        assert await queue.replay() == 5
        await until_stats(queue, lambda stats: stats.dead == 5)
        assert {letter.generation for letter in (await letters_of(queue)).values()} == {1}
