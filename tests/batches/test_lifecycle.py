"""One loop, opened once and closed once; between two batches nothing is under way."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import random
import signal
import threading

import anyio
import pytest
from anyio.lowlevel import checkpoint
from bulk.scripted import TAKEN, ScriptedTransport, sender_on
from journal.ledger import Ledger

from sendpulse_async import ConfigurationError, HttpxTransport, RawEventSender
from sendpulse_async.integrations.arrow import send_batches
from sendpulse_async.transports.direct import DirectTransport

from .frames import Connection, batches, connection, outcomes, send


def test_it_is_opened_once_and_closed_at_the_end():
    """All batches share one connection, which is there when the first one is, and gone with the last one."""
    connect = connection()
    sending = send_batches(batches(1, 1, 1), connect)

    assert connect.opened == 0
    assert [(connect.opened, connect.closed) for _ in sending] == [(1, 0)] * 3
    assert (connect.opened, connect.closed) == (1, 1)


def test_nothing_is_under_way_when_a_batch_is_handed_out():
    """Whoever takes an hour over a batch keeps no event waiting for its answer."""
    dice = random.Random(1)

    async def travel(number):
        for _ in range(dice.randrange(20)):
            await checkpoint()

    connect = connection(travel=travel)
    sending = send_batches(batches(*[10] * 10), connect, max_in_flight=4)

    seen = [(connect.transport.running, batch.num_rows, len(connect.transport.sent)) for batch in sending]

    assert seen == [(0, 10, 10 * number) for number in range(1, 11)]
    assert connect.transport.most_running == 4


def test_closing_it_closes_the_connection():
    """A consumer that has seen enough leaves nothing open, and nothing more is sent."""
    connect = connection()
    sending = send_batches(batches(2, 2), connect)
    next(sending)

    sending.close()

    assert (connect.closed, connect.transport.sent) == (1, [0, 1])
    assert list(sending) == []


def test_letting_go_of_it_closes_the_connection():
    """So does a consumer that forgets it, as one that breaks out of a loop."""
    connect = connection()

    for _ in send_batches(batches(2, 2), connect):
        break
    gc.collect()

    assert connect.closed == 1


def test_a_connection_that_cannot_be_opened():
    """Its error comes out, and the input's rows stay unsent."""

    @contextlib.asynccontextmanager
    async def connect():
        raise PermissionError("no")
        yield

    with pytest.raises(PermissionError):
        send(batches(1), connect)


def test_a_connection_that_cannot_be_closed():
    """Its error comes out after all results."""

    @contextlib.asynccontextmanager
    async def connect():
        async with sender_on(ScriptedTransport()) as sender:
            yield sender, None
        raise PermissionError("no")

    sending = send_batches(batches(1), connect)

    assert outcomes([next(sending)]) == ["accepted"]
    with pytest.raises(PermissionError):
        next(sending)


def test_a_connection_may_hold_what_belongs_to_one_task():
    """It is opened and closed by one task, which a task group or a timeout in it demands."""
    beats = []

    @contextlib.asynccontextmanager
    async def connect():
        async with asyncio.timeout(60), anyio.create_task_group() as group, sender_on(ScriptedTransport()) as sender:
            group.start_soon(beat)
            yield sender, None
            group.cancel_scope.cancel()

    async def beat():
        while True:
            beats.append(len(asyncio.all_tasks()))
            await checkpoint()

    taken = send(batches(3, 3), connect)

    assert [row["outcome"] for row in taken] == ["accepted"] * 6
    assert beats


def test_its_loop_is_its_own():
    """The thread's event loop stays what it was, and two generators of one thread do not meet."""
    own = asyncio.new_event_loop()
    asyncio.set_event_loop(own)
    try:
        one, other = (send_batches(batches(1, 1), connection()) for _ in range(2))
        alternating = [next(one), next(other), next(other), next(one)]
        assert asyncio.get_event_loop() is own
    finally:
        asyncio.set_event_loop(None)
        own.close()

    assert outcomes(alternating) == ["accepted"] * 4
    assert list(one) == list(other) == []


def test_it_may_go_on_in_another_thread():
    """Engines hand iterators from thread to thread."""
    connect = connection()
    sending = send_batches(batches(1, 1, 1), connect)
    taken = [next(sending)]

    thread = threading.Thread(target=lambda: taken.extend(sending))
    thread.start()
    thread.join()

    assert outcomes(taken) == ["accepted"] * 3
    assert connect.closed == 1


@pytest.mark.parametrize("let_go", [lambda sending: sending.close(), next])
def test_it_is_closed_in_a_running_loop_too(let_go):
    """An event loop that happens to run where a generator ends does not keep its connection open."""
    connect = connection()
    sending = send_batches(batches(1, 1), connect)
    next(sending)

    async def main():
        with contextlib.suppress(ConfigurationError):
            let_go(sending)

    asyncio.run(main())

    assert connect.closed == 1
    assert list(sending) == []


@pytest.mark.parametrize("transport", [HttpxTransport, DirectTransport])
def test_connections_that_ended_while_a_batch_was_held_are_not_used(transport):
    """A server that hangs up between two batches, when nobody listens, costs no event its certainty."""
    with Ledger() as ledger:

        @contextlib.asynccontextmanager
        async def connect():
            async with transport() as carrier, RawEventSender(ledger.url, transport=carrier, rate_limit=None) as sender:
                yield sender, None

        taken = []
        for batch in send_batches(batches(20, 20, 20), connect):
            taken.append(batch)
            ledger.hang_up()

    assert outcomes(taken) == ["accepted"] * 60
    assert set(ledger.taken.values()) == {1}


@pytest.mark.usefixtures("heeds_interrupts")
def test_an_interrupt_ends_it():
    """Ctrl-C in a batch settles what is under way, closes the connection and comes out."""
    told = []

    async def travel(number):
        if number == 5:
            os.kill(os.getpid(), signal.SIGINT)
            await anyio.sleep_forever()

    transport = ScriptedTransport(lambda n: TAKEN, travel, is_seen_off_first=True)
    connect = Connection(lambda: sender_on(transport, on_outcome=told.append))

    with pytest.raises(KeyboardInterrupt):
        send(batches(10), connect, max_in_flight=1)

    assert connect.closed == 1
    assert [outcome.status.value for outcome in told] == ["accepted"] * 5 + ["unknown"]
