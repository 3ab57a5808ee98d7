"""The ledger's own promises: bounded, ordered, discreet."""

from __future__ import annotations

import json
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendpulse_async._listeners import Listeners
from sendpulse_async.sandbox._ledger import MAX_ENTRIES, MAX_WEIGHT, Ledger
from sendpulse_async.sandbox._ledger._measure import measure

from .stage import raw_entry as entry


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


@pytest.mark.parametrize(
    "element",
    ["[]", "{}", '{"":0}', '{"a":{"b":[]}}', '"ab"', "1234567", "1.5", '"\\u0416"'],
)
def test_the_bound_holds_for_what_is_really_kept(element, monkeypatch):
    """Bodies that parse into far more memory than their bytes push old entries out sooner."""
    bound = MAX_WEIGHT // 16
    monkeypatch.setattr("sendpulse_async.sandbox._ledger._ledger.MAX_WEIGHT", bound)
    body = f'{{"email": "a@b.c", "x": [{",".join([element] * (32 * 1024 // len(element)))}]}}'.encode()
    ledger = Ledger(Listeners())
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    try:
        number = 0
        while not number or ledger.get(1) is not None or number < 12:
            number += 1
            ledger.add(entry(sequence=number, body=bytes(bytearray(body)), payload=json.loads(body)))
        kept = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()

    assert bound / 4 < kept < bound * 1.05
    assert ledger.events


def test_the_bound_holds_for_many_small_entries(monkeypatch):
    """What an entry costs beside its body counts too: headers, names, and its place in the index."""
    bound, count = MAX_WEIGHT // 4, 2_500
    monkeypatch.setattr("sendpulse_async.sandbox._ledger._ledger.MAX_WEIGHT", bound)
    ledger = Ledger(Listeners())
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    try:
        for number in range(count):
            headers = tuple((f"x-{number}-{place}", str(number) * 100) for place in range(20))
            body = json.dumps({"email": f"{number}@b.c"}).encode()
            added = entry(
                sequence=number, headers=headers, body=body, payload=json.loads(body), path=f"/events/{number}"
            )
            ledger.add(added)
        kept = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()

    assert bound / 2 < kept < bound
    assert len(ledger.events) < count


def test_refused_and_accepted_share_the_bound_and_the_heavier_gives_way():
    """A flood of large refused requests takes no accepted event's place while it is the heavier of the two."""
    ledger = Ledger(Listeners())
    ledger.add(entry(sequence=1))

    for number in range(2, 9):
        ledger.add(entry(sequence=number, body=bytes(MAX_WEIGHT // 5), is_taken=False))

    assert [kept.sequence for kept in ledger.requests] == [1, 5, 6, 7, 8]


def test_an_entry_beyond_the_bound_is_counted_but_not_kept():
    """A single request that outweighs the bound leaves the ledger empty and working."""
    ledger = Ledger(Listeners())

    ledger.add(entry(body=bytes(MAX_WEIGHT)))
    ledger.add(entry(sequence=2))

    assert [kept.sequence for kept in ledger.events] == [2]
    assert ledger.accepted_count == 2


def test_both_kinds_stand_in_one_order():
    """Accepted and refused requests are reached together, by place, and from a place on."""
    ledger = Ledger(Listeners())
    for number in range(1, 7):
        ledger.add(entry(sequence=number, is_taken=number % 2 == 0))

    assert [kept.sequence for kept in ledger.requests] == [1, 2, 3, 4, 5, 6]
    assert [kept.sequence for kept in ledger.after(4)] == [5, 6]
    assert ledger.get(3) is ledger.refused[1]
    assert ledger.get(7) is None
    assert ledger.last_sequence == 6


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.sampled_from(["", "a", "b"]),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.sampled_from("ab"), children),
)


@given(st.lists(JSON, max_size=6), JSON)
def test_holds_is_exact(payloads, asked):
    """The index finds just what a look at every event would find."""
    ledger = Ledger(Listeners())
    for number, payload in enumerate(payloads, 1):
        ledger.add(entry(sequence=number, payload=payload))

    assert ledger.holds(entry().path, asked) is (asked in payloads)
    assert not ledger.holds("/elsewhere", asked)


@given(JSON)
def test_equal_payloads_share_a_digest(payload):
    """Whatever the order of the keys."""
    turned = json.loads(json.dumps(payload), object_pairs_hook=lambda pairs: dict(reversed(pairs)))

    assert turned == payload
    assert measure(turned)[1] == measure(payload)[1]


def test_payloads_of_one_digest_are_told_apart(monkeypatch):
    """A digest that two payloads share makes no duplicate, and each leaves the index on its own."""
    monkeypatch.setattr("sendpulse_async.sandbox._ledger._ledger.measure", lambda payload: (0, 0))
    monkeypatch.setattr("sendpulse_async.sandbox._ledger._ledger.MAX_ENTRIES", 3)
    ledger = Ledger(Listeners())

    for number, payload in enumerate(["a", "b", "a", "b", "c"], 1):
        ledger.add(entry(sequence=number, payload=payload))

    assert [kept.duplicate_of for kept in ledger.events] == [1, 2, None]
    assert ledger.holds(entry().path, "a")
    ledger.add(entry(sequence=6, payload="c"))
    assert not ledger.holds(entry().path, "a")
    assert [[twin.sequence for twin in group] for group in ledger.duplicates()] == [[5, 6]]
