"""Resets at random bytes: "not handed over" must never be said of a request that the server has."""

from __future__ import annotations

import random

import anyio
import pytest
from carriers import HTTPX, OURS, OWN, carried_by, request_to
from fault_server import PATIENCE, Received

from sendpulse_async._http import FailureKind, TransportError

pytestmark = pytest.mark.anyio

IN_FLIGHT = 8
SIZES = [200] * 4 + [2**16] * 2 + [2**20, 2**21, 2**21, 2**22]  # the last ones exceed what the kernels hold


def number_of(seen: Received) -> int:
    return int(seen.header(b"x-number")[0])


def reset_somewhere(dice):
    """Read up to a random byte of the wire, then look at everything that came, file it, and reset."""

    def step(link):
        left = int(2 ** dice.uniform(0, 22.2)) - 1
        while left and not link.waiting:
            left -= link.pump(min(left, 2**16))
        if link.peek_socket():
            link.pump(2**22)
        link.abort()

    return step


async def verdicts(carrier, server, trust, count, dice):
    """Send `count` requests; return the numbers of those that were not handed over, by the kind of their failure."""
    precise = {kind: set() for kind in FailureKind}
    numbers = iter(range(count))

    async def work(transport):
        for number in numbers:
            body = b"x" * dice.choice(SIZES)
            request = request_to(server, body, headers=((b"X-Number", b"%d" % number),))
            try:
                await transport.send(request)
            except TransportError as failure:
                if not request.progress.is_handed_over:
                    precise[failure.kind].add(number)
            else:
                pytest.fail("a reset is no answer")

    async with carrier.open(trust) as transport, anyio.create_task_group() as tasks:
        for _ in range(IN_FLIGHT):
            tasks.start_soon(work, transport)
    return precise


@carried_by(*OURS, HTTPX)
async def test_a_random_reset_gets_no_wrong_verdict(carrier, serve, authority, tls, record_property):
    """2,000 requests without TLS, 500 with it: who was said to have stayed here is in no ledger."""
    dice = random.Random(20251123)
    count = (500 if tls else 2_000) if carrier is OWN else 200
    server = serve([reset_somewhere(dice)], tls=tls, receive_buffer=2**14)
    server.is_body_kept = False

    with anyio.fail_after(PATIENCE * 3):
        precise = await verdicts(carrier, server, authority.trust, count, dice)

    complete = {number_of(seen) for seen in server.ledger}
    stayed = set().union(*precise.values())
    record_property("requests", count)
    record_property("complete", len(complete))
    record_property("proven not sent", len(stayed))
    assert not stayed & complete
    assert complete
    assert stayed
