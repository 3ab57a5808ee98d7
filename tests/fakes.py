"""Event loops whose time passes when all wait, and a network that follows a script."""

from __future__ import annotations

import asyncio
import functools
import json
import math
import selectors
import time as real_time
from types import SimpleNamespace

import anyio
import attrs
from anyio.lowlevel import checkpoint
from trio.testing import MockClock

from sendpulse_async import Quota, Response, TransportError
from sendpulse_async._auth import TokenEndpoint, TokenManager
from sendpulse_async._http import FailureKind, Progress, Request, Target
from sendpulse_async._retrying import RetryingSender
from sendpulse_async._senders import _sender

# Time


class _Selector(selectors.DefaultSelector):
    """Skips the time in which nothing would happen."""

    skipped = 0.0

    def select(self, timeout=None):
        if timeout is None and not (ready := super().select(5)):
            raise RuntimeError("everything waits for ever")
        if timeout is not None and not (ready := super().select(0)):
            self.skipped += max(timeout, 0.0)
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """asyncio without waiting: when all tasks sleep, the clock jumps to the first that wakes."""

    def __init__(self):
        self._selector_of_time = _Selector()
        super().__init__(self._selector_of_time)

    def time(self):
        return 1000.0 + self._selector_of_time.skipped


def backend(name):
    """Return an `anyio_backend` of virtual time; trio's jumping clock serves one run alone."""
    if name == "asyncio":
        return name, {"loop_factory": VirtualLoop}
    return name, {"clock": MockClock(autojump_threshold=0)}


now = anyio.current_time


class WallClock:
    """Unix time that runs with the event loop's and can be set."""

    def __init__(self):
        self.ahead = 1_700_000_000.0

    def __call__(self):
        return now() + self.ahead


def set_defaults(monkeypatch, kind, **defaults):
    """Let objects that are made from now on have these arguments where they are given none."""
    make = kind.__init__

    @functools.wraps(make)
    def make_with_defaults(self, *arguments, **options):
        make(self, *arguments, **defaults | options)

    monkeypatch.setattr(kind, "__init__", make_with_defaults)


def put_on_virtual_time(monkeypatch):
    """Let the clocks that senders take by default be the event loop's."""
    monkeypatch.setattr(_sender, "time", SimpleNamespace(monotonic=now, time=real_time.time))
    for kind in (Quota, RetryingSender, TokenEndpoint, TokenManager):
        set_defaults(monkeypatch, kind, clock=now)


async def turns(count=50):
    """Let everything else that can run do so; no time passes."""
    for _ in range(count):
        await checkpoint()


async def at_once(*calls):
    """Run calls together and return what each returned or raised."""
    results = [None] * len(calls)

    async def run(index, call):
        try:
            results[index] = await call()
        except Exception as error:  # noqa: BLE001 - it is what the test asked for
            results[index] = error

    async with anyio.create_task_group() as group:
        for index, call in enumerate(calls):
            group.start_soon(run, index, call)
    return results


# Requests and answers

HERE = Target("http", "127.0.0.1", 9, "/events/id/x/1")


def request_for(target=HERE, *, deadline=math.inf, place_at=None):
    return Request(target, (), b"{}", deadline, progress=Progress(place_at=place_at))


def answer(status=200, content=None, *, retry_after=None, body=None, is_complete=True):
    """An answer with a JSON body (by default that the event was taken), or with these bytes."""
    raw = json.dumps({"result": True} if content is None else content).encode() if body is None else body
    headers = () if retry_after is None else ((b"Retry-After", str(retry_after).encode()),)
    return Response(status, headers, raw, is_complete)


TAKEN = answer()
OVER_QUOTA = answer(429, {"message": "Too many requests"})
NO_CONNECTION = TransportError(FailureKind.CONNECT, "connection refused")
BAD_CERTIFICATE = TransportError(FailureKind.CERTIFICATE, "the certificate has expired")
LOST = TransportError(FailureKind.EXCHANGE, "the connection was closed")


@attrs.frozen
class Step:
    """One exchange where the plain answer or failure does not say it all.

    Attributes:
        end: The answer or the failure; None: silence for ever.
        is_handed_over: Whether the last byte of the request leaves.
        head: An answer's head that comes before the silence.
        seconds: How long it takes.
        after: An event that is waited for.
    """

    end: Response | TransportError | None = None
    is_handed_over: bool = True
    head: Response | None = None
    seconds: float = 0.0
    after: anyio.Event | None = None


CUT_EARLY = Step(LOST, is_handed_over=False)
SILENCE = Step()
SILENCE_BEFORE = Step(is_handed_over=False)


def silence_after(status):
    """An answer whose head came, and then nothing."""
    return Step(head=Response(status, is_body_complete=False))


class ScriptedTransport:
    """Plays a step for each request: an answer, a failure to raise, or a `Step`.

    Attributes:
        script: The steps in order, the last for all that follow; or a function of the request.
        requests: What was sent.
        times: When each was begun.
        running: Requests under way.
        closed: How often it was closed.
    """

    def __init__(self, *steps):
        self.script = steps[0] if len(steps) == 1 and callable(steps[0]) else list(steps)
        self.requests = []
        self.times = []
        self.running = 0
        self.closed = 0

    async def send(self, request):
        self.requests.append(request)
        self.times.append(now())
        self.running += 1
        try:
            return await self._play(self._next(request), request.progress)
        finally:
            self.running -= 1

    async def aclose(self):
        self.closed += 1

    def _next(self, request):
        if callable(self.script):
            step = self.script(request)
        else:
            step = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        return step if isinstance(step, Step) else Step(step)

    async def _play(self, step, progress):
        await checkpoint()
        failed_before = isinstance(step.end, TransportError) and step.end.kind is not FailureKind.EXCHANGE
        progress.is_handed_over = step.is_handed_over and not failed_before
        if step.after is not None:
            await step.after.wait()
        await anyio.sleep(step.seconds)
        if isinstance(step.end, TransportError):
            raise TransportError(step.end.kind, step.end.reason)
        progress.head = step.head
        if step.end is None:
            await anyio.sleep_forever()
        progress.head = Response(step.end.status_code, step.end.headers, is_body_complete=False)
        await checkpoint()
        return step.end


# A hook


class Listener:
    """An `on_outcome` that remembers."""

    def __init__(self):
        self.outcomes = []

    def __call__(self, outcome):
        self.outcomes.append(outcome)

    @property
    def statuses(self):
        return [outcome.status.value for outcome in self.outcomes]


class AsyncListener(Listener):
    """The same, as a coroutine function would be, which takes some turns of the event loop."""

    patience = 3

    async def __call__(self, outcome):
        await turns(self.patience)
        self.outcomes.append(outcome)
