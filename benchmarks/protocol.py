"""What the servers of the benchmarks share: as little work for each request as asyncio allows."""

from __future__ import annotations

import asyncio
import socket
import ssl
import sys
from collections.abc import Callable


class RequestReader(asyncio.Protocol):
    """Hands on each complete request; it understands `Content-Length` and the end of chunks, and nothing else."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._received = bytearray()
        self._transport = transport
        self._socket = transport.get_extra_info("socket")
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            head, begin = bytes(self._received[:end]).lower(), end + 4
            length = self._length(head, begin)
            if length is None or len(self._received) < begin + length:
                return
            body = bytes(self._received[begin : begin + length])
            del self._received[: begin + length]
            self.request_received(head, body)

    def request_received(self, head: bytes, body: bytes) -> None:
        """Answer a request, given with its head in lower case."""
        raise NotImplementedError

    def _length(self, head: bytes, begin: int) -> int | None:
        if (at := head.find(b"content-length:")) >= 0:
            return int(head[at + 15 :].split(b"\r\n", 1)[0])
        if b"chunked" not in head:
            return 0
        last = self._received.find(b"0\r\n\r\n", begin)
        return last + 5 - begin if last >= 0 else None


async def serve(make: Callable[[], RequestReader], context: ssl.SSLContext | None = None) -> None:
    """Serve on a free port, which is printed, until the input ends."""
    server = await asyncio.get_running_loop().create_server(make, "127.0.0.1", 0, backlog=1024, ssl=context)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
