"""How many repeats a sender has for all its traffic, and what draws nothing from it."""

from __future__ import annotations

import pytest
from fakes import NO_CONNECTION, OVER_QUOTA, TAKEN, ScriptedTransport, answer, backend, now, request_for

from sendpulse_async import DeliveryError, Quota, RetryPolicy
from sendpulse_async._quota import GatedTransport
from sendpulse_async._retrying import RetryBudget, RetryingSender

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60)]


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request):
    return backend(request.param)


async def send_all(count, transport, policy):
    """Send events one after another over one sender; return how many were accepted."""
    sender = RetryingSender(GatedTransport(transport, Quota(None, clock=now)), policy, clock=now)
    accepted = 0
    for _ in range(count):
        try:
            await sender.send(request_for())
        except DeliveryError:
            continue
        accepted += 1
    return accepted


@pytest.mark.parametrize(("ratio", "reserve"), [(0.1, 20), (0.0, 0), (0.0, 5), (0.5, 0), (3, 0)])
@pytest.mark.parametrize("refusal", [NO_CONNECTION, answer(503, retry_after=0), answer(408)])
async def test_an_outage_is_not_answered_with_a_multiple_of_the_traffic(ratio, reserve, refusal):
    """Of 1,000 events that all fail, the repeats stay within the ratio of the events and the reserve."""
    transport = ScriptedTransport(refusal)

    await send_all(1000, transport, RetryPolicy(budget_ratio=ratio, budget_reserve=reserve))

    repeats = len(transport.requests) - 1000
    most = min(ratio * 1000 + reserve, 3 * 1000)
    assert most - 1 <= repeats <= most


async def test_an_unknown_outcome_draws_on_the_budget_too():
    """Repeats at least once are bounded like all others."""
    transport = ScriptedTransport(answer(500))

    await send_all(1000, transport, RetryPolicy(repeat_unknown=True, budget_reserve=10))

    assert len(transport.requests) == pytest.approx(1110, abs=1)


async def test_repeats_after_a_pause_draw_nothing():
    """Who waits for the shared pause is no extra load: every refused event has all its attempts."""
    transport = ScriptedTransport(OVER_QUOTA)

    await send_all(100, transport, RetryPolicy(budget_ratio=0, budget_reserve=0))

    assert len(transport.requests) == 400


async def test_what_is_left_after_pauses_serves_real_failures():
    """Pauses before an outage leave the whole reserve to it."""
    transport = ScriptedTransport(*[OVER_QUOTA] * 40, NO_CONNECTION)

    await send_all(50, transport, RetryPolicy(budget_ratio=0, budget_reserve=7))

    assert len(transport.requests) == 40 + 40 + 7


async def test_a_single_failure_now_and_then_is_always_repeated():
    """A network that loses one request in twenty exhausts no budget."""
    count = iter(range(10**6))
    transport = ScriptedTransport(lambda request: NO_CONNECTION if next(count) % 20 == 19 else TAKEN)

    accepted = await send_all(2000, transport, RetryPolicy())

    assert accepted == 2000


async def test_one_event_is_counted_once_however_often_it_is_sent():
    """The second way of an event, with a fresh token, adds nothing to the budget."""
    sender = RetryingSender(
        GatedTransport(ScriptedTransport(NO_CONNECTION), Quota(None, clock=now)),
        RetryPolicy(max_attempts=100, budget_ratio=1, budget_reserve=0),
        clock=now,
    )
    request = request_for()

    for _ in range(5):
        with pytest.raises(DeliveryError):
            await sender.send(request)

    assert request.progress.attempts == 2 + 4


@pytest.mark.parametrize(("ratio", "reserve", "most"), [(0.1, 20, 200), (1, 0, 10), (0.1, 1, 10)])
def test_savings_are_bounded(ratio, reserve, most):
    """A year without failures saves up ten reserves, not a year's worth of repeats."""
    budget = RetryBudget(ratio, reserve)
    for _ in range(10_000):
        budget.deposit()

    taken = sum(budget.withdraw() for _ in range(10_000))

    assert taken == most


def test_an_empty_budget_gives_nothing():
    """Without ratio and reserve there is no repeat at all."""
    budget = RetryBudget(0, 0)
    budget.deposit()

    assert not budget.withdraw()
