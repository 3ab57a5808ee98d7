"""Scripted networks, senders and inputs for bulk runs, and a clock that only sleeping moves."""

from __future__ import annotations

import json
import math
import time

import anyio
from anyio.lowlevel import checkpoint

from sendpulse_async import Outcome, RawEventSender, Receipt, Report, Response, RetryPolicy, TransportError, send_many
from sendpulse_async._bulk import _calls, _run
from sendpulse_async._bulk._places import Places
from sendpulse_async._bulk._rules import StopRules
from sendpulse_async._bulk._source import Source
from sendpulse_async._http import FailureKind
from sendpulse_async._quota import Quota
from sendpulse_async._senders import carrier_of

URL = "http://127.0.0.1:9/events/id/x/1"
ONCE = RetryPolicy(max_attempts=1)
HOUR = 3600


# What a network can answer


def answer(status=200, *, result=True, code=None, retry_after=None):
    """An answer in SendPulse's words."""
    content = {"result": result} if code is None else {"result": False, "error_code": code}
    headers = () if retry_after is None else ((b"Retry-After", b"%d" % retry_after),)
    return Response(status, headers, json.dumps(content).encode())


def redirect(status):
    return Response(status, ((b"Location", b"https://elsewhere.example/"),), b"")


TAKEN = answer()
REFUSED = answer(400, result=False)
NO_SUCH_EVENT = answer(404, result=False)
FORBIDDEN = answer(403, result=False)
UNREACHABLE = TransportError(FailureKind.CONNECT, "connection refused")
LOST = TransportError(FailureKind.EXCHANGE, "the connection was closed")
BAD_CERTIFICATE = TransportError(FailureKind.CERTIFICATE, "the certificate has expired")


def item(number):
    """The event with this number, as a flat mapping."""
    return {"email": "someone@example.com", "n": number}


def items(count):
    return [item(number) for number in range(count)]


class ScriptedTransport:
    """Answers as `script(n)` says for the event with number n: a `Response`, or a `TransportError` to raise.

    Attributes:
        sent: The numbers of the events, in the order their requests began.
        running: Requests under way.
        most_running: The highest that `running` was.
    """

    def __init__(self, script=lambda n: TAKEN, travel=lambda n: checkpoint(), *, is_seen_off_first=False):
        self.script = script
        self.travel = travel
        self.is_seen_off_first = is_seen_off_first
        self.sent = []
        self.running = 0
        self.most_running = 0

    async def send(self, request):
        number = json.loads(request.body)["n"]
        self.sent.append(number)
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        request.progress.is_handed_over = self.is_seen_off_first
        try:
            await self.travel(number)
            step = self.script(number)
            if isinstance(step, TransportError):
                request.progress.is_handed_over = step.kind is FailureKind.EXCHANGE
                raise TransportError(step.kind, step.reason)
            request.progress.is_handed_over = True
            return step
        finally:
            self.running -= 1

    async def aclose(self):
        pass


def sender_on(transport, **options):
    """A real sender above a scripted network, which never repeats unless told so."""
    return RawEventSender(URL, **{"transport": transport, "rate_limit": None, "retry": ONCE, **options})


class ForeignSender:
    """A sender of somebody else's: the verb, and no more. `script(event)` returns None or an error to raise."""

    def __init__(self, script=lambda event: None):
        self.script = script
        self.seen = []

    async def send_event(self, event):
        self.seen.append(event)
        error = self.script(event)
        try:
            if error is not None:
                raise error
        finally:
            del error  # its traceback holds this frame: no cycle, or the memory of a run cannot be judged
        return Receipt(200, 1, 0.0, True)


class Input:
    """An iterable that counts what is pulled.

    Attributes:
        pulled: Items given out.
        ended: Outcomes heard of; `heard` is the `on_outcome` that counts them.
        furthest: The highest that `pulled - ended` was at a pull.
    """

    def __init__(self, events):
        self.events = events
        self.pulled = self.ended = self.furthest = 0
        self.outcomes: list[Outcome] = []

    def __iter__(self):
        for event in self.events:
            self._count()
            yield event

    def each(self):
        """The same, as an async iterable that gives others a turn before each item."""
        return Each(self)

    def _count(self):
        self.pulled += 1
        self.furthest = max(self.furthest, self.pulled - self.ended)

    def heard(self, outcome):
        self.ended += 1
        self.outcomes.append(outcome)

    def check(self, report: Report | None = None):
        """Assert that every pulled event has exactly one outcome, and that a report says the same."""
        assert sorted(outcome.index for outcome in self.outcomes) == list(range(self.pulled))
        if report is not None:
            counts = report.accepted + report.rejected + report.not_sent + report.unknown + report.resumed
            assert report.total == self.pulled == counts
            assert len(report.failures) + report.failures_dropped == report.total - report.accepted


class Each:
    """An input as an async iterator; no generator, which trio wants closed where a run is stopped."""

    def __init__(self, source):
        self.items = iter(source)

    def __aiter__(self):
        return self

    async def __anext__(self):
        await checkpoint()
        for event in self.items:
            return event
        raise StopAsyncIteration


async def run_many(script=lambda n: TAKEN, events=(), *, travel=lambda n: checkpoint(), sender_options=None, **options):
    """Send events over a scripted network; return the report, the input and the transport."""
    source, transport = Input(events), ScriptedTransport(script, travel)
    async with sender_on(transport, **(sender_options or {})) as sender:
        report = await send_many(sender, source, on_outcome=source.heard, **options)
    source.check(report)
    return report, source, transport


async def run_with_sleep(sender, events, sleep, *, max_in_flight=32, max_failures=None, on_outcome=None):
    """`send_many` with a sleep of the test's own before the breaker's probe; returns the run and its report."""

    async def settle(outcome):
        if on_outcome is not None:
            on_outcome(outcome)

    carrier = carrier_of(sender)
    places = Places(Quota(None), carrier.quota)
    run = _run.Run(carrier, Source(events), settle, StopRules(max_failures), places, sleep=sleep)
    await _calls.work(run, max_in_flight)
    return run, run.tally.report()


async def turns(count=50):
    """Let everything else that can run do so."""
    for _ in range(count):
        await checkpoint()


class VirtualTime:
    """Time that passes when all sleep: the earliest sleeper moves the clock once nothing has moved for some turns.

    It starts at a whole second near the real clock, with which deadlines are reckoned.
    """

    def __init__(self):
        self.began = self.now = float(math.ceil(time.monotonic()))
        self._wakes = []

    @property
    def elapsed(self):
        return self.now - self.began

    def clock(self):
        return self.now

    async def sleep(self, seconds):
        wake = self.now + seconds
        self._wakes.append(wake)
        try:
            while self.now < wake:
                seen = self.now
                await turns(30)
                if self.now == seen and wake == min(self._wakes):
                    self.now = wake
        finally:
            self._wakes.remove(wake)
        await checkpoint()

    def quota(self, rate_limit=None):
        return Quota(rate_limit, clock=self.clock, sleep=self.sleep)


def both_quotas(time, limit=None, run_limit=None):
    """The keywords of `run_many` that put the sender's quota and the run's on this time."""
    return {"rate_limit": time.quota(run_limit), "sender_options": {"rate_limit": time.quota(limit)}}


async def soon(seconds, call):
    """Await `call()`, and fail where it takes longer than these real seconds."""
    with anyio.fail_after(seconds):
        return await call()


async def read(outcomes, seen):
    """Read a stream to its end, noting the indexes, which outlive an error of the iteration."""
    note = seen.append
    async for outcome in outcomes:
        note(outcome.index)
