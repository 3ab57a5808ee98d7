"""Random lives of a retry budget, beside one that counts in whole fractions."""

from __future__ import annotations

from fractions import Fraction

import pytest
from examples import examples
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from sendpulse_async._retrying import RetryBudget

pytestmark = pytest.mark.timeout(100)

LITTLE = Fraction(1, 10**6)


class BudgetMachine(RuleBasedStateMachine):
    """Events come and ask for repeats; what was saved up is bounded, what is given is what was saved."""

    @initialize(ratio=st.sampled_from([0.0, 0.1, 0.5, 1.0, 3.0]), reserve=st.integers(0, 30))
    def begin(self, ratio, reserve):
        self.budget = RetryBudget(ratio, reserve)
        self.ratio, self.reserve = Fraction(ratio), Fraction(reserve)
        self.balance = self.reserve
        self.events = self.repeats = 0

    @rule(count=st.integers(1, 400))
    def events_come(self, count):
        for _ in range(count):
            self.budget.deposit()
        self.events += count
        self.balance = min(self.balance + count * self.ratio, max(Fraction(1), self.reserve) * 10)

    @rule(count=st.integers(1, 50))
    def repeats_are_asked_for(self, count):
        for _ in range(count):
            is_given = self.budget.withdraw()
            if abs(self.balance - 1) > LITTLE:  # nearer than that the two may round differently
                assert is_given is (self.balance > 1)
            self.balance -= is_given
            self.repeats += is_given

    @invariant()
    def no_outage_is_answered_with_a_multiple(self):
        if hasattr(self, "budget"):
            assert self.repeats <= self.reserve + self.ratio * self.events + LITTLE


BudgetMachine.TestCase.settings = examples(100, stateful_step_count=40)
TestBudgetMachine = BudgetMachine.TestCase
