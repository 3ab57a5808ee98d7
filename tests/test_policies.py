"""The two values that a caller tunes: what they decide, and what they refuse to be."""

from __future__ import annotations

import math

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendpulse_async import ConfigurationError, OutcomeStatus, RateLimit, RetryPolicy

NOT_SENT, UNKNOWN = OutcomeStatus.NOT_SENT, OutcomeStatus.UNKNOWN
FINITE = st.floats(0, allow_infinity=False)
JITTER = st.floats(0, 1)

policies = st.builds(
    RetryPolicy,
    max_attempts=st.integers(1, 200),
    base_delay=FINITE,
    max_delay=FINITE,
    repeat_unknown=st.booleans(),
)


@pytest.mark.parametrize(
    ("policy", "status", "attempts", "retry_after", "delay"),
    [
        # full jitter: with a random number of 0.5, half of a ceiling that doubles
        (RetryPolicy(base_delay=2.0), NOT_SENT, 1, None, 1.0),
        (RetryPolicy(base_delay=2.0), NOT_SENT, 2, None, 2.0),
        (RetryPolicy(base_delay=2.0), NOT_SENT, 3, None, 4.0),
        (RetryPolicy(base_delay=2.0, max_delay=3.0), NOT_SENT, 3, None, 1.5),
        (RetryPolicy(base_delay=2.0, max_attempts=5000), NOT_SENT, 4999, None, 15.0),
        (RetryPolicy(base_delay=0), NOT_SENT, 3, None, 0.0),
        # attempts
        (RetryPolicy(), NOT_SENT, 3, None, 1.0),
        (RetryPolicy(), NOT_SENT, 4, None, None),
        (RetryPolicy(), NOT_SENT, 5, None, None),
        (RetryPolicy(max_attempts=1), NOT_SENT, 1, None, None),
        (RetryPolicy(max_attempts=1), NOT_SENT, 1, 2.5, None),
        # at least what SendPulse asked for, and at least the backoff
        (RetryPolicy(), NOT_SENT, 1, 2.5, 2.5),
        (RetryPolicy(max_delay=1.0), NOT_SENT, 1, 2.5, 2.5),
        (RetryPolicy(), NOT_SENT, 1, 0.0, 0.25),
        (RetryPolicy(), NOT_SENT, 3, 0.25, 1.0),
        (RetryPolicy(), NOT_SENT, 4, 0.0, None),
        # at most once, unless asked for otherwise
        (RetryPolicy(), UNKNOWN, 1, None, None),
        (RetryPolicy(), UNKNOWN, 1, 2.5, None),
        (RetryPolicy.at_most_once(), UNKNOWN, 1, None, None),
        (RetryPolicy.at_least_once(), UNKNOWN, 1, None, 0.25),
        (RetryPolicy.at_least_once(), UNKNOWN, 4, None, None),
        (RetryPolicy.at_least_once(), NOT_SENT, 1, None, 0.25),
    ],
)
def test_the_policy_says_seconds_or_none(policy, status, attempts, retry_after, delay):
    """What may be repeated waits for its share of the ceiling, what may not gets None."""
    assert policy.next_delay(status, attempts, 0.5, retry_after) == delay


@given(policies, st.sampled_from([OutcomeStatus.ACCEPTED, OutcomeStatus.REJECTED]), st.integers(1, 300), JITTER)
def test_what_is_settled_is_never_repeated(policy, status, attempts, jitter):
    """No policy repeats what SendPulse took or refused, whatever it asked for."""
    assert policy.next_delay(status, attempts, jitter) is None
    assert policy.next_delay(status, attempts, jitter, 1.0) is None


@given(policies, st.sampled_from([NOT_SENT, UNKNOWN]), st.integers(1, 300), JITTER)
def test_a_delay_is_bounded(policy, status, attempts, jitter):
    """There is a delay exactly while attempts are left and the status may be repeated; it keeps within both bounds."""
    delay = policy.next_delay(status, attempts, jitter)

    is_repeated = attempts < policy.max_attempts and (status is NOT_SENT or policy.repeat_unknown)
    assert (delay is not None) == is_repeated
    if delay is not None:
        assert 0 <= delay <= policy.max_delay
        assert delay <= policy.base_delay * 2.0 ** (attempts - 1)


def test_the_delay_of_any_policy_can_be_told():
    """A policy that its constructor took never fails when it is asked."""
    policy = RetryPolicy(base_delay=1e308, max_delay=60.0)

    assert policy.next_delay(NOT_SENT, 3, 0.5) == 30.0


def test_the_defaults_are_at_most_once():
    """The default is four attempts, at most once; the one switch from there is repeat_unknown."""
    assert RetryPolicy() == RetryPolicy.at_most_once()
    assert (RetryPolicy().max_attempts, RetryPolicy().repeat_unknown) == (4, False)
    assert attrs.evolve(RetryPolicy.at_least_once(), repeat_unknown=False) == RetryPolicy()


NO_NUMBERS = [math.nan, math.inf, -math.inf, "1", None, True, 1j, [1]]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *[("max_attempts", value) for value in (0, -1, 1.0, "4", None, True, math.inf)],
        *[("budget_reserve", value) for value in (-1, 1.0, "4", None, True)],
        *[("base_delay", value) for value in (-0.1, *NO_NUMBERS)],
        *[("max_delay", value) for value in (-0.1, *NO_NUMBERS)],
        *[("budget_ratio", value) for value in (-0.1, *NO_NUMBERS)],
        *[("repeat_unknown", value) for value in ("yes", 1, None)],
        pytest.param("base_delay", 10**400, id="base_delay-10**400"),
    ],
)
def test_a_policy_refuses_a_wrong_value_by_name(field, value):
    """A value out of range, or of another type, is a ConfigurationError that names the field."""
    with pytest.raises(ConfigurationError, match=rf"\bRetryPolicy\.{field}\b"):
        RetryPolicy(**{field: value})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *[("per_second", value) for value in (0, -1, *NO_NUMBERS)],
        *[("per_minute", value) for value in (0, -1, 1.5, "1", True, math.nan)],
        *[("per_day", value) for value in (0, -1, 1.5, "1", True, math.nan)],
        *[("burst", value) for value in (0, -1, 1.5, "1", True, None)],
        pytest.param("per_second", 10**400, id="per_second-10**400"),
    ],
)
def test_a_rate_limit_refuses_a_wrong_value_by_name(field, value):
    """A rate that is no rate is a ConfigurationError that names the field."""
    with pytest.raises(ConfigurationError, match=rf"\bRateLimit\.{field}\b"):
        RateLimit(**{"per_second": 10, field: value})


def test_a_rate_limit_is_a_value():
    """Equal limits are equal and can be keys; what is not given is no limit, and one at a time."""
    limit = RateLimit(per_second=10)

    assert (limit.per_minute, limit.per_day, limit.burst) == (None, None, 1)
    assert {limit, RateLimit(per_second=10.0, burst=1)} == {limit}
    assert limit != RateLimit(per_second=10, per_minute=1, per_day=1)


@pytest.mark.parametrize("value", [RetryPolicy(), RateLimit(per_second=1)], ids=lambda value: type(value).__name__)
def test_the_values_are_frozen(value):
    """A policy or a limit that a sender was given does not change under its hand."""
    for field in attrs.fields(type(value)):
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            setattr(value, field.name, 1)
