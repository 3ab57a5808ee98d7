"""The sandbox's own limits: windows that slide, an account each, and a client that keeps to them."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendpulse_async import RateLimit, RawEventSender, RetryPolicy
from sendpulse_async.sandbox import Sandbox, Switches
from sendpulse_async.sandbox._limiter import MAX_ACCOUNTS, MINUTE, SECOND, Limiter

EMAIL = {"email": "a@b.c"}
PER_SECOND, PER_MINUTE = 3, 7
pauses = st.lists(st.sampled_from([0.0, 0.01, 0.2, 0.3, SECOND, 1.0, 7.5, 20.0]), max_size=80)


def most_in_a_window(times, window):
    return max((sum(begin <= time < begin + window for time in times) for begin in times), default=0)


@given(pauses)
def test_no_window_holds_more_than_its_limit(steps):
    """Wherever a window begins, it never holds more accepted requests than it may."""
    limiter, now, accepted = Limiter(), 0.0, []

    for step in steps:
        now += step
        if limiter.admit("1", now, PER_SECOND, PER_MINUTE) is None:
            accepted.append(now)

    assert most_in_a_window(accepted, SECOND) <= PER_SECOND
    assert most_in_a_window(accepted, MINUTE) <= PER_MINUTE


@given(pauses)
def test_nothing_is_refused_without_a_reason(steps):
    """A request is refused only where the window before it is full: refused ones do not count."""
    limiter, now, accepted = Limiter(), 0.0, []

    for step in steps:
        now += step
        full = limiter.admit("1", now, PER_SECOND, None)
        recent = sum(time > now - SECOND for time in accepted)
        assert (full == SECOND) == (recent == PER_SECOND)
        if full is None:
            accepted.append(now)


def test_accounts_have_limits_of_their_own():
    """What one account sends costs another nothing."""
    limiter = Limiter()

    assert [limiter.admit(account, 0.0, 1, None) for account in "1221"] == [None, None, SECOND, SECOND]


def test_accounts_without_end_cost_bounded_memory():
    """Accounts that anybody can make up are forgotten when idle, and never more than a thousand are kept."""
    limiter = Limiter()

    for number in range(3 * MAX_ACCOUNTS):
        limiter.admit(str(number), number / 1e6, 1, 1)
    assert len(limiter._admitted) <= MAX_ACCOUNTS + 1

    limiter.admit("1", 100.0, 1, 1)
    assert list(limiter._admitted) == ["1"]


@pytest.mark.parametrize(
    ("switches", "code"),
    [
        (Switches(requests_per_second=2, token_lifetime=1), 2020202020),
        (Switches(requests_per_minute=2), 429),
    ],
)
def test_requests_over_the_limit_are_refused(client_of, switches, code):
    """They get 429, SendPulse's own words where those are known, and are filed apart; the named door counts too."""
    with Sandbox(switches=switches) as sandbox, client_of(sandbox) as client:
        key = {"Authorization": f"Bearer {sandbox.api_key}"}
        client.post(sandbox.event_url, json=EMAIL)
        client.post("/events/name/purchase", json=EMAIL, headers=key)

        answers = [client.post(sandbox.event_url, json=EMAIL), client.post("/events/name/x", json=EMAIL, headers=key)]
        other = client.post(f"{sandbox.event_url}1", json=EMAIL)

        assert [(answer.status_code, answer.json()["error_code"]) for answer in answers] == [(429, code)] * 2
        assert "retry-after" not in answers[0].headers
        assert [(entry.status, entry.error_code) for entry in sandbox.refused] == [(429, code)] * 2
        assert other.status_code == 200


def test_who_is_not_let_in_uses_up_no_place(client_of):
    """Without a token there is no account to count for."""
    with Sandbox(switches=Switches(requests_per_minute=1)) as sandbox, client_of(sandbox) as client:
        assert client.post("/events/name/purchase", json=EMAIL).status_code == 401
        assert client.post(sandbox.event_url, json=EMAIL).status_code == 200


def test_replayed_requests_count_too(client_of):
    """They come as if they were sent now."""
    with Sandbox(switches=Switches(requests_per_minute=3)) as sandbox, client_of(sandbox) as client:
        client.post(sandbox.event_url, json=EMAIL)

        replayed = client.post("/_sandbox/replay", json={"sequences": [1, 1, 1]}).json()

        assert (replayed["accepted"], replayed["refused"]) == (2, 1)


@pytest.mark.asyncio
async def test_a_sender_at_the_limits_pace_meets_none():
    """The library's own limit of ten a second is one that the sandbox's keeps quiet about."""
    async with Sandbox(switches=Switches(requests_per_second=10, requests_per_minute=1000)) as sandbox:
        async with RawEventSender(sandbox.event_url, rate_limit=RateLimit(per_second=10)) as sender:
            receipts = await asyncio.gather(*(sender.send_event({**EMAIL, "n": n}) for n in range(22)))

        assert sandbox.accepted_count == 22
        # A machine that stands still for a moment lets several out at once: only then may one be refused.
        arrivals = [entry.received_at for entry in (*sandbox.events, *sandbox.refused)]
        is_bunched = most_in_a_window(arrivals, 1.0) > 10
        assert is_bunched or {receipt.attempts for receipt in receipts} == {1}


@pytest.mark.asyncio
async def test_a_sender_without_a_limit_meets_it_and_loses_nothing():
    """It is told to slow down, and every event still arrives exactly once."""
    async with Sandbox(switches=Switches(requests_per_second=10)) as sandbox:
        retry = RetryPolicy(max_attempts=20)
        async with RawEventSender(sandbox.event_url, rate_limit=None, retry=retry, deadline=60) as sender:
            await asyncio.gather(*(sender.send_event({**EMAIL, "n": n}) for n in range(25)))

        assert sorted(entry.payload["n"] for entry in sandbox.events) == list(range(25))
        assert {entry.status for entry in sandbox.refused} == {429}
