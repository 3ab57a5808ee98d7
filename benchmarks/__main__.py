"""`python -m benchmarks`: events per second and CPU an event at 100 in flight, each contender in turn, several rounds.

The figures of a shared machine mean little; their ratios within one run mean more. Every round runs each contender
once, and the medians of the rounds are compared.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import time
from collections.abc import Awaitable, Callable

import httpx

from sendpulse_async import BodyFormat, Event, HttpxTransport, RawEventSender, send_many
from sendpulse_async._wire import RawDoor, Way, parse_event_url

from . import running_server

PATH = "/events/id/0123456789abcdef0123456789abcdef/7043663"
PAYLOAD = {"email": "someone@example.com", "phone": "+15550100", "product_id": 123, "product_name": "A thing"}

Contender = Callable[[str, int, int], Awaitable[None]]


async def plain_httpx(url: str, events: int, in_flight: int) -> None:
    """What a user writes: one client with its default limits, gather, a semaphore."""
    places = asyncio.Semaphore(in_flight)
    async with httpx.AsyncClient() as client:

        async def one() -> None:
            async with places:
                (await client.post(url, json=PAYLOAD)).raise_for_status()

        await asyncio.gather(*(one() for _ in range(events)))


async def our_send_many(url: str, events: int, in_flight: int) -> None:
    """This library, in bulk: validation, limiter, retry loop and outcome included."""
    async with RawEventSender(url, transport=HttpxTransport(max_connections=in_flight)) as sender:
        report = await send_many(sender, (PAYLOAD for _ in range(events)), max_in_flight=in_flight)
    report.raise_for_failures()


async def our_send_event(url: str, events: int, in_flight: int) -> None:
    """This library, called as plain httpx is."""
    places = asyncio.Semaphore(in_flight)
    async with RawEventSender(url, transport=HttpxTransport(max_connections=in_flight)) as sender:

        async def one() -> None:
            async with places:
                await sender.send_event(PAYLOAD)

        await asyncio.gather(*(one() for _ in range(events)))


async def our_transport(url: str, events: int, in_flight: int) -> None:
    """`HttpxTransport` alone, which is what stands where plain httpx's pool stood."""
    request = RawDoor(parse_event_url(url, ()), BodyFormat.RAW).request(Event.from_mapping(PAYLOAD), Way())
    numbers = iter(range(events))

    async def work() -> None:
        for _ in numbers:
            response = await transport.send(request)
            assert response.status_code == 200

    async with HttpxTransport(max_connections=in_flight) as transport:
        await asyncio.gather(*(work() for _ in range(in_flight)))


CONTENDERS: dict[str, Contender] = {
    "httpx, gather + semaphore": plain_httpx,
    "HttpxTransport alone": our_transport,
    "sendpulse_async send_event": our_send_event,
    "sendpulse_async send_many": our_send_many,
}


def measure(contender: Contender, url: str, events: int, in_flight: int) -> dict[str, float]:
    """Run one contender once, in an event loop of its own."""
    wall, cpu = time.perf_counter(), time.process_time()
    asyncio.run(contender(url, events, in_flight))  # type: ignore[arg-type] # each contender is a coroutine function
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return {"events_per_second": events / wall, "cpu_ms_per_event": cpu / events * 1000}


def main() -> None:
    """Run the rounds and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--events", type=int, default=3000, help="of each contender in each round; plain httpx: a tenth"
    )
    parser.add_argument("--in-flight", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    options = parser.parse_args()
    results: dict[str, list[dict[str, float]]] = {name: [] for name in CONTENDERS}
    with running_server("benchmarks.server") as origin:
        for _ in range(options.rounds):
            for name, contender in CONTENDERS.items():
                results[name].append(measure(contender, origin + PATH, options.events, options.in_flight))
    medians = {
        name: {key: statistics.median(run[key] for run in runs) for key in runs[0]} for name, runs in results.items()
    }
    print(json.dumps(medians) if options.json else table(medians, options.in_flight))


def table(medians: dict[str, dict[str, float]], in_flight: int) -> str:
    """Return the medians with their ratio to plain httpx."""
    base = medians["httpx, gather + semaphore"]["events_per_second"]
    lines = [f"{in_flight} in flight{'events/s':>26}{'CPU ms/event':>14}{'x httpx':>10}"]
    for name, row in medians.items():
        rate, cpu = row["events_per_second"], row["cpu_ms_per_event"]
        lines.append(f"{name:<28}{rate:>10,.0f}{cpu:>14.3f}{rate / base:>10.1f}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
