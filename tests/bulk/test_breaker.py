"""An outage met by stopping: five in a row, those in flight end, a wait, one probe."""

from __future__ import annotations

from contextlib import aclosing

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sendpulse_async import StoppedError, UnknownDeliveryError
from sendpulse_async._bulk import _run

from .scripted import (
    FORBIDDEN,
    LOST,
    REFUSED,
    TAKEN,
    UNREACHABLE,
    ForeignSender,
    Input,
    ScriptedTransport,
    VirtualTime,
    answer,
    item,
    items,
    run_with_sleep,
    sender_on,
    soon,
    turns,
)

pytestmark = pytest.mark.anyio


class Outage:
    """A network with a sleep that watches: what the world looked like while the breaker waited."""

    def __init__(self, script, travel=lambda n: turns(1), while_waiting=lambda: turns(1)):
        self.transport = ScriptedTransport(script, travel)
        self.while_waiting = while_waiting
        self.waits = []
        self.running = []
        self.sent = []

    async def sleep(self, seconds):
        self.waits.append(seconds)
        self.running.append(self.transport.running)
        self.sent.append(len(self.transport.sent))
        await self.while_waiting()

    async def run(self, source, given=None, **options):
        async with sender_on(self.transport) as sender:
            given = source if given is None else given
            run, report = await run_with_sleep(sender, given, self.sleep, on_outcome=source.heard, **options)
        source.check(report)
        return run, report


async def test_the_wait_is_five_seconds():
    """The wait before the probe is 5 s."""
    assert _run.PROBE_DELAY == 5.0


@pytest.mark.parametrize("step", [LOST, UNREACHABLE, answer(500), answer(502), answer(520), answer(200, result=None)])
async def test_an_outage_stops_a_run(step):
    """Five UNKNOWN or NOT_SENT by transport in a row, a wait, one failed probe: the run is stopped, and says why."""
    outage = Outage(lambda n: step)

    _, report = await outage.run(Input(items(1_000)), max_in_flight=1)

    assert outage.waits == [5.0]
    assert (outage.sent, report.total) == ([5], 6)
    assert isinstance(report.stopped_because, StoppedError)
    assert "5 events in a row" in str(report.stopped_because)


async def test_those_in_flight_end_first():
    """When the breaker opens nothing is pulled; the wait begins when those in flight have ended, as they end."""
    source = Input(items(1_000))
    outage = Outage(lambda n: TAKEN if n in {5, 6, 7} else LOST, lambda n: turns(40 if n in {5, 6, 7} else n))

    _, report = await outage.run(source, max_in_flight=8)

    assert report.accepted == 3
    assert outage.running == [0]
    assert outage.sent[0] <= 5 + 8
    assert isinstance(report.stopped_because, StoppedError)


async def test_one_event_probes():
    """After the wait a single event is sent, alone, and nothing more is pulled until it has ended."""
    source, at_probe = Input(items(40)), []

    async def travel(n):
        if outage.waits and not at_probe:
            before = source.pulled
            await turns(100)
            at_probe.append((outage.transport.running, source.pulled - before))
        else:
            await turns(1)

    outage = Outage(lambda n: TAKEN if outage.waits else LOST, travel)

    _, report = await outage.run(source, max_in_flight=8)

    assert at_probe == [(1, 0)]
    assert (report.total, report.stopped_because) == (40, None)
    assert outage.transport.most_running == 8


@pytest.mark.parametrize("step", [TAKEN, REFUSED, answer(422)])
async def test_a_probe_that_is_answered_closes_the_breaker(step):
    """The run goes on after a probe that was accepted, or refused for its own sake: the service is there again."""
    outage = Outage(lambda n: step if outage.waits else LOST)

    _, report = await outage.run(Input(items(100)), max_in_flight=4)

    assert report.total == 100
    assert report.stopped_because is None
    assert len(outage.waits) == 1


async def test_the_count_begins_anew():
    """After a probe that went well it takes five more in a row to open the breaker again."""
    ill = {*range(5), *range(6, 10), *range(11, 16)}
    outage = Outage(lambda n: LOST if n in ill else TAKEN)

    _, report = await outage.run(Input(items(40)), max_in_flight=1)

    assert outage.sent == [5, 16]
    assert (report.total, report.unknown) == (40, 14)
    assert report.stopped_because is None


@pytest.mark.parametrize("between", [TAKEN, REFUSED])
async def test_four_in_a_row_are_no_outage(between):
    """Four in a row open nothing, however often that happens."""
    outage = Outage(lambda n: between if n % 5 == 4 else LOST)

    _, report = await outage.run(Input(items(50)), max_in_flight=1)

    assert report.total == 50
    assert outage.waits == []


async def test_a_probe_that_concerns_every_event_stops():
    """A probe that finds the account refused stops the run with that error."""
    outage = Outage(lambda n: FORBIDDEN if outage.waits else LOST)

    _, report = await outage.run(Input(items(50)), max_in_flight=2)

    assert report.stopped_because is report.failures[-1].error
    assert report.stopped_because.status_code == 403


async def test_invalid_events_do_not_count():
    """Events found invalid before any I/O neither break the row of five nor make it longer."""
    outage = Outage(lambda n: LOST)
    events = [None if n % 2 else item(n) for n in range(100)]

    _, report = await outage.run(Input(events), max_in_flight=1)

    assert (outage.sent, len(outage.transport.sent)) == ([5], 6)
    assert report.rejected == 5


async def test_invalid_events_are_no_probe():
    """An invalid event is no probe: the next that can be sent is."""
    outage = Outage(lambda n: TAKEN if n == 9 else LOST)
    events = [*items(5), None, None, None, None, item(9), item(10)]

    _, report = await outage.run(Input(events), max_in_flight=1)

    assert outage.waits == [5.0]
    assert (report.total, report.accepted, report.stopped_because) == (11, 1, None)


async def test_only_invalid_events_remain():
    """An input with nothing left to probe with ends the run cleanly."""
    outage = Outage(lambda n: LOST)

    _, report = await outage.run(Input([*items(5), None, None]), max_in_flight=3)

    assert report.total == 7
    assert report.stopped_because is None


@pytest.mark.parametrize("count", [5, 6, 8])
async def test_the_input_ends_while_the_breaker_is_open(count):
    """An input that ends in an outage ends the run, which was not stopped."""
    outage = Outage(lambda n: LOST)

    _, report = await outage.run(Input(items(count)), max_in_flight=8)

    assert (report.total, report.unknown, report.stopped_because) == (count, count, None)


@pytest.mark.parametrize("reason", ["refused", "max_failures", "callback"])
async def test_a_run_that_is_over_does_not_wait(reason):
    """Where one of those in flight ends the run while the breaker is open, there is no wait for a probe."""
    source = Input(items(100))
    outage = Outage(lambda n: FORBIDDEN if n == 7 and reason == "refused" else LOST, lambda n: turns(n * n))
    hear = source.heard

    def heard(outcome):
        hear(outcome)
        if reason == "callback" and outcome.index == 7:
            raise KeyError("no room")

    source.heard = heard
    await outage.run(source, max_in_flight=8, max_failures=7 if reason == "max_failures" else None)

    assert outage.waits == []


async def test_a_slow_input_sends_nothing_while_the_breaker_is_open():
    """An event that a slow input hands out during the wait is not sent before the probe, and not beside it."""
    source, more, sent_by_probe, beside = Input(items(12)), anyio.Event(), [], []

    async def slow():
        for n in range(12):
            if n == 5:
                await more.wait()
            source.pulled += 1
            yield item(n)

    async def while_waiting():
        more.set()
        await turns(100)
        sent_by_probe.append(len(outage.transport.sent))

    async def travel(n):
        await turns(20 if outage.waits else 1)
        beside.append(outage.transport.running if outage.waits else 1)

    outage = Outage(lambda n: LOST, travel, while_waiting)
    async with aclosing(slow()) as events:
        await soon(5, lambda: outage.run(source, events, max_in_flight=6))

    assert sent_by_probe == [5]
    assert max(beside[5:]) == 1


async def test_foreign_senders_have_the_breaker_too():
    """A sender of somebody else's that no longer gets through is met in the same way."""
    time, source = VirtualTime(), Input(items(100))
    sender = ForeignSender(lambda event: UnknownDeliveryError("no answer"))

    _, report = await run_with_sleep(sender, source, time.sleep, max_in_flight=1, on_outcome=source.heard)

    assert (report.total, time.elapsed) == (6, 5.0)


@given(
    max_in_flight=st.integers(1, 40),
    begins=st.integers(0, 60),
    step=st.sampled_from([LOST, UNREACHABLE, answer(503), answer(500)]),
    pace=st.lists(st.integers(0, 9), min_size=1, max_size=9),
    is_async=st.booleans(),
)
@settings(max_examples=60, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_an_outage_spoils_few_events(max_in_flight, begins, step, pace, is_async):
    """However the events complete, an outage spoils at most 5 + `max_in_flight` + 1 of them."""
    answered = 0

    def script(n):
        nonlocal answered
        answered += 1
        return TAKEN if answered <= begins else step

    source, outage = Input(items(1_000)), Outage(script, lambda n: turns(pace[n % len(pace)]))

    _, report = await outage.run(source, source.each() if is_async else None, max_in_flight=max_in_flight)

    assert isinstance(report.stopped_because, StoppedError)
    assert report.total - report.accepted <= 5 + max_in_flight + 1
    assert outage.waits == [5.0]
    assert outage.running == [0]
    assert source.furthest <= max_in_flight
