"""A wait or a pause that is cancelled wherever it may be suspended: no place is lost, and no pause untold."""

from __future__ import annotations

import itertools

import anyio
import pytest
from fakes import now
from suspensions import cancelled_at

from .test_shared import Visits

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(100)]


@pytest.mark.parametrize("by", ["task", "scope"])
@pytest.mark.parametrize("travel", [0.0, 0.1])
async def test_a_cancelled_wait_costs_nobody_a_place(client_for, quota_for, by, travel):
    """Wherever it is cancelled, what it had taken is the next ones'; who comes then waits as if it had never been."""
    for point in itertools.count(1):
        client, visits = client_for(), Visits()
        quota = quota_for(client=client, name=f"{by} {travel} {point}", per_second=1)
        await visits.make(quota)
        client.travel = travel

        is_cancelled = await cancelled_at({point}, quota.wait, by=by)
        client.travel = 0.0
        while not quota._lines.get()._flight.done():  # a question that is under way may bring his place
            await anyio.sleep(0.001)
        if not is_cancelled:
            break
        await visits.all(quota, quota)
        assert visits.times == [0, pytest.approx(1, abs=travel + 1e-3), 2], f"cancelled at {point}"

    assert point > 8


@pytest.mark.parametrize("by", ["task", "scope"])
async def test_a_pause_whose_telling_is_cancelled_is_told(client_for, quota_for, by):
    """Wherever who tells of a pause is cancelled, it holds here, and the others hear of it."""
    for point in itertools.count(1):
        client, name = client_for(), f"{by} {point}"
        quota, other = quota_for(client=client, name=name), quota_for(name=name)
        client.travel = 0.1

        is_cancelled = await cancelled_at({point}, lambda quota=quota: quota.pause(now(), 30), by=by)
        was_paused = quota.is_paused
        await anyio.sleep(0.5)
        await other.wait()
        if not is_cancelled:
            break
        assert was_paused
        assert other._paused_until == pytest.approx(quota._paused_until, abs=0.2)

    assert point > 4
