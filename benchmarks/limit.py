"""The limit: a client written by hand for this one request, which only counts its answers."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Iterator
from urllib.parse import urlsplit

import attrs

from .place import PATH, PAYLOAD, Bulk, Note, Place

STATUS = b"HTTP/1.1 200"
END = b'{"result":true}'


@attrs.define
class Run:
    """What the connections share while they send so many events."""

    numbers: Iterator[int]
    note: Note
    left: int
    ended: asyncio.Future[None]


class Counter(asyncio.Protocol):
    """Sends the next request when the answer to the last one is there."""

    def __init__(self, request: bytes) -> None:
        self._request = request
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def go(self, run: Run) -> None:
        """Send the next event, if there is one."""
        self._run = run
        for _ in run.numbers:
            self._began = time.perf_counter()
            self.transport.write(self._request)
            break

    def data_received(self, data: bytes) -> None:
        self._received += data
        if not self._received.endswith(END):
            return
        run = self._run
        run.note(time.perf_counter() - self._began)
        if not self._received.startswith(STATUS):
            run.ended.set_exception(ValueError(f"not a 200: {self._received!r}"))
            return
        self._received = b""
        run.left -= 1
        if run.left:
            self.go(run)
        else:
            run.ended.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        run = getattr(self, "_run", None)
        if run is not None and not run.ended.done():
            run.ended.set_exception(error or ConnectionResetError("the server closed"))


@contextlib.asynccontextmanager
async def limit(place: Place) -> AsyncIterator[Bulk]:
    """One connection for each event in flight, the request as bytes that are made once."""
    address = urlsplit(place.origin)
    body = json.dumps(PAYLOAD).encode()
    head = f"POST {PATH} HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Type: application/json\r\n"
    request = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
    loop, context = asyncio.get_running_loop(), place.context()
    pairs = [
        await loop.create_connection(lambda: Counter(request), address.hostname, address.port, ssl=context)
        for _ in range(place.in_flight)
    ]

    async def bulk(count: int, note: Note) -> None:
        run = Run(iter(range(count)), note, count, loop.create_future())
        for _, counter in pairs:
            counter.go(run)
        await run.ended

    yield bulk
    for transport, _ in pairs:
        transport.close()
