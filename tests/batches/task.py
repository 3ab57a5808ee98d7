"""A task as an engine runs it in a process of its own: sends a frame, and dies when it is killed."""

from __future__ import annotations

import sys
from contextlib import asynccontextmanager

from redis.asyncio import Redis

from sendpulse_async import RawEventSender
from sendpulse_async.integrations.arrow import send_batches
from sendpulse_async.stores.redis import RedisDeliveryLog

from .frames import batches


def connect_to(url, redis_url):
    @asynccontextmanager
    async def connect():
        async with Redis.from_url(redis_url) as redis, RawEventSender(url, rate_limit=None) as sender:
            yield sender, RedisDeliveryLog(redis)

    return connect


def frame(count, rows=50):
    return batches(*[rows] * (count // rows))


def main(url, redis_url, count):
    for _ in send_batches(frame(int(count)), connect_to(url, redis_url), max_in_flight=8):
        pass


if __name__ == "__main__":
    main(*sys.argv[1:])
