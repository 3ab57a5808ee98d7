"""`python -m benchmarks.soak`: a long run with faults and cancellations, and what is left of it.

Half of the events go through `send_event`, where some calls are cancelled on the way; the other half through
`send_many`, where some runs are. At the end the outcomes are held against what the server took, and memory, sockets
and tasks against what was there at the beginning.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import operator
import os
import random
import statistics
import sys
import time
import urllib.request
from collections.abc import Iterator

import attrs

from sendpulse_async import (
    HttpxTransport,
    Outcome,
    OutcomeStatus,
    RawEventSender,
    RetryPolicy,
    SendPulseError,
    send_many,
)

from . import running_server

PATH = "/events/id/0123456789abcdef0123456789abcdef/7043663"
RUN = 1000
"""Events of one bulk run."""
SAMPLES = 40
CODES = {status: code for code, status in enumerate(OutcomeStatus, 1)}
UNCONFIRMED = 9
WARM_UP = 0.25
"""The first share of the samples, in which caches fill."""


@attrs.define
class Soak:
    """One run and its figures.

    Args:
        events: How many.
        in_flight: At a time.
        cancelled_share: Of the events of `send_event`; of bulk runs ten times as many.
    """

    events: int
    in_flight: int
    cancelled_share: float
    dice: random.Random = attrs.field(factory=lambda: random.Random(2))
    told: bytearray = attrs.field(init=False)
    count: int = 0
    told_twice: int = 0
    cancelled: int = 0
    memory: list[tuple[int, int]] = attrs.field(factory=list)

    def __attrs_post_init__(self) -> None:
        self.told = bytearray(self.events)  # all of it at the beginning: nothing here grows with the events

    def hear(self, outcome: Outcome) -> None:
        """Note what came of an event."""
        number = outcome.event["n"]
        is_unconfirmed = outcome.receipt is not None and not outcome.receipt.confirmed
        self.told_twice += self.told[number] != 0
        self.told[number] = UNCONFIRMED if is_unconfirmed else CODES[outcome.status]
        self.count += 1
        if self.count % max(1, self.events // SAMPLES) == 0:
            self.memory.append((self.count, resident_bytes()))

    async def play(self, url: str) -> None:
        """Send all events."""
        transport = HttpxTransport(max_connections=self.in_flight, read_timeout=5)
        options = {"retry": RetryPolicy(base_delay=0.01), "rate_limit": None, "on_outcome": self.hear}
        async with transport, RawEventSender(url, transport=transport, **options) as sender:
            half = self.events // 2
            await self._single(sender, iter(range(half)))
            for start in range(half, self.events, RUN):
                await self._bulk(sender, range(start, min(start + RUN, self.events)))

    async def _single(self, sender: RawEventSender, numbers: Iterator[int]) -> None:
        async def work() -> None:
            for number in numbers:
                is_cancelled = self.dice.random() < self.cancelled_share
                try:
                    async with asyncio.timeout(self.dice.random() ** 4 * 0.01 if is_cancelled else None):
                        await sender.send_event(event(number))
                except TimeoutError:
                    self.cancelled += 1
                except SendPulseError:
                    pass

        await asyncio.gather(*(work() for _ in range(self.in_flight)))

    async def _bulk(self, sender: RawEventSender, numbers: range) -> None:
        left = iter(numbers)
        is_cancelled = self.dice.random() < 10 * self.cancelled_share
        while operator.length_hint(left):  # a run that was cancelled, or that its breaker ended, is taken up again
            run = asyncio.create_task(send_many(sender, map(event, left), max_in_flight=self.in_flight))
            if is_cancelled:
                await asyncio.sleep(self.dice.random() * 0.05)
                self.cancelled += run.cancel()
                is_cancelled = False
            await asyncio.wait([run])
            if not run.cancelled():
                run.result()


def event(number: int) -> dict[str, object]:
    return {"email": "someone@example.com", "phone": "+15550100", "n": number, "product_name": "A thing"}


def resident_bytes() -> int:
    with open("/proc/self/statm") as file:  # noqa: PTH123 - read often, so cheaply
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def open_sockets() -> int:
    links = (os.path.realpath(f"/proc/self/fd/{number}") for number in os.listdir("/proc/self/fd"))  # noqa: PTH208
    return sum("socket:" in link for link in links)


def slope(memory: list[tuple[int, int]]) -> float:
    """Return the bytes that each event leaves behind, after the warm-up."""
    steady = memory[int(len(memory) * WARM_UP) :]
    return statistics.linear_regression(*zip(*steady, strict=True)).slope if len(steady) > 1 else 0.0


def lies(soak: Soak, ledger: dict[int, int]) -> int:
    """Count the outcomes that are not what the server knows, and the events that it took twice."""
    may_be_taken = {CODES[OutcomeStatus.ACCEPTED]: {1}, UNCONFIRMED: {0, 1}, CODES[OutcomeStatus.UNKNOWN]: {0, 1}}
    return sum(ledger.get(number, 0) not in may_be_taken.get(code, {0}) for number, code in enumerate(soak.told))


async def measured(soak: Soak, url: str) -> dict[str, float]:
    """Play, and compare what is there afterwards with what was there before."""
    tasks, sockets = len(asyncio.all_tasks()), open_sockets()
    wall, cpu = time.perf_counter(), time.process_time()
    await soak.play(url)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    await asyncio.sleep(0.05)  # the event loop closes sockets in its next turns
    gc.collect()
    return {
        "events_per_second": soak.events / wall,
        "cpu_ms_per_event": cpu / soak.events * 1000,
        "tasks_left": len(asyncio.all_tasks()) - tasks,
        "sockets_left": open_sockets() - sockets,
    }


def main() -> int:
    """Play a soak and print its figures; fail where an outcome is no truth or something is left."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--in-flight", type=int, default=50)
    parser.add_argument("--faults", type=float, default=0.01, help="share of the requests")
    parser.add_argument("--cancelled", type=float, default=0.01, help="share of the events")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of lines")
    options = parser.parse_args()
    soak = Soak(options.events, options.in_flight, options.cancelled)
    with running_server("benchmarks.faulty_server", str(options.faults)) as origin:
        figures = asyncio.run(measured(soak, origin + PATH))
        with urllib.request.urlopen(origin) as report:
            seen = json.load(report)
    figures |= {
        "events": options.events,
        "told": soak.count,
        "told_twice": soak.told_twice,
        "lies": lies(soak, dict(seen["ledger"])),
        "faults_played": seen["faults"],
        "cancelled": soak.cancelled,
        "connections_left_at_the_server": seen["connections"],
        "bytes_left_by_an_event": round(slope(soak.memory), 1),
        "megabytes_at_the_end": round(soak.memory[-1][1] / 2**20, 1),
        **{status.value: soak.told.count(code) for status, code in CODES.items()},
        "accepted, unconfirmed": soak.told.count(UNCONFIRMED),
    }
    lines = [f"{name:<32}{value:>14,.10g}" for name, value in figures.items()]
    print(json.dumps(figures) if options.json else "\n".join(lines))
    left = ("told_twice", "lies", "tasks_left", "sockets_left", "connections_left_at_the_server")
    return int(any(figures[name] for name in left) or figures["told"] != options.events)


if __name__ == "__main__":
    sys.exit(main())
