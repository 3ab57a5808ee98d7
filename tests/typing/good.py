"""Use that type checkers must accept; it is never run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Annotated, Any, assert_type

import aiomcache
from aiohttp import web
from distributed import Client
from fastapi import APIRouter, Depends, FastAPI
from redis.asyncio import Redis
from starlette.applications import Starlette
from starlette.requests import Request
from taskiq import AsyncBroker

from sendpulse_async import (
    ApiKey,
    AuthorizedEventSender,
    BodyFormat,
    ClientCredentials,
    DeadLetter,
    Drained,
    Event,
    EventSender,
    FileTokenStore,
    HttpxTransport,
    Journal,
    LockingTokenStore,
    Outbox,
    OutboxStats,
    Outcome,
    Quota,
    RateLimit,
    RawEventSender,
    Receipt,
    Report,
    RetryPolicy,
    Token,
    TokenStore,
    Transport,
    send_many,
    stream_many,
)
from sendpulse_async.integrations import aiohttp as for_aiohttp
from sendpulse_async.integrations import fastapi as for_fastapi
from sendpulse_async.integrations.arrow import send_batches
from sendpulse_async.integrations.dask import send_parquet, send_parts
from sendpulse_async.integrations.taskiq import DeadLetter as QueueLetter
from sendpulse_async.integrations.taskiq import EventQueue, QueueStats
from sendpulse_async.stores.memcached import MemcachedTokenStore
from sendpulse_async.stores.redis import RedisDeliveryLog, RedisTokenStore
from sendpulse_async.validation import Normalizer, Refused


async def hook(outcome: Outcome) -> None: ...


async def events() -> AsyncIterator[Event | Mapping[str, Any]]:
    yield Event(email="a@example.com")
    yield {"email": "a@example.com", "price": 1.5}


async def share() -> None:
    async with Redis.from_url("redis://…", decode_responses=True) as client:
        shared: LockingTokenStore = RedisTokenStore(client, prefix="mine:")
        assert_type(await shared.load("account"), Token | None)
        assert_type(await shared.try_lock("account", "owner"), bool)
    store: TokenStore = MemcachedTokenStore(aiomcache.Client("localhost", 11211))
    flagged = MemcachedTokenStore(aiomcache.FlagClient[int]("localhost"))
    AuthorizedEventSender(ClientCredentials("id", "secret"), token_store=flagged)
    AuthorizedEventSender(ClientCredentials("id", "secret"), token_store=store)


async def use() -> None:
    transport: Transport = HttpxTransport(max_connections=5)
    store: TokenStore = FileTokenStore("tokens")
    quota = Quota(RateLimit(per_second=10, per_minute=1000))
    raw = RawEventSender("https://…", body_format=BodyFormat.FORM_DATA, transport=transport, rate_limit=quota)
    named = AuthorizedEventSender(
        ClientCredentials("id", "secret"), token_store=store, retry=RetryPolicy.at_least_once(), rate_limit=None
    )
    from_env = AuthorizedEventSender.from_env(event_name="order", deadline=5.0, on_outcome=hook)
    key: EventSender = AuthorizedEventSender(ApiKey("k"), on_outcome=lambda outcome: None)
    assert_type(await raw.send_event({"email": "a@example.com"}), Receipt)
    assert_type(await named.send_event(Event(phone="+1"), event_name="order", deadline=0.8), Receipt)
    assert_type(await send_many(from_env, events(), max_in_flight=8, on_outcome=hook), Report)
    async with Journal("run.journal") as journal:
        assert_type(await send_many(named, events(), journal=journal, resend_unknown=True), Report)
    normalizer = Normalizer(region="UA")
    assert_type(normalizer({"email": "a@example.com"}), Event)
    assert_type(normalizer.each([Event(phone="+1"), {"phone": "+1"}]), Iterator[Event | Refused])
    assert_type(normalizer.each(events()), AsyncIterator[Event | Refused])
    await send_many(named, normalizer.each(events()))
    async with stream_many(key, [{"email": "a@example.com"}]) as outcomes:
        async for outcome in outcomes:
            assert_type(outcome, Outcome)
    memory = Outbox.in_memory(key, max_pending=None, on_outcome=lambda outcome: None)
    assert_type(await memory.put(Event(email="a@example.com")), int)
    async with Outbox("outbox.db", named, max_pending=10, on_outcome=hook) as outbox:
        assert_type(outbox, Outbox)
        assert_type(await outbox.put({"email": "a@example.com"}, event_name="order"), int)
        letters = await outbox.dead_letters(limit=5)
        assert_type(letters, list[DeadLetter])
        await outbox.requeue(letters[0])
        await outbox.requeue(5)
        stats = await outbox.stats()
        assert_type(stats, OutboxStats)
        assert_type(stats.dead, int)
        assert_type(await outbox.aclose(drain=2), Drained)


@asynccontextmanager
async def connect() -> AsyncIterator[tuple[RawEventSender, RedisDeliveryLog]]:
    async with Redis.from_url("redis://…") as redis, RawEventSender.from_env() as sender:
        yield sender, RedisDeliveryLog(redis, name="queue")


@asynccontextmanager
async def connect_without_log() -> AsyncIterator[tuple[AuthorizedEventSender, None]]:
    yield AuthorizedEventSender.from_env(), None


def use_frames(client: Client) -> None:
    limit = RateLimit(per_second=5)
    sending = send_batches([], connect_without_log, row_id="order", to_event=lambda row: Event(email=row["mail"]))
    for _ in sending:
        sending.close()
    list(send_batches([], connect, max_in_flight=8, rate_limit=Quota(limit), resend_unknown=True, max_failures=5))
    list(send_parts(client, [list], connect, retries=0, rate_limit=limit))
    list(send_parquet(client, ["a.parquet"], connect, columns=["email"], rows_per_task=100, max_failures=5))
    list(send_parquet(client, {"a": "a.parquet"}, connect, row_id="order", to_event=dict))


async def use_queue() -> None:
    async with EventQueue("amqp://…", connect, name="orders", retry_delay=5, max_in_flight=8) as queue:
        assert_type(queue, EventQueue)
        broker: AsyncBroker = queue.broker
        assert_type(await queue.put({"email": "a@example.com"}, event_name="order"), str)
        assert_type(await queue.stats(), QueueStats)
        async for letter in queue.dead_letters():
            assert_type(letter, QueueLetter)
        assert_type(await queue.replay(resend_unknown=True, limit=5), int)
    await broker.shutdown()


@asynccontextmanager
async def open_sender() -> AsyncIterator[AuthorizedEventSender]:
    async with AuthorizedEventSender.from_env(deadline=0.8) as sender:
        yield sender


def in_memory(sender: EventSender) -> Outbox:
    return Outbox.in_memory(sender, max_pending=5)


first = for_fastapi.SendPulse(partial(RawEventSender.from_env, deadline=0.8), outbox="events.db", drain=3)
second = for_fastapi.SendPulse(open_sender, outbox=in_memory, name="second")
FastAPI(lifespan=first)
APIRouter(lifespan=for_fastapi.SendPulse(RawEventSender.from_env, outbox=Outbox.in_memory))
Starlette(lifespan=second)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, Any]]:
    async with first(app) as state, second(app) as more:
        yield {**state, **more, "mine": 5}


application = FastAPI(lifespan=lifespan)
application.dependency_overrides[for_fastapi.get_sender] = open_sender
application.dependency_overrides[second.get_sender] = open_sender


@application.post("/")
async def handle(
    sender: for_fastapi.SenderDep,
    outbox: for_fastapi.OutboxDep,
    own: Annotated[AuthorizedEventSender, Depends(second.get_sender)],
) -> None:
    assert_type(sender, EventSender)
    assert_type(outbox, Outbox)
    await own.send_event({"email": "a@example.com"}, deadline=1)


async def handle_starlette(request: Request) -> None:
    assert_type(await for_fastapi.get_sender(request), EventSender)
    assert_type(await second.get_outbox(request), Outbox)


letters = for_aiohttp.SendPulse(open_sender, outbox=in_memory, name="letters")
site = web.Application()
site.cleanup_ctx.append(for_aiohttp.SendPulse(partial(RawEventSender.from_env, deadline=0.8), outbox="events.db"))
site.cleanup_ctx.append(letters)


async def handle_aiohttp(request: web.Request) -> web.Response:
    assert_type(for_aiohttp.get_sender(request), EventSender)
    assert_type(letters.get_outbox(request), Outbox)
    assert_type(request.app[for_aiohttp.SENDER], EventSender)
    assert_type(request.app[letters.outbox_key], Outbox)
    return web.Response()
