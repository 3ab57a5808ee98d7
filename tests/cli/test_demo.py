"""`demo`: a whole run that checks itself against its script."""

from __future__ import annotations

import asyncio

import attrs

from sendpulse_async import OutcomeStatus
from sendpulse_async.cli import _demo, _script
from sendpulse_async.cli._script import SCENES, Scene


def play_fast():
    return asyncio.run(_demo.play(rate_limit=None))


def test_it_goes_as_scripted(process):
    """In a process of its own it ends with code 0, and its report names each problem's line, and how to go on."""
    ended = process("demo")

    assert ended.code == 0
    assert "40 events in " in ended.out
    for line, word in ((9, "rejected"), (13, "unknown"), (17, "rejected"), (28, "rejected"), (35, "unknown")):
        assert f"  line {line:>2}  {word:<9} " in ended.out
    assert "36 events taken, none of them twice" in ended.out
    assert "lines 5, 24: refused for a moment" in ended.out
    assert "lines 13, 35: unknown here" in ended.out
    assert "All went as scripted." in ended.out
    assert "export SENDPULSE_EVENT_URL=" in ended.out
    assert "send-many contacts.csv --event-name" in ended.out
    assert all(len(line) <= 80 for line in ended.out.splitlines()[:6])


def test_it_shows_its_progress_on_a_terminal(terminal):
    """A newcomer sees the bar reach its end."""
    child = terminal("demo")

    child.expect("nothing leaves this machine")
    child.expect("Sending")
    child.expect("40/40")
    child.expect("All went as scripted")
    child.expect_exact("sandbox\r\n")
    assert child.wait() == 0


def test_anything_else_is_named_and_is_code_1(capsys, monkeypatch):
    """A demo that goes otherwise says in what, instead of how to go on."""
    monkeypatch.setitem(SCENES, 2, Scene(OutcomeStatus.REJECTED))
    monkeypatch.setitem(SCENES, 3, Scene(taken=2))
    monkeypatch.setitem(SCENES, 5, attrs.evolve(SCENES[5], attempts=1))

    code = play_fast()

    out = capsys.readouterr().out
    assert code == 1
    assert set(out.partition("Not as scripted:\n")[2].splitlines()) == {
        "  line 2 ended as accepted, not rejected: None",
        "  line 3 was taken 1 times, not 2",
        "  line 5 took 2 attempts, not 1",
    }


def test_the_comparison_misses_nothing(monkeypatch):
    """An event without an outcome, a fault that was not met and a needless token are differences."""
    found = []

    def look(rows, outcomes, sandbox):
        sandbox.add_fault(SCENES[13].fault)
        sandbox._state.ledger.count_token_request()
        found.extend(_script.differences(rows, outcomes[1:], sandbox))
        return found

    monkeypatch.setattr(_demo, "differences", look)

    assert play_fast() == 1

    assert len(found) == 3
    assert "has 0 outcomes" in found[0]
    assert found[1].startswith("a fault was never met: Fault(")
    assert found[2] == "2 tokens were fetched, not 1"


def test_its_file_has_no_real_people():
    """Every contact of the file is fictional, and each order is one of a kind."""
    rows = _demo._rows()

    assert len(rows) == 40
    assert len({row["order_id"] for row in rows}) == 40
    for row in rows:
        assert row.get("email", "@example.com").endswith("@example.com") or row.line == 28
        assert row.get("phone", "+1555").startswith("+1555")
