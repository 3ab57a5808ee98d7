"""Random runs of outcomes, beside rules that look at the whole history each time."""

from __future__ import annotations

import itertools

import pytest
from examples import examples
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from sendpulse_async import (
    AuthenticationError,
    DeliveryError,
    EventNotFoundError,
    FailureScope,
    InvalidEventError,
    NotSentError,
    Outcome,
    OutcomeStatus,
    PermissionDeniedError,
    RateLimitedError,
    Receipt,
    RejectedError,
    ServiceUnavailableError,
    StoppedError,
    UnknownDeliveryError,
)
from sendpulse_async._bulk._rules import BreakerState, StopRules

pytestmark = pytest.mark.timeout(100)

ERRORS = {
    "accepted": None,
    "invalid": InvalidEventError(["email: is missing"]),
    "refused": RejectedError(),
    "not found": EventNotFoundError(),
    "not permitted": PermissionDeniedError(),
    "unauthorised": AuthenticationError(),
    "no connection": NotSentError(),
    "one event not sent": NotSentError(scope=FailureScope.EVENT),
    "over the quota": RateLimitedError(),
    "unavailable": ServiceUnavailableError(),
    "unknown": UnknownDeliveryError(),
    "another's": UnknownDeliveryError(scope=FailureScope.EVENT),
    "redirected": UnknownDeliveryError(scope=FailureScope.ACCOUNT),
}
OUTAGES = {"no connection", "over the quota", "unavailable", "unknown", "redirected"}
OF_NO_SERVICE = {"invalid", "another's"}
WHOLE_ACCOUNT = {"not permitted", "unauthorised", "redirected"}


def outcome(name):
    error = ERRORS[name]
    if error is None:
        return Outcome(0, None, OutcomeStatus.ACCEPTED, Receipt(200, 1, 0.0, True))
    status = error.status if isinstance(error, DeliveryError) else OutcomeStatus.REJECTED
    return Outcome(0, None, status, error=error)


def last_in_a_row(history, belongs, passed_over=("invalid",)):
    """How many at the end of a history belong together; some say nothing either way."""
    telling = [name for name in history if name not in passed_over]
    return len(list(itertools.takewhile(belongs, reversed(telling))))


class RulesMachine(RuleBasedStateMachine):
    """Outcomes come in any order; a probe begins only where the breaker is open, as in a run."""

    @initialize(max_failures=st.none() | st.integers(0, 30))
    def begin(self, max_failures):
        self.rules = StopRules(max_failures)
        self.max_failures = max_failures
        self.history = []
        self.is_probing = self.is_open = False

    @rule(name=st.sampled_from(sorted(ERRORS)), count=st.sampled_from([1, 1, 1, 3, 4, 5, 6]))
    def events_end(self, name, count):
        for _ in range(count):
            if self._comes(name) is not None:
                self.begin(self.max_failures)  # the run was stopped: another one begins
                break

    @precondition(lambda self: self.is_open and not self.is_probing)
    @rule()
    def a_probe_begins(self):
        self.rules.breaker.is_probing = self.is_probing = True

    def _comes(self, name):
        self.history.append(name)
        reason = self.rules.note(outcome(name))
        is_broken = self._move_breaker(name)
        assert (self.rules.breaker.state is BreakerState.BROKEN) is is_broken
        assert self.rules.breaker.is_open is (self.is_open and not is_broken)
        failures = sum(name != "accepted" for name in self.history)
        is_spent = self.max_failures is not None and failures > self.max_failures
        is_strange = last_in_a_row(self.history, lambda name: name == "not found") >= 5
        assert (reason is not None) is (is_broken or name in WHOLE_ACCOUNT or is_strange or is_spent)
        if is_broken or (is_spent and name not in WHOLE_ACCOUNT and not is_strange):
            assert isinstance(reason, StoppedError)
        elif reason is not None:
            assert reason is ERRORS[name] or is_strange
        return reason

    def _move_breaker(self, name):
        """Say whether the breaker is broken by this outcome, and note whether it is open."""
        if name in OF_NO_SERVICE:
            return False
        if self.is_probing:
            is_broken = name in OUTAGES
            self.is_probing = self.is_open = is_broken
            return is_broken
        self.is_open |= last_in_a_row(self.history, OUTAGES.__contains__, OF_NO_SERVICE) >= 5
        return False


RulesMachine.TestCase.settings = examples(200, stateful_step_count=30)
TestRulesMachine = RulesMachine.TestCase
