"""Callers' deadlines from 5 ms to 2 s against any fault, on a real socket: kept, and honest."""

from __future__ import annotations

import contextlib
import random
from collections import Counter

import anyio
import pytest
from carriers import ALL, carried_by
from fakes import Listener, at_once
from fault_server import OK, PATIENCE, drip, fin, read_bytes, refuse, rst, send, silence

from sendpulse_async import RawEventSender, RetryPolicy, SendPulseError

from .matrix import HEAD, json_answer, retry_after
from .scenes import PATH, QUICK, Fault, assert_honest, event, number_of

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]

GRACE = 0.5
"""Seconds that an event may take beyond its deadline: the promise, and nothing near it is seen."""
EVENTS = 150
IN_FLIGHT = 50

ON_REQUEST = [
    *[(send(OK),)] * 4,
    (silence,),
    (drip(OK, 0.02),),
    (send(HEAD + b"Content-Length: 99\r\n\r\n"), drip(b"x" * 99, 0.05)),
    (send(HEAD + b"Content-Length: 99\r\n\r\n{"), silence),
    (drip(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 500, 0.02, 60),),
    (send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n"), drip(b"1\r\nx\r\n" * 5000, 0.02, 60)),
    (refuse, send(retry_after(b"0.2"))),
    (refuse, send(retry_after(b"3600", 503))),
    (refuse, send(json_answer({"error_code": 503}, 503))),
    (refuse, send(json_answer({}, 429))),
    (fin,),
    (rst,),
]
ON_CONNECTION = [*[()] * 4, (silence,), (fin,), (rst,), (read_bytes(50), rst)]


class AnyFault:
    """A server that does anything, until it is healed."""

    def __init__(self, start, dice):
        self._dice, self._fault = dice, Fault()
        self._fault.strike()
        self.server = start([self._play])

    def _play(self, link):
        is_on = self._fault.strikes()
        steps = self._dice.choice(ON_CONNECTION) if is_on else ()
        for step in steps:
            step(link)
        while not steps:
            link.take_request()
            for step in self._dice.choice(ON_REQUEST) if self._fault.strikes() else (send(OK),):
                step(link)

    def heal(self):
        self._fault.heal()

    def ledger(self):
        with self.server.changed:
            return Counter(map(number_of, self.server.ledger))


async def note_delays(delays):
    """Note how late the event loop is: on a machine that is busy otherwise a deadline is no more exact than a sleep."""
    while True:
        began = anyio.current_time()
        await anyio.sleep(0.02)
        delays.append(anyio.current_time() - began - 0.02)


@carried_by(*ALL)
async def test_whatever_happens_an_event_ends_by_its_deadline(carrier, serve, record_property):
    """Deadlines spread over 5 ms to 2 s: none is overrun, nothing is told twice or falsely, and then all is well."""
    dice = random.Random(19)
    world, listener, overruns = AnyFault(serve, dice), Listener(), []
    delays = [0.0]
    url = f"http://127.0.0.1:{world.server.port}{PATH}"
    numbers = iter(range(EVENTS))
    policy = RetryPolicy(**QUICK, budget_reserve=10**6)

    async def work():
        for number in numbers:
            deadline = 0.005 * 400 ** dice.random()
            began = anyio.current_time()
            with contextlib.suppress(SendPulseError):
                await sender.send_event(event(number), deadline=deadline)
            overruns.append(anyio.current_time() - began - deadline)

    async with (
        carrier.open(max_connections=IN_FLIGHT) as transport,
        RawEventSender(url, transport=transport, retry=policy, on_outcome=listener) as sender,
    ):
        async with anyio.create_task_group() as watching:
            watching.start_soon(note_delays, delays)
            await at_once(*[work] * IN_FLIGHT)
            watching.cancel_scope.cancel()
        world.heal()
        with anyio.fail_after(PATIENCE):
            receipts = await at_once(*[lambda number=n: sender.send_event(event(number)) for n in range(1000, 1010)])

    record_property("longest overrun", max(overruns))
    record_property("statuses", sorted(set(listener.statuses)))
    record_property("longest delay of a sleep", max(delays))
    assert max(overruns) <= GRACE + max(delays)
    assert [receipt.confirmed for receipt in receipts] == [True] * 10
    assert sorted(outcome.event["n"] for outcome in listener.outcomes) == [*range(EVENTS), *range(1000, 1010)]
    assert set(listener.statuses) >= {"accepted", "not_sent", "unknown"}
    assert_honest(world, listener.outcomes)
