"""A company's network on 127.0.0.1: a proxy, the one way to SendPulse, and SendPulse behind a private authority."""

from __future__ import annotations

import asyncio
import base64
import contextlib
from urllib.parse import urlsplit

USER, PASSWORD = "shop", "canary-of-the-proxy"


async def pump(reader, writer):
    with contextlib.suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()


async def join(one, other):
    """Let two connections, each a reader and a writer, talk to each other until one of them ends."""
    await asyncio.gather(pump(one[0], other[1]), pump(other[0], one[1]))


class Server:
    """Listens while it is entered; what is open at the end is closed."""

    def __init__(self, tls=None):
        self._tls = tls
        self._tasks = set()

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_):
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accept(self, reader, writer):
        task = asyncio.ensure_future(self._serve(reader, writer))
        self._tasks.add(task)

    async def _serve(self, reader, writer):
        try:
            await self.serve(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


class Front(Server):
    """Ends TLS, and passes on what it gets to the sandbox."""

    def __init__(self, sandbox, tls):
        super().__init__(tls)
        self._sandbox = urlsplit(sandbox.origin)

    async def serve(self, reader, writer):
        behind = await asyncio.open_connection(self._sandbox.hostname, self._sandbox.port)
        await join((reader, writer), behind)


class Proxy(Server):
    """Opens tunnels to one place, wherever they are to lead, for who knows the password where there is one.

    Attributes:
        asked: What it was asked for: the request line of each request.
    """

    def __init__(self, port, password=None):
        super().__init__()
        self._to = port
        self._wanted = password and b"Basic " + base64.b64encode(f"{USER}:{password}".encode())
        self.asked = []

    async def serve(self, reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        line, *fields = head.split(b"\r\n")
        self.asked.append(line.decode())
        if self._wanted and self._wanted not in [field.partition(b": ")[2] for field in fields]:
            writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            return
        behind = await asyncio.open_connection("127.0.0.1", self._to)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await join((reader, writer), behind)
