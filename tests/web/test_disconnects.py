"""Customers who go away in the middle do no harm: each order has one outcome, and the shop goes on."""

from __future__ import annotations

import asyncio
import logging
import random
from collections import Counter
from contextlib import asynccontextmanager, suppress

import pytest
from aiohttp import web
from fastapi import FastAPI
from starlette.middleware.base import BaseHTTPMiddleware

from sendpulse_async import OutcomeStatus, RawEventSender, SendPulseError
from sendpulse_async.integrations import aiohttp as for_aiohttp
from sendpulse_async.integrations import fastapi as for_fastapi
from sendpulse_async.sandbox import Fault

from .stage import PATIENCE, Customer, checkout, connections_to, serving, until, visit

ORDERS = 500
AT_ONCE = 50
CUT = 2
"""Every second customer goes away."""

pytestmark = pytest.mark.asyncio


class CancelWhenGone:
    """A middleware, as many have one, that ends a handler whose customer has gone away."""

    def __init__(self, app):
        self._app = app

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        messages = asyncio.Queue()

        async def listen():
            while True:
                message = await receive()
                await messages.put(message)
                if message["type"] == "http.disconnect":
                    handler.cancel()
                    return

        handler = asyncio.create_task(self._app(scope, messages.get, send))
        listener = asyncio.create_task(listen())
        try:
            with suppress(asyncio.CancelledError):
                await handler
        finally:
            listener.cancel()
        return None


async def pass_on(request, call_next):
    return await call_next(request)


class Shop:
    """A shop, and what came of its orders.

    Attributes:
        begun: By the number of an order: set when its checkout has begun.
        ended: The orders whose checkout came to its end.
        outcomes: What `on_outcome` of the sender was told.
    """

    def __init__(self, way, sandbox):
        self._way = way
        self._url = sandbox.event_url
        self.begun = {number: asyncio.Event() for number in range(ORDERS + 20)}
        self.ended = set()
        self.outcomes = []

    @property
    def cancels(self):
        """Whether a handler ends in the middle when its customer goes away."""
        return self._way.endswith("cancels")

    @property
    def orders(self):
        return {number for number, event in self.begun.items() if event.is_set()}

    @asynccontextmanager
    async def _connect(self):
        async with RawEventSender(self._url, deadline=20, on_outcome=self.outcomes.append) as sender:
            yield sender

    async def _sell(self, number, give):
        self.begun[number].set()
        with suppress(SendPulseError):
            await give({"email": "someone@example.com", "order": number})
        self.ended.add(number)
        return {"ordered": number}

    def serving(self, **options):
        if self._way.startswith("aiohttp"):
            app = web.Application()
            app.cleanup_ctx.append(for_aiohttp.SendPulse(self._connect, **options))
            app.router.add_post("/checkout/{number}", self._aiohttp)
            app.router.add_get("/stats", self._aiohttp_stats)
            return serving(app, handler_cancellation=self.cancels)
        app = FastAPI(lifespan=for_fastapi.SendPulse(self._connect, **options))
        app.post("/checkout/{number}")(self._put if options else self._send)
        app.get("/stats")(self._stats)
        if self.cancels:
            app.add_middleware(BaseHTTPMiddleware, dispatch=pass_on)
            app.add_middleware(CancelWhenGone)
            app.add_middleware(BaseHTTPMiddleware, dispatch=pass_on)
        return serving(app)

    async def _send(self, number: int, sender: for_fastapi.SenderDep):
        return await self._sell(number, sender.send_event)

    async def _put(self, number: int, outbox: for_fastapi.OutboxDep):
        return await self._sell(number, outbox.put)

    async def _stats(self, outbox: for_fastapi.OutboxDep):
        return _told(await outbox.stats())

    async def _aiohttp(self, request):
        has_outbox = for_aiohttp.OUTBOX in request.app
        give = for_aiohttp.get_outbox(request).put if has_outbox else for_aiohttp.get_sender(request).send_event
        return web.json_response(await self._sell(int(request.match_info["number"]), give))

    async def _aiohttp_stats(self, request):
        return web.json_response(_told(await for_aiohttp.get_outbox(request).stats()))


def _told(stats):
    return {"put": stats.put, "accepted": stats.accepted, "pending": stats.pending, "dead": stats.dead}


async def rush(shop, port):
    """Let many customers come, and half of them go away somewhere in the middle; return the answers of the others."""
    places = asyncio.Semaphore(AT_ONCE)
    chance = random.Random(7)

    async def come(number, seconds):
        async with places, Customer(port) as customer:
            customer.ask(checkout(number))
            if number % CUT:
                return number, await customer.answer()
            if number % 5:  # the others go before anybody looked at them
                await asyncio.wait_for(shop.begun[number].wait(), PATIENCE)
                await asyncio.sleep(seconds)
            customer.go_away(rudely=number % 3 == 0)
            return None

    answers = await asyncio.gather(*(come(number, chance.uniform(0, 0.06)) for number in range(ORDERS)))
    return dict(answer for answer in answers if answer is not None)


WAYS = [
    "uvicorn",
    "uvicorn, and a middleware that cancels",
    "aiohttp",
    "aiohttp, which cancels",
]


@pytest.fixture
def no_error_is_logged(caplog):
    yield
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.usefixtures("no_error_is_logged")
async def test_each_order_that_is_sent_has_one_outcome(way, sandbox):
    """Of 500 customers 250 go away: `on_outcome` hears of each order once, and says what the sandbox saw of it."""
    sandbox.add_fault(Fault(delay=0.03, times=None))
    shop = Shop(way, sandbox)

    async with shop.serving() as server:
        answers = await rush(shop, server.port)
        await until(lambda: server.is_idle and len(shop.outcomes) >= len(shop.orders), "all orders end")
        later = [await visit(server.port, checkout(ORDERS + number)) for number in range(20)]

    taken = Counter(entry.payload["order"] for entry in sandbox.events)
    told = {outcome.event["order"]: outcome.status for outcome in shop.outcomes}
    assert answers == {number: (200, {"ordered": number}) for number in range(1, ORDERS, CUT)}
    assert later == [(200, {"ordered": ORDERS + number}) for number in range(20)]
    assert len(shop.outcomes) == len(told)
    assert told.keys() == shop.orders
    assert set(taken.values()) == {1}
    assert {number for number, status in told.items() if status is OutcomeStatus.ACCEPTED} <= taken.keys()
    assert not {number for number, status in told.items() if status is OutcomeStatus.NOT_SENT} & taken.keys()
    assert all(told[number] is OutcomeStatus.ACCEPTED for number in shop.ended)
    assert (shop.ended == shop.orders) is not shop.cancels
    await until(lambda: not connections_to(sandbox), "no connection is left")


@pytest.mark.parametrize("way", [way for way in WAYS if way != "aiohttp"])
@pytest.mark.usefixtures("no_error_is_logged")
async def test_each_order_that_is_put_is_sent_once(way, sandbox, tmp_path):
    """Of 500 customers 250 go away: what was put arrives once, and nothing else but what was being put just then."""
    shop = Shop(way, sandbox)

    async with shop.serving(outbox=tmp_path / "outbox") as server:
        answers = await rush(shop, server.port)
        await until(lambda: server.is_idle, "all orders end")
        later = await visit(server.port, checkout(ORDERS))
        async with asyncio.timeout(PATIENCE):
            while (stats := (await visit(server.port, "/stats", method="GET"))[1])["pending"]:
                await asyncio.sleep(0.05)

    taken = Counter(entry.payload["order"] for entry in sandbox.events)
    assert answers == {number: (200, {"ordered": number}) for number in range(1, ORDERS, CUT)}
    assert later == (200, {"ordered": ORDERS})
    assert set(taken.values()) == {1}
    assert shop.ended <= taken.keys() <= shop.orders
    assert stats == {"put": len(taken), "accepted": len(taken), "pending": 0, "dead": 0}
    await until(lambda: not connections_to(sandbox), "no connection is left")
