"""A server whose fault is turned on and off, the senders that meet it, and what must be true of them afterwards."""

from __future__ import annotations

import contextlib
import json
import math
import threading
from collections import Counter

from canaries import assert_silent, texts_of_error
from fault_server import OK

from sendpulse_async import OutcomeStatus, RawEventSender, RetryPolicy

PATH = "/events/id/eb561baa181247d1cd378c4ead632877/7043663"
HOSTS = {"127.0.0.1", "localhost"}
QUICK = {"base_delay": 0.01, "max_delay": 0.05}


def event(number, size=0):
    """The event with this number."""
    return {"email": "someone@example.com", "phone": "+123456789", "n": number, "text": "x" * size}


def number_of(seen):
    return json.loads(seen.body)["n"]


class Fault:
    """Turns a fault on for some connections or requests, or until it is turned off."""

    def __init__(self):
        self._lock = threading.Lock()
        self._left = 0.0

    def strike(self, times=math.inf):
        self._left = times

    def heal(self):
        self._left = 0.0

    def strikes(self):
        """Whether it is on, this time."""
        with self._lock:
            is_on = self._left > 0
            self._left -= is_on
        return is_on


class Scene:
    """One case on its stage: a server in good health until its fault is turned on."""

    def __init__(self, case, start, certificates, *, is_tls=False):
        self.case = case
        self.fault = Fault()
        self._certificates = certificates
        self._is_tls = is_tls or case.needs_tls
        self.server = start([self._play], receive_buffer=case.receive_buffer, is_open=not case.port)
        self.server.scheme = "https" if self._is_tls else "http"
        self.is_closed = bool(case.port)
        if case.port == "blackhole":
            self.server.listen_without_accepting()

    @property
    def url(self):
        host = "localhost" if self.case.port == "no name" else "127.0.0.1"
        return f"{self.server.scheme}://{host}:{self.server.port}{PATH}"

    def _play(self, link):
        case = self.case
        if self._is_tls and not self._is_secured(link):
            return None
        if case.on_connection and case.is_warm:
            link.take_request()
            link.send(OK)
            link.pump(1)  # the first byte of the next request
        if case.on_connection and self.fault.strikes():
            return self._run(case.on_connection, link)
        while True:
            link.take_request()
            if case.on_request and self.fault.strikes():
                self._run(case.on_request, link)
            else:
                link.send(OK)

    def _is_secured(self, link):
        case = self.case
        is_struck = case.needs_tls and self.fault.strikes()
        if is_struck and case.before_handshake:
            self._run(case.before_handshake, link)
            return False
        link.handshake(self._certificates[case.certificate if is_struck else ""])
        return True

    def _run(self, steps, link):
        for step in steps:
            step(link)

    # The sender's side

    @contextlib.asynccontextmanager
    async def sender(self, carrier, trust, *, max_connections=None, **options):
        """A sender that meets the fault, over one carrier; its outcomes are told to `on_outcome`."""
        options = {"retry": RetryPolicy(**QUICK), "rate_limit": None, "deadline": self.case.deadline, **options}
        patience = self.case.patience
        timeouts = {"connect_timeout": patience, "read_timeout": patience}
        async with (
            carrier.open(trust, max_connections=max_connections, **timeouts) as transport,
            RawEventSender(self.url, transport=Attempts(transport, self), allowed_hosts=HOSTS, **options) as sender,
        ):
            yield sender

    def before_attempt(self):
        """A port that is closed opens just before the attempt that is to find it open."""
        if self.is_closed and not self.fault.strikes():
            self.is_closed = False
            self.server.open()

    def ledger(self):
        """How often the server took each event."""
        with self.server.changed:
            return Counter(map(number_of, self.server.ledger))

    def refused(self):
        with self.server.changed:
            return Counter(map(number_of, self.server.refused))


class Attempts:
    """A transport that tells the scene of each attempt."""

    def __init__(self, inner, scene):
        self._inner = inner
        self._scene = scene

    async def send(self, request):
        self._scene.before_attempt()
        return await self._inner.send(request)

    async def aclose(self):
        await self._inner.aclose()


def assert_honest(scene, outcomes, *, times=1):
    """Assert the invariants of the delivery promises: what was said of each event is what the server knows of it,
    and it says nothing of the event itself.

    Args:
        scene: Whose server knows.
        outcomes: What was said, one outcome for each event.
        times: How often an event may be taken at most.
    """
    ledger = scene.ledger()
    for outcome in outcomes:
        assert_silent(repr(outcome), *(texts_of_error(outcome.error) if outcome.error else [repr(outcome.receipt)]))
        taken = ledger[outcome.event["n"]]
        assert taken <= times, "an event was taken more often than it may"
        match outcome.status:
            case OutcomeStatus.ACCEPTED:
                assert taken >= 1 or not outcome.receipt.confirmed, "accepted, but nobody took it"
            case OutcomeStatus.NOT_SENT | OutcomeStatus.REJECTED:
                assert taken == 0, f"{outcome.status.value}, but somebody took it"
