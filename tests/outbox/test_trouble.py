"""What an outbox does when events fail, on virtual time: it rests, it says so once, and nobody is blocked for ever."""

from __future__ import annotations

import anyio
import fakes
import pytest
from canaries import own_records
from fakes import BAD_CERTIFICATE, LOST, NO_CONNECTION, OVER_QUOTA, answer

from sendpulse_async import NotSentError, Outbox, OutboxStats, OutcomeStatus, ServiceUnavailableError

from .stage import BROKEN, FORBIDDEN, REFUSED, TheirSender, event, settled

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(30), pytest.mark.usefixtures("virtual_time")]

LATER = answer(503, {"message": "later"}, retry_after=100)


@pytest.fixture
def anyio_backend():
    return fakes.backend("asyncio")


def since_the_first(stage):
    return [round(time - stage.transport.times[0]) for time in stage.transport.times]


def script_of(stage, *steps):
    """Play these steps whatever the event, and accept all that comes after."""
    left = iter(steps)
    stage.script = lambda number: next(left, answer())


@pytest.mark.parametrize("trouble", [NO_CONNECTION, BAD_CERTIFICATE, FORBIDDEN], ids=["outage", "certificate", "403"])
async def test_what_fails_is_tried_again_after_growing_rests(memory, caplog, trouble):
    """It stays first in line, however long that takes; there is one warning, and no other event is dragged in."""
    script_of(memory, *[trouble] * 4)
    async with memory.outbox() as outbox:
        for number in range(3):
            await outbox.put(event(number))
        stats = await settled_in_time(outbox)

    assert memory.sent == [0, 0, 0, 0, 0, 1, 2]
    assert since_the_first(memory)[:5] == [0, 1, 3, 7, 15]
    assert stats == OutboxStats(put=3, accepted=3)
    assert memory.listener.statuses == ["accepted"] * 3
    (record,) = own_records(caplog)
    assert record.levelname == "WARNING"
    assert "in memory" in record.getMessage()


async def settled_in_time(outbox):
    assert (await outbox.aclose(drain=1e6)).pending == 0
    await outbox.open()
    return await settled(outbox)


async def test_new_trouble_is_told_anew(memory, caplog):
    """A success ends the trouble: what comes later begins with a short rest and a warning."""
    script_of(memory, NO_CONNECTION, NO_CONNECTION, answer(), NO_CONNECTION)
    async with memory.outbox() as outbox:
        for number in range(2):
            await outbox.put(event(number))
        await settled_in_time(outbox)

    assert since_the_first(memory) == [0, 1, 3, 3, 4]
    assert len(own_records(caplog)) == 2


async def test_a_rest_is_as_long_as_was_asked_for(memory):
    """`Retry-After` that is longer than the rest is obeyed."""
    script_of(memory, LATER)
    async with memory.outbox() as outbox:
        await outbox.put(event(0))
        await settled_in_time(outbox)

    assert since_the_first(memory) == [0, 100]


async def test_an_unknown_end_slows_down_what_follows(memory):
    """An outage that answers events with doubt spoils few of them; a rejection slows down nothing."""
    memory.script = lambda number: REFUSED if number < 3 else BROKEN if number % 2 else LOST
    async with memory.outbox() as outbox:
        for number in range(20):
            await outbox.put(event(number))
        drained = await outbox.aclose(drain=120)

    assert since_the_first(memory) == [0, 0, 0, 0, 1, 3, 7, 15, 31, 63]
    assert (drained.dead, drained.pending) == (10, 10)


async def test_a_rest_outlives_an_empty_line(memory):
    """An event that is put in the middle of trouble waits its time too."""
    script_of(memory, BROKEN)
    async with memory.outbox() as outbox:
        await outbox.put(event(0))
        await settled(outbox)
        await outbox.put(event(1))
        await outbox.aclose(drain=100)

    assert since_the_first(memory) == [0, 1]


async def test_an_event_in_trouble_blocks_nobody(memory):
    """What is never sent for its own sake makes way for all others, and is never lost."""
    memory.script = lambda number: NO_CONNECTION if number in {0, 1, 4} else answer()
    async with memory.outbox() as outbox:
        for number in range(8):
            await outbox.put(event(number))
        drained = await outbox.aclose(drain=3600)

    accepted = [outcome.event.variables["n"] for outcome in memory.listener.outcomes]
    assert accepted == [2, 3, 5, 6, 7]
    assert (drained.delivered, drained.pending, drained.dead) == (5, 3, 0)


async def test_an_event_that_comes_later_is_not_blocked_either(memory):
    """Where nothing but events in trouble is left, a new one is tried within a minute or so."""
    memory.script = lambda number: NO_CONNECTION if number < 4 else answer()
    async with memory.outbox() as outbox:
        for number in range(4):
            await outbox.put(event(number))
        await anyio.sleep(3600)
        began = fakes.now()
        await outbox.put(event(4))
        while not memory.listener.outcomes:
            await anyio.sleep(1)

        assert fakes.now() - began < 500


async def test_an_outage_keeps_the_order(memory):
    """While nothing goes the first in line stays first, though others are tried now and then."""
    memory.script = lambda number: NO_CONNECTION if fakes.now() < 2000 else answer()
    async with memory.outbox() as outbox:
        for number in range(30):
            await outbox.put(event(number))
        assert (await outbox.aclose(drain=5000)).pending == 0

    accepted = [outcome.event.variables["n"] for outcome in memory.listener.outcomes]
    assert len(accepted) == 30
    assert sorted(accepted[1:]) == accepted[1:]


async def test_an_event_that_takes_too_long_blocks_nobody(memory):
    """A deadline that one event never keeps is its own trouble."""
    memory.script = lambda number: fakes.SILENCE_BEFORE if number == 0 else answer()
    memory.sender = memory.sender_on(deadline=10)
    async with memory.outbox() as outbox:
        for number in range(3):
            await outbox.put(event(number))
        drained = await outbox.aclose(drain=600)

    assert (drained.delivered, drained.pending) == (2, 1)


async def test_a_pause_of_the_quota_is_everybodys(memory):
    """However often the quota refuses, no other event is tried: it would fare the same."""
    script_of(memory, *[OVER_QUOTA] * 9)
    async with memory.outbox() as outbox:
        for number in range(3):
            await outbox.put(event(number))
        await settled_in_time(outbox)

    assert memory.sent == [*[0] * 10, 1, 2]


async def test_a_quota_is_waited_for_before_an_events_time_begins(memory, virtual_time):
    """A pause of the quota that is longer than the deadline costs time, and spoils nothing."""
    first = iter([answer(429, retry_after=120)])
    memory.script = lambda number: next(first, answer())
    memory.sender = memory.sender_on(deadline=5)
    async with memory.outbox() as outbox:
        await outbox.put(event(0))
        assert (await outbox.aclose(drain=500)).delivered == 1

    assert memory.transport.times[1] - memory.transport.times[0] == pytest.approx(120, abs=0.1)


@pytest.mark.parametrize("error", [NotSentError("no"), ServiceUnavailableError("later", retry_after=30)], ids=repr)
async def test_a_sender_of_somebody_elses_is_believed(error):
    """Its `NotSentError` keeps the event in line."""
    errors = [error]

    async def script(event):
        if errors:
            raise errors.pop()

    sender = TheirSender(script)
    async with Outbox.in_memory(sender) as outbox:
        await outbox.put(event(0))
        assert (await outbox.aclose(drain=100)).delivered == 1
    assert len(sender.seen) == 2


async def test_a_closed_sender_keeps_what_it_cannot_send(memory):
    """Events wait for a sender that works: in a file for the next process, here for ever."""
    outbox = memory.outbox()
    await memory.sender.aclose()
    for number in range(2):
        await outbox.put(event(number))
    drained = await outbox.aclose(drain=600)

    assert (drained.delivered, drained.pending, drained.dead) == (0, 2, 0)
    assert memory.sent == []


async def test_an_event_is_tried_again_after_it_was_refused_for_the_account(memory):
    """402 and 403 are not the event's fault: it becomes no dead letter."""
    script_of(memory, FORBIDDEN, answer(402, {"result": False}))
    async with memory.outbox() as outbox:
        await outbox.put(event(0))
        drained = await outbox.aclose(drain=600)

    assert drained.delivered == 1
    assert memory.listener.outcomes[0].status is OutcomeStatus.ACCEPTED
