"""Random inputs, answers and interruptions, run after run on one journal: every promise holds after each of them."""

from __future__ import annotations

import contextlib
from collections import Counter, defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio
import attrs
import pytest
from bulk.scripted import BAD_CERTIFICATE, FORBIDDEN, LOST, NO_SUCH_EVENT, REFUSED, TAKEN, UNREACHABLE, item, sender_on
from examples import examples
from hypothesis import given
from hypothesis import strategies as st

from sendpulse_async import Event, Journal, OutcomeStatus, send_many
from sendpulse_async._bulk import _run
from sendpulse_async._journal import EntryState

from .conftest import MEMORY
from .network import Network

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(300)]

ANSWERS = [TAKEN, TAKEN, TAKEN, LOST, REFUSED, NO_SUCH_EVENT, UNREACHABLE, FORBIDDEN, BAD_CERTIFICATE]
SETTLED = {EntryState.ACCEPTED, EntryState.REJECTED}
DOUBTFUL = {EntryState.INTENT, EntryState.UNKNOWN}
FINAL = {OutcomeStatus.ACCEPTED, OutcomeStatus.REJECTED}


@attrs.frozen
class Plan:
    """One run.

    Attributes:
        answers: What the events meet, by their numbers, over and over.
        cancelled_at: At this request of the run, from 1; 0: it is not cancelled.
        max_failures: See `send_many`.
        raises_at: `on_outcome` raises at this outcome, from 1; 0: it never does.
        breaks_at: The input raises before this item, from 0; None: it does not.
        max_in_flight: See `send_many`.
        resend_unknown: See `send_many`.
    """

    answers: list
    cancelled_at: int
    max_failures: int | None
    raises_at: int
    breaks_at: int | None
    max_in_flight: int
    resend_unknown: bool


LAST = Plan([TAKEN], 0, None, 0, None, 4, resend_unknown=False)

rarely = st.one_of(st.just(0), st.just(0), st.integers(1, 12))
plans = st.builds(
    Plan,
    answers=st.lists(st.sampled_from(ANSWERS), min_size=1, max_size=12),
    cancelled_at=rarely,
    max_failures=st.none() | st.integers(0, 3),
    raises_at=rarely,
    breaks_at=st.none() | st.integers(0, 12),
    max_in_flight=st.integers(1, 6),
    resend_unknown=st.booleans(),
)
kinds = st.lists(st.sampled_from(["plain", "plain", "wrong", "id", "id 1", "id 2"]), min_size=1, max_size=16)


class InterruptionError(Exception): ...


def events_of(kinds):
    """Events of these kinds: without an id, none at all, with an id of its own, with one of two that come often."""
    for number, kind in enumerate(kinds):
        if kind == "plain":
            yield item(number)
        elif kind == "wrong":
            yield {"n": number}
        else:
            yield Event.from_mapping(item(number), event_id=f"{number}" if kind == "id" else kind)


class Runs:
    """All runs on one journal, and what must be true of them together."""

    def __init__(self, path, kinds):
        self.path = path
        self.kinds = kinds
        self.taken = Counter()
        self.resends = Counter()  # how often each event was sent again in spite of a doubt
        self.states = {}
        self.final = defaultdict(list)
        self.report = None

    def same(self, index):
        """The places that one event has in the input."""
        kind = self.kinds[index]
        return [place for place, other in enumerate(self.kinds) if other == kind] if " " in kind else [index]

    async def play(self, plan):
        outcomes, pulled = [], 0
        network = Network(lambda number: plan.answers[number % len(plan.answers)], self.taken)

        def heard(outcome):
            outcomes.append(outcome)
            if len(outcomes) == plan.raises_at:
                raise InterruptionError

        def broken_off():
            nonlocal pulled
            for index, event in enumerate(events_of(self.kinds)):
                if index == plan.breaks_at:
                    raise InterruptionError
                pulled += 1
                yield event

        self.report = None
        taken_before = Counter(self.taken)
        with anyio.CancelScope() as scope:
            sent = Cancelling(network, plan.cancelled_at, scope)
            async with sender_on(sent) as sender:
                with contextlib.suppress(InterruptionError):
                    self.report = await send_many(
                        sender,
                        broken_off(),
                        max_in_flight=plan.max_in_flight,
                        journal=Journal(self.path),
                        resend_unknown=plan.resend_unknown,
                        max_failures=plan.max_failures,
                        on_outcome=heard,
                    )
        after = await read(self.path)
        self._check_run(plan, outcomes, pulled, taken_before, network.sent)
        self._check_states(outcomes, after)
        self.states = after

    def _check_run(self, plan, outcomes, pulled, taken_before, sent):
        """One outcome for what was pulled and not settled; nothing is sent twice, or in spite of what is known."""
        told = Counter(outcome.index for outcome in outcomes)
        assert set(told.values()) <= {1}
        settled = {index for index in range(pulled) if index not in told}
        assert settled <= {index for index, state in self.states.items() if state in SETTLED}
        if self.report is not None:
            statuses = Counter(outcome.status for outcome in outcomes)
            report = self.report
            assert (report.total, report.resumed) == (pulled, len(settled))
            for status in OutcomeStatus:
                assert getattr(report, status.value) == statuses[status]
        assert set(Counter(sent).values()) <= {1}
        for number in sent:
            known = {self.states.get(place) for place in self.same(number)}
            is_doubtful = bool(known & DOUBTFUL)
            assert EntryState.ACCEPTED not in known
            assert plan.resend_unknown or not is_doubtful
            self.resends[number] += is_doubtful
        for number, count in self.taken.items():
            assert count - taken_before[number] <= 1
        for outcome in outcomes:
            if outcome.status in FINAL and not self._may_come_again(outcome):
                self.final[outcome.index].append(outcome.status)

    def _may_come_again(self, outcome):
        """A rejection for the account's or the endpoint's sake is not the event's own."""
        return "403" in str(outcome.error) or "404" in str(outcome.error)

    def _check_states(self, outcomes, after):
        """What is kept is what was told, and the ledger agrees."""
        told = {outcome.index: outcome.status for outcome in outcomes}
        for index, status in told.items():
            taken = sum(self.taken[place] for place in self.same(index))
            state = after.get(index)
            if state is not None and index not in self.states:
                expected = EntryState.REFUSED if state is EntryState.REFUSED else state
                assert expected is EntryState.REFUSED or state.value == status.value
            if status is OutcomeStatus.ACCEPTED:
                assert taken >= 1
                assert state is EntryState.ACCEPTED
            elif status is OutcomeStatus.NOT_SENT:
                assert taken == 0
        for index, state in self.states.items():
            if state in SETTLED:
                assert after[index] is state

    def check_end(self):
        """All is settled or in doubt; each place has one final outcome at most, each event one acceptance."""
        assert set(self.states) == set(range(len(self.kinds)))
        for index, state in self.states.items():
            assert state in SETTLED | {EntryState.UNKNOWN}
            assert self.final[index] == ([] if state is EntryState.UNKNOWN else [OutcomeStatus(state.value)])
        for index, kind in enumerate(self.kinds):
            places = self.same(index)
            taken = sum(self.taken[place] for place in places)
            assert taken <= 1 + sum(self.resends[place] for place in places)
            accepted = sum(self.states[place] is EntryState.ACCEPTED for place in places)
            assert accepted <= 1
            assert taken >= accepted
            if kind == "wrong":
                assert self.states[index] is EntryState.REJECTED


class Cancelling:
    """Cancels a scope at one of the requests that pass."""

    def __init__(self, network, at, scope):
        self.network = network
        self.left = at
        self.scope = scope

    async def send(self, request):
        self.left -= 1
        if self.left == 0:
            self.scope.cancel()
        return await self.network.send(request)

    async def aclose(self):
        pass


async def read(path):
    """The states by the places that the events have had; a repetition has an entry of its own."""
    async with Journal(path) as journal:
        return {entry.position: entry.state async for entry in journal.entries()}


@examples(60)
@given(kinds=kinds, plans=st.lists(plans, max_size=4))
async def test_every_promise_holds(kinds, plans, monkeypatch):
    """However the runs go, and however many there are, the last one ends all but the doubts, and another ends these."""
    monkeypatch.setattr(_run, "PROBE_DELAY", 0.0)
    with TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        runs = Runs(Path(folder) / "run.journal", kinds)
        for plan in [*plans, LAST]:
            await runs.play(plan)
        assert runs.report.stopped_because is None
        runs.check_end()

        await runs.play(attrs.evolve(LAST, resend_unknown=True))
        runs.check_end()
        assert set(runs.states.values()) <= SETTLED
        await runs.play(LAST)
        assert runs.report.resumed == runs.report.total == len(kinds)
