"""Applications on real servers in a test's own event loop, customers who go away, and what is left of connections."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import socket
import struct
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import uvicorn
from aiohttp import web
from fastapi import FastAPI

from sendpulse_async.testing import Recorder

EXAMPLES = Path(__file__).parents[2] / "docs/examples"
PATIENCE = 60
"""Seconds after which a test gives up; none waits for as long as that."""
ESTABLISHED = "01"


def example(name):
    """Load an example anew, with an application of its own."""
    spec = importlib.util.spec_from_file_location(f"docs_{name}", EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def application(module):
    """What an example serves: it has an `app`, or makes one."""
    return module.make_app() if hasattr(module, "make_app") else module.app


async def until(is_true, what="it"):
    """Look again and again until something is true."""
    try:
        async with asyncio.timeout(PATIENCE):
            while not is_true():
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(f"never: {what}") from None


class Uvicorn(uvicorn.Server):
    """Stopped by its test, and by no signal."""

    def __init__(self, app, **options):
        super().__init__(uvicorn.Config(app, port=0, log_config=None, access_log=False, lifespan="on", **options))

    @property
    def port(self):
        return self.servers[0].sockets[0].getsockname()[1]

    @property
    def is_idle(self):
        return not self.server_state.tasks

    async def start(self):
        self._task = asyncio.create_task(self._serve())
        await until(lambda: self.started or self._task.done(), "uvicorn starts")
        if not self.started:
            await self._task

    async def stop(self):
        self.should_exit = True
        await self._task


class Aiohttp:
    """An `AppRunner`."""

    def __init__(self, app, **options):
        self._runner = web.AppRunner(app, **options)

    @property
    def port(self):
        return self._runner.addresses[0][1]

    @property
    def is_idle(self):
        return all(handler._current_request is None for handler in self._runner.server.connections)

    async def start(self):
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()

    async def stop(self):
        await self._runner.cleanup()


@asynccontextmanager
async def serving(app, **options):
    """Serve an application with uvicorn or aiohttp, whichever it is for."""
    server = Uvicorn(app, **options) if isinstance(app, FastAPI) else Aiohttp(app, **options)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


class Opened:
    """Counts what is opened and closed; each start opens a recorder of its own."""

    def __init__(self):
        self.recorders = []
        self.closed = []

    @asynccontextmanager
    async def connect(self):
        self.recorders.append(recorder := Recorder(is_raw=True))
        try:
            yield recorder
        finally:
            self.closed.append(recorder)


class Customer:
    """One connection to a shop."""

    def __init__(self, port):
        self._port = port

    async def __aenter__(self):
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        return self

    async def __aexit__(self, *_):
        self._writer.close()

    def ask(self, path, *, method="POST"):
        self._writer.write(
            f"{method} {path} HTTP/1.1\r\nHost: shop\r\nConnection: close\r\nContent-Length: 0\r\n\r\n".encode()
        )

    async def answer(self):
        """Return the status and the JSON of the answer."""
        head, _, body = (await self._reader.read()).partition(b"\r\n\r\n")
        return int(head.split()[1]), json.loads(body or "null")

    def go_away(self, *, rudely):
        """End the connection in the middle, by FIN or by RST."""
        if rudely:
            linger = struct.pack("ii", 1, 0)
            self._writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self._writer.transport.abort()


async def visit(port, path, *, method="POST"):
    """Ask a shop one thing; return the status and the JSON of its answer."""
    async with Customer(port) as customer:
        customer.ask(path, method=method)
        return await customer.answer()


def checkout(number):
    return f"/checkout/{number}?email=c{number}%40example.com"


def connections_to(sandbox):
    """How many connections to a sandbox are open, where this machine tells."""
    port = int(sandbox.origin.rpartition(":")[2])
    with suppress(FileNotFoundError):
        lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        return sum(line[2].endswith(f":{port:04X}") and line[3] == ESTABLISHED for line in lines)
    return 0
