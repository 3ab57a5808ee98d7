"""The same event more than once: found at once, and forgotten with the events."""

from __future__ import annotations

import pytest

from sendpulse_async._listeners import Listeners
from sendpulse_async.sandbox._ledger import MAX_ENTRIES, Ledger

from .stage import raw_entry as entry

DUPLICATES = "/_sandbox/duplicates"


def test_duplicates_stand_in_groups_most_first(sandbox, client, by_key):
    """One path, one payload, however it was encoded; accepted events only."""
    for payload in ({"email": "a@b.c", "x": "1"}, {"email": "d@e.f"}, {"x": "1", "email": "a@b.c"}, {"email": "d@e.f"}):
        client.post(sandbox.event_url, json=payload)
    client.post(sandbox.event_url, data={"email": "d@e.f"})
    client.post("/events/name/purchase", json={"email": "d@e.f"}, headers=by_key)
    for _ in range(3):
        client.post(sandbox.event_url, json={"x": "no contact"})

    groups = client.get(DUPLICATES).json()["groups"]

    assert groups == [
        {"count": 3, "event": None, "email": "d@e.f", "phone": None, "sequences": [2, 4, 5]},
        {"count": 2, "event": None, "email": "a@b.c", "phone": None, "sequences": [1, 3]},
    ]
    assert client.get(DUPLICATES, params={"limit": 1}).json()["groups"] == groups[:1]
    assert [kept.duplicate_of for kept in sandbox.events] == [None, None, 1, 2, 2, None]


@pytest.mark.parametrize("limit", ["0", "x", "10001"])
def test_a_wrong_limit_names_itself(client, limit):
    """A limit that is none gets 422."""
    answer = client.get(DUPLICATES, params={"limit": limit})

    assert answer.status_code == 422
    assert "limit" in answer.json()["message"]


def test_what_was_evicted_is_no_duplicates_first():
    """The index forgets an event when the ledger does, and names the oldest that is kept."""
    ledger = Ledger(Listeners())
    for number in (1, 2):
        ledger.add(entry(sequence=number, payload="same"))

    for number in range(3, MAX_ENTRIES + 3):
        ledger.add(entry(sequence=number, payload=number))
        if number == MAX_ENTRIES + 1:
            assert ledger.holds(entry().path, "same")

    assert not ledger.holds(entry().path, "same")
    assert ledger.duplicates() == []


def test_clearing_forgets_the_index():
    """An event after a clear is the first of its kind."""
    ledger = Ledger(Listeners())
    ledger.add(entry(payload="same"))

    ledger.clear()

    assert not ledger.holds(entry().path, "same")
    ledger.add(entry(sequence=2, payload="same"))
    assert ledger.events[0].duplicate_of is None


def test_thousands_of_one_event_are_compared_once_each():
    """An event is compared with one of its kind, not with each."""
    compared = 0

    class Payload(dict):
        def __eq__(self, other):
            nonlocal compared
            compared += 1
            return super().__eq__(other)

        __hash__ = None

    ledger = Ledger(Listeners())
    for number in range(1, 2 * MAX_ENTRIES + 1):
        ledger.add(entry(sequence=number, payload=Payload(email="a@b.c")))

    assert compared <= 2 * 3 * MAX_ENTRIES
    assert ledger.events[-1].duplicate_of == MAX_ENTRIES


def test_true_is_not_one(sandbox, client):
    """Values that only Python takes for equal make two events; 1 and 1.0 are one number."""
    for value in (True, 1, 1.0):
        client.post(sandbox.event_url, json={"email": "a@b.c", "vip": value})

    assert [kept.duplicate_of for kept in sandbox.events] == [None, None, 2]
