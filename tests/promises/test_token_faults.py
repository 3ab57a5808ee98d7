"""What can befall a token, on a real socket over each transport: no event is lost by it, doubled, or sent unauthorised.

Rows 6, 15 and 16 of the table of the delivery promises.
"""

from __future__ import annotations

import contextlib
import math
import os
import time
from itertools import pairwise

import anyio
import pytest
from canaries import own_records
from carriers import ALL, OWN, OWN_ON_TRIO, carried_by
from fakes import Listener, at_once, set_defaults
from fault_server import PATIENCE

from sendpulse_async import (
    AuthenticationError,
    AuthorizedEventSender,
    ClientCredentials,
    FileTokenStore,
    MemoryTokenStore,
    NotSentError,
    OutcomeStatus,
    RateLimitedError,
    RetryPolicy,
    ServiceUnavailableError,
    Token,
    send_many,
)
from sendpulse_async._auth import TokenManager
from sendpulse_async.sandbox import Fault, Sandbox, Switches

from .matrix import SOON
from .scenes import QUICK

STALL = 0.1
"""Seconds: half of the time in which a token of one second is replaced before it expires."""

pytestmark = pytest.mark.anyio

CROWD = 100


def event(number):
    return {"email": f"someone{number}@example.com", "n": number}


@pytest.fixture
def sandbox():
    with Sandbox() as running:
        yield running


@contextlib.asynccontextmanager
async def sender_on(sandbox, carrier, *, secret=None, patience=PATIENCE, **options):
    """A sender of the sandbox's account over one carrier; what it told is checked against the ledger."""
    auth = ClientCredentials(sandbox.client_id, secret or sandbox.client_secret)
    listener = Listener()
    async with (
        carrier.open(connect_timeout=patience, read_timeout=patience) as transport,
        AuthorizedEventSender(
            auth,
            base_url=sandbox.origin,
            event_name="order",
            transport=transport,
            retry=RetryPolicy(**QUICK),
            on_outcome=listener,
            **options,
        ) as sender,
    ):
        yield sender
    taken = [entry.payload["n"] for entry in sandbox.events]
    accepted = [outcome.event["n"] for outcome in listener.outcomes if outcome.status is OutcomeStatus.ACCEPTED]
    assert sorted(taken) == sorted(accepted)
    assert len(set(taken)) == len(taken)


async def crowd(sender, first=0, count=CROWD):
    """Send many events at once; return the errors."""
    results = await at_once(*[lambda number=n: sender.send_event(event(number)) for n in range(first, first + count)])
    return [result for result in results if isinstance(result, Exception)]


async def probe(sender):
    with anyio.fail_after(PATIENCE):
        await sender.send_event(event(9999))


async def test_a_crowd_makes_one_token_request(carrier, sandbox):
    """A hundred callers who find no token make one request for it together."""
    async with sender_on(sandbox, carrier) as sender:
        assert await crowd(sender) == []

    assert sandbox.token_requests == 1


async def test_a_token_revoked_under_a_crowd_is_swapped_once(carrier, sandbox):
    """A hundred refusals of one token make one token request, and every event is accepted."""
    async with sender_on(sandbox, carrier) as sender:
        await probe(sender)
        sandbox.revoke_tokens()
        assert await crowd(sender) == []

    assert sandbox.token_requests == 2


PASSING = {
    "500 twice": [Fault(door="token", status=500, times=2)],
    "429": [Fault(door="token", status=429)],
    "429 with Retry-After": [Fault(door="token", status=429, retry_after=0.05)],
    "HTML": [Fault(door="token", status=200, body="<html>")],
    "timeout": [Fault(door="token", drop="hang")],
    "RST": [Fault(door="token", drop="reset")],
    "FIN": [Fault(door="token", drop="close")],
    "a cut answer": [Fault(door="token", drop="cut")],
    "one after the other": [
        Fault(door="token", status=500),
        Fault(door="token", drop="reset"),
        Fault(door="token", status=429),
    ],
}


@pytest.mark.parametrize("faults", PASSING.values(), ids=PASSING)
async def test_a_token_endpoint_that_recovers_costs_no_event(carrier, sandbox, faults):
    """Row 15: a token request may be repeated, whatever befell it; ten who wait for it are all accepted."""
    for fault in faults:
        sandbox.add_fault(fault)

    async with sender_on(sandbox, carrier, patience=SOON) as sender:
        assert await crowd(sender, count=10) == []

    assert sandbox.token_requests == 1 + sum(fault.times for fault in faults)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault(door="token", status=500, times=None), ServiceUnavailableError),
        (Fault(door="token", status=429, times=None), RateLimitedError),
        (Fault(door="token", drop="reset", times=None), NotSentError),
    ],
    ids=["500", "429", "RST"],
)
async def test_a_token_endpoint_that_stays_away_costs_four_requests(carrier, sandbox, fault, error):
    """Row 15: the event is surely not sent, and when the endpoint is back the next one is accepted."""
    sandbox.add_fault(fault)

    async with sender_on(sandbox, carrier) as sender:
        errors = await crowd(sender, count=10)
        asked = sandbox.token_requests
        sandbox.clear_faults()
        await probe(sender)

    assert {type(told) for told in errors} == {error}
    assert (len(errors), asked) == (10, 4)


BULK = {
    "500": (Fault(door="token", status=500, times=None), None, 6),
    "RST": (Fault(door="token", drop="reset", times=None), None, 6),
    "429": (Fault(door="token", status=429, retry_after=1, times=None), None, 1),
    "wrong secret": (None, "wrong", 1),
    "401 for every token": (Fault(status=401, times=None), None, 1),
}


@pytest.mark.parametrize(("fault", "secret", "pulled"), BULK.values(), ids=BULK)
@carried_by(OWN, OWN_ON_TRIO)
async def test_a_bulk_run_ends_as_its_row_says(carrier, sandbox, fault, secret, pulled):
    """Rows 6, 15 and 16: five in a row and a probe, five pauses, or at once; what was not pulled is not spoiled."""
    if fault is not None:
        sandbox.add_fault(fault)

    deadline = 0.5 if fault and fault.door == "token" else PATIENCE  # which would end while such an endpoint is away
    async with sender_on(sandbox, carrier, secret=secret, deadline=deadline) as sender:
        report = await send_many(sender, map(event, range(12)), max_in_flight=1)

    assert report.stopped_because is not None
    assert report.total == report.not_sent == pulled


async def test_nobody_waits_for_a_token_that_cannot_come_in_time(carrier, sandbox):
    """Row 15: where the token endpoint asks for more patience than a deadline leaves, the event fails at once."""
    sandbox.add_fault(Fault(door="token", status=429, retry_after=30))

    async with sender_on(sandbox, carrier, deadline=20) as sender:
        began = anyio.current_time()
        errors = await crowd(sender, count=5)
        elapsed = anyio.current_time() - began

    assert [type(error) for error in errors] == [RateLimitedError] * 5
    assert all(error.retry_after == pytest.approx(30, abs=1) for error in errors)
    assert elapsed < 5
    assert sandbox.token_requests == 1


async def test_refused_credentials_are_not_tried_again_for_a_while(carrier, sandbox):
    """Row 16: a wrong secret is one token request, however many events meet it, and none of them is sent."""
    async with sender_on(sandbox, carrier, secret="wrong") as sender:
        errors = await crowd(sender, count=20)
        errors += await crowd(sender, first=20, count=20)

    assert {type(error) for error in errors} == {AuthenticationError}
    assert (len(errors), sandbox.token_requests, sandbox.refused) == (40, 1, ())


async def test_a_401_for_ever_is_the_credentials_fault(carrier, sandbox):
    """Row 6: a fresh token that is refused too ends the event, and no further token is asked for."""
    sandbox.add_fault(Fault(status=401, times=None))

    async with sender_on(sandbox, carrier) as sender:
        errors = await crowd(sender, count=1)
        errors += await crowd(sender, first=1, count=10)

    assert {type(error) for error in errors} == {AuthenticationError}
    assert (len(errors), sandbox.token_requests) == (11, 2)


async def test_a_late_401_for_an_old_token_keeps_the_fresh_one(carrier, sandbox):
    """Row 6: the refusal of a token that was swapped meanwhile makes no token request; its event goes once more."""
    slow = event(0)
    async with sender_on(sandbox, carrier) as sender:
        await probe(sender)
        sandbox.add_fault(Fault(status=401, delay=SOON, email=slow["email"]))
        async with anyio.create_task_group() as group:
            group.start_soon(sender.send_event, slow)
            with anyio.fail_after(PATIENCE):
                while not sandbox.refused:
                    await anyio.sleep(0.005)
            sandbox.revoke_tokens()
            assert await crowd(sender, first=1, count=10) == []

    assert sandbox.token_requests == 2


async def test_the_first_caller_may_be_cancelled_during_a_refresh(carrier, sandbox):
    """Whoever waits with it has its token, and is accepted."""
    sandbox.add_fault(Fault(door="token", delay=1.0))

    async with sender_on(sandbox, carrier) as sender:
        async with anyio.create_task_group() as others, anyio.create_task_group() as first:
            first.start_soon(sender.send_event, event(0))
            with anyio.fail_after(PATIENCE):
                while not sandbox.token_requests:
                    await anyio.sleep(0.005)
            others.start_soon(crowd, sender, 1, 10)
            await anyio.sleep(0.01)
            first.cancel_scope.cancel()
        await probe(sender)

    assert sandbox.accepted_count == 11
    assert sandbox.token_requests == (1 if carrier.backend != "trio" else 2)


async def test_a_token_that_expires_on_the_way_is_replaced_in_time(carrier):
    """A run longer than three tokens' lives sees no refusal: each is replaced before it expires."""
    turns, number = [anyio.current_time()], 0
    with Sandbox(switches=Switches(token_lifetime=1.0)) as sandbox:
        async with sender_on(sandbox, carrier) as sender:
            while turns[-1] - turns[0] < 2.6:
                assert await crowd(sender, first=number, count=5) == []
                number += 5
                await anyio.sleep(0.01)
                turns.append(anyio.current_time())

    longest = max(later - sooner for sooner, later in pairwise(turns))
    assert 3 <= sandbox.token_requests <= 12
    assert sandbox.refused == () or longest > STALL  # a machine that stood still for as long let the token expire


@pytest.mark.parametrize("expires_in", [0, -1, "3600", None, 1e308, "soon", [], True], ids=repr)
@carried_by(OWN, OWN_ON_TRIO)
async def test_an_odd_lifetime_is_no_reason_to_ask_again(carrier, sandbox, expires_in):
    """`expires_in` of any kind: the token serves."""
    body = {"access_token": sandbox.api_key, "token_type": "Bearer", "expires_in": expires_in}
    sandbox.add_fault(Fault(door="token", body=body, times=None))

    async with sender_on(sandbox, carrier) as sender:
        assert await crowd(sender, count=5) == []
        assert await crowd(sender, first=5, count=5) == []

    assert sandbox.token_requests == 1


@pytest.mark.parametrize("hours", [2, -2])
@carried_by(*ALL)
async def test_the_wall_clock_may_be_set_while_a_token_serves(carrier, sandbox, hours, monkeypatch):
    """Two hours forth or back cost no token request and no refusal."""
    ahead = [0.0]
    set_defaults(monkeypatch, TokenManager, wall_clock=lambda: time.time() + ahead[0])

    async with sender_on(sandbox, carrier) as sender:
        assert await crowd(sender, count=5) == []
        ahead[0] = hours * 3600
        assert await crowd(sender, first=5, count=5) == []

    assert sandbox.token_requests == 1


# Where tokens are kept


@carried_by(OWN, OWN_ON_TRIO)
@pytest.mark.parametrize("expires_at", [None, math.inf, 1.0], ids=["of-unknown-age", "for-ever", "expired"])
async def test_a_stored_token_that_serves_no_more_costs_one_request(carrier, sandbox, expires_at):
    """Expired at the start, or refused though the store does not say so: the next one is fetched, and kept."""
    auth, store = ClientCredentials(sandbox.client_id, sandbox.client_secret), MemoryTokenStore()
    await store.save(auth.account, Token("old", expires_at))

    async with sender_on(sandbox, carrier, token_store=store) as sender:
        assert await crowd(sender, count=10) == []

    assert sandbox.token_requests == 1
    assert (await store.load(auth.account)).text != "old"


def _unreadable(folder, path):
    folder.mkdir()
    path.write_bytes(os.urandom(200))


def _empty(folder, path):
    folder.mkdir()
    path.touch()


def _world_readable(folder, path):
    folder.mkdir(mode=0o777)
    path.write_text("old")
    path.chmod(0o666)


def _symlink(folder, path):
    folder.mkdir()
    elsewhere = folder / "elsewhere"
    elsewhere.write_text("old")
    path.symlink_to(elsewhere)


def _pipe(folder, path):
    folder.mkdir()
    os.mkfifo(path)


def _read_only(folder, path):
    folder.mkdir(mode=0o500)


def _no_folder(folder, path):
    folder.write_text("a file where the folder should be")


@carried_by(OWN, OWN_ON_TRIO)
@pytest.mark.parametrize(
    "spoil",
    [_unreadable, _empty, _world_readable, _symlink, _pipe, _read_only, _no_folder],
    ids=lambda spoil: spoil.__name__,
)
async def test_a_spoiled_token_file_stops_no_event(carrier, sandbox, tmp_path, spoil, caplog):
    """Corrupt, empty, open to all, a link, a pipe, in a folder that takes nothing: one request, one warning at most."""
    if spoil is _read_only and os.geteuid() == 0:
        pytest.skip("nothing is read-only for root")
    folder = tmp_path / "tokens"
    account = ClientCredentials(sandbox.client_id, sandbox.client_secret).account
    spoil(folder, folder / account)

    async with sender_on(sandbox, carrier, token_store=FileTokenStore(folder)) as sender:
        assert await crowd(sender, count=10) == []
        assert await crowd(sender, first=10, count=10) == []

    assert sandbox.token_requests == 1
    assert bool(sandbox.refused) is (spoil is _world_readable)  # which is a token all the same, though not a good one
    assert len([record for record in own_records(caplog) if record.levelname == "WARNING"]) <= 1
