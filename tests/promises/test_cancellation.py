"""Cancelled at every point, once and twice: each event is told once, honestly, and what is shared still serves."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import math
from collections import Counter

import anyio
import pytest
from carriers import DIRECT, HTTPX, ON_UVLOOP, OWN, OWN_ON_TRIO, carried_by, until
from fakes import Listener, at_once, turns
from fault_server import OK_BODY, PATIENCE, answer, refuse, send
from suspensions import cancelled_at

from sendpulse_async import (
    AuthorizedEventSender,
    ClientCredentials,
    FileTokenStore,
    NotSentError,
    Quota,
    RateLimit,
    RetryPolicy,
    SendPulseError,
    send_many,
    stream_many,
)
from sendpulse_async.sandbox import Fault, Sandbox

from .matrix import CLOSE, Bulk, Case, json_answer, retry_after
from .scenes import QUICK, assert_honest, event

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(300)]

CONNECTIONS = 2
PROBES = 2 * CONNECTIONS
ALL_OUT = 40
"""Each of so many points is a case; from there on fewer and fewer are."""


class World:
    """A sender, what was given to it, and what it told.

    Attributes:
        sender: Serves all the time, whatever is cancelled.
        listener: Its `on_outcome`.
        ledger: Returns how often each event was taken.
        begun: The numbers of the events that were given.
    """

    def __init__(self, sender, listener, ledger):
        self.sender = sender
        self.listener = listener
        self.ledger = ledger
        self.begun = []
        self._numbers = itertools.count()

    def take(self):
        number = next(self._numbers)
        self.begun.append(number)
        return event(number)

    def inputs(self, count):
        """An input that notes what was pulled."""
        for _ in range(count):
            yield self.take()

    async def send(self):
        try:
            return await self.sender.send_event(self.take())
        except SendPulseError as error:
            return error

    async def probe(self):
        """All that is shared serves: more events than there are connections, at once."""
        with anyio.fail_after(PATIENCE):
            receipts = await at_once(*[self.send] * PROBES)
        assert all(receipt.confirmed for receipt in receipts), receipts

    def check(self):
        """Each event that was given has one outcome, and the ledger agrees."""
        told = Counter(outcome.event["n"] for outcome in self.listener.outcomes)
        assert told == Counter(self.begun)
        assert_honest(self, self.listener.outcomes)


# Where cancellation strikes: each yields a world, what to do before each round, and the work that is cancelled


def raw(*steps, strikes=0, tls=False, limit=None, hook=Listener, connections=CONNECTIONS):
    """Events to a URL, which meet a fault so many times in each round; `inf`: the probes meet it too."""

    @contextlib.asynccontextmanager
    async def make(carrier, stage, authority):
        case = Case(0, "cancelled", (), None, Bulk.GOES_ON, on_request=steps)
        scene, listener = stage(case, is_tls=tls), hook()
        quota = Quota(limit)
        options = {"rate_limit": quota, "on_outcome": listener, "retry": RetryPolicy(**QUICK, budget_reserve=10**6)}
        async with scene.sender(carrier, authority.trust, max_connections=connections, **options) as sender:
            world = World(sender, listener, scene.ledger)
            heal = scene.fault.heal if strikes < math.inf else leave
            yield world, lambda: scene.fault.strike(strikes), heal

    return make


def leave():
    pass


def named(*faults, prepare=lambda sandbox, sender: None, store=None):
    """Events by name, which need a token."""

    @contextlib.asynccontextmanager
    async def make(carrier, tmp_path):
        listener = Listener()
        with Sandbox() as sandbox:
            auth = ClientCredentials(sandbox.client_id, sandbox.client_secret)
            async with (
                carrier.open(max_connections=CONNECTIONS) as transport,
                AuthorizedEventSender(
                    auth,
                    base_url=sandbox.origin,
                    event_name="order",
                    transport=transport,
                    token_store=store and store(tmp_path / "tokens"),
                    retry=RetryPolicy(**QUICK, budget_reserve=10**6),
                    on_outcome=listener,
                ) as sender,
            ):

                def ready():
                    sandbox.clear_faults()
                    prepare(sandbox, sender)
                    for fault in faults:
                        sandbox.add_fault(fault)

                yield World(sender, listener, lambda: taken_by(sandbox)), ready, sandbox.clear_faults

    return make


def taken_by(sandbox):
    return Counter(entry.payload["n"] for entry in sandbox.events)


def without_token(sandbox, sender):
    sender._tokens._lease = None


def revoked(sandbox, sender):
    sandbox.revoke_tokens()


def half_expired(sandbox, sender):
    if (lease := sender._tokens._lease) is not None:
        sender._tokens._lease = type(lease)(lease.token, refresh_at=0.0)


class SlowListener(Listener):
    """An `on_outcome` that takes some turns of the event loop."""

    async def __call__(self, outcome):
        await turns(3)
        self.outcomes.append(outcome)


async def one(world):
    await world.send()


async def three(world):
    await at_once(*[world.send] * 3)


async def many(world):
    await send_many(world.sender, world.inputs(5), max_in_flight=3)


async def streamed(world):
    async with stream_many(world.sender, world.inputs(5), max_in_flight=3) as outcomes:
        async for _ in outcomes:
            pass


PASSING = (refuse, send(retry_after(b"0", 503)))
OVER_QUOTA = (refuse, send(json_answer({}, 429)))

RAW = {
    "a connection that stands": (raw(), one),
    "a new connection": (raw(send(answer(OK_BODY, CLOSE)), strikes=math.inf), one),
    "a new connection with TLS": (raw(send(answer(OK_BODY, CLOSE)), strikes=math.inf, tls=True), one),
    "repeats": (raw(*PASSING, strikes=2), one),
    "a pause": (raw(*OVER_QUOTA, strikes=1), one),
    "a rate limit": (raw(limit=RateLimit(per_second=400)), three),
    "a queue for the pool": (raw(connections=1), three),
    "a slow hook": (raw(hook=SlowListener), one),
    "send_many": (raw(), many),
    "send_many with repeats": (raw(*PASSING, strikes=3), many),
    "send_many with pauses": (raw(*OVER_QUOTA, strikes=2), many),
    "send_many with a rate limit": (raw(limit=RateLimit(per_second=1000)), many),
    "stream_many": (raw(), streamed),
}
NAMED = {
    "a first token": (named(prepare=without_token), one),
    "a refused token": (named(prepare=revoked), one),
    "a token endpoint that fails": (named(Fault(door="token", status=500, times=2), prepare=without_token), one),
    "an early refresh": (named(prepare=half_expired), one),
    "a token file": (named(prepare=without_token, store=FileTokenStore), one),
    "send_many by name": (named(prepare=revoked), many),
}


async def strike_everywhere(world, ready, heal, work, *, by, again):
    """Cancel `work` at its first, second, … point until it gets through; check and probe each time."""
    point, is_struck = 0, True
    while is_struck:
        point += 1 + point // ALL_OUT
        ready()
        is_struck = await cancelled_at([point, *(point + later for later in again)], lambda: work(world), by=by)
        heal()
        await world.probe()
        world.check()
    return point


WAYS = {
    "once": {"by": "task", "again": ()},
    "twice": {"by": "task", "again": (1,)},
    "twice-later": {"by": "task", "again": (3,)},
    "by-scope": {"by": "scope", "again": ()},
}
# Trio has scopes alone; what uvloop suspends at is asyncio's.
EACH_WAY = [
    *((OWN, way) for way in WAYS),
    (OWN_ON_TRIO, "by-scope"),
    *((DIRECT, way) for way in ("once", "twice", "by-scope")),
    *((carrier, "once") for carrier in ON_UVLOOP),
]
each_way = pytest.mark.parametrize(("carrier", "way"), EACH_WAY, ids=str, indirect=["carrier"])


@each_way
@pytest.mark.parametrize("where", RAW)
async def test_an_event_to_a_url(carrier, where, way, stage, authority, record_property):
    """Whatever a raw sender does, it may be cancelled at any point."""
    make, work = RAW[where]

    async with make(carrier, stage, authority) as (world, ready, heal):
        points = await strike_everywhere(world, ready, heal, work, **WAYS[way])

    record_property("points", points)
    assert points > 1


@each_way
@pytest.mark.parametrize("where", NAMED)
async def test_an_event_by_name(carrier, where, way, tmp_path, record_property):
    """Whatever an authorised sender does, a token request included, it may be cancelled at any point."""
    make, work = NAMED[where]

    async with make(carrier, tmp_path) as (world, ready, heal):
        points = await strike_everywhere(world, ready, heal, work, **WAYS[way])

    record_property("points", points)
    assert points > 1


@pytest.mark.parametrize("where", ["a connection that stands", "a new connection", "repeats", "send_many"])
@carried_by(HTTPX)
async def test_an_event_over_a_client(carrier, where, stage, authority):
    """The same over a client of the caller's."""
    make, work = RAW[where]

    async with make(carrier, stage, authority) as (world, ready, heal):
        assert await strike_everywhere(world, ready, heal, work, **WAYS["once"]) > 1


# Closing


@each_way
async def test_closing_may_be_cancelled(carrier, way, serve):
    """A cancelled `aclose`, with idle connections and a token request under way, leaves nothing open."""
    server = serve()  # takes events, and answers a token request with what is no token
    point, is_struck = 0, True

    while is_struck:
        point += 1
        sender = AuthorizedEventSender(
            ClientCredentials("id", "secret"), base_url=f"http://127.0.0.1:{server.port}", event_name="order"
        )
        before = server.accepted
        async with anyio.create_task_group() as group:
            await open_connections(sender, server)
            group.start_soon(suppressed, sender)
            await turns(4)
            way_of = WAYS[way]
            chosen = [point, *(point + later for later in way_of["again"])]
            is_struck = await cancelled_at(chosen, sender.aclose, by=way_of["by"])
            await sender.aclose()
            group.cancel_scope.cancel()
        with pytest.raises(NotSentError, match="closed"):
            await sender.send_event(event(0))
        await until(server, lambda server, count=server.accepted: server.closed == count)
        assert server.accepted >= before + CONNECTIONS
        assert not refreshes(carrier)


async def open_connections(sender, server):
    """Let the sender's transport have idle connections."""
    request = sender._tokens._endpoint.door.request(sender._tokens._endpoint.credentials)
    await at_once(*[lambda: sender._transport.send(request)] * CONNECTIONS)


async def suppressed(sender):
    with contextlib.suppress(SendPulseError):
        await sender.send_event(event(0))


def refreshes(carrier):
    if carrier is OWN_ON_TRIO:
        return []
    return [task for task in asyncio.all_tasks() if task.get_name().startswith("sendpulse_async")]
