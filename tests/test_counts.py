"""A sender's counts and its hooks against the sandbox's ledger: with a journal, in parts, and cancelled anywhere."""

from __future__ import annotations

import random
from collections import Counter

import anyio
import pytest

from sendpulse_async import (
    AuthorizedEventSender,
    ClientCredentials,
    Hooks,
    Journal,
    RawEventSender,
    RetryPolicy,
    SenderStats,
    send_many,
)
from sendpulse_async._bulk import Options, run_in_parts
from sendpulse_async.sandbox import Fault, Sandbox, Switches

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60)]

EVENTS = [{"email": "someone@example.com", "n": number} for number in range(5)]


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request):
    return request.param


class Told(Hooks):
    """Counts what it hears; an outcome without its start, or a second one, is a fault that the log tells."""

    def __init__(self):
        self.counts = Counter()
        self.reports = []
        self.under_way = set()

    def on_start(self, sending):
        self.counts["start"] += 1
        self.under_way.add(sending)

    def on_attempt(self, attempt, sending):
        self.counts["attempt"] += 1

    def on_outcome(self, outcome, sending):
        self.counts["outcome"] += 1
        self.under_way.remove(sending)

    def on_report(self, report, run):
        self.reports.append(report)


@pytest.fixture
def told():
    return Told()


async def test_what_an_earlier_run_settled_is_not_offered(sandbox, told, tmp_path):
    """Resumed events and old doubts have no outcome of this sender's; one that is sent again has."""
    sandbox.add_fault(Fault(drop="reset"))
    async with RawEventSender(sandbox.event_url, hooks=[told]) as sender:
        path = tmp_path / "journal"
        first = await send_many(sender, EVENTS, journal=Journal(path), max_in_flight=1)
        after_first = sender.stats()
        second = await send_many(sender, EVENTS, journal=Journal(path), max_in_flight=1)
        after_second = sender.stats()
        third = await send_many(sender, EVENTS, journal=Journal(path), max_in_flight=1, resend_unknown=True)

    assert (first.unknown, second.unknown, second.resumed, third.accepted, third.resumed) == (1, 1, 4, 1, 4)
    assert after_first == after_second == SenderStats(offered=5, accepted=4, unknown=1)
    assert sender.stats() == SenderStats(offered=6, accepted=5, unknown=1)
    assert told.counts == {"start": 6, "attempt": 6, "outcome": 6}
    assert [report.total for report in told.reports] == [5, 5, 5]


async def test_a_run_in_parts_has_one_report(sandbox, told):
    """Of all of its parts."""
    sender, options = RawEventSender(sandbox.event_url, hooks=[told]), Options(4, None, None, None, None, False)
    async with sender, run_in_parts(sender, options) as run:
        for _ in range(3):
            await run.send([*EVENTS, {}], lambda number, entry: None)

    (report,) = told.reports
    assert (report.total, report.accepted, report.rejected) == (18, 15, 3)
    assert sender.stats() == SenderStats(offered=18, accepted=15, rejected=3)


async def test_each_request_is_told_once(told):
    """Repeats and a swapped token too: as many attempts as the receipts and the ledger have."""
    with Sandbox(switches=Switches(token_lifetime=3600)) as sandbox:
        sandbox.add_fault(Fault(status=503, retry_after=0.01, every=3, times=3))
        sandbox.add_fault(Fault(token="expired", every=4, times=2))
        sender = AuthorizedEventSender(
            ClientCredentials(sandbox.client_id, sandbox.client_secret),
            base_url=sandbox.origin,
            event_name="order",
            hooks=[told],
            retry=RetryPolicy(base_delay=0.01),
        )
        async with sender:
            receipts = [await sender.send_event(event) for event in EVENTS * 3]

    assert told.counts["attempt"] == sum(receipt.attempts for receipt in receipts)
    assert told.counts["attempt"] == len(sandbox.events) + len(sandbox.refused) > len(receipts)


async def test_runs_that_are_cancelled_anywhere_balance(sandbox, told, caplog):
    """Each event that set out has its outcome, each run its report, and nothing stays pending."""
    rng = random.Random(8)
    async with RawEventSender(sandbox.event_url, hooks=[told]) as sender:
        for _ in range(30):
            with anyio.move_on_after(rng.random() * 0.03):
                await send_many(sender, EVENTS * 5, max_in_flight=6)

    stats = sender.stats()
    assert stats.pending == 0
    assert stats.offered == stats.accepted + stats.rejected + stats.not_sent + stats.unknown
    assert told.counts["start"] == told.counts["outcome"] == stats.offered
    assert not told.under_way, "an event was never told"
    assert "a method of the hooks" not in caplog.text, "an event was told twice"
    assert len(told.reports) == 30
    assert sum(report.total for report in told.reports) == stats.offered
    assert stats.accepted <= sandbox.accepted_count <= stats.accepted + stats.unknown
