"""One run on a journal, or on a log that processes share, and what the next run makes of each outcome."""

from __future__ import annotations

from bulk.scripted import (
    FORBIDDEN,
    LOST,
    NO_SUCH_EVENT,
    REFUSED,
    TAKEN,
    UNREACHABLE,
    ScriptedTransport,
    answer,
    item,
    sender_on,
)

from sendpulse_async import Event, OutcomeStatus, send_many
from sendpulse_async._journal import EntryState

UNAVAILABLE = answer(503, retry_after=0)
WRONG = {"n": 0}
"""An event without a contact."""
AFTERWARDS = {
    "accepted": (TAKEN, EntryState.ACCEPTED, "resumed"),
    "rejected": (REFUSED, EntryState.REJECTED, "resumed"),
    "no such event": (NO_SUCH_EVENT, EntryState.REFUSED, "sent"),
    "forbidden": (FORBIDDEN, EntryState.REFUSED, "sent"),
    "unreachable": (UNREACHABLE, EntryState.NOT_SENT, "sent"),
    "lost": (LOST, EntryState.UNKNOWN, "reported"),
}
"""What is answered, how it is kept, and what the next run does."""


def named(*numbers):
    """Events that have an id of their own."""
    return [Event.from_mapping(item(number), event_id=f"order {number}") for number in numbers]


async def run(log, events, script=lambda n: TAKEN, *, network=ScriptedTransport, **options):
    """Run once; return the report, the numbers that were sent, and the outcomes."""
    carrier, outcomes = network(script), []
    async with sender_on(carrier) as sender:
        report = await send_many(sender, events, journal=log, on_outcome=outcomes.append, **options)
    assert report.total == report.resumed + len(outcomes)
    return report, sorted(carrier.sent), outcomes


def assert_done(again, report, sent, outcomes):
    """Hold what a run of one event did, after another one, against the table."""
    assert report.resumed == (again == "resumed")
    assert sent == ([0] if again == "sent" else [])
    assert [outcome.status for outcome in outcomes] == {
        "resumed": [],
        "sent": [OutcomeStatus.ACCEPTED],
        "reported": [OutcomeStatus.UNKNOWN],
    }[again]
