"""The ledger's own promises: bounded, ordered, discreet."""

from __future__ import annotations

import pytest

from sendpulse_async.sandbox import LedgerEntry
from sendpulse_async.sandbox._ledger import MAX_ENTRIES, MAX_WEIGHT, Ledger
from sendpulse_async.sandbox._listeners import Listeners


def entry(**changes):
    values = {
        "sequence": 1,
        "received_at": 1.5,
        "door": "raw",
        "event": None,
        "method": "POST",
        "path": "/events/id/eb561baa181247d1cd378c4ead632877/7043663",
        "headers": (("authorization", "Bearer hidden-token"), ("cookie", "hidden-cookie")),
        "content_type": "application/json",
        "body": b'{"email": "hidden@b.c"}',
        "payload": {"email": "hidden@b.c"},
        "status": 200,
    }
    return LedgerEntry(**values | changes)


def test_a_repr_shows_no_payload_and_no_secret():
    """Headers are shown by name; a raw URL, which is a secret, is masked."""
    shown = repr(entry())

    assert "hidden" not in shown
    assert "eb561baa" not in shown
    assert "'authorization'" in shown
    assert "status=200" in shown


def test_a_repr_shows_an_events_name():
    """A name is no secret."""
    assert "/events/name/purchase" in repr(entry(door="name", event="purchase", path="//events/name/purchase"))


@pytest.mark.parametrize("payload", [None, [], "text", {}, {"email": 5}])
def test_an_entry_without_contact_has_none(payload):
    """`email` and `phone` are None where the payload has no such text."""
    assert (entry(payload=payload).email, entry(payload=payload).phone) == (None, None)


def test_only_the_newest_entries_are_kept_but_all_are_counted():
    """Memory is bounded by the number of entries."""
    ledger = Ledger(Listeners())

    for number in range(MAX_ENTRIES + 5):
        ledger.add(entry(sequence=number, body=b""))

    assert len(ledger.events) == MAX_ENTRIES
    assert (ledger.events[0].sequence, ledger.events[-1].sequence) == (5, MAX_ENTRIES + 4)
    assert ledger.accepted_count == MAX_ENTRIES + 5


def test_large_bodies_push_old_entries_out():
    """Memory is bounded by the size of the bodies too, for refused requests as well."""
    ledger = Ledger(Listeners())
    body = bytes(MAX_WEIGHT // 5)

    for number in range(6):
        ledger.add(entry(sequence=number, body=body, is_taken=False))

    assert [kept.sequence for kept in ledger.refused] == [2, 3, 4, 5]
    assert ledger.refused_count == 6
