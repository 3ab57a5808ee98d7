"""A TCP proxy in a thread of its own, so that a test can cut what is connected through it, and take it away."""

from __future__ import annotations

import asyncio
import contextlib
import threading

from fault_server import PATIENCE


class Proxy:
    """Hands on bytes to a port of this machine.

    Attributes:
        port: Its own.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._writers: set[asyncio.StreamWriter] = set()
        self._is_up = threading.Event()
        self._is_refusing = False
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="proxy")

    def __enter__(self) -> Proxy:
        self._thread.start()
        assert self._is_up.wait(PATIENCE), "the proxy did not begin to serve"
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._is_over.set)
        self._thread.join(PATIENCE)

    def cut(self) -> int:
        """Cut every connection, and return how many there were; new ones are welcome."""
        return asyncio.run_coroutine_threadsafe(self._cut(), self._loop).result(PATIENCE)

    def take_away(self) -> None:
        """Cut every connection, and each new one at once."""
        self._is_refusing = True
        self.cut()

    def bring_back(self) -> None:
        self._is_refusing = False

    async def _cut(self) -> int:
        count = len(self._writers)
        for writer in self._writers:
            writer.transport.abort()
        return count // 2

    async def _serve(self) -> None:
        self._loop, self._is_over = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._hand_on, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._is_up.set()
        await self._is_over.wait()
        server.close()
        await self._cut()

    async def _hand_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_refusing:
            writer.transport.abort()
            return
        other_reader, other_writer = await asyncio.open_connection("127.0.0.1", self._target)
        both = {writer, other_writer}
        self._writers |= both
        with contextlib.suppress(ConnectionError):
            async with asyncio.TaskGroup() as group:
                group.create_task(_pump(reader, other_writer))
                group.create_task(_pump(other_reader, writer))
        self._writers -= both


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.transport.abort()
