"""`within`: ends work in time, and tells its own end from everybody else's."""

from __future__ import annotations

import asyncio
import math

import anyio
import pytest
from fakes import at_once, backend, now

from sendpulse_async._loops import _MOST_LENGTHS, _limits, forget_unused_limits, within

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(30)]


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request):
    return backend(request.param)


async def work(seconds):
    await anyio.sleep(seconds)
    return "done"


@pytest.mark.parametrize(("limit", "came", "took"), [(1, None, 1), (3, "done", 2), (math.inf, "done", 2)])
async def test_work_ends_in_time(limit, came, took):
    """It returns what it returns, or None at the limit."""
    began = now()

    assert await within(limit, work(2)) == came
    assert now() - began == pytest.approx(took)


async def test_each_of_many_ends_at_its_own_time():
    """Limits of one length that began one after the other, beside limits of other lengths, more than share timers."""
    ends = {}

    async def one(name, begins, limit):
        await anyio.sleep(begins)
        assert await within(limit, work(1000)) is None
        ends[name] = now() - began

    began = now()
    plans = [(begins, limit) for begins in (0, 0.5, 4) for limit in range(1, 2 * _MOST_LENGTHS)]
    await at_once(*[lambda plan=plan: one(plan, *plan) for plan in plans])

    assert ends == {plan: pytest.approx(sum(plan)) for plan in plans}


async def test_work_that_ended_is_left_alone():
    """Its limit comes and goes, and cancels nobody."""
    assert await within(1, work(0.5)) == "done"
    await anyio.sleep(5)


async def test_limits_within_limits():
    """The inner one ends its own work alone; the outer one all of it."""

    async def inner():
        return await within(1, work(10)), await within(20, work(1))

    assert await within(5, inner()) == (None, "done")
    assert await within(1.5, inner()) is None


async def test_an_own_timeout_error_comes_through():
    """What the work raises is not mistaken for the limit."""

    async def raises():
        raise TimeoutError

    with pytest.raises(TimeoutError):
        await within(1, raises())


async def test_who_is_cancelled_is_cancelled():
    """A cancellation by somebody else comes through, in the turn of the limit too."""
    for moment in (0.5, 1.0):
        came = []

        async def limited(came=came):
            came.append(await within(1, work(10)))
            await anyio.sleep(1)
            came.append("went on")

        with anyio.move_on_after(moment) as scope:
            await limited()
        assert scope.cancelled_caught
        assert "went on" not in came


async def test_a_cancellation_of_the_task_wins(anyio_backend):
    """asyncio: who is cancelled beside a limit ends so; who was limited does not count as cancelled."""
    if anyio_backend[0] == "trio":
        pytest.skip("trio has scopes alone")

    async def limited():
        assert await within(1, work(10)) is None
        assert asyncio.current_task().cancelling() == 0
        return await within(1, work(10))

    task = asyncio.create_task(limited())
    await anyio.sleep(1.5)
    asyncio.get_running_loop().call_later(0.5, task.cancel)
    await asyncio.wait([task])

    assert task.cancelled()


async def test_nothing_is_left_of_a_limit(anyio_backend):
    """asyncio: when the longest is over, or somebody closes, no timer and no work is remembered."""
    if anyio_backend[0] == "trio":
        pytest.skip("trio has its own")

    for is_told in (False, True):
        await at_once(*[lambda n=n: within(1 + n / 10, work(0.5)) for n in range(50)])
        if is_told:
            forget_unused_limits()
        else:
            await anyio.sleep(10)
        assert (_limits.get()._open, _limits.get()._timers) == ({}, {})
