"""What `taskiq worker events:broker` runs in tests: a queue that is told all in one environment variable."""

from __future__ import annotations

import json
import os
from contextlib import asynccontextmanager

import attrs
from redis.asyncio import Redis

from sendpulse_async import RawEventSender, RetryPolicy
from sendpulse_async.integrations.taskiq import EventQueue
from sendpulse_async.stores.redis import RedisDeliveryLog


@attrs.frozen
class Orders:
    """What a worker is told.

    Attributes:
        amqp: RabbitMQ's URL.
        redis: Redis's.
        address: The event URL.
        name: Of the queue.
        deadline: Of the sender; each event has one attempt.
        patience: Of the delivery log.
        queue: Keywords of the queue.
    """

    amqp: str
    redis: str
    address: str
    name: str
    deadline: float = 5.0
    patience: float = 5.0
    queue: dict[str, float] = attrs.field(factory=dict)

    @asynccontextmanager
    async def connect(self):
        sender = RawEventSender(self.address, deadline=self.deadline, retry=RetryPolicy(max_attempts=1))
        async with Redis.from_url(self.redis) as redis, sender:
            yield sender, RedisDeliveryLog(redis, name=self.name, patience=self.patience)

    def made(self):
        return EventQueue(self.amqp, self.connect, name=self.name, **self.queue)


if (told := os.environ.get("EVENT_QUEUE_ORDERS")) is not None:
    queue = Orders(**json.loads(told)).made()
    broker = queue.broker
