import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from redis.asyncio import Redis

from sendpulse_async import AuthorizedEventSender, RateLimit
from sendpulse_async.stores.redis import RedisQuota, RedisTokenStore


@asynccontextmanager
async def event_sender() -> AsyncIterator[AuthorizedEventSender]:  # what each worker process opens once
    async with Redis.from_url(os.environ["REDIS_URL"]) as redis:
        quota = RedisQuota(redis, RateLimit(per_second=10), processes=8)
        async with AuthorizedEventSender.from_env(
            event_name="bought", token_store=RedisTokenStore(redis), rate_limit=quota
        ) as sender:
            yield sender


async def main() -> None:
    async with event_sender() as sender:
        await sender.send_event({"email": "ana@example.com"})


asyncio.run(main())
