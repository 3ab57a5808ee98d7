"""One journal, two processes: one at a time, and a dead one is in nobody's way."""

from __future__ import annotations

import signal

import pytest

from .child import Orders
from .ledger import Ledger

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def ledger():
    with Ledger() as ledger:
        yield ledger


def orders(tmp_path, ledger, who, count=100):
    return Orders(str(tmp_path / "run.journal"), ledger.url, str(tmp_path / who), count, max_in_flight=8)


def test_the_second_is_refused(tmp_path, processes, ledger):
    """It sends nothing and says why; the first one goes on and ends well."""
    ledger.is_answering = False
    first = processes.begin(orders(tmp_path, ledger, "first"))
    ledger.wait_for(8)

    second = processes.begin(orders(tmp_path, ledger, "second"))
    assert second.wait() == 0
    ledger.answer()
    assert first.wait() == 0

    refusal = (tmp_path / "second").read_text()
    assert refusal.startswith("JournalError: ")
    assert "is in use; wait for the other run to end, or name another file" in refusal
    assert sorted((tmp_path / "first").read_text().splitlines()) == sorted(f"{n} accepted" for n in range(100))
    assert set(ledger.taken.values()) == {1}


def test_after_a_death_the_next_one_begins_at_once(tmp_path, processes, ledger):
    """No lock outlives its process; what was in flight is told as unknown, and the rest is sent."""
    ledger.is_answering = False
    first = processes.begin(orders(tmp_path, ledger, "first"))
    ledger.wait_for(8)
    first.kill()
    assert first.wait() == -signal.SIGKILL

    ledger.answer()
    assert processes.begin(orders(tmp_path, ledger, "second")).wait() == 0

    told = (tmp_path / "second").read_text().splitlines()
    assert sorted(told) == sorted(f"{n} {'unknown' if n < 8 else 'accepted'}" for n in range(100))
    assert set(ledger.taken.values()) == {1}
