"""How a server ends: requests under way first, then the outbox, which is drained for a while, and the sender last."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager

import pytest
import servers
from aiohttp import web
from fastapi import FastAPI

from sendpulse_async import Outbox, OutcomeStatus, RawEventSender
from sendpulse_async.integrations import aiohttp as for_aiohttp
from sendpulse_async.integrations import fastapi as for_fastapi
from sendpulse_async.sandbox import Fault

from .stage import PATIENCE, Customer, serving, until, visit

pytestmark = pytest.mark.asyncio


@pytest.fixture(params=["fastapi", "aiohttp"])
def make(request, sandbox):
    """Return a function that makes a shop, whose server gives its requests a second when it ends."""
    return Shop(request.param, sandbox)


class Shop:
    """Makes applications of either kind, and keeps what came of their events."""

    def __init__(self, kind, sandbox):
        self.kind = kind
        self.outcomes = []
        self.url = sandbox.event_url

    @asynccontextmanager
    async def _connect(self):
        async with RawEventSender(self.url, on_outcome=self.outcomes.append) as sender:
            yield sender

    def __call__(self, **options):
        if self.kind == "aiohttp":
            app = web.Application()
            app.cleanup_ctx.append(for_aiohttp.SendPulse(self._connect, **options))
            app.router.add_post("/send/{number}", self._aiohttp_send)
            app.router.add_post("/put/{number}", self._aiohttp_put)
            return serving(app, shutdown_timeout=1)
        app = FastAPI(lifespan=for_fastapi.SendPulse(self._connect, **options))
        app.post("/send/{number}")(self._send)
        app.post("/put/{number}")(self._put)
        return serving(app, timeout_graceful_shutdown=1)

    async def _send(self, number: int, sender: for_fastapi.SenderDep):
        return (await sender.send_event(_event(number))).attempts

    async def _put(self, number: int, outbox: for_fastapi.OutboxDep):
        return await outbox.put(_event(number))

    async def _aiohttp_send(self, request):
        receipt = await for_aiohttp.get_sender(request).send_event(_event(request.match_info["number"]))
        return web.json_response(receipt.attempts)

    async def _aiohttp_put(self, request):
        event = _event(request.match_info["number"])
        return web.json_response(await for_aiohttp.get_outbox(request).put(event))


def _event(number):
    return {"email": "someone@example.com", "order": int(number)}


def nowhere():
    """An event's URL where nobody listens."""
    return f"http://127.0.0.1:{servers.free_port()}/events/id/x/1"


def orders(sandbox):
    return [entry.payload["order"] for entry in sandbox.events]


async def test_what_is_pending_is_delivered(make, sandbox, tmp_path, caplog):
    """A server that ends delivers what is in the outbox, through a sender that is open until then, and says so."""
    caplog.set_level(logging.INFO, "sendpulse_async")
    sandbox.add_fault(Fault(delay=0.1, times=None))
    async with make(outbox=tmp_path / "outbox", drain=30) as shop:
        for number in range(5):
            await visit(shop.port, f"/put/{number}")

    assert orders(sandbox) == list(range(5))
    assert "5 delivered, 0 pending, 0 given up" in caplog.text


async def test_what_cannot_be_delivered_waits_for_the_next_start(make, sandbox, tmp_path, caplog):
    """A drain has an end; what is left then is in the file, and goes out when the application starts again."""
    caplog.set_level(logging.INFO, "sendpulse_async")
    well, make.url = make.url, nowhere()
    async with make(outbox=tmp_path / "outbox", drain=0.2) as shop:
        for number in range(3):
            await visit(shop.port, f"/put/{number}")
    assert "0 delivered, 3 pending, 0 given up" in caplog.text
    assert [record.sendpulse_pending for record in caplog.records if "was closed" in record.message] == [3]
    make.url = well

    async with make(outbox=tmp_path / "outbox", drain=30):
        pass

    assert orders(sandbox) == [0, 1, 2]


async def test_a_request_under_way_ends_first(make, sandbox):
    """An event that is on its way when the server begins to end is answered, and so is its customer."""
    sandbox.add_fault(Fault(delay=0.3))
    async with make() as shop, Customer(shop.port) as customer:
        customer.ask("/send/1")
        await until(lambda: sandbox.events, "SendPulse has it")
        await shop.stop()

        assert await customer.answer() == (200, 1)
    assert [outcome.status for outcome in make.outcomes] == [OutcomeStatus.ACCEPTED]


async def test_a_request_that_takes_too_long_has_one_outcome(make, sandbox, caplog):
    """Where the server's patience is over, what was under way has an outcome, told once, and nothing is left."""
    sandbox.add_fault(Fault(drop="hang", times=None))
    async with make() as shop, Customer(shop.port) as one, Customer(shop.port) as other:
        one.ask("/send/1")
        other.ask("/send/2")
        await until(lambda: len(sandbox.events) == 2, "SendPulse has both")
        await shop.stop()
        await until(lambda: len(make.outcomes) == 2, "both have an outcome")

    assert {outcome.event["order"]: outcome.status for outcome in make.outcomes} == dict.fromkeys(
        (1, 2), OutcomeStatus.UNKNOWN
    )
    assert len(make.outcomes) == 2
    assert not [
        record
        for record in caplog.records
        if record.name in ("sendpulse_async", "asyncio") and record.levelno >= logging.WARNING
    ]


async def test_an_event_that_hangs_in_the_drain_is_settled(make, sandbox, tmp_path):
    """The event under way when the drain ends is settled by how far it got; those after it wait in the file."""
    sandbox.add_fault(Fault(drop="hang", times=None))
    async with make(outbox=tmp_path / "outbox", drain=0.2) as shop:
        for number in range(2):
            await visit(shop.port, f"/put/{number}")
        await until(lambda: sandbox.events, "SendPulse has the first")
    sandbox.clear_faults()

    async with make(outbox=tmp_path / "outbox", drain=30):
        pass

    assert orders(sandbox) == [0, 1]
    assert [outcome.status for outcome in make.outcomes] == [OutcomeStatus.UNKNOWN, OutcomeStatus.ACCEPTED]


async def test_an_event_that_waits_for_room_is_not_stored(make, sandbox, tmp_path):
    """Where the server's patience ends a checkout whose event waits for room in the outbox, that event is nowhere."""

    def full(sender):
        return Outbox(tmp_path / "outbox", sender, max_pending=1)

    well, make.url = make.url, nowhere()
    async with make(outbox=full, drain=0.2) as shop, Customer(shop.port) as customer:
        await visit(shop.port, "/put/0")
        customer.ask("/put/1")
        await until(lambda: not shop.is_idle, "the second checkout begins")
        await shop.stop()
    make.url = well

    async with make(outbox=full, drain=30):
        pass

    assert orders(sandbox) == [0]


class Broken:
    """A sender of somebody's own, with a fault in it."""

    async def send_event(self, event):
        raise LookupError("not a fault of SendPulse")


async def test_what_stopped_an_outbox_is_told_at_the_end(caplog):
    """A fault that stopped the worker comes up when the application ends; what was opened is closed all the same."""
    closed = []

    @asynccontextmanager
    async def connect():
        try:
            yield Broken()
        finally:
            closed.append("the sender")

    app, sendpulse = FastAPI(), for_fastapi.SendPulse(connect, outbox=Outbox.in_memory)

    async def run():
        async with sendpulse(app) as state:
            await state["sendpulse"].outbox.put(_event(1))
            await until(lambda: "stopped" in caplog.text, "the worker stops")

    with pytest.raises(LookupError):
        await run()

    assert closed == ["the sender"]
    assert not hasattr(app.state, "sendpulse")


async def test_who_is_cancelled_does_not_drain(sandbox, tmp_path):
    """An application that is cancelled as a whole ends at once, and its event goes out after the next start."""
    urls = iter([nowhere(), sandbox.event_url])
    sendpulse = for_fastapi.SendPulse(lambda: RawEventSender(next(urls)), outbox=tmp_path / "outbox", drain=1000)
    is_put = asyncio.Event()

    async def run():
        async with sendpulse(FastAPI()) as state:
            await state["sendpulse"].outbox.put(_event(1))
            is_put.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(run())
    await is_put.wait()
    task.cancel()
    await asyncio.wait([task], timeout=PATIENCE)
    assert task.cancelled()
    async with sendpulse(FastAPI()):
        pass

    assert orders(sandbox) == [1]


async def test_a_fault_of_somebody_else_does_not_stop_the_drain(sandbox, tmp_path):
    """Where another part of the application fails at its end, what is pending is delivered as long as ever."""
    sandbox.add_fault(Fault(delay=0.2))
    sendpulse = for_fastapi.SendPulse(
        lambda: RawEventSender(sandbox.event_url), outbox=tmp_path / "outbox", drain=PATIENCE
    )

    async def run():
        async with sendpulse(FastAPI()) as state:
            for number in range(3):
                await state["sendpulse"].outbox.put(_event(number))
            raise LookupError

    with pytest.raises(LookupError):
        await run()

    assert orders(sandbox) == [0, 1, 2]
