"""What stops a bulk run before its input ends, and what becomes of the events that were pulled by then."""

from __future__ import annotations

import anyio
import pytest
from anyio.lowlevel import checkpoint

from sendpulse_async import (
    AuthenticationError,
    EventNotFoundError,
    NotSentError,
    OutcomeStatus,
    PermissionDeniedError,
    RateLimit,
    StoppedError,
    UnknownDeliveryError,
    send_many,
)

from .scripted import (
    BAD_CERTIFICATE,
    FORBIDDEN,
    LOST,
    NO_SUCH_EVENT,
    REFUSED,
    TAKEN,
    ForeignSender,
    Input,
    ScriptedTransport,
    answer,
    item,
    items,
    redirect,
    run_many,
    sender_on,
    soon,
    turns,
)

pytestmark = pytest.mark.anyio

AT_ONCE = [
    (answer(401), AuthenticationError),
    (BAD_CERTIFICATE, NotSentError),
    (answer(402), PermissionDeniedError),
    (FORBIDDEN, PermissionDeniedError),
    (redirect(307), PermissionDeniedError),
    (redirect(308), PermissionDeniedError),
    (redirect(301), UnknownDeliveryError),
    (redirect(302), UnknownDeliveryError),
    (redirect(303), UnknownDeliveryError),
    (redirect(304), UnknownDeliveryError),
]


# At once


@pytest.mark.parametrize(("step", "kind"), AT_ONCE)
async def test_what_concerns_every_event_stops_at_once(step, kind):
    """The first such failure ends the run: it is `stopped_because`, and what was not pulled is in no count."""
    report, source, transport = await run_many(lambda n: step if n == 3 else TAKEN, items(100), max_in_flight=1)

    assert type(report.stopped_because) is kind
    assert report.stopped_because is report.failures[-1].error
    assert transport.sent == [0, 1, 2, 3]
    assert (source.pulled, report.total, report.accepted) == (4, 4, 3)


async def test_events_in_flight_end_as_they_end():
    """Events that are under way when a run stops get the outcome that they have, and the first cause stays."""

    async def travel(n):
        await turns(3 if n == 0 else 20)

    report, source, transport = await run_many(
        lambda n: {0: FORBIDDEN, 1: LOST, 2: answer(401)}.get(n, TAKEN), items(50), travel=travel, max_in_flight=5
    )

    statuses = {outcome.index: outcome.status.name for outcome in source.outcomes}
    assert statuses == {0: "REJECTED", 1: "UNKNOWN", 2: "NOT_SENT", 3: "ACCEPTED", 4: "ACCEPTED"}
    assert isinstance(report.stopped_because, PermissionDeniedError)
    assert transport.sent == [0, 1, 2, 3, 4]


async def test_events_that_wait_are_not_sent(time):
    """Pulled events of which no byte left are NOT_SENT with the cause of the stop, without waiting on."""
    quota = time.quota(RateLimit(per_second=1 / 64))

    report, source, transport = await run_many(lambda n: FORBIDDEN, items(50), max_in_flight=5, rate_limit=quota)

    waiting = [outcome for outcome in source.outcomes if outcome.index > 0]
    assert transport.sent == [0]
    assert [outcome.status for outcome in waiting] == [OutcomeStatus.NOT_SENT] * 4
    assert all(outcome.error.__cause__ is report.stopped_because for outcome in waiting)
    assert all("HTTP 403" in str(outcome.error) for outcome in waiting)
    assert time.elapsed == 0
    assert report.total == source.pulled == 5


async def test_events_that_wait_for_the_senders_limit_are_not_sent(time):
    """Waiting for the sender's own rate limit is no different."""
    quota = time.quota(RateLimit(per_second=1 / 64))

    report, _, transport = await run_many(
        lambda n: FORBIDDEN, items(50), max_in_flight=5, sender_options={"rate_limit": quota}
    )

    assert transport.sent == [0]
    assert (report.rejected, report.not_sent) == (1, 4)
    assert time.elapsed == 0


async def test_a_stop_does_not_wait_for_a_pause(time):
    """An event that SendPulse puts off for an hour, just as the run stops, is NOT_SENT at once."""

    async def travel(n):
        await time.sleep(1 + n)

    report, source, transport = await run_many(
        lambda n: answer(429, retry_after=3600) if n else FORBIDDEN,
        items(2),
        travel=travel,
        max_in_flight=2,
        rate_limit=time.quota(),
        sender_options={"rate_limit": time.quota()},
    )

    assert transport.sent == [0, 1]
    assert source.outcomes[1].status is OutcomeStatus.NOT_SENT
    assert isinstance(report.stopped_because, PermissionDeniedError)
    assert time.elapsed < 10


async def test_a_stop_does_not_wait_for_a_slow_input():
    """A run that is stopped ends though its input has the next event only in an hour."""

    async def slow():
        yield item(0)
        await anyio.sleep_forever()

    async with sender_on(ScriptedTransport(lambda n: FORBIDDEN)) as sender:
        report = await soon(1, lambda: send_many(sender, slow(), max_in_flight=4))

    assert report.total == 1


async def test_nothing_is_pulled_after_a_stop():
    """Once a run is stopped nothing more is pulled, though workers were waiting for the input."""
    source = Input(items(20))

    async def slow():
        for event in source:
            yield event
            await turns(20)

    async with sender_on(ScriptedTransport(lambda n: FORBIDDEN)) as sender:
        report = await send_many(sender, slow(), max_in_flight=8, on_outcome=source.heard)

    source.check(report)
    assert source.pulled == 1


async def test_a_closed_sender_stops_the_run():
    """A sender that is closed sends nothing, and the run says so at its first event."""
    sender = sender_on(ScriptedTransport())
    await sender.aclose()

    report = await send_many(sender, items(9), max_in_flight=1)

    assert (report.total, report.not_sent) == (1, 1)
    assert "closed" in str(report.stopped_because)


async def test_a_foreign_senders_refusal_stops_too():
    """Refused credentials stop a run whoever's sender reports them."""
    report = await send_many(ForeignSender(lambda event: AuthenticationError("no")), items(9), max_in_flight=1)

    assert report.total == 1
    assert isinstance(report.stopped_because, AuthenticationError)


# In a row


@pytest.mark.parametrize("step", [NO_SUCH_EVENT, answer(405), answer(200, code=102), answer(400, code=102)])
async def test_five_without_such_an_event_stop(step):
    """Five answers in a row that there is no such event stop the run; the last is the cause."""
    report, _, transport = await run_many(lambda n: step, items(100), max_in_flight=1)

    assert isinstance(report.stopped_because, EventNotFoundError)
    assert report.stopped_because is report.failures[-1].error
    assert transport.sent == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("between", [TAKEN, REFUSED, LOST])
async def test_four_without_such_an_event_do_not(between):
    """Four in a row stop nothing, however often that happens."""
    report, _, _ = await run_many(lambda n: between if n % 5 == 4 else NO_SUCH_EVENT, items(50), max_in_flight=1)

    assert report.total == 50
    assert report.stopped_because is None


async def test_no_such_event_said_in_several_ways():
    """The five may be 404, 405 and error 102 mixed."""
    steps = [NO_SUCH_EVENT, answer(405), answer(200, code=102), NO_SUCH_EVENT, answer(400, code=102)]

    report, _, _ = await run_many(lambda n: steps[n % 5], items(100), max_in_flight=1)

    assert report.total == 5


async def test_an_invalid_event_says_nothing_of_the_endpoint():
    """An event found invalid before any I/O neither counts among the five nor breaks their row."""
    events = [None if n % 2 else item(n) for n in range(100)]

    report, _, transport = await run_many(lambda n: NO_SUCH_EVENT, events, max_in_flight=1)

    assert len(transport.sent) == 5
    assert report.total == 9


async def test_in_a_row_means_as_they_complete():
    """What counts is the order in which events complete, not that of the input."""

    async def first_comes_last(n):
        await turns(60 if n == 0 else 3)

    async def last_comes_in_between(n):
        await turns({0: 3, 1: 6, 2: 60, 3: 70, 4: 80, 5: 20}[n])

    stopped, source, _ = await run_many(
        lambda n: NO_SUCH_EVENT if n else TAKEN, items(100), travel=first_comes_last, max_in_flight=6
    )
    going, _, _ = await run_many(
        lambda n: TAKEN if n == 5 else NO_SUCH_EVENT, items(6), travel=last_comes_in_between, max_in_flight=6
    )

    assert source.outcomes[-1].index == 0
    assert isinstance(stopped.stopped_because, EventNotFoundError)
    assert (going.total, going.stopped_because) == (6, None)


# max_failures


@pytest.mark.parametrize("allowed", [0, 3])
@pytest.mark.parametrize("step", [REFUSED, NO_SUCH_EVENT, LOST])
async def test_max_failures(allowed, step):
    """So many events may fail; one more stops the run."""
    script = [TAKEN, step, TAKEN, TAKEN, step, step, TAKEN, step, TAKEN, TAKEN, step, TAKEN]

    report, _, _ = await run_many(script.__getitem__, items(len(script)), max_in_flight=1, max_failures=allowed)

    assert report.total - report.accepted == allowed + 1
    assert isinstance(report.stopped_because, StoppedError)
    assert f"max_failures={allowed}" in str(report.stopped_because)


async def test_invalid_events_are_failures():
    """For `max_failures` an event that was found invalid has failed as any other."""
    report, _, _ = await run_many(events=[item(0), None, item(2), None, item(4)], max_in_flight=1, max_failures=1)

    assert (report.total, report.rejected) == (4, 2)
    assert isinstance(report.stopped_because, StoppedError)


async def test_as_many_failures_as_allowed():
    """A run with exactly `max_failures` failures reads its input to the end."""
    report, _, _ = await run_many(lambda n: REFUSED if n < 3 else TAKEN, items(20), max_in_flight=4, max_failures=3)

    assert (report.total, report.rejected) == (20, 3)
    assert report.stopped_because is None


async def test_the_callback_can_tell_that_a_run_stops():
    """The outcome that stops a run is told like any other, and the run ends after its slow callback."""
    heard = []

    async def listen(outcome):
        await checkpoint()
        heard.append(outcome.status)

    async with sender_on(ScriptedTransport(lambda n: FORBIDDEN)) as sender:
        report = await send_many(sender, items(20), max_in_flight=1, on_outcome=listen)

    assert heard == [OutcomeStatus.REJECTED]
    assert report.total == 1
