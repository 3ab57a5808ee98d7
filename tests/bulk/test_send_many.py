"""What goes in and what comes out of a bulk run: every input, every item, one outcome each."""

from __future__ import annotations

from collections.abc import Mapping

import anyio
import pytest
from anyio.lowlevel import checkpoint
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sendpulse_async import (
    Event,
    InvalidEventError,
    NotSentError,
    OutcomeStatus,
    RejectedError,
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
    UNREACHABLE,
    ForeignSender,
    Input,
    ScriptedTransport,
    answer,
    item,
    items,
    run_many,
    sender_on,
    soon,
)

pytestmark = pytest.mark.anyio

JUNK = [None, 7, "text", b"bytes", [], object(), {}, {"email": "no address"}, {"email": 5}, {1: 2}]
JUNK += [{**item(0), "x": float("nan")}, {**item(0), "x": "\ud800"}, {**item(0), "x": object()}]


class Hostile(Mapping):
    """A mapping that cannot be read."""

    def __getitem__(self, key):
        raise RuntimeError("cannot be read")

    def __iter__(self):
        raise RuntimeError("cannot be read")

    def __len__(self):
        return 1


async def in_turns(events):
    for event in events:
        await checkpoint()
        yield event


# Inputs


@pytest.mark.parametrize("kind", [list, tuple, iter, lambda events: (event for event in events), in_turns])
async def test_any_input(kind):
    """Any iterable or async iterable, a generator too, is read to its end in its own order."""
    transport = ScriptedTransport()

    async with sender_on(transport) as sender:
        report = await send_many(sender, kind(items(100)), max_in_flight=4)

    assert (report.total, report.accepted) == (100, 100)
    assert transport.sent == list(range(100))
    assert report.stopped_because is None


@pytest.mark.parametrize("kind", [list, in_turns])
async def test_empty_input(kind):
    """Nothing to send is no failure."""
    async with sender_on(ScriptedTransport()) as sender:
        report = await send_many(sender, kind([]))

    assert report.total == 0
    report.raise_for_failures()


async def test_events_and_mappings():
    """An outcome holds the event as it was given, be it an `Event` or a mapping."""
    events = [Event(email="a@example.com", variables={"n": 0}), item(1), Event.custom({"n": 2})]

    _, source, transport = await run_many(events=events, max_in_flight=1)

    assert transport.sent == [0, 1, 2]
    assert [outcome.event for outcome in source.outcomes] == events
    assert all(given is outcome.event for given, outcome in zip(events, source.outcomes, strict=True))


@pytest.mark.parametrize("junk", JUNK, ids=repr)
async def test_junk_is_rejected(junk):
    """An item that is no event is REJECTED, nothing of it is sent, and the run goes on."""
    report, source, transport = await run_many(events=[item(0), junk, item(2)], max_in_flight=1)

    assert transport.sent == [0, 2]
    assert [outcome.status for outcome in source.outcomes] == [
        OutcomeStatus.ACCEPTED,
        OutcomeStatus.REJECTED,
        OutcomeStatus.ACCEPTED,
    ]
    assert isinstance(report.failures[0].error, InvalidEventError)
    assert report.failures[0].event is junk


@pytest.mark.parametrize("bad", [Hostile(), {**item(1), "x": 10**5000}], ids=["unreadable", "endless number"])
async def test_a_bad_item_never_ends_a_run(bad):
    """An item that raises while it is read or encoded ends as REJECTED, and the run goes on."""
    report, _, transport = await run_many(events=[item(0), bad, item(2)], max_in_flight=1)

    assert transport.sent == [0, 2]
    assert (report.accepted, report.rejected) == (2, 1)


async def test_an_async_input_is_asked_no_more_once_it_has_ended():
    """An input whose end is a single mark in a queue ends the run: it is not asked again after its end."""
    marks = [item(0), item(1), None]

    class Queue:
        def __aiter__(self):
            return self

        async def __anext__(self):
            await checkpoint()
            if not marks:
                await anyio.sleep_forever()
            if (mark := marks.pop(0)) is None:
                raise StopAsyncIteration
            return mark

    async with sender_on(ScriptedTransport()) as sender:
        report = await soon(2, lambda: send_many(sender, Queue(), max_in_flight=4))

    assert report.accepted == 2


# Conservation

ANSWERS = [
    TAKEN,
    answer(202),
    answer(200, code=102),
    answer(500),
    answer(408),
    REFUSED,
    NO_SUCH_EVENT,
    LOST,
    UNREACHABLE,
    None,
]
STOPPERS = [FORBIDDEN, BAD_CERTIFICATE, answer(401), answer(302)]


@given(
    script=st.lists(st.sampled_from(ANSWERS) | st.sampled_from([TAKEN, *STOPPERS]), max_size=80),
    turns_taken=st.lists(st.integers(0, 5), min_size=1, max_size=7),
    max_in_flight=st.integers(1, 12),
    max_failures=st.none() | st.integers(0, 10),
    is_async=st.booleans(),
)
@settings(max_examples=60, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_conservation(no_probe_delay, script, turns_taken, max_in_flight, max_failures, is_async):
    """Whatever comes of the events and whatever stops the run: each event pulled has one outcome and one count."""
    events = Input([item(n) if step is not None else None for n, step in enumerate(script)])

    async def travel(n):
        for _ in range(turns_taken[n % len(turns_taken)]):
            await checkpoint()

    transport = ScriptedTransport(script.__getitem__, travel)

    async with sender_on(transport) as sender:
        report = await send_many(
            sender,
            events.each() if is_async else events,
            max_in_flight=max_in_flight,
            max_failures=max_failures,
            on_outcome=events.heard,
        )

    events.check(report)
    assert events.furthest <= max_in_flight
    assert transport.most_running <= max_in_flight
    assert report.stopped_because is not None or report.total == len(script)
    assert len(set(transport.sent)) == len(transport.sent)


# Callbacks


@pytest.mark.parametrize("is_async", [False, True])
async def test_on_outcome_hears_each_outcome_once(is_async):
    """`on_outcome`, sync or async, is called exactly once with each outcome."""
    heard = []

    async def listen(outcome):
        await checkpoint()
        heard.append(outcome.index)

    async with sender_on(ScriptedTransport(lambda n: REFUSED if n % 3 else TAKEN)) as sender:
        report = await send_many(
            sender, items(200), on_outcome=listen if is_async else lambda outcome: heard.append(outcome.index)
        )

    assert sorted(heard) == list(range(200))
    assert report.total == 200


async def test_indexes_are_places_in_the_input():
    """An outcome's index is the event's place in the input, whatever the order in which events complete."""

    async def travel(n):
        for _ in range(10 - n):
            await checkpoint()

    _, source, _ = await run_many(events=items(10), travel=travel, max_in_flight=10)

    assert [outcome.index for outcome in source.outcomes] != list(range(10))
    assert all(outcome.event["n"] == outcome.index for outcome in source.outcomes)


# Senders of other makes


async def test_foreign_sender():
    """Anything with `send_event` will do, and its errors become outcomes."""
    errors = {1: NotSentError("no"), 2: UnknownDeliveryError("perhaps"), 3: RejectedError("never")}
    errors[4] = InvalidEventError(["variables.x: is bad"])
    source = Input(items(6))

    report = await send_many(ForeignSender(lambda event: errors.get(event["n"])), source, on_outcome=source.heard)

    source.check(report)
    assert (report.accepted, report.not_sent, report.unknown, report.rejected) == (2, 1, 1, 2)
    assert {outcome.index: outcome.error for outcome in report.failures} == errors


async def test_foreign_fault_has_an_outcome():
    """A foreign sender's own fault is raised, and its event too has exactly one outcome: nobody knows if it left."""
    source = Input(items(3))
    sender = ForeignSender(lambda event: LookupError("a bug") if event["n"] == 1 else None)

    with pytest.raises(LookupError):
        await send_many(sender, source, max_in_flight=1, on_outcome=source.heard)

    source.check()
    assert source.outcomes[1].status is OutcomeStatus.UNKNOWN
