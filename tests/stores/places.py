"""Where tokens are kept, made for a test: each kind of store on what it needs."""

from __future__ import annotations

import contextlib
import socket

import aiomcache
import attrs
import redis.asyncio

from sendpulse_async import FileTokenStore, MemoryTokenStore
from sendpulse_async.stores.memcached import MemcachedTokenStore
from sendpulse_async.stores.redis import RedisTokenStore


@contextlib.asynccontextmanager
async def redis_store(port, *, kind=RedisTokenStore, **options):
    async with redis.asyncio.Redis(port=port, **options) as client:
        yield kind(client)


@contextlib.asynccontextmanager
async def memcached_store(port, *, kind=MemcachedTokenStore, **options):
    client = aiomcache.Client("127.0.0.1", port, **options)
    try:
        yield kind(client)
    finally:
        await client.close()


@contextlib.asynccontextmanager
async def local_store(store):
    yield store


def ask(port, command):
    """Send a command to memcached, and return its answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(command + b"\r\nversion\r\n")
        answer = b""
        while b"VERSION" not in answer:
            answer += connection.recv(100_000)
    return answer.partition(b"VERSION")[0].removesuffix(b"\r\n")


@attrs.frozen
class Place:
    """A kind of store.

    Attributes:
        name: What it is called.
        backend: An event loop that it works in.
        server: The fixture of the server that it needs; None: none.
        options: Keywords of the server's client.
    """

    name: str
    backend: str = "asyncio"
    server: str | None = None
    options: dict = attrs.field(factory=dict)

    def open(self, request, folder):
        """Open a store of this kind, as an async context manager."""
        if self.name == "memory":
            return local_store(MemoryTokenStore())
        if self.name == "file":
            return local_store(FileTokenStore(folder / "tokens"))
        kind = redis_store if self.name == "redis" else memcached_store
        return kind(request.getfixturevalue(self.server).port, **self.options)

    def __str__(self):
        return "-".join([self.name, self.backend, *self.options])


LOCAL = [Place(name, backend) for name in ("memory", "file") for backend in ("asyncio", "trio")]
REDIS = Place("redis", server="redis_server")
REDIS_DECODED = Place("redis", server="redis_server", options={"decode_responses": True})
MEMCACHED = Place("memcached", server="memcached_server")
SHARED = [REDIS, REDIS_DECODED, MEMCACHED]
