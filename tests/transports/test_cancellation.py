"""A cancelled request costs its connection, never a place in the pool, and never leaves later."""

from __future__ import annotations

import asyncio
import gc
import random

import anyio
import pytest
from carriers import DIRECT, HTTPX, OURS, OWN, carried_by, request_to
from fault_server import PATIENCE
from suspensions import cancelled_at

pytestmark = pytest.mark.anyio

BIG = b"x" * 2**22


@pytest.fixture(autouse=True)
def _no_socket_is_lost():
    """A socket that nobody closed warns when it is collected: here, not in the next test."""
    yield
    gc.collect()


async def probe(transport, server, count):
    """Send `count` requests at once; return how many were accepted."""
    accepted = []

    async def one(number):
        response = await transport.send(request_to(server, b"probe %d" % number))
        accepted.append(response.status_code == 200 and response.is_body_complete)

    with anyio.fail_after(PATIENCE):
        async with anyio.create_task_group() as tasks:
            for number in range(count):
                tasks.start_soon(one, number)
    return sum(accepted)


async def cancelled_at_point(point, work):
    """Cancel `work` when it is suspended for the `point`-th time; return whether there was such a time."""
    return await cancelled_at([point + 1], lambda: work)


async def cancelled_after_turns(turns, work):
    """Cancel `work` after so many turns of the event loop; return whether it was not done before."""
    task = asyncio.create_task(work)
    for _ in range(turns):
        if task.done():
            break
        await asyncio.sleep(0)
    was_running = task.cancel()
    await asyncio.wait([task], timeout=PATIENCE)
    assert task.done()
    return was_running


@carried_by(OWN, DIRECT, HTTPX)
@pytest.mark.parametrize("cancelled", [cancelled_at_point, cancelled_after_turns])
@pytest.mark.parametrize("is_warm", [False, True], ids=["cold", "warm"])
async def test_a_request_may_be_cancelled_anywhere(carrier, serve, authority, tls, cancelled, is_warm, record_property):
    """Cancelled at its first, second, … point until it gets through: then a pool of two serves four probes."""
    # httpcore, below a client, leaves a socket whose handshake was cancelled to the garbage collector.
    server = serve(tls=tls and carrier.is_own)
    stayed, point, was_cancelled = set(), 0, True

    async with carrier.open(authority.trust, max_connections=2) as transport:
        while was_cancelled:
            if is_warm:
                await transport.send(request_to(server, b"warm"))
            body = b"cancelled %d" % point
            request = request_to(server, body)
            was_cancelled = await cancelled(point, transport.send(request))
            if not request.progress.is_handed_over:
                stayed.add(body)
            point += 1 + point // 40  # each of the first forty, then ever fewer
        passed = await probe(transport, server, 4)

    record_property("points", point)
    assert passed == 4
    assert not stayed & set(server.bodies())


@carried_by(OWN, DIRECT)
async def test_one_who_waits_for_a_place_may_be_cancelled(carrier, serve):
    """Cancelled in the queue, and in the turn in which its place came: the place is another's then."""
    server = serve()

    async with carrier.open(max_connections=1) as transport:
        for turns in range(40):
            first = asyncio.create_task(transport.send(request_to(server)))
            waiting = [asyncio.create_task(transport.send(request_to(server))) for _ in range(2)]
            await asyncio.sleep(0)
            if turns % 2:
                first.add_done_callback(lambda _, task=waiting[0]: task.cancel())
            else:
                waiting[0].cancel()
            await asyncio.wait([first, *waiting], timeout=PATIENCE)
            assert waiting[1].result().status_code == 200
        assert await probe(transport, server, 4) == 4


async def cancel_at_random(transport, server, seconds, workers, dice):
    """Send and cancel for some seconds; return how many were cancelled, and the bodies that surely stayed here."""
    cancelled, stayed = 0, set()

    async def work(name):
        nonlocal cancelled
        number = 0
        while anyio.current_time() < ends:
            number += 1
            body = b"%d-%d" % (name, number) + (b"x" * 2**20 if dice.random() < 0.02 else b"")
            request = request_to(server, body)
            with anyio.move_on_after(dice.random() ** 2 * 0.06) as scope:
                await transport.send(request)
            if scope.cancelled_caught:
                cancelled += 1
                if not request.progress.is_handed_over:
                    stayed.add(body)

    ends = anyio.current_time() + seconds
    async with anyio.create_task_group() as tasks:
        for name in range(workers):
            tasks.start_soon(work, name)
    return cancelled, stayed


@carried_by(*OURS)
async def test_random_cancellations_leave_the_pool_whole(carrier, serve, authority, tls, record_property):
    """After 5 seconds of random cancellations on a pool of 10, 20 probes of 20 pass."""
    server = serve(tls=tls)
    seconds = 5.0 if carrier is OWN and not tls else 1.5

    async with carrier.open(authority.trust, max_connections=10) as transport:
        cancelled, stayed = await cancel_at_random(transport, server, seconds, 24, random.Random(7))
        passed = await probe(transport, server, 20)

    record_property("cancelled", cancelled)
    record_property("in the ledger", len(server.ledger))
    record_property("not handed over", len(stayed))
    record_property("probes passed", passed)
    assert cancelled > 100 * seconds
    assert passed == 20
    assert not stayed & set(server.bodies())


@carried_by(*OURS)
async def test_what_was_behind_when_cancelled_never_leaves(carrier, serve, authority, tls):
    """A request of 4 MB, cancelled while the server reads it, is in no ledger unless it was handed over."""
    server = serve(tls=tls)
    server.is_body_kept = False
    dice = random.Random(11)
    requests = [request_to(server, BIG, headers=((b"X-Number", b"%d" % number),)) for number in range(40)]

    async with carrier.open(authority.trust, max_connections=2) as transport:
        for request in requests:
            with anyio.move_on_after(dice.random() * 0.02):
                await transport.send(request)
        assert await probe(transport, server, 4) == 4

    numbers = {int(value) for seen in server.ledger for value in seen.header(b"x-number")}
    stayed = {number for number, request in enumerate(requests) if not request.progress.is_handed_over}
    assert not numbers & stayed
