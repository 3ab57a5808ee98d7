"""Cancelling a bulk run: it propagates, every event pulled is told once, and nothing is left behind."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import anyio
import pytest
import trio
from anyio.lowlevel import checkpoint

from sendpulse_async import OutcomeStatus, RateLimit, RetryPolicy, send_many

from .scripted import (
    FORBIDDEN,
    LOST,
    TAKEN,
    UNREACHABLE,
    ForeignSender,
    Input,
    ScriptedTransport,
    answer,
    item,
    items,
    sender_on,
    turns,
)

pytestmark = pytest.mark.anyio


def tasks(backend):
    """How many tasks are there, where nothing else starts or ends any."""
    return len(asyncio.all_tasks()) if backend == "asyncio" else trio.lowlevel.current_statistics().tasks_living


class Ticks:
    """Counts suspension points, and cancels a scope at the one asked for."""

    def __init__(self, at):
        self.at = at
        self.count = 0
        self.scope = anyio.CancelScope()

    async def tick(self):
        self.count += 1
        if self.count == self.at:
            self.scope.cancel()
        await checkpoint()


# Everywhere


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize("is_own", [False, True])
async def test_at_every_suspension_point(anyio_backend, is_async, is_own):
    """Wherever a run is cancelled: each event pulled is told once, no task is left, the sender serves."""
    steps = [TAKEN, FORBIDDEN if is_own else TAKEN, LOST, None, answer(404), UNREACHABLE]
    at, is_done = 0, False

    while not is_done:
        at += 1
        ticks, source, before = (
            Ticks(at),
            Input([item(n) if n % 6 != 3 else None for n in range(9)]),
            tasks(anyio_backend),
        )

        async def travel(n, ticks=ticks):
            for _ in range(1 + n % 3):
                await ticks.tick()

        async def listen(outcome, ticks=ticks, source=source):
            source.heard(outcome)
            await ticks.tick()

        async def each(ticks=ticks, source=source):
            pulls = iter(source)
            while True:
                await ticks.tick()
                if (event := next(pulls, "end")) == "end":
                    return
                yield event

        own = sender_on(ScriptedTransport(lambda n: TAKEN if n == 99 or n < 5 else steps[n % 6], travel))
        sender = own if is_own else Relay(own)
        async with own, aclosing(each()) as slow:
            with ticks.scope:
                await send_many(sender, slow if is_async else source, max_in_flight=4, on_outcome=listen)
            assert tasks(anyio_backend) == before
            assert (await own.send_event(item(99))).status_code == 200

        source.check()
        is_done = not ticks.scope.cancelled_caught

    assert at > 15


class Relay:
    """A sender that is none of the library's own, and hands on."""

    def __init__(self, sender):
        self.sender = sender

    async def send_event(self, event):
        return await self.sender.send_event(event)


async def test_native_cancellation(anyio_backend):
    """`task.cancel()` comes out as `CancelledError`, and each event pulled is told."""
    if anyio_backend != "asyncio":
        pytest.skip("a task of asyncio's")
    source = Input(items(50))

    async with sender_on(ScriptedTransport(travel=lambda n: anyio.sleep_forever())) as sender:
        task = asyncio.create_task(send_many(sender, source, max_in_flight=8, on_outcome=source.heard))
        await turns(20)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    source.check()
    assert source.pulled == 8
    assert task.cancelled()


async def test_a_timeout_around_a_run():
    """A timeout around a run raises `TimeoutError`, and each event pulled is told."""
    source = Input(items(50))

    async with sender_on(ScriptedTransport(travel=lambda n: anyio.sleep_forever())) as sender:
        with pytest.raises(TimeoutError), anyio.fail_after(0.05):
            await send_many(sender, source, max_in_flight=8, on_outcome=source.heard)

    source.check()
    assert source.pulled == 8


# What the outcomes say


@pytest.mark.parametrize(("is_seen_off", "status"), [(False, OutcomeStatus.NOT_SENT), (True, OutcomeStatus.UNKNOWN)])
async def test_the_outcome_says_how_far_it_got(is_seen_off, status):
    """A cancelled event is NOT_SENT or UNKNOWN, as its last byte stayed or left."""
    source = Input(items(9))
    transport = ScriptedTransport(travel=lambda n: anyio.sleep_forever(), is_seen_off_first=is_seen_off)

    async with sender_on(transport) as sender:
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as group:
                group.start_soon(lambda: send_many(sender, source, max_in_flight=3, on_outcome=source.heard))
                await turns(20)
                scope.cancel()

    source.check()
    assert [outcome.status for outcome in source.outcomes] == [status] * 3


async def test_a_foreign_senders_event_is_unknown():
    """How far a foreign sender got nobody knows: its cancelled event is UNKNOWN."""
    source = Input(items(9))

    class Stuck(ForeignSender):
        async def send_event(self, event):
            await anyio.sleep_forever()

    with anyio.CancelScope() as scope:
        async with anyio.create_task_group() as group:
            group.start_soon(lambda: send_many(Stuck(), source, max_in_flight=3, on_outcome=source.heard))
            await turns(20)
            scope.cancel()

    source.check()
    assert [outcome.status for outcome in source.outcomes] == [OutcomeStatus.UNKNOWN] * 3


@pytest.mark.parametrize("whose", ["run", "sender"])
async def test_events_that_wait_for_the_quota_are_not_sent(whose):
    """An event that is cancelled while it waits for its place is NOT_SENT."""
    source, limit = Input(items(9)), RateLimit(per_second=0.001)
    options = {"rate_limit": limit} if whose == "run" else {}

    async with sender_on(ScriptedTransport(), rate_limit=limit if whose == "sender" else None) as sender:
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as group:
                group.start_soon(lambda: send_many(sender, source, max_in_flight=3, on_outcome=source.heard, **options))
                await turns(20)
                scope.cancel()

    source.check()
    statuses = {outcome.index: outcome.status for outcome in source.outcomes}
    assert statuses.pop(0) is OutcomeStatus.ACCEPTED
    assert set(statuses.values()) == {OutcomeStatus.NOT_SENT}


async def test_events_between_attempts():
    """An event that is cancelled while it waits to be repeated is NOT_SENT, and told once."""
    source = Input(items(9))

    async with sender_on(ScriptedTransport(lambda n: UNREACHABLE), retry=RetryPolicy(base_delay=1e9)) as sender:
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as group:
                group.start_soon(lambda: send_many(sender, source, max_in_flight=3, on_outcome=source.heard))
                await turns(20)
                scope.cancel()

    source.check()
    assert {outcome.status for outcome in source.outcomes} == {OutcomeStatus.NOT_SENT}
