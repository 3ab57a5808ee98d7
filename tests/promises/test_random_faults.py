"""Whatever faults come in whatever order: what is said of an event is what the server knows, and the next one goes."""

from __future__ import annotations

import contextlib
import threading
from collections import Counter, deque

import anyio
import attrs
import pytest
from carriers import DIRECT, HTTPX, OWN, OWN_ON_TRIO, carried_by, until
from examples import examples
from fakes import Listener, at_once
from fault_server import OK, PATIENCE
from hypothesis import given
from hypothesis import strategies as st

from sendpulse_async import (
    AuthorizedEventSender,
    ClientCredentials,
    OutcomeStatus,
    RawEventSender,
    RetryPolicy,
    SendPulseError,
    send_many,
)
from sendpulse_async.sandbox import Fault, Sandbox

from .matrix import CASES, Bulk
from .scenes import PATH, QUICK, assert_honest, event, number_of

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(300)]

KINDS = {str(case): case for case in CASES if not (case.is_slow or case.is_warm or case.port or case.needs_tls)}
LASTING = {Bulk.STOPS, Bulk.STREAK}
ON_REQUEST = [name for name, case in KINDS.items() if case.on_request and case.bulk not in LASTING]
ON_CONNECTION = [name for name, case in KINDS.items() if case.on_connection and not case.receive_buffer]
OURS_ALONE = {name for name, case in KINDS.items() if case.is_own}
SAFE = [name for name in ON_REQUEST if KINDS[name].row in {0, 5}]

requests = st.lists(st.none() | st.sampled_from(ON_REQUEST), max_size=20)
connections = st.lists(st.none() | st.none() | st.sampled_from(ON_CONNECTION), max_size=6)


@attrs.frozen
class Way:
    """How events are sent: one run, or single calls, some of which are cancelled soon."""

    count: int
    max_in_flight: int
    at_least_once: bool
    patience: tuple[float, ...]


ways = st.builds(
    Way,
    count=st.integers(1, 12),
    max_in_flight=st.integers(1, 6),
    at_least_once=st.booleans(),
    patience=st.just(()) | st.lists(st.sampled_from([0.001, 0.003, 0.01, 9.0]), min_size=1, max_size=4).map(tuple),
)


class Script:
    """A server that plays one fault for each connection and each request, in the order in which they come."""

    def __init__(self, start, on_connection, on_request):
        self._lock = threading.Lock()
        self._connections, self._requests = deque(on_connection), deque(on_request)
        self.server = start([self._play])

    def _next(self, queue):
        with self._lock:
            name = queue.popleft() if queue else None
        return None if name is None else KINDS[name]

    def _play(self, link):
        if (case := self._next(self._connections)) is not None:
            for step in case.on_connection:
                step(link)
            return
        while True:
            link.take_request()
            case = self._next(self._requests)
            for step in case.on_request if case else [lambda link: link.send(OK)]:
                step(link)

    def heal(self):
        with self._lock:
            self._connections.clear()
            self._requests.clear()

    def ledger(self):
        with self.server.changed:
            return Counter(map(number_of, self.server.ledger))


async def send_all(sender, way, listener):
    """Send the events of a way; cancel the single calls that are out of patience."""
    if not way.patience:
        events = (event(number) for number in range(way.count))
        report = await send_many(sender, events, max_in_flight=way.max_in_flight)
        assert report.total == len(listener.outcomes)
        return

    async def one(number):
        with anyio.move_on_after(way.patience[number % len(way.patience)]), contextlib.suppress(SendPulseError):
            await sender.send_event(event(number))

    await at_once(*[lambda number=n: one(number) for n in range(way.count)])
    assert len(listener.outcomes) == way.count


async def probe(sender):
    with anyio.fail_after(PATIENCE):
        receipts = await at_once(*[lambda number=n: sender.send_event(event(number)) for n in range(1000, 1006)])
    assert all(receipt.confirmed for receipt in receipts), receipts


async def play(script, carrier, way):
    """Send the events of a way against a script; check what was told, and probe; return the outcomes."""
    url = f"http://127.0.0.1:{script.server.port}{PATH}"
    policy = RetryPolicy(repeat_unknown=way.at_least_once, **QUICK)
    listener = Listener()
    async with (
        carrier.open(max_connections=4) as transport,
        RawEventSender(url, transport=transport, retry=policy, on_outcome=listener) as sender,
    ):
        await send_all(sender, way, listener)
        outcomes = list(listener.outcomes)
        script.heal()
        await probe(sender)
    assert sorted(outcome.event["n"] for outcome in outcomes) == list(range(len(outcomes)))
    assert_honest(script, listener.outcomes, times=policy.max_attempts if way.at_least_once else 1)
    await until(script.server, lambda server: server.closed == server.accepted)
    return outcomes


@examples(80)
@given(on_connection=connections, on_request=requests, way=ways)
@carried_by(OWN, OWN_ON_TRIO, DIRECT, HTTPX)
async def test_no_script_of_faults_makes_an_outcome_a_lie(carrier, serve, on_connection, on_request, way):
    """At most once, honest, conserved; afterwards every event of a crowd is accepted, and no connection is left."""
    if not carrier.is_own:
        on_request = [name for name in on_request if name not in OURS_ALONE]

    await play(Script(serve, on_connection, on_request), carrier, way)


@examples(60)
@given(
    on_request=st.lists(st.none() | st.sampled_from(SAFE), max_size=30), way=ways.filter(lambda way: not way.patience)
)
@carried_by(OWN, OWN_ON_TRIO, DIRECT)
async def test_safe_faults_leave_no_doubt(carrier, serve, on_request, way):
    """Where every fault is of the safe kind nothing is UNKNOWN, and nothing is refused for good."""
    outcomes = await play(Script(serve, [], on_request), carrier, way)

    statuses = {outcome.status for outcome in outcomes}
    assert statuses <= {OutcomeStatus.ACCEPTED, OutcomeStatus.NOT_SENT}


# By name: the account's own faults, too

EFFECTS = [
    {"status": 429},
    {"status": 429, "retry_after": 0.005},
    {"status": 200, "body": {"error_code": 2020202020}},
    {"status": 503, "retry_after": 0},
    {"status": 401},
    {"status": 500},
    {"status": 502},
    {"status": 200, "body": {"result": False}},
    {"status": 422},
    {"drop": "reset"},
    {"drop": "close"},
    {"drop": "cut"},
    {"delay": 0.005},
]
faults = st.builds(
    lambda effect, door, times: Fault(**effect, door=door, times=times),
    st.sampled_from(EFFECTS),
    st.sampled_from(["name", "name", "token"]),
    st.integers(1, 3),
)


@examples(60)
@given(script=st.lists(faults, max_size=8), way=ways, revoke_at=st.none() | st.integers(0, 8))
@carried_by(OWN, OWN_ON_TRIO, DIRECT)
async def test_no_fault_of_an_account_makes_an_outcome_a_lie(carrier, script, way, revoke_at):
    """The same by name, with tokens that fail, are refused, and are revoked on the way."""
    with Sandbox() as sandbox:
        for fault in script:
            sandbox.add_fault(fault)
        listener = RevokingListener(sandbox, revoke_at)
        auth = ClientCredentials(sandbox.client_id, sandbox.client_secret)
        policy = RetryPolicy(repeat_unknown=way.at_least_once, **QUICK)
        async with (
            carrier.open(max_connections=4) as transport,
            AuthorizedEventSender(
                auth,
                base_url=sandbox.origin,
                event_name="order",
                transport=transport,
                retry=policy,
                on_outcome=listener,
            ) as sender,
        ):
            await send_all(sender, way, listener)
            outcomes = list(listener.outcomes)
            sandbox.clear_faults()
            sender._tokens._endpoint._closed_until = 0.0  # refused credentials would rest for a minute
            await probe(sender)

    listener.ledger = lambda: Counter(entry.payload["n"] for entry in sandbox.events)
    assert sorted(outcome.event["n"] for outcome in outcomes) == list(range(len(outcomes)))
    assert_honest(listener, listener.outcomes, times=2 * policy.max_attempts if way.at_least_once else 1)


class RevokingListener(Listener):
    """An `on_outcome` that revokes all tokens after so many outcomes."""

    def __init__(self, sandbox, at):
        super().__init__()
        self._sandbox = sandbox
        self._at = at

    def __call__(self, outcome):
        super().__call__(outcome)
        if len(self.outcomes) == self._at:
            self._sandbox.revoke_tokens()
