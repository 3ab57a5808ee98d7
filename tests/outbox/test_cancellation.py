"""Cancelling whatever an outbox is asked for, at every point at which it waits: the counts balance, nothing is lost."""

from __future__ import annotations

import asyncio

import pytest
from suspensions import cancelled_at

from sendpulse_async import Drained, OutboxStats

from .stage import REFUSED, event, settled

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60)]

WAYS = pytest.mark.parametrize("by", ["task", "scope"])


async def at_each_point(work, check, by):
    """Do `work()` again and again, cancelled one point later each time, and `check()` after each."""
    point = 1
    while await cancelled_at([point], work, by=by):
        await check()
        point += 1
        assert point < 200
    return point


@WAYS
async def test_put(stage, by):
    """Wherever a `put` is cancelled its event is stored or not, never by half; all that are stored go out once."""
    outbox, given, returned = stage.outbox(max_pending=2), [], set()

    async def work():
        number = len(given)
        given.append(number)
        await outbox.put(event(number))
        returned.add(number)

    async def check():
        stats = await settled(outbox)
        assert stats == OutboxStats(put=len(stage.sent), accepted=len(stage.sent))
        assert set(stage.sent) >= returned

    points = await at_each_point(work, check, by)
    assert points > 1
    await check()
    await outbox.aclose()
    assert len(set(stage.transport.left)) == len(stage.transport.left)
    assert len(stage.listener.outcomes) == len(stage.sent)


@WAYS
async def test_opening_and_putting(stage, by):
    """The first `put`, which opens, may be cancelled too: the next one finds everything in order."""
    numbers = iter(range(1000))
    held = []

    async def work():
        held.append(stage.outbox())
        await held[-1].put(event(next(numbers)))

    async def check():
        await held.pop().aclose()
        if stage.path is None:
            stage._outbox = None

    await at_each_point(work, check, by)
    await check()
    assert len(set(stage.transport.left)) == len(stage.transport.left)
    if stage.path is not None:
        async with stage.outbox() as outbox:
            assert await outbox.stats() == OutboxStats(put=len(stage.sent), accepted=len(stage.sent))


@WAYS
async def test_aclose(stage, by):
    """Wherever `aclose` is cancelled, the worker ends and the file is free; what was left goes on the next time."""
    numbers, held = iter(range(1000)), []

    async def work():
        await held[-1].aclose()

    async def begin():
        held.append(stage.outbox())
        await held[-1].open()
        for _ in range(2):
            await held[-1].put(event(next(numbers)))

    async def check():
        await held.pop().aclose()
        await begin()

    await begin()
    await at_each_point(work, check, by)
    await check()
    outbox = held.pop()
    stats = await settled(outbox)
    assert stats == OutboxStats(put=next(numbers), accepted=stats.accepted, unknown=stats.unknown)
    assert sorted(stage.transport.left) == list(range(stats.put))
    assert isinstance(await outbox.aclose(), Drained)


@WAYS
@pytest.mark.parametrize("call", ["stats", "dead_letters", "open"])
async def test_questions(stage, by, call):
    """A question that is cancelled changes nothing."""
    outbox = stage.outbox()
    await outbox.put(event(0))

    async def check():
        assert (await outbox.stats()).put == 1

    await at_each_point(getattr(outbox, call), check, by)
    await outbox.aclose()
    assert stage.sent == [0]


@WAYS
async def test_requeue(stage, by):
    """A dead letter is dead or in line, wherever its way back was cancelled, and counted as what it is."""
    stage.script = lambda number: REFUSED
    outbox = stage.outbox()
    number = await outbox.put(event(0))
    await settled(outbox)

    async def work():
        await outbox.requeue(number)

    async def check():
        assert await settled(outbox) == OutboxStats(put=1, rejected=1)

    await at_each_point(work, check, by)
    await check()
    await outbox.aclose()


async def test_many_putters_some_of_whom_give_up(stage):
    """In any order: no room is lost, no event is."""
    outbox = stage.outbox(max_pending=3)
    puts = [asyncio.create_task(outbox.put(event(number))) for number in range(60)]
    for step, put in enumerate(puts):
        if step % 3 == 0:
            put.cancel()
        await asyncio.sleep(0)
    done = await asyncio.gather(*puts, return_exceptions=True)
    stats = await settled(outbox)
    await outbox.aclose()

    assert stats == OutboxStats(put=len(stage.sent), accepted=len(stage.sent))
    assert {number for number, result in enumerate(done) if isinstance(result, int)} <= set(stage.sent)
