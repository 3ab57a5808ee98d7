"""The clients that are compared, each as its user would write it: it opens, sends so many events at a time, and closes.

Each sends the same event and checks for the status 200. A client is imported by its own contender alone, so the memory
of one is not the memory of all.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import os
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import attrs

from .limit import limit
from .loops import is_here
from .place import PAYLOAD, Bulk, Note, Place

LIMIT = "limit"
BASE = "aiohttp"
"""The contenders that all are held against."""

Open = Callable[[Place], contextlib.AbstractAsyncContextManager[Bulk]]
Send = Callable[[], Awaitable[object]]
MANY_SECONDS = 60.0
"""httpx's own 5 s for a place in the pool would fail events at 500 in flight."""


def by_workers(send: Send, in_flight: int) -> Bulk:
    """So many coroutines that take events from one iterator: the least that Python allows beside the client."""

    async def bulk(count: int, note: Note) -> None:
        numbers = iter(range(count))

        async def work() -> None:
            for _ in numbers:
                began = time.perf_counter()
                await send()
                note(time.perf_counter() - began)

        await asyncio.gather(*(work() for _ in range(in_flight)))

    return bulk


def by_gather(send: Send, in_flight: int) -> Bulk:
    """As a user writes it: a coroutine for each event, and a semaphore."""

    async def bulk(count: int, note: Note) -> None:
        places = asyncio.Semaphore(in_flight)

        async def one() -> None:
            async with places:
                began = time.perf_counter()
                await send()
                note(time.perf_counter() - began)

        await asyncio.gather(*(one() for _ in range(count)))

    return bulk


@contextlib.asynccontextmanager
async def our_sender(transport: str, place: Place) -> AsyncIterator[Any]:
    """This library by one of its transports: validation, retries, deadline and outcome included."""
    from sendpulse_async import RawEventSender  # noqa: PLC0415 - each contender imports its own client alone

    module, name = transport.rsplit(".", 1)
    make = getattr(importlib.import_module(module), name)
    async with (
        make(max_connections=place.in_flight, ssl_context=place.context()) as carrier,
        RawEventSender(place.url, transport=carrier, allowed_hosts={"127.0.0.1"}) as sender,
    ):
        yield sender


@contextlib.asynccontextmanager
async def our_send_event(transport: str, place: Place) -> AsyncIterator[Bulk]:
    """This library, one call an event."""
    async with our_sender(transport, place) as sender:
        yield by_workers(partial(sender.send_event, PAYLOAD), place.in_flight)


@contextlib.asynccontextmanager
async def our_send_many(transport: str, place: Place) -> AsyncIterator[Bulk]:
    """This library, in bulk; an event's time runs from when it is taken to its outcome."""
    from sendpulse_async import Outcome, send_many  # noqa: PLC0415 - as above

    async with our_sender(transport, place) as sender:

        async def bulk(count: int, note: Note) -> None:
            began: dict[int, float] = {}

            def events() -> Iterator[dict[str, object]]:
                for number in range(count):
                    began[number] = time.perf_counter()
                    yield PAYLOAD

            def hear(outcome: Outcome) -> None:
                note(time.perf_counter() - began.pop(outcome.index))

            report = await send_many(sender, events(), max_in_flight=place.in_flight, on_outcome=hear)
            report.raise_for_failures()

        yield bulk


@contextlib.asynccontextmanager
async def httpx_like(module: str, place: Place) -> AsyncIterator[Bulk]:
    """httpx or httpx2: one client with its default limits, gather, a semaphore."""
    client_class = importlib.import_module(module).AsyncClient
    async with client_class(verify=place.context() or True, timeout=MANY_SECONDS, trust_env=False) as client:

        async def send() -> None:
            (await client.post(place.url, json=PAYLOAD)).raise_for_status()

        yield by_gather(send, place.in_flight)


@contextlib.asynccontextmanager
async def aiohttp(place: Place) -> AsyncIterator[Bulk]:
    """One session with as many connections as events in flight."""
    import aiohttp  # noqa: PLC0415 - as above

    connector = aiohttp.TCPConnector(limit=place.in_flight, ssl=place.context() or True)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def send() -> None:
            async with session.post(place.url, json=PAYLOAD) as response:
                response.raise_for_status()
                await response.read()

        yield by_workers(send, place.in_flight)


@contextlib.asynccontextmanager
async def pyreqwest(place: Place) -> AsyncIterator[Bulk]:
    """One client of reqwest's, whose work is done by Rust in threads of its own."""
    from pyreqwest.client import ClientBuilder  # noqa: PLC0415 - as above

    builder = ClientBuilder().max_connections(place.in_flight).no_proxy().error_for_status()
    if place.authority:
        builder = builder.add_root_certificate_pem(Path(place.authority).read_bytes())
    async with builder.build() as client:
        yield by_workers(lambda: client.post(place.url).body_json(PAYLOAD).build().send(), place.in_flight)


@contextlib.asynccontextmanager
async def pysendpulse(place: Place) -> AsyncIterator[Bulk]:
    """SendPulse's own client, which blocks: alone, or in as many threads as events in flight; its token is there."""
    from pysendpulse.pysendpulse import PySendPulse  # noqa: PLC0415 - as above

    PySendPulse._PySendPulse__api_url = place.origin  # the address is a private constant; there is no setting for it
    os.environ["NO_PROXY"] = "127.0.0.1"
    if place.authority:
        os.environ["REQUESTS_CA_BUNDLE"] = place.authority
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(place.in_flight) as threads:
        client = PySendPulse("id", "secret", "FILE", f"{folder}/")

        def send(note: Note) -> None:
            began = time.perf_counter()
            answer = client.send_event("purchase", PAYLOAD)
            note(time.perf_counter() - began)
            if answer != {"result": True}:
                raise ValueError(f"not accepted: {answer}")

        async def bulk(count: int, note: Note) -> None:
            if place.in_flight == 1:
                for _ in range(count):
                    send(note)
                return
            loop = asyncio.get_running_loop()
            await asyncio.gather(*(loop.run_in_executor(threads, send, note) for _ in range(count)))

        yield bulk


@attrs.frozen
class Contender:
    """How one client is opened, and the packages that it needs."""

    open: Open
    needs: tuple[str, ...] = ()


DIRECT, HTTPX = "sendpulse_async.transports.direct.DirectTransport", "sendpulse_async.HttpxTransport"
DIRECT_SEND_MANY, HTTPX_SEND_MANY = "DirectTransport, send_many", "HttpxTransport, send_many"
CONTENDERS = {
    LIMIT: Contender(limit),
    DIRECT_SEND_MANY: Contender(partial(our_send_many, DIRECT), ("httptools",)),
    "DirectTransport, send_event": Contender(partial(our_send_event, DIRECT), ("httptools",)),
    HTTPX_SEND_MANY: Contender(partial(our_send_many, HTTPX)),
    "HttpxTransport, send_event": Contender(partial(our_send_event, HTTPX)),
    BASE: Contender(aiohttp, ("aiohttp",)),
    "pyreqwest": Contender(pyreqwest, ("pyreqwest",)),
    "httpx": Contender(partial(httpx_like, "httpx"), ("httpx",)),
    "httpx2": Contender(partial(httpx_like, "httpx2"), ("httpx2",)),
    "pysendpulse": Contender(pysendpulse, ("pysendpulse",)),
}


def installed() -> list[str]:
    """Return the names of the contenders whose packages are here."""
    return [name for name, contender in CONTENDERS.items() if is_here(*contender.needs)]
