"""`max_pending`: who would put too many waits, in order, and may give up waiting."""

from __future__ import annotations

import asyncio

import pytest
from examples import examples
from fakes import NO_CONNECTION, Step, answer, turns
from hypothesis import given
from hypothesis import strategies as st

from sendpulse_async import JournalError, Outbox, OutboxStats
from sendpulse_async._outbox._room import Room

from .stage import REFUSED, TheirSender, event, settled, until

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(30)]


@pytest.fixture
def go(stage):
    """Let the network answer when this is set."""
    go = asyncio.Event()
    stage.script = lambda number: Step(answer(), after=go)
    return go


async def put_all(outbox, numbers):
    """Begin to put these one after the other, and give the tasks."""
    puts = []
    for number in numbers:
        puts.append(asyncio.create_task(outbox.put(event(number))))
        await asyncio.sleep(0)
    return puts


async def test_who_would_put_too_many_waits(stage, go):
    """Until events have left the line; then all go, in the order in which they were given."""
    async with stage.outbox(max_pending=3) as outbox:
        puts = await put_all(outbox, range(8))
        await until(lambda: sum(put.done() for put in puts) == 3)
        await turns()
        assert (await outbox.stats()).put == 3
        assert not any(put.done() for put in puts[3:])

        go.set()
        await asyncio.gather(*puts)
        assert await settled(outbox) == OutboxStats(put=8, accepted=8)

    assert stage.sent == list(range(8))


async def test_who_gives_up_waiting_stores_nothing(stage, go):
    """A cancelled `put` takes no place, and whoever waits behind it comes all the same."""
    async with stage.outbox(max_pending=1) as outbox:
        puts = await put_all(outbox, range(4))
        await until(puts[0].done)
        puts[1].cancel()
        puts[3].cancel()
        await asyncio.wait([puts[1], puts[3]])

        go.set()
        await puts[2]
        assert await settled(outbox) == OutboxStats(put=2, accepted=2)

    assert stage.sent == [0, 2]


async def test_who_is_cancelled_as_room_comes_gives_it_on(stage, go):
    """The place that it was given is the next one's."""
    async with stage.outbox(max_pending=1) as outbox:
        puts = await put_all(outbox, range(3))
        await until(puts[0].done)
        leave = outbox._session._room.leave

        def leave_and_cancel():
            outbox._session._room.leave = leave
            leave()
            puts[1].cancel()

        outbox._session._room.leave = leave_and_cancel
        go.set()
        await puts[2]
        assert puts[1].cancelled()
        assert await settled(outbox) == OutboxStats(put=2, accepted=2)

    assert stage.sent == [0, 2]


async def test_a_dead_letter_takes_no_room(stage):
    """It is out of the line; who is put back into it takes room that is not there, and keeps others waiting."""
    stage.script = lambda number: REFUSED
    async with stage.outbox(max_pending=1) as outbox:
        numbers = [await outbox.put(event(number)) for number in range(3)]
        await settled(outbox)
        go = asyncio.Event()
        stage.script = lambda number: Step(answer(), after=go)

        for number in numbers:
            await outbox.requeue(number)
        (put,) = await put_all(outbox, [3])
        await turns()
        assert (await outbox.stats()).pending == 3
        assert not put.done()
        go.set()
        await put
        assert await settled(outbox) == OutboxStats(put=4, accepted=4)


async def test_what_an_earlier_process_left_takes_room(path):
    """An outbox that is opened with more than it may hold lets in nobody until it holds less."""
    go = asyncio.Event()

    async def wait(event):
        await go.wait()

    async with Outbox(path, TheirSender(wait)) as outbox:
        for number in range(3):
            await outbox.put(event(number))
        await outbox.aclose(drain=0)

    async with Outbox(path, TheirSender(wait), max_pending=1) as outbox:
        (put,) = await put_all(outbox, [3])
        await turns()
        assert not put.done()
        go.set()
        await put
        assert await settled(outbox) == OutboxStats(put=4, accepted=3, unknown=1)


async def test_who_waits_is_refused_at_the_end(stage, go):
    """`aclose` lets nobody wait for room that never comes; what was put before is drained."""
    outbox = stage.outbox(max_pending=1)
    puts = await put_all(outbox, range(3))
    await until(puts[0].done)
    closing = asyncio.create_task(outbox.aclose(drain=20))
    for put in puts[1:]:
        with pytest.raises(JournalError, match="the outbox is closed"):
            await put
    go.set()

    assert (await closing).delivered == 1
    assert stage.sent == [0]


async def test_a_failed_put_takes_no_room(stage, monkeypatch):
    """Where the shelf refuses, the place is free again."""
    async with stage.outbox(max_pending=1) as outbox:
        await outbox.stats()

        async def fail(record):
            raise JournalError("the disk is full")

        with monkeypatch.context() as patch:
            patch.setattr(outbox._shelf, "add", fail)
            for _ in range(3):
                with pytest.raises(JournalError, match="the disk is full"):
                    await outbox.put(event(0))
        async with asyncio.timeout(10):
            await outbox.put(event(1))
        assert await settled(outbox) == OutboxStats(put=1, accepted=1)


async def test_without_a_bound_nobody_waits(stage):
    """None lets in any number, though nothing can be sent."""
    stage.script = lambda number: NO_CONNECTION
    outbox = stage.outbox(max_pending=None)
    await asyncio.gather(*[outbox.put(event(number)) for number in range(2000)])
    assert (await outbox.aclose(drain=0)).pending == 2000


@examples(100)
@given(st.integers(1, 3), st.lists(st.sampled_from(["enter", "leave", "cancel"]), max_size=40), st.randoms())
def test_room_is_never_lost_and_never_made_up(limit, steps, chance):
    """Whoever enters, leaves and gives up, at most `limit` are in, and nobody waits while there is room."""

    async def main():
        room, inside, waiting = Room(limit), 0, []
        for step in steps:
            if step == "enter":
                waiting.append(asyncio.ensure_future(room.enter()))
            elif step == "leave" and inside:
                inside -= 1
                room.leave()
            elif step == "cancel" and waiting:
                chance.choice(waiting).cancel()
            if chance.random() < 0.5:
                await turns(5)
                inside += sum(task.done() and not task.cancelled() for task in waiting)
                waiting = [task for task in waiting if not task.done()]
                assert inside <= limit
                assert inside == limit or not waiting
        for task in waiting:
            task.cancel()
        await turns(5)

    asyncio.run(main())
