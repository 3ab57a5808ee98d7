"""Outboxes above a scripted network or a sender of somebody else's, and what each event of a test is."""

from __future__ import annotations

import asyncio
import json
import math

from fakes import Listener, ScriptedTransport, answer, turns

from sendpulse_async import Outbox, RawEventSender, Receipt, RetryPolicy, TransportError
from sendpulse_async._http import FailureKind

URL = "http://127.0.0.1:9/events/id/x/1"
ONCE = RetryPolicy(max_attempts=1)
REFUSED = answer(400, {"result": False})
FORBIDDEN = answer(403, {"result": False})
BROKEN = answer(502, body=b"")


def event(number, **more):
    return {"email": "someone@example.com", "n": number, **more}


def number_of(request):
    return json.loads(request.body)["n"]


class Network(ScriptedTransport):
    """A scripted network that says when the first byte leaves; to a network without a connection none does.

    Attributes:
        begun: Requests of which it left.
        left: The numbers of the events of which the last one left, in order.
    """

    begun = 0

    def __init__(self, *steps):
        super().__init__(*steps)
        self.left = []

    async def _play(self, step, progress):
        number = number_of(self.requests[-1])
        is_connected = not (isinstance(step.end, TransportError) and step.end.kind is not FailureKind.EXCHANGE)
        if is_connected and (tell := self.requests[-1].before_first_byte) is not None:
            await tell()
        self.begun += is_connected
        try:
            return await super()._play(step, progress)
        finally:
            if progress.is_handed_over:
                self.left.append(number)


class Stage:
    """Makes outboxes that share a sender and what they hold.

    Attributes:
        script: What the network does with the event of a number: see `fakes.ScriptedTransport`.
        sent: The numbers of the events in the order in which they left.
    """

    def __init__(self, path):
        self.path = path
        self.script = lambda number: answer()
        self.transport = Network(lambda request: self.script(number_of(request)))
        self.listener = Listener()
        self.senders = []
        self.sender = self.sender_on()
        self._outbox = None

    def sender_on(self, **options):
        usual = {"transport": self.transport, "rate_limit": None, "retry": ONCE, "deadline": math.inf}
        self.senders.append(RawEventSender(URL, **{**usual, **options}))
        return self.senders[-1]

    async def aclose(self):
        for sender in self.senders:
            await sender.aclose()

    def outbox(self, **options):
        """A new one for the same file; the same one where there is no file."""
        options = {"on_outcome": self.listener, **options}
        if self.path is not None:
            return Outbox(self.path, self.sender, **options)
        self._outbox = self._outbox or Outbox.in_memory(self.sender, **options)
        return self._outbox

    @property
    def sent(self):
        return [number_of(request) for request in self.transport.requests]


class TheirSender:
    """A sender of somebody else's: `script(event)` is awaited, and may raise."""

    def __init__(self, script=None):
        self.script = script
        self.seen = []

    async def send_event(self, event):
        self.seen.append(event)
        if self.script is not None:
            await self.script(event)
        return Receipt(200, 1, 0.0, True)


async def until(is_true):
    """Let everything else run until something is true, which a thread may have to do with."""
    async with asyncio.timeout(20):
        while not is_true():
            await asyncio.sleep(0.001)


async def settled(outbox):
    """Wait until nothing is pending, and return the counts."""
    async with asyncio.timeout(20):
        while (stats := await outbox.stats()).pending:
            await asyncio.sleep(0.001)
    await turns()
    assert stats.put == stats.accepted + stats.dead + stats.pending
    return stats
