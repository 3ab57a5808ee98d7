"""Counts: right, by the second, and bounded whatever arrives."""

from __future__ import annotations

from sendpulse_async import __version__
from sendpulse_async._listeners import Listeners
from sendpulse_async.sandbox import Fault
from sendpulse_async.sandbox._ledger import Ledger

from .stage import raw_entry as entry

STATS = "/_sandbox/stats"


def test_it_counts_what_came(sandbox, client, by_key):
    """Requests, tokens and faults, by event and by status."""
    for name in ("a", "b", "b"):
        client.post(f"/events/name/{name}", json={"email": "a@b.c"}, headers=by_key)
    client.post(sandbox.event_url, json={})
    client.post("/oauth/access_token", json={})
    sandbox.add_fault(Fault(status=500))

    stats = client.get(STATS).json()

    assert (stats["accepted"], stats["refused"], stats["kept"], stats["last_sequence"]) == (3, 1, 4, 4)
    assert (stats["token_requests"], stats["faults"], stats["version"]) == (1, 1, __version__)
    assert stats["by_event"] == {"b": 2, "a": 1}
    assert stats["by_status"] == {"200": 3, "400": 1}
    assert (len(stats["per_second"]), sum(stats["per_second"])) == (60, 4)
    assert 0 <= stats["uptime"] < 100
    assert stats["instance"] == client.get(STATS).json()["instance"]


def test_seconds_pass():
    """Each request counts in its second, and for a minute."""
    now = 100.0
    ledger = Ledger(Listeners(), lambda: now)
    ledger.add(entry(sequence=1))
    now = 100.9
    ledger.add(entry(sequence=2))
    now = 102.0
    ledger.add(entry(sequence=3))

    assert ledger.tally().per_second[-4:] == [0, 2, 0, 1]
    now = 159.9
    assert ledger.tally().per_second[:4] == [2, 0, 1, 0]
    now = 10**9
    assert ledger.tally().per_second == [0] * 60


def test_names_at_random_fill_no_memory():
    """The twenty most frequent are shown, and those that come often outlive any number of others."""
    ledger = Ledger(Listeners())

    for number in range(10_000):
        ledger.add(entry(sequence=2 * number, event="often"))
        ledger.add(entry(sequence=2 * number + 1, event=f"{number}-" + "x" * 1000))

    shown = ledger.tally().by_event
    assert len(shown) == 20
    assert shown["often"] == 10_000
    assert len(ledger._counts._names) <= 2_000
    assert max(map(len, ledger._counts._names)) <= 200


def test_an_answer_that_was_withheld_has_no_status():
    """It is counted as `none`."""
    ledger = Ledger(Listeners())

    ledger.add(entry(status=None))

    assert ledger.tally().by_status == {"none": 1}
