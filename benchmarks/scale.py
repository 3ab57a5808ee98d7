"""`python -m benchmarks.scale`: what a journal, a delivery log and a shared quota cost an event, and Redis's memory."""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from redis.asyncio import Redis

from sendpulse_async import Event, Journal, RateLimit, RawEventSender, send_many
from sendpulse_async.stores.redis import RedisDeliveryLog, RedisQuota
from sendpulse_async.transports.direct import DirectTransport

from . import running_server
from .servers import redis_running

PATH = "/events/id/0123456789abcdef0123456789abcdef/7043663"
IN_FLIGHT = 32
UNREACHED = RateLimit(per_second=1_000_000, burst=1_000_000)
"""Is counted, and never waited for."""


def events(count: int) -> Iterator[Event]:
    return (Event(email=f"a{n}@example.com", variables={"order": n}, event_id=f"order {n}") for n in range(count))


@asynccontextmanager
async def sending(origin: str) -> AsyncIterator[RawEventSender]:
    async with DirectTransport() as transport, RawEventSender(origin + PATH, transport=transport) as sender:
        await sender.send_event({"email": "warm@example.com"})
        yield sender


async def rate(origin: str, count: int, **options: Any) -> float:
    """Return events a second of one run."""
    async with sending(origin) as sender:
        began = time.perf_counter()
        report = await send_many(sender, events(count), max_in_flight=IN_FLIGHT, **options)
        took = time.perf_counter() - began
    if report.accepted + report.resumed != count:
        raise SystemExit(f"the run failed: {report.summary()}")
    return count / took


async def measured(origin: str, redis_port: int, count: int) -> dict[str, float]:
    """Return events a second of each kind of run, and the bytes of Redis's memory that an entry takes."""
    async with Redis(port=redis_port) as client:
        log = RedisDeliveryLog(client, name="benchmark")
        await rate(origin, 100, journal=RedisDeliveryLog(client, name="warm"))
        rates = {"send_many alone": await rate(origin, count)}
        with tempfile.TemporaryDirectory() as folder:
            rates["with a Journal"] = await rate(origin, count, journal=Journal(Path(folder, "run.journal")))
        rates["with a RedisQuota"] = await rate(origin, count, rate_limit=RedisQuota(client, UNREACHED))
        rates["with a RedisDeliveryLog"] = await rate(origin, count, journal=log)
        rates["with a RedisDeliveryLog, all settled before"] = await rate(origin, count, journal=log)
        sizes = [await client.memory_usage(key) or 0 async for key in client.scan_iter("*benchmark*")]
    return rates | {"bytes an entry": sum(sizes) / count}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("--events", type=int, default=20_000)
    options = parser.parse_args()
    with redis_running() as port, running_server("benchmarks.server") as origin:
        figures = asyncio.run(measured(origin, port, options.events))
    size = figures.pop("bytes an entry")
    print(
        f"{options.events:,} events, {IN_FLIGHT} in flight, Redis and the server on this machine, appendfsync always\n"
    )
    for name, value in figures.items():
        print(f"{name:45} {value:8,.0f} events/s  {value / figures['send_many alone']:5.2f} of it alone")
    print(f"{'an entry of the log':45} {size:8,.0f} bytes of Redis's memory, and its place in Redis's tables")


if __name__ == "__main__":
    main()
