"""SIGKILL at random moments of a long run: nothing is taken twice, nothing is lost, and the doubts are few."""

from __future__ import annotations

import queue
import random
import signal
from collections import Counter, defaultdict

import anyio
import pytest

from sendpulse_async import Journal
from sendpulse_async._journal import EntryState

from .child import Orders
from .ledger import Ledger

pytestmark = pytest.mark.timeout(300)

EVENTS = 20_000
IN_FLIGHT = 32
KILLS = [*["opening"] * 4, *["taken"] * 8, *["answered"] * 7, *["told"] * 3, *["untold"] * 3, *["statement"] * 3]
LAST_KILLS = ["told", "untold"]


class LongRun:
    """One input that is sent by one process after the other, and what is known from outside of them.

    Attributes:
        doubts: The number of doubtful events that each kill added.
    """

    def __init__(self, processes, ledger, folder, dice):
        self.processes = processes
        self.ledger = ledger
        self.path = folder / "run.journal"
        self.told = folder / "outcomes"
        self.dice = dice
        self.doubts = []
        self.counts = dict.fromkeys(EntryState, 0)

    def begin(self, **options):
        orders = Orders(str(self.path), self.ledger.url, str(self.told), EVENTS, IN_FLIGHT, **options)
        return self.processes.begin(orders)

    def finish(self, **options):
        assert self.begin(**options).wait() == 0
        self.counts = anyio.run(self._counts)

    def kill(self, how, share):
        """Let it run until `share` of the events are done or a little longer, and look at what the kill left."""
        doubtful, more = self._doubtful(), self._to_go(share)
        target, born = self.ledger.total + more, queue.SimpleQueue()
        self._strike(how, lambda taken: born.get().kill() if taken == target else None)
        process = self.begin(**self._moment(how, more))
        born.put(process)
        assert process.wait() == -signal.SIGKILL
        self._strike()

        self.counts = anyio.run(self._counts)  # the journal can be opened at once
        self.doubts.append(self._doubtful() - doubtful)

    def _left(self):
        return EVENTS - self.counts[EntryState.ACCEPTED] - self._doubtful()

    def _to_go(self, share):
        """How many of the events that are left are done when the moment has come."""
        left = self._left()
        return max(1, min(int(share * EVENTS) + self.dice.randint(1, 50) - EVENTS + left, left))

    def _moment(self, how, more):
        if how == "opening":
            return {"dies_at_statement": self.dice.randint(1, 18)}
        if how == "statement":  # each event known has one, each new one two, and some are there for all
            return {"dies_at_statement": self.counts[EntryState.ACCEPTED] + 2 * more}
        if how in {"told", "untold"}:  # doubts are told again
            line = self._doubtful() + min(more, self._left())
            return {"dies_at_line": line, "is_line_lost": how == "untold"}
        return {}

    def _strike(self, how="", strike=None):
        self.ledger.before_answer = strike if how == "taken" else lambda taken: None
        self.ledger.after_answer = strike if how == "answered" else lambda taken: None

    def _doubtful(self):
        return sum(count for state, count in self.counts.items() if state.is_doubtful)

    async def _counts(self):
        async with Journal(self.path) as journal:
            return await journal.counts()

    def states(self):
        async def read():
            async with Journal(self.path) as journal:
                return {entry.position: entry.state async for entry in journal.entries()}

        return anyio.run(read)

    def lines(self):
        """The statuses that were told of each event over all runs."""
        told = defaultdict(Counter)
        for line in self.told.read_text().splitlines():
            number, status = line.split()
            told[int(number)][status] += 1
        return told


def test_thirty_kills(tmp_path, processes):
    """Each event is taken once at most, has one final outcome over all runs, and doubt only where it was in flight."""
    seed = random.randrange(10**9)
    print(f"seed {seed}")  # noqa: T201 - shown when the test fails
    dice = random.Random(seed)
    kills = dice.sample(KILLS, len(KILLS))
    moments = sorted(dice.random() ** 3 for _ in kills)  # most are early: what is done by then is looked up again

    with Ledger() as ledger:
        run = LongRun(processes, ledger, tmp_path, dice)
        for how, moment in zip(kills, moments, strict=True):
            run.kill(how, moment)
        for how in LAST_KILLS:
            run.kill(how, 1.0)
        run.finish()
        taken, states, told = Counter(ledger.taken), run.states(), run.lines()
        run.finish(resend_unknown=True)
        taken_at_last, states_at_last = ledger.taken, run.states()

    print(f"doubtful after each kill: {run.doubts}")  # noqa: T201 - likewise
    doubtful = {number for number, state in states.items() if state is EntryState.UNKNOWN}
    assert max(run.doubts) <= IN_FLIGHT
    assert sum(run.doubts) == len(doubtful)
    # None twice, none lost, and no doubt about what was not under way.
    assert set(states) == set(range(EVENTS))
    assert {state for number, state in states.items() if number not in doubtful} == {EntryState.ACCEPTED}
    assert set(taken.values()) == {1}
    assert set(range(EVENTS)) - set(taken) <= doubtful
    # What was told is what is known, and told once; a kill takes at most the last line of each event in flight.
    untold = 0
    for number, state in states.items():
        if state is EntryState.ACCEPTED:
            assert set(told[number]) <= {"accepted"}
            assert told[number]["accepted"] <= 1
            untold += not told[number]
        else:
            assert set(told[number]) == {"unknown"}
    assert untold <= IN_FLIGHT * (len(KILLS) + len(LAST_KILLS))
    # Sending the doubts again ends them, and nothing else is sent.
    assert set(states_at_last.values()) == {EntryState.ACCEPTED}
    assert all(taken_at_last[number] == taken[number] + (number in doubtful) for number in range(EVENTS))
