"""What a bulk run may take: how far ahead it pulls, memory, the event loop's turns; and faults that end it."""

from __future__ import annotations

import gc
import tracemalloc

import anyio
import pytest
from anyio.lowlevel import checkpoint

from sendpulse_async import RejectedError, send_many

from .scripted import REFUSED, ForeignSender, Input, ScriptedTransport, item, items, run_many, sender_on, soon, turns

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize("max_in_flight", [1, 3, 32])
async def test_never_pulled_further_ahead(max_in_flight, is_async):
    """At each pull at most `max_in_flight` events are pulled without an outcome, that one included."""
    source = Input(items(300))
    transport = ScriptedTransport(travel=lambda n: turns(200 if n < max_in_flight else n % 5))

    async with sender_on(transport) as sender:
        given = source.each() if is_async else source
        report = await send_many(sender, given, max_in_flight=max_in_flight, on_outcome=source.heard)

    source.check(report)
    assert source.furthest <= max_in_flight
    assert transport.most_running == max_in_flight


async def test_events_are_pulled_no_sooner_than_needed():
    """While all places are taken nothing is pulled, however long that lasts."""
    gate, source = anyio.Event(), Input(items(20))

    async with sender_on(ScriptedTransport(travel=lambda n: gate.wait())) as sender, anyio.create_task_group() as group:
        group.start_soon(lambda: send_many(sender, source, max_in_flight=5, on_outcome=source.heard))
        await turns(100)
        pulled = source.pulled
        gate.set()

    assert pulled == 5
    source.check()


async def test_a_slow_callback_holds_its_place():
    """An event counts as under way until `on_outcome` has returned."""
    gate, source = anyio.Event(), Input(items(20))

    async def listen(outcome):
        await gate.wait()
        source.heard(outcome)

    async with sender_on(ScriptedTransport()) as sender, anyio.create_task_group() as group:
        group.start_soon(lambda: send_many(sender, source, max_in_flight=5, on_outcome=listen))
        await turns(100)
        pulled = source.pulled
        gate.set()

    assert pulled == 5
    source.check()


@pytest.mark.parametrize(("is_own", "count"), [(False, 20_000), (True, 8_000)])
async def test_memory_is_flat(is_own, count, caplog):
    """Many times the events take no more memory, and the report keeps the first 1,000 failures alone."""
    caplog.set_level("INFO", "sendpulse_async")  # else each event leaves its lines with pytest
    transport, foreign = ScriptedTransport(lambda n: REFUSED), ForeignSender(lambda event: RejectedError("no"))
    transport.sent = foreign.seen = Forgetful()

    async def peak(number):
        gc.collect()
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        report = await send_many(own if is_own else foreign, (item(n) for n in range(number)))
        return tracemalloc.get_traced_memory()[1] - before, report

    tracemalloc.start()
    try:
        async with sender_on(transport) as own:
            await peak(1_500)  # what is imported and cached once
            few, _ = await peak(2_000)
            many, report = await peak(count)
    finally:
        tracemalloc.stop()

    assert many < 1.2 * few
    assert (report.total, report.rejected) == (count, count)
    assert (len(report.failures), report.failures_dropped) == (1_000, count - 1_000)


class Forgetful(list):
    def append(self, _):
        pass


async def test_kept_failures_are_the_first():
    """The failures kept are the first 1,000 that came to be, in that order."""
    report = await send_many(ForeignSender(lambda event: RejectedError("no")), items(1_200), max_in_flight=1)

    assert [outcome.index for outcome in report.failures] == list(range(1_000))
    assert report.failures_dropped == 200


@pytest.mark.parametrize("kind", ["junk", "foreign"])
async def test_the_event_loop_is_not_starved(kind):
    """Ten thousand events that never touch the network leave other tasks their turns."""
    ended, seen = 0, []

    def heard(outcome):
        nonlocal ended
        ended += 1

    async def other():
        while True:
            seen.append(ended)
            await checkpoint()

    events = [None] * 10_000 if kind == "junk" else (item(n) for n in range(10_000))
    async with sender_on(ScriptedTransport()) as own, anyio.create_task_group() as group:
        group.start_soon(other)
        await send_many(own if kind == "junk" else ForeignSender(), events, on_outcome=heard)
        group.cancel_scope.cancel()

    steps = [later - earlier for earlier, later in zip(seen, [*seen[1:], ended], strict=True)]
    assert max(steps) <= 100


# Faults of the caller's own code


def breaking(events, number):
    for n, event in enumerate(events):
        if n == number:
            raise KeyError("item 777")
        yield event


@pytest.mark.parametrize("is_async", [False, True])
async def test_the_input_raises(is_async):
    """An input's own error is raised, with a note, after the events in flight have ended."""
    source = Input(breaking(items(1_000), 777))
    transport = ScriptedTransport(travel=lambda n: turns(n % 7))

    async with sender_on(transport) as sender:
        with pytest.raises(KeyError, match="item 777") as caught:
            await send_many(sender, source.each() if is_async else source, max_in_flight=8, on_outcome=source.heard)

    source.check()
    assert source.pulled == 777
    assert {outcome.receipt is not None for outcome in source.outcomes} == {True}
    assert "777 events: 777 accepted" in caught.value.__notes__[0]


@pytest.mark.parametrize("is_async", [False, True])
async def test_on_outcome_raises(is_async):
    """The callback's own error is raised, with a note, after the events in flight have ended and were told too."""
    source, pulled = Input(items(1_000)), []

    def hear(outcome):
        source.heard(outcome)
        if outcome.index == 300:
            pulled.append(source.pulled)
            raise KeyError("no room")

    async def listen(outcome):
        await checkpoint()
        hear(outcome)

    async with sender_on(ScriptedTransport(travel=lambda n: turns(n % 7))) as sender:
        with pytest.raises(KeyError, match="no room") as caught:
            await send_many(sender, source, max_in_flight=8, on_outcome=listen if is_async else hear)

    source.check()
    # An async callback has its own task: what it raises is known some turns later.
    assert source.pulled - pulled[0] <= (8 if is_async else 0)
    assert f"{source.pulled} events" in caught.value.__notes__[0]


async def test_an_input_that_raised_is_asked_no_more():
    """After the input's error nothing more is pulled from it, though it would go on."""

    class Flickering(Input):
        def __aiter__(self):
            return self

        async def __anext__(self):
            await checkpoint()
            self._count()
            if self.pulled == 6:
                raise KeyError("once")
            if self.pulled > 20:
                raise StopAsyncIteration
            return item(self.pulled)

    source = Flickering(())

    async with sender_on(ScriptedTransport()) as sender:
        with pytest.raises(KeyError, match="once"):
            await send_many(sender, source, max_in_flight=4)

    assert source.pulled == 6


async def test_a_callback_that_raised_does_not_wait_for_a_slow_input():
    """The callback's error comes out though the input has its next event only in an hour."""

    async def slow():
        yield item(0)
        await anyio.sleep_forever()

    def refuse(outcome):
        raise KeyError("no room")

    async with sender_on(ScriptedTransport()) as sender:
        with pytest.raises(KeyError, match="no room"):
            await soon(1, lambda: send_many(sender, slow(), max_in_flight=4, on_outcome=refuse))


async def test_the_first_of_two_faults_is_raised():
    """Where several calls of `on_outcome` raise, the first error comes out, and every event was told."""
    source = Input(items(50))

    def refuse(outcome):
        source.heard(outcome)
        raise KeyError(len(source.outcomes))

    async with sender_on(ScriptedTransport(travel=lambda n: turns(3))) as sender:
        with pytest.raises(KeyError, match="1"):
            await send_many(sender, source, max_in_flight=6, on_outcome=refuse)

    source.check()
    assert source.pulled == 6


async def test_all_is_told_when_the_report_is_there():
    """The callback has heard of every event when the report is returned."""
    report, source, _ = await run_many(events=items(64), max_in_flight=7)

    assert len(source.outcomes) == report.total == 64
