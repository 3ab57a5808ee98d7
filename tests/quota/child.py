"""The processes of a measurement: a server that notes when events arrive, and the senders of one account."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time

import anyio
from redis.asyncio import Redis

from sendpulse_async import HttpxTransport, RateLimit, RawEventSender
from sendpulse_async.stores.redis import RedisQuota

TAKEN = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n" + b'{"result":true}'
END = b'"end":true}'
"""What each event's body ends with."""


class Arrivals(asyncio.Protocol):
    """A server on keep-alive connections, which does nothing but note the time of each event."""

    def __init__(self, times):
        self._times = times
        self._pending = b""

    def connection_made(self, transport):
        self._transport = transport

    def data_received(self, data):
        self._pending += data
        if self._pending.endswith(END):
            if not self._pending.startswith(b"POST /warm"):
                self._times.append(time.monotonic())
            self._pending = b""
            self._transport.write(TAKEN)


async def lines():
    """The lines of stdin, each when it comes."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    async for line in reader:
        yield json.loads(line)


def say(what):
    os.write(1, json.dumps(what).encode() + b"\n")


async def serve():
    """Say the port; answer each line with the times of the arrivals so far."""
    times = []
    server = await asyncio.get_running_loop().create_server(lambda: Arrivals(times), "127.0.0.1", 0)
    say(server.sockets[0].getsockname()[1])
    async for _ in lines():
        say(times)


async def send(port, redis_url, senders, limit):
    """Warm up, say so, and send from the moment that stdin gives to the one after it, with so many senders at once."""
    orders, url = lines(), f"http://127.0.0.1:{port}/events"
    client = Redis.from_url(redis_url)
    quota, event = RedisQuota(client, RateLimit(**limit), processes=4), {"email": "a@example.com", "end": True}

    async def work(sender):
        while True:
            await sender.send_event(event, deadline=60)

    async with HttpxTransport() as transport, RawEventSender(url, transport=transport, rate_limit=quota) as sender:
        async with RawEventSender(f"http://127.0.0.1:{port}/warm", transport=transport, rate_limit=None) as warming:
            await asyncio.gather(*[warming.send_event(event) for _ in range(senders)])
        await RedisQuota(client, None, name="warm").wait()
        say("warm")
        begin, end = await anext(orders)
        await asyncio.sleep(begin - time.monotonic())
        with anyio.move_on_after(end - begin):
            async with anyio.create_task_group() as group:
                for _ in range(senders):
                    group.start_soon(work, sender)
    await client.aclose()


if __name__ == "__main__":
    role, *arguments = json.loads(sys.argv[1])
    asyncio.run({"serve": serve, "send": send}[role](*arguments))
