"""The rules of the line: what leaves it, whose turn it is, how long to rest before. They decide; they never wait."""

from __future__ import annotations

import random
from collections.abc import Callable

import attrs

from .._errors import FailureScope, OutcomeStatus, RateLimitedError, SendPulseError
from .._outcomes import Outcome
from ._values import Entry

FIRST_REST = 1.0
"""Seconds, the upper bound of the first random rest; it doubles with each failure in a row."""
LONGEST_REST = 60.0
LONGEST_ASKED = 86_400.0
"""Seconds that SendPulse's own word on when to come back is believed, as elsewhere."""
MAX_TRIES = 5
"""Times in a row that the first in line is tried before another event shows whose trouble it is."""


def is_final(outcome: Outcome) -> bool:
    """Tell whether an event leaves the line: SendPulse has it or may have it, or it will not be taken as it is."""
    if outcome.status is OutcomeStatus.REJECTED:
        return not is_of_account(outcome.error)
    return outcome.status is not OutcomeStatus.NOT_SENT


def is_of_account(error: SendPulseError | None) -> bool:
    """Tell whether every other event would fare the same."""
    return isinstance(error, RateLimitedError) or getattr(error, "scope", None) is FailureScope.ACCOUNT


@attrs.define
class Turns:
    """Keeps the order of the line, unless its first event alone is in trouble.

    Of an event that fails again and again nobody can tell whether it is the reason itself. So after `MAX_TRIES` each
    further try of it alternates with one of another event, each time the next one in line. When such a probe gets
    through and the first in line fails once more, the trouble is its own: it goes to the end of the line. While all
    events fail the order stays.

    Args:
        jitter: Gives a random number from 0 to 1.

    Attributes:
        is_probe_due: It is the turn of the first event behind `probe_after`, if there is one.
        failures: How often in a row something went wrong.
    """

    jitter: Callable[[], float] = random.random
    is_probe_due: bool = attrs.field(default=False, init=False)
    probe_after: int = attrs.field(default=0, init=False)
    failures: int = attrs.field(default=0, init=False)
    _head: int = attrs.field(default=0, init=False)
    _tries: int = attrs.field(default=0, init=False)
    _has_other_passed: bool = attrs.field(default=False, init=False)
    _suspects: set[int] = attrs.field(factory=set[int], init=False)

    def note_final(self, entry: Entry, status: OutcomeStatus, *, is_probe: bool) -> None:
        """Note that an event left the line."""
        self._suspects.discard(entry.number)
        if status is not OutcomeStatus.UNKNOWN:
            self.failures = 0
        if is_probe:
            self._note_probe(entry)
            self._has_other_passed |= status is not OutcomeStatus.UNKNOWN
        else:
            self._meet(0)

    def note_failure(self, entry: Entry, error: SendPulseError | None, *, is_probe: bool) -> bool:
        """Note that an event stays pending; tell whether it goes to the end of the line."""
        if is_probe:
            self._note_probe(entry)
            return False
        self.is_probe_due = False
        if is_of_account(error):
            return False
        if entry.number != self._head:
            self._meet(entry.number)
            self.probe_after = entry.place
        if self._has_other_passed:
            self._suspects.add(entry.number)
            self._meet(0)
            return True
        self._tries += 1
        self.is_probe_due = self._tries >= (1 if entry.number in self._suspects else MAX_TRIES)
        return False

    def rest(self, error: SendPulseError | None) -> float:
        """Return the seconds until anything is tried again, after something went wrong."""
        bound = min(FIRST_REST * 2.0 ** min(self.failures, 16), LONGEST_REST)
        self.failures += 1
        asked = getattr(error, "retry_after", None) or 0.0
        return max(self.jitter() * bound, min(asked, LONGEST_ASKED))

    def _note_probe(self, entry: Entry) -> None:
        self.is_probe_due = False
        self.probe_after = entry.place

    def _meet(self, head: int) -> None:
        """Begin anew with another event at the head of the line; 0: whichever it will be."""
        self._head = head
        self._tries = 0
        self.is_probe_due = self._has_other_passed = False
