"""`python -m benchmarks.before_network`: CPU of one event before the network, and what hooks and classes add to it."""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Annotated, Any

import attrs
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from sendpulse_async import Event, Hooks, RawEventSender, Request, Response
from sendpulse_async.integrations.opentelemetry import Telemetry
from sendpulse_async.typed import Email, event

URL = "http://127.0.0.1:9/events/id/0123456789abcdef0123456789abcdef/7043663"
ACCEPTED = Response(200, ((b"content-type", b"application/json"),), b'{"result": true}')


@event()
@attrs.frozen
class OrderPaid:
    customer: Annotated[str, Email]
    order: int
    total: Decimal


class NoNetwork:
    """Takes every request at once."""

    async def send(self, request: Request) -> Response:
        await asyncio.sleep(0)
        request.progress.is_handed_over = True
        return ACCEPTED

    async def aclose(self) -> None:
        """Do nothing: there is nothing to close."""


def by_hand() -> Event:
    return Event(email="ana@example.com", variables={"order": 17, "total": Decimal("12.50")})


def by_class() -> OrderPaid:
    return OrderPaid("ana@example.com", 17, Decimal("12.50"))


def telemetry(**options: Any) -> Telemetry:
    return Telemetry(tracer_provider=TracerProvider(**options), meter_provider=MeterProvider())


CASES: dict[str, tuple[Callable[[], Any], Callable[[], Sequence[Hooks]]]] = {
    "no hooks": (by_hand, list),
    "an object of a class with @event": (by_class, list),
    "hooks that do nothing": (by_hand, lambda: [Hooks()]),
    "Telemetry, OpenTelemetry's API alone": (by_hand, lambda: [Telemetry()]),
    "Telemetry, its SDK, not sampled": (by_hand, lambda: [telemetry(sampler=ALWAYS_OFF)]),
    "Telemetry, its SDK, sampled": (by_hand, lambda: [telemetry()]),
}


async def cost(make: Callable[[], Any], hooks: Sequence[Hooks], count: int) -> float:
    """Return microseconds of CPU an event, made and sent."""
    async with RawEventSender(URL, transport=NoNetwork(), rate_limit=None, hooks=hooks) as sender:
        await sender.send_event(make())
        began = time.process_time()
        for _ in range(count):
            await sender.send_event(make())
        return (time.process_time() - began) / count * 1e6


def main() -> None:
    """Measure in turn, and print the least of each."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.before_network", description=__doc__)
    parser.add_argument("--events", type=int, default=3_000)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    costs: dict[str, list[float]] = {name: [] for name in CASES}
    for _ in range(options.rounds):
        for name, (make, hooks) in CASES.items():
            costs[name].append(asyncio.run(cost(make, hooks(), options.events)))
    least = {name: min(measured) for name, measured in costs.items()}
    for name, microseconds in least.items():
        print(f"{name:40} {microseconds:7.1f} us  {microseconds / least['no hooks']:5.2f}")


if __name__ == "__main__":
    main()
