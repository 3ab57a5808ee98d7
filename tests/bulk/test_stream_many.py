"""The run that hands out its outcomes as they come: order, backpressure, leaving, faults."""

from __future__ import annotations

import time

import anyio
import pytest
from anyio.lowlevel import checkpoint

from sendpulse_async import ConfigurationError, OutcomeStatus, PermissionDeniedError, stream_many

from .scripted import FORBIDDEN, REFUSED, TAKEN, Input, ScriptedTransport, items, read, sender_on, soon, turns

pytestmark = pytest.mark.anyio

SOON = 0.5
"""Seconds: well under the one in which outcomes of cancelled events may be told."""


async def forever(n):
    await anyio.sleep_forever()


# Order and pace


@pytest.mark.parametrize("is_async", [False, True])
async def test_completion_order(is_async):
    """Outcomes come in the order in which events complete, each once, and the report counts them."""
    source = Input(items(12))

    async with sender_on(ScriptedTransport(travel=lambda n: turns(5 * (40 - n)))) as sender:
        given = source.each() if is_async else source
        async with stream_many(sender, given, max_in_flight=12, on_outcome=source.heard) as outcomes:
            order = [outcome.index async for outcome in outcomes]

    assert order == [outcome.index for outcome in source.outcomes]
    assert sorted(order) == list(range(12))
    assert order != list(range(12))
    source.check(outcomes.report)
    assert outcomes.report.accepted == 12


async def test_every_kind_of_outcome():
    """Failures and junk are handed out like the rest, and a stopped run ends the iteration, with its reason."""
    script = {0: TAKEN, 1: REFUSED, 3: FORBIDDEN}

    async with sender_on(ScriptedTransport(script.get)) as sender:
        events = [*items(2), None, {"email": "a@example.com", "n": 3}, *items(5)]
        async with stream_many(sender, events, max_in_flight=1) as outcomes:
            statuses = [outcome.status.name async for outcome in outcomes]

    assert statuses == ["ACCEPTED", "REJECTED", "REJECTED", "REJECTED"]
    assert isinstance(outcomes.report.stopped_because, PermissionDeniedError)
    assert outcomes.report.total == 4


async def test_empty_input():
    """An empty input gives no outcome and an empty report."""
    async with sender_on(ScriptedTransport()) as sender, stream_many(sender, []) as outcomes:
        assert [outcome async for outcome in outcomes] == []

    assert outcomes.report.total == 0


async def test_the_end_stays_the_end():
    """Asking again after the end gives the end again."""
    async with sender_on(ScriptedTransport()) as sender, stream_many(sender, items(3)) as outcomes:
        first = [outcome async for outcome in outcomes]
        second = [outcome async for outcome in outcomes]

    assert (len(first), second) == (3, [])


@pytest.mark.parametrize("is_async", [False, True])
async def test_a_consumer_that_stops_reading_stops_the_run(is_async):
    """While nobody reads, no more than the events in flight are pulled; reading on sets the run going again."""
    source = Input(items(200))

    async with sender_on(ScriptedTransport()) as sender:
        given = source.each() if is_async else source
        async with stream_many(sender, given, max_in_flight=4) as outcomes:
            await anext(outcomes)
            await turns(200)
            pulled = source.pulled
            rest = [outcome async for outcome in outcomes]

    assert pulled <= 1 + 4
    assert len(rest) == 199


async def test_a_report_at_any_time():
    """The report can be read while the run goes on: it counts what has come to be so far."""
    sender = sender_on(ScriptedTransport(lambda n: TAKEN if n % 2 else REFUSED))

    async with sender, stream_many(sender, items(10), max_in_flight=1) as outcomes:
        totals = [outcomes.report.total async for outcome in outcomes]

    assert totals[0] < 5
    assert totals[-1] == 10
    assert (outcomes.report.accepted, outcomes.report.rejected) == (5, 5)
    assert outcomes.report.elapsed > 0


async def test_a_wrong_argument_is_named():
    """A wrong argument is raised on entering, unwrapped."""
    async with sender_on(ScriptedTransport()) as sender:
        with pytest.raises(ConfigurationError, match="max_in_flight"):
            async with stream_many(sender, items(1), max_in_flight=0):
                pass


# Leaving


@pytest.mark.parametrize("way", ["break", "raise"])
async def test_leaving_early(way):
    """Whoever leaves early waits for nothing; `on_outcome` hears once of every event pulled, the cancelled too."""
    source = Input(items(500))
    transport = ScriptedTransport(travel=lambda n: forever(n) if n > 2 else checkpoint(), is_seen_off_first=True)
    began = time.monotonic()

    async with sender_on(transport) as sender:
        try:
            async with stream_many(sender, source, max_in_flight=8, on_outcome=source.heard) as outcomes:
                await anext(outcomes)
                await turns(20)
                if way == "raise":
                    raise LookupError("enough")
        except LookupError:
            assert way == "raise"

    source.check(outcomes.report)
    assert time.monotonic() - began < SOON
    assert transport.running == 0
    assert OutcomeStatus.UNKNOWN in {outcome.status for outcome in source.outcomes}


async def test_a_cancelled_consumer_leaves_promptly():
    """A consumer that is cancelled from outside, in a timeout say, is gone at once, and all is told."""
    source = Input(items(500))
    began = time.monotonic()

    async with sender_on(ScriptedTransport(travel=forever)) as sender:
        with anyio.CancelScope() as scope:
            async with stream_many(sender, source, max_in_flight=8, on_outcome=source.heard) as outcomes:
                await turns(20)
                scope.cancel()
                await anext(outcomes)

    assert scope.cancelled_caught
    source.check(outcomes.report)
    assert source.pulled == 8
    assert time.monotonic() - began < SOON


async def test_a_cancelled_consumer_with_unread_outcomes():
    """Outcomes that nobody has read hold up no cancellation, and are not told twice."""
    source = Input(items(500))
    began = time.monotonic()

    async with sender_on(ScriptedTransport()) as sender:
        with anyio.CancelScope() as scope:
            async with stream_many(sender, source, max_in_flight=8, on_outcome=source.heard) as outcomes:
                await turns(50)
                scope.cancel()
                await checkpoint()

    source.check(outcomes.report)
    assert time.monotonic() - began < SOON


async def test_a_sender_serves_after_a_stream_was_left():
    """Leaving a stream early spoils nothing for the sender."""
    is_slow = True

    async with sender_on(ScriptedTransport(travel=lambda n: forever(n) if is_slow else checkpoint())) as sender:
        async with stream_many(sender, items(50)):
            await turns(20)
        is_slow = False
        receipt = await sender.send_event(items(1)[0])

    assert receipt.status_code == 200


# Faults


@pytest.mark.parametrize(
    "fault",
    [ValueError("x"), StopAsyncIteration(), TimeoutError("late"), ExceptionGroup("own", [OSError()])],
)
async def test_the_bodys_own_error_comes_out_as_it_is(fault):
    """What the body of the `async with` raises comes out as it is, in no group."""

    async def use():
        async with sender_on(ScriptedTransport()) as sender, stream_many(sender, items(50)) as outcomes:
            await anext(outcomes)
            raise fault

    with pytest.raises(type(fault)) as caught:
        await use()

    assert caught.value is fault


async def test_the_bodys_exit_comes_out_as_it_is():
    """`sys.exit` in the body comes out as it is too, in no group."""
    async with sender_on(ScriptedTransport()) as sender:
        try:
            async with stream_many(sender, items(50)) as outcomes:
                await anext(outcomes)
                raise SystemExit(3)
        except BaseException as error:  # noqa: BLE001 - its class is what the test is about
            caught = error

    assert isinstance(caught, SystemExit)


def breaking(count):
    yield from items(count)
    raise KeyError("item 77")


@pytest.mark.parametrize("is_async", [False, True])
async def test_the_input_raises(is_async):
    """The input's own error is raised from the iteration, after the outcomes of the events in flight."""
    source, seen = Input(breaking(77)), []

    sender, given = sender_on(ScriptedTransport(travel=lambda n: turns(n % 5))), source.each() if is_async else source

    async with sender, stream_many(sender, given, max_in_flight=6) as outcomes:
        with pytest.raises(KeyError, match="item 77"):
            await read(outcomes, seen)

    assert sorted(seen) == list(range(77))
    assert outcomes.report.total == 77


async def test_an_error_from_the_iteration_leaves_the_stream_as_it_is():
    """The input's error passes through the `async with` unwrapped."""

    async def use():
        async with sender_on(ScriptedTransport()) as sender, stream_many(sender, breaking(77)) as outcomes:
            await read(outcomes, [])

    with pytest.raises(KeyError, match="item 77"):
        await use()


async def test_on_outcome_raises():
    """The callback's own error is raised from the iteration, after the outcomes of the others in flight."""
    source, seen = Input(items(100)), []

    def refuse(outcome):
        source.heard(outcome)
        if outcome.index == 20:
            raise KeyError("no room")

    async def use():
        async with stream_many(sender, source, max_in_flight=4, on_outcome=refuse) as outcomes:
            await read(outcomes, seen)

    async with sender_on(ScriptedTransport(travel=lambda n: turns(n % 5))) as sender:
        with pytest.raises(KeyError, match="no room"):
            await soon(5, use)

    source.check()
    assert set(range(source.pulled)) - set(seen) <= {20}
    assert source.pulled <= 20 + 4 + 4
