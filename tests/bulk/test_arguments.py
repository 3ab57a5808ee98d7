"""Wrong arguments of a bulk run, and the report that raises."""

from __future__ import annotations

import pytest

from sendpulse_async import BulkError, ConfigurationError, Event, send_many

from .scripted import FORBIDDEN, REFUSED, ForeignSender, item, items, run_many

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"max_in_flight": 0}, "max_in_flight"),
        ({"max_in_flight": True}, "max_in_flight"),
        ({"max_in_flight": 2.5}, "max_in_flight"),
        ({"max_failures": -1}, "max_failures"),
        ({"max_failures": "3"}, "max_failures"),
        ({"on_outcome": "print"}, "on_outcome"),
        ({"rate_limit": 10}, "rate_limit"),
        ({"sender": object()}, "sender"),
        ({"events": "text"}, "events"),
        ({"events": b"text"}, "events"),
        ({"events": item(0)}, "events"),
        ({"events": Event(email="a@example.com")}, "events"),
        ({"events": 7}, "events"),
        ({"events": None}, "events"),
        ({"events": items}, "events"),
    ],
)
async def test_a_wrong_argument_is_named(arguments, name):
    """A wrong argument is a `ConfigurationError` that names it, before anything is sent."""
    sender = ForeignSender()

    with pytest.raises(ConfigurationError, match=name):
        await send_many(**{"sender": sender, "events": items(1), **arguments})

    assert sender.seen == []


async def test_raise_for_failures():
    """`raise_for_failures` raises the report where an event was not accepted, and only then."""
    good, _, _ = await run_many(events=items(2))
    bad, _, _ = await run_many(lambda n: REFUSED, items(1))

    good.raise_for_failures()
    with pytest.raises(BulkError, match="1 rejected") as caught:
        bad.raise_for_failures()

    assert caught.value.report is bad


async def test_a_run_that_was_stopped_is_a_failure():
    """A run that was stopped has not done its job, even if every event that it pulled was accepted or settled."""
    report, _, _ = await run_many(lambda n: FORBIDDEN, items(10), max_in_flight=1)

    with pytest.raises(BulkError, match="stopped"):
        report.raise_for_failures()
