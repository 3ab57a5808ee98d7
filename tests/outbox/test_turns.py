"""The rules of the line: order, who is tried when something fails, and how long it rests."""

from __future__ import annotations

import math

import pytest
from examples import examples
from hypothesis import given
from hypothesis import strategies as st

from sendpulse_async import (
    AuthenticationError,
    EventNotFoundError,
    FailureScope,
    InvalidEventError,
    NotSentError,
    Outcome,
    OutcomeStatus,
    PermissionDeniedError,
    RateLimitedError,
    RejectedError,
    ServiceUnavailableError,
    UnknownDeliveryError,
)
from sendpulse_async._outbox._turns import MAX_TRIES, Turns, is_final, is_of_account
from sendpulse_async._outbox._values import Entry

ACCEPTED, UNKNOWN, NOT_SENT = OutcomeStatus.ACCEPTED, OutcomeStatus.UNKNOWN, OutcomeStatus.NOT_SENT


@pytest.mark.parametrize(
    ("error", "is_last_word"),
    [
        (None, True),
        (RejectedError("no"), True),
        (InvalidEventError(["email: no"]), True),
        (EventNotFoundError("no such event"), True),
        (UnknownDeliveryError("no answer"), True),
        (UnknownDeliveryError("moved", scope=FailureScope.ACCOUNT), True),
        (NotSentError("no connection"), False),
        (NotSentError("cancelled", scope=FailureScope.EVENT), False),
        (RateLimitedError("too many"), False),
        (ServiceUnavailableError("down"), False),
        (AuthenticationError("who?"), False),
        (PermissionDeniedError("pay first"), False),
        (RejectedError("pay first", scope=FailureScope.ACCOUNT), False),
    ],
)
def test_what_leaves_the_line(error, is_last_word):
    """What SendPulse has, may have or will not take as it is; no event is given up for the account or for bad luck."""
    status = getattr(error, "status", ACCEPTED if error is None else OutcomeStatus.REJECTED)

    assert is_final(Outcome(1, None, status, error=error)) is is_last_word


def test_rests_double_up_to_a_minute():
    """Each failure in a row doubles the bound of the random rest; any answer to an event begins anew."""
    turns, error = Turns(lambda: 1.0), NotSentError("no connection")

    assert [turns.rest(error) for _ in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]
    turns.note_final(Entry(1, "", 1), UNKNOWN, is_probe=False)
    assert turns.rest(error) == 60
    turns.note_final(Entry(2, "", 2), OutcomeStatus.REJECTED, is_probe=False)
    assert turns.rest(error) == 1


def test_rests_are_random():
    """All of a rest is random, so that many who fail together do not come back together."""
    turns = Turns(iter([0.0, 0.25, 0.5]).__next__)

    assert [turns.rest(None) for _ in range(3)] == [0, 0.5, 2]


@pytest.mark.parametrize(
    ("asked", "rest"), [(None, 1), (0, 1), (0.5, 1), (7.5, 7.5), (1e9, 86_400), (math.nan, 1), (-5, 1)]
)
def test_a_rest_is_as_long_as_was_asked_for(asked, rest):
    """A longer `retry_after` is obeyed, up to a day."""
    assert Turns(lambda: 1.0).rest(RateLimitedError("too many", retry_after=asked)) == rest


def test_a_failure_for_the_accounts_reasons_is_nobodys():
    """However often it is refused for the account or the quota, the first in line is tried alone."""
    turns = Turns()
    for error in (RateLimitedError("too many"), AuthenticationError("who?"), PermissionDeniedError("pay")) * 9:
        assert is_of_account(error)
        assert not turns.note_failure(Entry(1, "", 1), error, is_probe=False)
        assert not turns.is_probe_due


class Line:
    """A line of numbers, and what becomes of them where `fails(number, time)` says who fails when."""

    def __init__(self, count, fails):
        self.turns = Turns()
        self.entries = [Entry(number, "", number) for number in range(1, count + 1)]
        self.fails = fails
        self.time = 0
        self.tried, self.done = [], []

    def step(self):
        entry, is_probe = self._next()
        self.time += 1
        self.tried.append(entry.number)
        if not self.fails(entry.number, self.time):
            self.entries.remove(entry)
            self.done.append(entry.number)
            self.turns.note_final(entry, ACCEPTED, is_probe=is_probe)
        elif self.turns.note_failure(entry, NotSentError("no"), is_probe=is_probe):
            self.entries.remove(entry)
            self.entries.append(Entry(entry.number, "", max(e.place for e in [entry, *self.entries]) + 1))

    def _next(self):
        if self.turns.is_probe_due:
            others = self.entries[1:]
            behind = [entry for entry in others if entry.place > self.turns.probe_after]
            for entry in behind or others:
                return entry, True
        return self.entries[0], False

    def run(self, steps):
        while self.entries and len(self.tried) < steps:
            self.step()
        return self


def test_the_first_in_trouble_goes_to_the_end():
    """It is tried five times, then another one gets through, then once more: the trouble is its own."""
    line = Line(4, lambda number, time: number == 1).run(9)

    assert line.tried == [*[1] * MAX_TRIES, 2, 1, 3, 4]
    assert [entry.number for entry in line.entries] == [1]


def test_who_was_at_the_end_already_is_not_tried_as_often():
    """An event of which the trouble is known makes way after one try."""
    line = Line(3, lambda number, time: number == 1).run(8)
    line.entries.append(Entry(9, "", 99))
    line.tried.clear()
    line.run(4)

    assert line.tried == [1, 9, 1, 1]
    assert line.done == [2, 3, 9]


def test_an_outage_leaves_the_order():
    """Where all fail, tries alternate between the first and the others, and when it is over one at most goes ahead."""
    for length in range(1, 30):
        line = Line(6, lambda number, time, length=length: time <= length).run(100)

        assert len(line.done) == 6
        ahead = line.done[0]
        assert line.done in ([1, 2, 3, 4, 5, 6], [ahead, *[n for n in range(1, 7) if n != ahead]])
        assert line.tried.count(1) >= length // 2


@examples(100)
@given(st.sets(st.integers(1, 12)), st.integers(1, 12), st.lists(st.booleans(), max_size=60))
def test_whoever_can_be_sent_is_sent(poisoned, count, outages):
    """Whichever events are in trouble for ever, and through any outages, all others get through in bounded time."""

    def fails(number, time):
        return number in poisoned or (time <= len(outages) and outages[time - 1])

    line = Line(count, fails).run(len(outages) + 12 * 12 * 2 * MAX_TRIES)

    assert set(line.done) == set(range(1, count + 1)) - poisoned
    assert {entry.number for entry in line.entries} == poisoned & set(range(1, count + 1))
