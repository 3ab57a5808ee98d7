"""`python -m benchmarks.sandbox`: events into a sandbox as fast as possible, its memory, and how soon it answers."""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sendpulse_async import Event, RawEventSender, send_many
from sendpulse_async.sandbox import Sandbox
from sendpulse_async.transports.direct import DirectTransport

IN_FLIGHT = 16
MODULE = [sys.executable, "-m", "benchmarks.sandbox"]
PAUSE = 0.2
"""Seconds between two looks, so that looking is not what is measured."""


def serve() -> None:
    """Be the sandbox, until the signal."""
    Sandbox().run(lambda sandbox: print(sandbox.event_url, flush=True))


def events(count: int) -> Iterator[Event]:
    products = [{"name": "tea", "price": 4.5}, {"name": "cup", "price": 10}]
    return (Event(email=f"a{n}@example.com", variables={"order": n, "products": products}) for n in range(count))


async def send(url: str, count: int) -> None:
    """Be the process that sends: so many events over as many connections as are in flight."""
    async with DirectTransport() as transport, RawEventSender(url, transport=transport, deadline=60) as sender:
        report = await send_many(sender, events(count), max_in_flight=IN_FLIGHT)
    report.raise_for_failures()


class Watch:
    """Looks at a sandbox from outside: what it answers, how soon, and how much memory its process has."""

    def __init__(self, url: str, pid: int) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
        self._status = Path(f"/proc/{pid}/status")
        self.waits: dict[str, list[float]] = {"page": [], "api": []}

    def ask(self, kind: str, path: str) -> bytes:
        """Return the answer's body, and note how long it took."""
        began = time.perf_counter()
        self._connection.request("GET", path, headers={"Accept": "text/html"})
        answer = self._connection.getresponse()
        body = answer.read()
        self._connection.close()  # kept open it would be closed by the sandbox in a pause
        self.waits[kind].append(time.perf_counter() - began)
        if answer.status != 200:
            raise SystemExit(f"{path} answered {answer.status}")
        return body

    def listed(self, limit: int) -> dict[str, Any]:
        """Return the newest events as the test API lists them."""
        listed: dict[str, Any] = json.loads(self.ask("api", f"/_sandbox/events?limit={limit}"))
        return listed

    def megabytes(self) -> float:
        """Return the memory that the sandbox's process has."""
        line = next(line for line in self._status.read_text().splitlines() if line.startswith("VmRSS:"))
        return int(line.split()[1]) / 1024


class Reader(threading.Thread):
    """Reads the live stream as an open page does, until it was told of so many requests, or of their loss."""

    def __init__(self, url: str, count: int) -> None:
        super().__init__(daemon=True)
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
        self._count = count
        self.shown = self.skipped = 0
        self._connection.request("GET", "/_sandbox/stream?after=0")
        self._answer = self._connection.getresponse()

    def run(self) -> None:
        name = ""
        while self.shown + self.skipped < self._count:
            field, _, value = self._answer.readline().decode().rstrip().partition(": ")
            if field == "event":
                name = value
            elif field == "data" and name == "requests":
                told = json.loads(value)
                self.shown += len(told["requests"])
                self.skipped += told["skipped"]


def flooded(watch: Watch, is_over: Callable[[], bool]) -> list[tuple[int, float]]:
    """Ask page and API in turn until all is sent; return pairs of events taken and megabytes."""
    seen = [(0, watch.megabytes())]
    while not is_over():
        watch.ask("page", "/")
        seen.append((watch.listed(1)["total"], watch.megabytes()))
        time.sleep(PAUSE)
    return seen


def measured(count: int) -> dict[str, Any]:
    """Return the figures of one run; its three parts are three processes."""
    with subprocess.Popen([*MODULE, "--serve"], stdout=subprocess.PIPE, text=True) as sandbox:
        assert sandbox.stdout is not None
        url = sandbox.stdout.readline().strip()
        try:
            watch = Watch(url, sandbox.pid)
            watch.ask("page", "/")
            reader = Reader(url, count)
            reader.start()
            began = time.perf_counter()
            with subprocess.Popen([*MODULE, "--send", url, "--events", str(count)]) as sender:
                seen = flooded(watch, lambda: sender.poll() is not None)
            took = time.perf_counter() - began
            if sender.returncode:
                raise SystemExit("not every event was accepted")
            reader.join(60)
            waits = {kind: list(some) for kind, some in watch.waits.items()}
            told = {"stream_shown": reader.shown, "stream_skipped": reader.skipped}
            paced = {"events": count, "seconds": took, "events_per_second": count / took}
            return paced | told | _figures(watch, seen, waits)
        finally:
            sandbox.terminate()


def _figures(watch: Watch, seen: list[tuple[int, float]], waits: dict[str, list[float]]) -> dict[str, Any]:
    listed = watch.listed(10_000)
    kept = listed["events"]
    after = watch.megabytes()
    full = next((megabytes for total, megabytes in seen if total >= 15_000), after)
    return {
        "accepted": listed["total"],
        "kept": len(kept),
        "kept_orders": len({entry["payload"]["order"] for entry in kept}),
        "oldest_kept": kept[0]["sequence"],
        "newest_kept": kept[-1]["sequence"],
        "mb_before": seen[0][1],
        "mb_when_full": full,
        "mb_after": seen[-1][1],
        "looks": len(waits["page"]),
        **{f"{kind}_p50_ms": 1000 * statistics.median(some) for kind, some in waits.items()},
        **{f"{kind}_max_ms": 1000 * max(some) for kind, some in waits.items()},
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sandbox", description=__doc__)
    parser.add_argument("--events", type=int, default=50_000)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--send", metavar="URL", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve()
    elif options.send:
        asyncio.run(send(options.send, options.events))
    else:
        figures = measured(options.events)
        lines = (f"{name:18} {value:>10,.1f}" for name, value in figures.items())
        print(json.dumps(figures) if options.json else "\n".join(lines))


if __name__ == "__main__":
    main()
