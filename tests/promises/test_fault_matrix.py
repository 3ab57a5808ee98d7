"""Each line of the fault matrix, on a real socket, over each transport: what comes of an event, and of the next one."""

from __future__ import annotations

import anyio
import pytest
from canaries import assert_silent, texts_of_error
from carriers import ALL, DIRECT, OWN, OWN_ON_TRIO
from fakes import Listener
from fault_server import PATIENCE

from sendpulse_async import OutcomeStatus, RetryPolicy, SendPulseError, send_many

from .matrix import CASES, Bulk
from .scenes import QUICK, assert_honest, event

pytestmark = pytest.mark.anyio

PASSING = 2
"""How often a fault strikes before it passes; a passing refusal once more, so that the last repeat is needed."""
PROBE = 1000
"""The number of the event that is sent when the fault is over."""


def played_by(*carriers, cases=CASES, with_tls=True):
    """Play a test for each case on each carrier that can promise it, and over TLS too where that makes another case."""
    rows = [
        pytest.param(carrier, case, is_tls, id=f"{case}-{carrier.name}{'-tls' * is_tls}")
        for case in cases
        for carrier in carriers
        for is_tls in ([False, True] if with_tls and case.is_on_the_wire and not case.needs_tls else [case.needs_tls])
        if carrier.is_own or not case.is_own
    ]
    return pytest.mark.parametrize(("carrier", "case", "is_tls"), rows, indirect=["carrier"])


async def probe(scene, sender):
    """The fault is over: the next event is accepted, confirmed, and taken once."""
    scene.fault.heal()
    with anyio.fail_after(PATIENCE):
        receipt = await sender.send_event(event(PROBE), deadline=PATIENCE)
    assert receipt.confirmed
    assert scene.ledger()[PROBE] == 1


async def sent(sender, number, size=0):
    """Send an event; return what came of it."""
    try:
        return await sender.send_event(event(number, size))
    except SendPulseError as error:
        return error


ONCE_MORE = RetryPolicy(max_attempts=2, **QUICK)
STAYING = [case for case in CASES if not case.is_slow and not case.is_warm]


@played_by(*ALL)
async def test_an_event_has_its_outcome_and_the_next_one_is_accepted(carrier, case, is_tls, stage, authority):
    """While a fault stays an event has the outcome of its row, and nothing that it leaves behind harms the next."""
    scene, listener = stage(case, is_tls=is_tls), Listener()

    async with scene.sender(carrier, authority.trust, retry=ONCE_MORE, on_outcome=listener) as sender:
        if case.is_warm:
            await sender.send_event(event(99))
        scene.fault.strike()
        came = await sent(sender, 0, case.size)
        await probe(scene, sender)

    outcome = listener.outcomes[-2]
    assert outcome.status in case.comes, outcome
    assert came is (outcome.receipt or outcome.error)
    assert_silent(repr(sender), repr(sender._transport), *(texts_of_error(came) if outcome.error else ()))
    assert case.error is None or type(came) is case.error
    assert len(case.comes) > 1 or came.attempts == (2 if case.is_repeated else 1)
    assert_honest(scene, listener.outcomes)


@played_by(*ALL, cases=[case for case in CASES if case.is_repeated])
async def test_an_event_is_accepted_when_the_fault_passes(carrier, case, is_tls, stage, authority):
    """A fault of the safe kind that strikes some times costs as many repeats, and nobody hears of it."""
    scene, listener = stage(case, is_tls=is_tls), Listener()

    async with scene.sender(carrier, authority.trust, on_outcome=listener) as sender:
        strikes = PASSING + (case.row == 5)
        scene.fault.strike(strikes)
        receipt = await sender.send_event(event(0, case.size))
        await probe(scene, sender)

    assert (receipt.attempts, receipt.confirmed) == (strikes + 1, True)
    assert_honest(scene, listener.outcomes)


STAYS = {
    Bulk.GOES_ON: 12,
    Bulk.STOPS: 1,
    Bulk.STREAK: 5,
    Bulk.BREAKER: 6,
    Bulk.PAUSES: 1,
}
"""Events that a run of twelve, one at a time, pulls while a fault stays."""


@played_by(OWN, OWN_ON_TRIO, DIRECT, cases=STAYING, with_tls=False)
async def test_a_bulk_run_ends_as_its_row_says(carrier, case, is_tls, stage, authority):
    """A fault that stays stops a run before it spoils more events than its row allows, or does not concern the run."""
    scene, listener = stage(case, is_tls=is_tls), Listener()

    async with scene.sender(carrier, authority.trust, retry=RetryPolicy(max_attempts=1)) as sender:
        scene.fault.strike()
        events = (event(number, case.size) for number in range(12))
        report = await send_many(sender, events, max_in_flight=1, on_outcome=listener)
        await probe(scene, sender)

    assert {outcome.status for outcome in listener.outcomes} <= case.comes
    assert report.total == len(listener.outcomes) == STAYS[case.bulk]
    assert (report.stopped_because is None) is (case.bulk is Bulk.GOES_ON)
    assert_honest(scene, listener.outcomes)


def test_every_row_of_the_table_is_played():
    """The table's rows that concern an event's own exchange each have cases here."""
    assert {case.row for case in CASES} == {0, *range(1, 15)}
    assert {status for case in CASES for status in case.comes} == set(OutcomeStatus)
