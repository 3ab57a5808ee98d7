import os
from contextlib import asynccontextmanager

from redis.asyncio import Redis

from sendpulse_async import RawEventSender
from sendpulse_async.integrations.taskiq import EventQueue
from sendpulse_async.stores.redis import RedisDeliveryLog


@asynccontextmanager
async def connect():
    async with Redis.from_url(os.environ["REDIS_URL"]) as redis, RawEventSender.from_env() as sender:
        yield sender, RedisDeliveryLog(redis, name="queue")


queue = EventQueue(os.environ["AMQP_URL"], connect)
broker = queue.broker  # taskiq worker queue_events:broker
