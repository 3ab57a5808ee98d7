"""Rate limits of a bulk run: the sender's and its own, waited for before an event's deadline begins."""

from __future__ import annotations

import anyio
import pytest

from sendpulse_async import Quota, RateLimit, RetryPolicy, send_many

from .scripted import HOUR, TAKEN, UNREACHABLE, ScriptedTransport, both_quotas, item, items, run_many, sender_on, soon

pytestmark = pytest.mark.anyio


async def test_a_slow_rate_and_a_short_deadline(time):
    """Waiting for the quota takes nothing off an event's deadline: at one event in 8 s all are accepted."""
    options = both_quotas(time, RateLimit(per_second=1 / 8))
    options["sender_options"]["deadline"] = 2.0

    report, _, transport = await run_many(events=items(20), max_in_flight=10, **options)

    assert report.accepted == 20
    assert time.elapsed == 19 * 8
    assert transport.most_running == 1


@pytest.mark.parametrize(("own", "of_run"), [(4, 2), (2, 4), (None, 2), (2, None)])
async def test_the_runs_rate_adds_to_the_senders(time, own, of_run):
    """Both rates hold at once: the slower one decides, and each attempt takes one place of it."""
    limits = [limit and RateLimit(per_second=limit) for limit in (own, of_run)]

    report, _, _ = await run_many(events=items(21), max_in_flight=5, **both_quotas(time, *limits))

    assert report.accepted == 21
    assert time.elapsed == pytest.approx(10)


async def test_a_plain_rate_limit(monkeypatch):
    """`rate_limit` may be a `RateLimit`: the run makes its own quota of it."""
    made = []
    monkeypatch.setattr("sendpulse_async._bulk._calls.Quota", type("Spy", (Quota,), {"__init__": spy(made)}))

    report, _, _ = await run_many(events=items(2), rate_limit=RateLimit(per_second=1_000))

    assert report.accepted == 2
    assert made == [RateLimit(per_second=1_000)]


def spy(made):
    def init(self, limit):
        made.append(limit)
        Quota.__init__(self, limit)

    return init


async def test_a_pause_of_another_sender_holds_the_run(time):
    """A pause that somebody else brought on the shared quota is waited for before the deadline begins."""
    shared = time.quota()
    await shared.pause(shared.now(), HOUR)

    report, _, _ = await run_many(
        events=items(5), rate_limit=time.quota(), sender_options={"rate_limit": shared, "deadline": 1.0}
    )

    assert report.accepted == 5
    assert time.elapsed == HOUR


async def test_repeats_pay_too(time):
    """Each further attempt of an event takes its own place under the sender's rate."""
    asked = iter(range(100))
    options = both_quotas(time, RateLimit(per_second=1 / 4))
    options["sender_options"].update(retry=RetryPolicy(base_delay=0), deadline=1_000.0)

    report, _, transport = await run_many(
        lambda n: UNREACHABLE if next(asked) < 2 else TAKEN, items(3), max_in_flight=1, **options
    )

    assert (report.accepted, transport.sent) == (3, [0, 0, 0, 1, 2])
    assert time.elapsed == 16


async def test_a_cancelled_wait_gives_its_place_back(time):
    """A run that is cancelled while it waits leaves the shared quota's places to others."""
    quota = time.quota(RateLimit(per_second=1 / 8))
    transport = ScriptedTransport(lambda n: TAKEN)

    async with sender_on(transport, rate_limit=quota) as sender:
        with anyio.CancelScope() as scope:
            await send_many(sender, items(50), max_in_flight=10, on_outcome=lambda outcome: scope.cancel())
        at = time.elapsed
        await soon(2, lambda: sender.send_event(item(99), deadline=1_000))

    assert time.elapsed <= at + 8
