"""A small server that takes everything: an event is in its ledger when its request is complete, before the answer."""

from __future__ import annotations

import asyncio
import json
import threading
from collections import Counter
from collections.abc import Callable

from fault_server import OK, PATIENCE

PATH = "/events/id/0123456789abcdef0123456789abcdef/7043663"


class Ledger:
    """Serves in a thread of its own, which outlives the runs that it serves.

    Attributes:
        taken: How often it took the event of each number.
        total: Events taken.
        before_answer: Called in the server's thread with the total when an event is in the ledger.
        after_answer: Likewise when its answer is on its way.
        is_answering: False: requests are taken and wait for `answer`.
        says: The answer.
    """

    def __init__(self) -> None:
        self.taken: Counter[int] = Counter()
        self.total = 0
        self.before_answer: Callable[[int], None] = lambda total: None
        self.after_answer: Callable[[int], None] = lambda total: None
        self.is_answering = True
        self.says = OK
        self.changed = threading.Condition()
        self._waiting: list[asyncio.Transport] = []
        self._open: set[asyncio.Transport] = set()
        self._is_up = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="ledger")

    def __enter__(self) -> Ledger:
        self._thread.start()
        assert self._is_up.wait(PATIENCE), "the ledger did not begin to serve"
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._is_over.set)
        self._thread.join(PATIENCE)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{PATH}"

    def forget(self) -> None:
        """Begin anew, as if it had just been made."""
        with self.changed:
            self.taken.clear()
            self.total, self.says = 0, OK
            self.before_answer = self.after_answer = lambda total: None

    def wait_for(self, total: int) -> None:
        """Wait until so many events were taken."""
        with self.changed:
            assert self.changed.wait_for(lambda: self.total >= total, PATIENCE), "the events never came"

    def answer(self) -> None:
        """Answer what waits, and what comes from now on."""
        self._loop.call_soon_threadsafe(self._answer)

    def _answer(self) -> None:
        self.is_answering = True
        while self._waiting:
            self._waiting.pop().write(self.says)

    def hang_up(self) -> None:
        """Close every connection; return when they are."""
        has_ended = threading.Event()
        self._loop.call_soon_threadsafe(self._hang_up, has_ended)
        assert has_ended.wait(PATIENCE)

    def _hang_up(self, has_ended: threading.Event) -> None:
        for transport in self._open:
            transport.abort()
        self._loop.call_soon(has_ended.set)

    async def _serve(self) -> None:
        self._loop, self._is_over = asyncio.get_running_loop(), asyncio.Event()
        server = await self._loop.create_server(lambda: _Connection(self), "127.0.0.1", 0, backlog=256)
        self.port = server.sockets[0].getsockname()[1]
        self._is_up.set()
        async with server:
            await self._is_over.wait()

    def opened(self, transport: asyncio.Transport) -> None:
        self._open.add(transport)

    def closed(self, transport: asyncio.Transport) -> None:
        self._open.discard(transport)

    def take(self, body: bytes, transport: asyncio.Transport) -> None:
        """File a complete request, then answer it."""
        with self.changed:
            self.taken[json.loads(body)["n"]] += 1
            self.total += 1
            self.changed.notify_all()
        self.before_answer(self.total)
        if self.is_answering:
            transport.write(self.says)
        else:
            self._waiting.append(transport)
        self.after_answer(self.total)


class _Connection(asyncio.Protocol):
    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._data = bytearray()

    def connection_made(self, transport) -> None:
        self._transport = transport
        self._ledger.opened(transport)

    def connection_lost(self, exc) -> None:
        self._ledger.closed(self._transport)

    def data_received(self, data: bytes) -> None:
        self._data += data
        while (head_ends := self._data.find(b"\r\n\r\n")) >= 0:
            head = bytes(self._data[:head_ends]).lower()
            ends = head_ends + 4 + int(head.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
            if len(self._data) < ends:
                return
            body = bytes(self._data[head_ends + 4 : ends])
            del self._data[:ends]
            self._ledger.take(body, self._transport)
