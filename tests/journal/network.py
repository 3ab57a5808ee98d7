"""A network with a ledger in the place of a transport, which asks before the first byte as a transport does."""

from __future__ import annotations

import json
from collections import Counter

from anyio.lowlevel import checkpoint
from bulk.scripted import LOST, TAKEN

from sendpulse_async import TransportError
from sendpulse_async._http import FailureKind


class Network:
    """Answers as `script(n)` says for the event with number n: a `Response`, or a `TransportError` to raise.

    Attributes:
        taken: How often the event of each number was taken; a ledger that outlives one network may be given.
        sent: The numbers of the events of which a byte left, in that order.
    """

    def __init__(self, script=lambda n: TAKEN, taken=None):
        self.script = script
        self.taken = Counter() if taken is None else taken
        self.sent = []

    async def send(self, request):
        number = json.loads(request.body)["n"]
        step = self.script(number)
        await checkpoint()
        if isinstance(step, TransportError) and step.kind is not FailureKind.EXCHANGE:
            raise TransportError(step.kind, step.reason)
        if request.before_first_byte is not None:
            await request.before_first_byte()
        self.sent.append(number)
        await checkpoint()
        request.progress.is_handed_over = True
        await checkpoint()
        self.taken[number] += step in (TAKEN, LOST)
        await checkpoint()
        if isinstance(step, TransportError):
            raise TransportError(step.kind, step.reason)
        return step

    async def aclose(self):
        pass
